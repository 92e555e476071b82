"""Pages of HTML that the report shows: a study's texts, tables and provenance.

Each is whole in itself and asks for nothing from elsewhere. What stands in the files, which may be
names out of somebody's data, is escaped.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from twostep.util.files import read_json
from twostep.util.tables import read_table
from twostep.util.text import MOST_FEATURES, shorten
from twostep.util.wording import spell

# A page is embedded as an address, and Chromium opens none beyond 2 MB: of a large table only the
# first rows are shown, and of a long list the first entries.
MAX_CELLS = 20_000
MIN_ROWS = 10
MAX_ENTRIES = 500
# Letters of a cell.
LONGEST_CELL = 200

STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; color: #1e293b; margin: 1.5em; }
.text { max-width: 60em; }
table { border-collapse: collapse; font-size: 13px; margin: 0.5em 0 1em; }
th, td { padding: 2px 10px; text-align: left; vertical-align: top; border-bottom: 1px solid #e2e8f0; }
.rows td, .rows th { white-space: nowrap; }
.rows thead th { position: sticky; top: 0; background: #f1f5f9; cursor: pointer; }
.rows thead th::after { content: "\\2195"; color: #94a3b8; padding-left: 4px; }
.rows tbody tr:nth-child(even) { background: #f8fafc; }
code { background: #f1f5f9; padding: 0 3px; }
.entries th { font-weight: 600; white-space: nowrap; }
.entries td { word-break: break-word; }
.note { color: #475569; }
"""  # noqa: E501

# Sorts the rows by the column whose head was clicked; the other way round at the second click.
# Empty cells come last.
SORT = """
for (const head of document.querySelectorAll(".rows thead th")) {
  head.onclick = () => {
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const way = head.dataset.way = head.dataset.way === "1" ? -1 : 1;
    const text = row => row.cells[column].textContent;
    const compare = (a, b) =>
      (a === "") - (b === "") || way * (Number(a) - Number(b) || a.localeCompare(b));
    body.append(...[...body.rows].sort((a, b) => compare(text(a), text(b))));
  };
}
"""


def render_page(source: str | Path) -> str:
    """Return the page that shows a Markdown, CSV or JSON file; UserError if it is damaged.

    `source` is named on the page, where that shows only a part of it.
    """
    render = {".md": _text, ".csv": _rows, ".json": _provenance}[Path(source).suffix]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(Path(source).name)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{render(source)}\n<script>{SORT}</script></body></html>\n"
    )


def _text(source: str | Path) -> str:
    """Return Markdown as HTML; HTML in it is shown and not interpreted."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    # The figures have pages of their own in the report.
    markdown.add_render_rule("image", _name_figure)
    # Nor do the paths lead anywhere from a page that is embedded.
    for part in ("link_open", "link_close"):
        markdown.add_render_rule(part, lambda *_: "")
    html = markdown.render(Path(source).read_text(encoding="utf-8"))
    return f'<div class="text">{html}</div>'


def _name_figure(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    environment: EnvType,
) -> str:
    text, path = tokens[index].content, str(tokens[index].attrs["src"])
    return f'<span class="note">Figure: {escape(text)} ({escape(path)})</span>'


def _rows(source: str | Path) -> str:
    """Return a table's first rows, to be sorted by a click."""
    table, left_out = _without_many_outputs(read_table(source))
    shown = table.head(max(MIN_ROWS, MAX_CELLS // max(1, len(table.columns))))
    note = f"{len(table):,} rows" + (
        "" if len(shown) == len(table) else f", of which the first {len(shown):,} are shown here"
    )
    if left_out:
        note += f"; the columns {' and '.join(left_out)} are in the file only"
    html = _shortened(_as_integers(shown)).to_html(
        index=False, border=0, classes="rows", na_rep="", float_format=lambda value: f"{value:.5g}"
    )
    return (
        f'<p class="note"><code>{escape(str(source))}</code>: {note}, rounded to 5 digits. '
        f"A click on a column's head sorts by it.</p>\n{html}"
    )


def _without_many_outputs(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without what there is of each of many outputs, and the names of that."""
    # With the bracket, so that a column without one has a stem of its own.
    stems = ["".join(str(name).partition("[")[:2]) for name in table]
    many = [stem for stem, count in Counter(stems).items() if count > MOST_FEATURES]
    kept = [stem not in many for stem in stems]
    return table.loc[:, kept], [f"{stem}...]" for stem in many]


def _shortened(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with long texts cut, such as lists of outputs."""
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.assign(
        **{
            name: table[name].map(
                lambda text: shorten(text, LONGEST_CELL) if isinstance(text, str) else text
            )
            for name in texts
        }
    )


def _as_integers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with whole numbers as such where gaps made them floats."""
    floats = table.select_dtypes("float")
    whole = [name for name in floats.columns if (floats[name].dropna() % 1 == 0).all()]
    return table.assign(
        **{name: floats[name].map("{:.0f}".format, na_action="ignore") for name in whole}
    )


def _provenance(source: str | Path) -> str:
    sections = [
        f"<h2>{escape(spell(name))}</h2>\n{_value(value)}"
        for name, value in read_json(source).items()
    ]
    return f'<p class="note"><code>{escape(str(source))}</code></p>\n' + "\n".join(sections)


def _value(value: object) -> str:
    """Return plain values, lists and mappings, however nested, as HTML."""
    if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        value = {str(number): entry for number, entry in enumerate(value, 1)}
    if isinstance(value, dict):
        return _entries(value)
    if isinstance(value, list):
        return escape(", ".join(map(_word, value)))
    return escape(_word(value))


def _word(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)


def _entries(values: dict) -> str:
    rows = [
        f"<tr><th>{escape(str(key))}</th><td>{_value(value)}</td></tr>"
        for key, value in list(values.items())[:MAX_ENTRIES]
    ]
    if len(values) > MAX_ENTRIES:
        rows.append(f'<tr><td colspan="2">and {len(values) - MAX_ENTRIES:,} more</td></tr>')
    return f'<table class="entries">{"".join(rows)}</table>'
