"""The pages of the report, and where in it they and the figures stand."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd
import pytest
import synthetic_study as made_up
from jinja2 import StrictUndefined, Template
from small_study import REPOSITORY

from twostep.report.entries import figure_entries, page_entries
from twostep.report.pages import MAX_CELLS, MAX_ENTRIES, render_page
from twostep.util.errors import UserError

FRACTIONS = ["0.05", "1"]


class Reader(HTMLParser):
    """Collects the tags of a page, and its text beside styles and scripts."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: Counter = Counter()
        self.words: list[str] = []
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self._silent = tag in ("style", "script", "title")

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        if not self._silent and data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)


def read(path) -> Reader:
    return Reader(render_page(path))


def test_names_are_unique_under_their_heading_and_every_caption_is_there():
    figures = {}
    for loss in ("mse", "binary_cross_entropy", "cross_entropy"):
        figures |= figure_entries(FRACTIONS, loss=loss)
    for entries in (figures, page_entries(FRACTIONS)):
        assert not {entry.caption for entry in entries.values()} - {
            path.stem for path in (REPOSITORY / "workflow/report").glob("*.rst")
        }
    entries = [*figures.values(), *page_entries(FRACTIONS).values()]
    places = Counter((entry.category, entry.label, entry.fraction) for entry in entries)
    assert set(places.values()) == {1}


@pytest.mark.parametrize("name", ["inference", "retrained", "trials", "times"])
def test_the_captions_of_tables_name_columns_that_there_are(name):
    study = made_up.study(FRACTIONS)
    search = study.searches[0]
    table = {"trials": search.trials, "times": search.timings}.get(name)
    columns = set(getattr(study, name) if table is None else table)
    caption = (REPOSITORY / f"workflow/report/{name}_table.rst").read_text(encoding="utf-8")
    # Names that go on, as test_ and val_loss[...], stand for the columns that begin like them.
    names = re.findall("``(.+?)``", caption)
    assert names
    for named in names:
        start = named.removesuffix("...]")
        assert named in columns or (
            start.endswith(("_", "[")) and any(column.startswith(start) for column in columns)
        )


def test_a_fraction_is_a_label_of_its_own():
    entry = figure_entries(FRACTIONS)["search_0.05"].for_report()
    assert entry["labels"] == {"Result": "Loss against learnable parameters", "Fraction": "0.05"}
    assert list(figure_entries(FRACTIONS)["retrained"].for_report()["labels"]) == ["Result"]


def test_the_first_page_names_the_study_unless_this_workflow_is_a_module_of_another():
    text = (REPOSITORY / "workflow/report/workflow.rst").read_text()
    render = Template(text, undefined=StrictUndefined).render
    alone, within = (
        render(snakemake=SimpleNamespace(config=config))
        for config in ({"study": "small"}, {"two_step": {"study": "small"}})
    )
    assert alone.startswith("**Study** ``small``\n\nTwo-step") and "`1 Summary`_" in alone
    # There, the summary need not be part of the report.
    assert within.startswith("Two-step") and "Summary" not in within


def test_a_text_becomes_headings_lists_and_tables(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text(
        "# Study `a`\n\n- one\n- two\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n"
        "![Loss <curves>](figures/loss.png)\n\n<script>alert(1)</script> "
        "[x](javascript:alert(1))\n\nTimes: [`a.csv`](inference/a.csv), <https://example.org>\n"
    )
    page = read(path)
    assert [page.tags[tag] for tag in ("h1", "li", "td", "img", "a")] == [1, 2, 2, 0, 0]
    # Only the page's own.
    assert page.tags["script"] == 1
    assert "Figure: Loss <curves> (figures/loss.png)" in page.text
    assert "<script>alert(1)</script>" in page.text
    # A page that is embedded can lead nowhere.
    assert page.text.endswith("Times: a.csv , https://example.org")


def test_a_table_shows_whole_numbers_whole_and_gaps_empty(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(
        "rank,n_parameters,min_val_loss,hidden_widths,message\n"
        "1,1234567,0.000123456789,64,\n,7,,4-8,<b>failed</b>\n"
    )
    page = read(path)
    assert page.tags["td"] == 10 and page.tags["b"] == 0
    cells = page.words[page.words.index("message") + 1 :]
    assert cells == ["1", "1234567", "0.00012346", "64", "7", "4-8", "<b>failed</b>"]
    assert "2 rows, rounded" in page.text


def test_what_there_is_of_each_of_many_outputs_is_in_the_file_only(tmp_path):
    path = tmp_path / "trials.csv"
    outputs = {f"val_loss[t[{i}]]": [0.5, 0.7] for i in range(60)}
    collapsed = ";".join(f"t[{i}]" for i in range(60))
    table = {"trial": [0, 1], "rank[0.05]": [1, 2], **outputs, "collapsed_outputs": [collapsed, ""]}
    pd.DataFrame(table).to_csv(path, index=False)
    page = read(path)
    assert page.tags["th"] == 3
    assert "2 rows; the columns val_loss[...] are in the file only" in page.text
    assert "t[0];t[1];" in page.text and "t[59]" not in page.text


def test_of_a_large_table_the_first_rows_are_shown_and_the_page_stays_small(tmp_path):
    path = tmp_path / "trials.csv"
    columns = {f"val_loss[output {i}]": [0.123456789] * 100_000 for i in range(24)}
    pd.DataFrame({"rank": range(1, 100_001), **columns}).to_csv(path, index=False)
    text = render_page(path)
    n_rows = MAX_CELLS // 25
    assert f"100,000 rows, of which the first {n_rows:,} are shown here" in Reader(text).text
    assert text.count("<tr") == n_rows + 1
    assert len(text) < 1e6


def test_the_provenance_is_nested_tables(tmp_path):
    path = tmp_path / "provenance.json"
    results = {f"model_{i}.pt": f"hash{i}" for i in range(MAX_ENTRIES + 7)}
    content = {
        "code": {"commit": None, "dirty": False, "threads": 1},
        "data": {"files": [{"path": "<a>.nc", "bytes": 12}], "fractions": [0.05, 1.0]},
        "results": results,
    }
    path.write_text(json.dumps(content))
    page = read(path)
    for words in ("commit none dirty no threads 1", "path <a>.nc bytes 12", "fractions 0.05, 1.0"):
        assert words in page.text
    assert "model_0.pt hash0" in page.text
    assert "and 7 more" in page.text and f"hash{MAX_ENTRIES}" not in page.words


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "provenance.json"
    path.write_text("{")
    with pytest.raises(UserError, match=r"provenance\.json is damaged"):
        render_page(path)
