"""The browser that all tests here share, and what none of them may leave in its logs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import NEEDED, start_chromium
from selenium import webdriver


@pytest.fixture(scope="session")
def chromium(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    driver = start_chromium(tmp_path_factory.mktemp("chromium"))
    if driver is None:
        pytest.fail(NEEDED, pytrace=False)
    yield driver
    driver.quit()


@pytest.fixture
def open_page(chromium) -> Iterator[Callable[[Path], webdriver.Chrome]]:
    """Opens a page; whatever is done with it, no error and no request may come of it."""

    def open_file(path: Path) -> webdriver.Chrome:
        for log in ("browser", "performance"):
            chromium.get_log(log)
        chromium.get(path.as_uri())
        return chromium

    yield open_file
    # Snakemake's own page warns of how it embeds its libraries.
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] != "WARNING"]
    assert errors == []
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    asked = {
        event["params"]["request"]["url"].split(":")[0]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert "file" in asked
    assert asked <= {"file", "data", "blob"}
