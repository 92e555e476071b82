"""The page to explore the trials of a study: one file that asks for nothing from elsewhere.

`explore.html` is its frame and its style, `explore.js` what happens in it. Both stand beside this
module. The charts are drawn by Vega-Lite.
"""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import vl_convert

from twostep.report.explore_data import MOST_CURVES, gather
from twostep.util.wording import LOSS_NAMES

FOLDER = Path(__file__).parent
FRAME, SCRIPT = FOLDER / "explore.html", FOLDER / "explore.js"
# What the script uses of them.
LIBRARIES = "window.vegaEmbed = vegaEmbed;"


def explore_page(
    records: Mapping[str, Sequence[dict]], *, study: str, loss: str, n_trials: int
) -> str:
    """Return the page of a study, as HTML; the same for the same records, in whichever order.

    `records` are those found so far, by step: see `gather`. `loss` is `training.loss` and
    `n_trials` how many trials the search has in the end.
    """
    content = {
        "study": study,
        "loss": LOSS_NAMES[loss],
        "n_trials": n_trials,
        "most_curves": MOST_CURVES,
        **gather(records),
    }
    parts = {
        "title": escape(f"Study {study}: all trials"),
        "libraries": vl_convert.javascript_bundle(LIBRARIES),
        "content": embed(content),
        "script": SCRIPT.read_text(encoding="utf-8"),
    }
    frame = FRAME.read_text(encoding="utf-8")
    # At once: what stands in one part, such as a name, must not be taken for the place of another.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], frame)


def embed(content: object) -> str:
    """Return JSON that cannot end the element of the page that it stands in."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
