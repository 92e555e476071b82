"""A Chromium without a window and without a network, for the tests of pages and for their speed."""

import shutil
from pathlib import Path

from selenium import webdriver

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,900",
    # No name is found: whatever the page asked of the network would fail, and show in the log.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
NEEDED = (
    "these tests need the Debian packages chromium and chromium-driver: "
    "apt-get install chromium chromium-driver"
)


def start_chromium(profile: Path) -> webdriver.Chrome | None:
    """Start one with a new profile in a folder; None if it or its driver is not installed."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in programs.values():
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(programs["chromedriver"])
    return webdriver.Chrome(options=options, service=service)
