"""The report of a real study, looked at in a browser without a network."""

import json
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from small_study import Study

from twostep.report.entries import figure_entries, page_entries

FRACTIONS = ["0.2"]
FIGURES = figure_entries(FRACTIONS)
PAGES = page_entries(FRACTIONS)
# How texts begin; tables and the like name their file.
TITLES = {
    "summary.md": "Study small",
    "export/selected/model_card.md": "Model card: trial",
}


@pytest.fixture(scope="session")
def report(finished: Study, tmp_path_factory) -> Path:
    study = finished.copy(tmp_path_factory.mktemp("report"))
    process = study.snakemake("--report", "report.html")
    assert process.returncode == 0, process.stdout + process.stderr
    return study.folder / "report.html"


@pytest.fixture
def page(open_page, report) -> webdriver.Chrome:
    """The report, just opened."""
    return open_page(report)


def wait(page, condition):
    return WebDriverWait(page, 30).until(condition)


def press(page, find) -> None:
    """Click what `find` returns, once nothing moves over it any more: menus slide."""

    def try_to(page) -> bool:
        find(page).click()
        return True

    passing = (ElementClickInterceptedException, StaleElementReferenceException)
    WebDriverWait(page, 30, ignored_exceptions=passing).until(try_to)


def click(page, text: str) -> None:
    """Click what a person sees as a link of this text."""
    press(page, lambda page: page.find_element(By.LINK_TEXT, text))


def rows(page) -> dict[str, object]:
    """Return the results that the navigation lists, by name."""
    wait(page, lambda page: page.find_elements(By.CSS_SELECTOR, "nav tbody tr"))
    found = page.find_elements(By.CSS_SELECTOR, "nav tbody tr")
    return {row.find_element(By.TAG_NAME, "td").text: row for row in found}


def open_category(page, category: str) -> dict[str, object]:
    """Go to a heading of the report; return what it lists."""
    page.execute_script("app.setView({navbarMode: 'menu'})")
    click(page, category)
    return rows(page)


def look_at(row, caption: bool = False) -> None:
    """Click the eye of a result, or the i beside it, which shows its caption."""
    press(row.parent, lambda _: row.find_elements(By.TAG_NAME, "a")[1 if caption else 0])


def test_every_figure_shows_with_its_caption(page):
    for name, entry in FIGURES.items():
        look_at(open_category(page, entry.category)[entry.label])
        expected = page.execute_script(
            "return results[arguments[0]].data_uri", f"results/small/figures/{name}.png"
        )
        wait(page, lambda page, uri=expected: shown_image(page).get_attribute("src") == uri)
        assert wait(page, lambda page: shown_image(page).get_property("naturalWidth")) > 500
        look_at(rows(page)[entry.label], caption=True)
        assert len(caption(page)) > 100, name
        assert shown_image(page).is_displayed()


def test_every_page_shows_with_its_caption(page):
    for entry in PAGES.values():
        look_at(open_category(page, entry.category)[entry.label])
        title = TITLES.get(entry.source, f"results/small/{entry.source}")
        wait(page, lambda page, title=title: title in read_frame(page))
        look_at(rows(page)[entry.label], caption=True)
        assert len(caption(page)) > 50, entry


def shown_image(page):
    """Return the image beside the navigation, which has a logo."""
    return page.find_element(By.CSS_SELECTOR, "nav ~ div img")


def caption(page) -> str:
    """Return the caption in the navigation."""
    return wait(page, lambda page: page.find_element(By.CSS_SELECTOR, "nav .prose")).text


def read_frame(page) -> str:
    """Return the text of the page that is shown beside the navigation."""
    frame = wait(page, lambda page: page.find_element(By.TAG_NAME, "iframe"))
    page.switch_to.frame(frame)
    text = wait(page, lambda page: page.find_element(By.TAG_NAME, "body").text)
    page.switch_to.default_content()
    return text


def test_the_summary_is_readable_text(page, finished):
    click(page, "1 Summary")
    look_at(rows(page)["Summary"])
    text = read_frame(page)
    assert text.startswith("Study small")
    assert "Validation loss against learnable parameters (figures/search_0.2.png)" in text
    assert not any(mark in text for mark in ("##", "**", "| --- |", "!["))


def test_the_table_of_trials_sorts_by_a_column(page):
    look_at(open_category(page, "5 Tables")["Trials of the search"])
    page.switch_to.frame(wait(page, lambda page: page.find_element(By.TAG_NAME, "iframe")))
    heads = page.find_elements(By.TAG_NAME, "th")
    column = [head.text.split()[0] for head in heads].index("n_parameters")

    def values() -> list[int]:
        cells = page.find_elements(By.CSS_SELECTOR, f"tbody td:nth-child({column + 1})")
        return [int(cell.text) for cell in cells]

    before = values()
    heads[column].click()
    assert values() == sorted(before) != before
    heads[column].click()
    assert values() == sorted(before, reverse=True)
    page.switch_to.default_content()


def test_the_provenance_names_every_result(page, finished):
    look_at(open_category(page, "6 Provenance")["Provenance"])
    text = read_frame(page)
    provenance = json.loads((finished.results / "provenance.json").read_text())
    for name, digest in provenance["results"].items():
        assert name in text and digest in text


def test_what_snakemake_itself_tells_shows(page):
    for general in ("Workflow", "Statistics", "About"):
        page.execute_script("app.setView({navbarMode: 'menu'})")
        click(page, general)
    wait(page, lambda page: len(page.find_elements(By.CSS_SELECTOR, "#runtimes canvas, svg")) > 1)


def test_pages_are_small_enough_to_be_opened_and_name_no_folder_of_this_machine(report, finished):
    assert report.stat().st_size < 10e6
    for path in (finished.results / "report").glob("*.html"):
        assert path.stat().st_size < 1e6
    assert str(report.parent) not in report.read_text()
