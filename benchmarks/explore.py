"""How long the page to explore takes to be written, to open and to answer a selection.

    python benchmarks/explore.py [trials, 10000]

Writes the page of a study with made-up records, of which a rung has trained 500 and step 2 has
trained 100, with 100 epochs each. Opens it in Chromium without a window and a GPU, and prints the
median and the largest of some repeats, and the mean processor seconds of all processes of the
browser, which other work on the machine does not change. An answer is complete with the frame that
shows it. Takes a minute.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chromium import NEEDED, start_chromium
from explored_records import make_records

from twostep.report.explore import explore_page
from twostep.util.processor import processor_name

REPEATS = 7
SECONDS_OF_REST = 2
# Each begins an answer; {k} is another number in each repeat.
SELECTIONS = {
    "a filter of the table": """
        const input = document.querySelectorAll("#table thead input")[5];
        input.value = {k} % 2 ? "" : ">" + 1000 * (50 + {k});
        input.dispatchEvent(new Event("input"));""",
    "an area of a chart": """
        views.losses.signal("brush_x", [150, 450 + 9 * {k}]).signal("brush_y", [10, 250]).run();""",
    "a chosen trial": "choose({k});",
    "another column for the order": """
        document.querySelectorAll("#table thead button")[3 + {k} % 5].click();""",
    "another colour": """
        const list = document.getElementById("colour");
        list.selectedIndex = {k} % 4;
        list.dispatchEvent(new Event("change"));""",
}
TIMED = """
const done = arguments[0], start = performance.now();
{begin}
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
"""


def main() -> None:
    n_trials = int(sys.argv[1]) if sys.argv[1:] else 10_000
    records = make_records(n_trials, n_rung=500, n_retrained=100, n_failed=20, epochs=100)
    print(f"{n_trials:,} trials, {processor_name()}, {os.cpu_count()} cores for a load of ", end="")
    print(f"{os.getloadavg()[0]:.1f} before the start")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explore.html"
        tell("to be written", [seconds(lambda: write(path, records, n_trials))])
        print(f"  size: {1e-6 * path.stat().st_size:.1f} MB")
        driver = start_chromium(Path(folder) / "profile")
        if driver is None:
            sys.exit(NEEDED)
        try:
            measure(driver, path)
        finally:
            driver.quit()


def write(path: Path, records: dict[str, list[dict]], n_trials: int) -> None:
    path.write_text(explore_page(records, study="large", loss="mse", n_trials=n_trials))


def measure(driver: Chrome, path: Path) -> None:
    """Print how long the page takes to open, and to answer."""

    def open_page() -> None:
        driver.get(path.as_uri())
        WebDriverWait(driver, 60, poll_frequency=0.02).until(is_ready)

    before = processor_seconds(driver)
    times = [seconds(open_page) for _ in range(REPEATS)]
    tell("to open", times, (processor_seconds(driver) - before) / REPEATS)
    for name, script in SELECTIONS.items():
        times = []
        driver.execute_script("showAll();")
        time.sleep(SECONDS_OF_REST)
        before = processor_seconds(driver)
        for k in range(REPEATS):
            begin = script.replace("{k}", str(k))
            times.append(driver.execute_async_script(TIMED.replace("{begin}", begin)) / 1000)
        tell(f"to answer {name}", times, (processor_seconds(driver) - before) / REPEATS)


def is_ready(driver: Chrome) -> bool:
    return bool(driver.execute_script("return document.body?.dataset.ready"))


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor_seconds(driver: Chrome) -> float:
    """Return what all processes of a browser that are alive have taken so far."""
    processes = psutil.Process(driver.service.process.pid).children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def tell(what: str, times: list[float], processor: float | None = None) -> None:
    text = f"  {what}: {statistics.median(times):.2f} s, at most {max(times):.2f} s"
    if processor is not None:
        text += f"; {processor:.2f} processor seconds"
    print(text, flush=True)


if __name__ == "__main__":
    main()
