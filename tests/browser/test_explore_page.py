"""The page to explore, used in a browser without a network, by mouse and by keyboard."""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from explored_records import fully_connected, make_records
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from twostep.report.explore import explore_page

HOSTILE = "</script><img src=x onerror=alert(1)> 'Größe' %s {{content}}"
N_TRIALS = 120


def own(random: np.random.Generator) -> dict:
    """Return a configuration of a network of the user's own, with names that try to break out."""
    return {
        "hyperparameters": {
            HOSTILE: float(random.random()),
            "gate": str(random.choice(["é", "<b>"])),
        },
        "learning_rate": 0.01,
        "batch_size": 32,
        "optimizer": "adam",
        "weight_decay": 0.0,
    }


Opened = Callable[..., webdriver.Chrome]


@functools.cache
def page_of(n_trials: int, draw: Callable, **sizes: int) -> str:
    records = make_records(n_trials, draw=draw, **sizes)
    return explore_page(records, study="mine", loss="mse", n_trials=n_trials)


@pytest.fixture
def explore(open_page, tmp_path) -> Opened:
    """Opens the page of a study with made-up records, once it is ready."""

    def open_records(n_trials: int = N_TRIALS, draw=fully_connected, **sizes: int):
        path: Path = tmp_path / "explore.html"
        path.write_text(page_of(n_trials, draw, **sizes))
        page = open_page(path)
        wait(page, lambda page: page.execute_script("return document.body.dataset.ready"))
        return page

    return open_records


@pytest.fixture
def page(explore) -> webdriver.Chrome:
    return explore(n_rung=30, n_retrained=12, n_failed=3)


def wait(page, condition):
    return WebDriverWait(page, 30, poll_frequency=0.05).until(condition)


def find(page, selector: str) -> list:
    return page.find_elements(By.CSS_SELECTOR, selector)


def n_selected(page) -> int:
    text = page.find_element(By.ID, "count").text
    return int(re.match(r"([\d,]+) of", text)[1].replace(",", ""))


def filter_by(page, column: str, text: str) -> None:
    field = page.find_element(By.CSS_SELECTOR, f'input[aria-label="Filter of {column}"]')
    field.clear()
    field.send_keys(text)
    # The answer comes with the next frame.
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def column(page, name: str) -> list[str]:
    """Return the texts of a column of the table, as it is shown."""
    names = [head.text.strip(" ▲▼") for head in find(page, "#table thead tr:first-child th")]
    cells = find(page, f"#table tbody td:nth-child({names.index(name) + 1})")
    return [cell.text for cell in cells]


def points_of(page, chart: str) -> dict[str, int]:
    """Return how many points each layer of a chart has."""
    return page.execute_script(
        "return Object.fromEntries(['rest', 'selected', 'chosen'].map("
        "(name) => [name, views[arguments[0]].data(name).length]))",
        chart,
    )


def place_of(page, chart: str, trial: int) -> tuple[int, int]:
    """Return where in a chart's canvas, from its centre, the last point of a trial is."""
    return page.execute_script(
        """
        const [id, trial] = arguments;
        const view = views[id];
        const point = points[id].findLast((point) => trials[point.i] === trial);
        const [left, top] = view.origin().map((value) => value + view.padding().left);
        const canvas = document.querySelector(`#${id} canvas`);
        return [
          Math.round(left + view.scale("x")(point.across) - canvas.clientWidth / 2),
          Math.round(top + view.scale("y")(point.up) - canvas.clientHeight / 2),
        ];""",
        chart,
        trial,
    )


def canvas(page, chart: str):
    found = page.find_element(By.CSS_SELECTOR, f"#{chart} canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def drag(page, chart: str) -> None:
    """Select the middle of a chart with the mouse."""
    middle = canvas(page, chart)
    chain = ActionChains(page).move_to_element_with_offset(middle, -150, -60).click_and_hold()
    for step in range(6):
        chain.move_to_element_with_offset(middle, -150 + 50 * step, -60 + 30 * step)
    chain.release().perform()


def details(page) -> str:
    return page.find_element(By.ID, "details").text


def test_a_filter_selects_in_all_views(page):
    assert n_selected(page) == N_TRIALS
    before = points_of(page, "losses")
    filter_by(page, "hidden layers", "2..3")
    assert 0 < n_selected(page) < N_TRIALS
    assert set(column(page, "hidden layers")) == {"2", "3"}
    after = points_of(page, "losses")
    assert after["rest"] > 0 and after["rest"] + after["selected"] == before["selected"]
    filter_by(page, "optimizer", "ADA")
    assert set(column(page, "optimizer")) == {"adam"}
    page.find_element(By.ID, "clear").click()
    wait(page, lambda page: n_selected(page) == N_TRIALS)


def test_a_filter_that_means_nothing_is_marked_and_ignored(page):
    filter_by(page, "learning rate", "small")
    field = page.find_element(By.CSS_SELECTOR, 'input[aria-label="Filter of learning rate"]')
    assert field.get_attribute("aria-invalid") == "true"
    assert n_selected(page) == N_TRIALS
    filter_by(page, "learning rate", "<1e-3")
    assert field.get_attribute("aria-invalid") == "false"
    assert all(float(value) < 1e-3 for value in column(page, "learning rate"))


@pytest.mark.parametrize("chart", ["losses", "steps"])
def test_an_area_of_a_chart_selects_in_all_views_until_a_double_click(page, chart):
    drag(page, chart)
    wait(page, lambda page: 0 < n_selected(page) < N_TRIALS)
    n_before = n_selected(page)
    shown = column(page, "trial")
    assert len(shown) == min(50, n_before)
    # Another colour changes no selection.
    Select(page.find_element(By.ID, "colour")).select_by_visible_text("optimizer")
    page.execute_async_script("setTimeout(arguments[0], 1000)")
    assert n_selected(page) == n_before
    ActionChains(page).double_click(canvas(page, chart)).perform()
    wait(page, lambda page: n_selected(page) == N_TRIALS)


def test_a_click_on_a_point_tells_of_its_trial_and_keeps_the_selection(page):
    drag(page, "losses")
    wait(page, lambda page: n_selected(page) < N_TRIALS)
    n_before = n_selected(page)
    inside, outside = page.execute_script(
        "const last = (is) => points.losses.findLast((point) => isSelected[point.i] === is);"
        "return [1, 0].map((is) => trials[last(is).i])"
    )
    for trial in (inside, outside):
        place = place_of(page, "losses", trial)
        chart = canvas(page, "losses")
        ActionChains(page).move_to_element_with_offset(chart, *place).click().perform()
        wait(page, lambda page, trial=trial: details(page).startswith(f"Trial {trial}\n"))
        page.execute_async_script("setTimeout(arguments[0], 300)")
        assert n_selected(page) == n_before
        assert points_of(page, "losses")["chosen"] >= 1


def test_hovering_tells_the_configuration(page):
    best = int(column(page, "trial")[0])
    place = place_of(page, "losses", best)
    ActionChains(page).move_to_element_with_offset(canvas(page, "losses"), *place).perform()
    tip = page.find_element(By.ID, "tip")
    wait(page, lambda page: tip.is_displayed())
    for text in (f"Trial {best}", "step 2, all data", "learning rate", "hidden widths"):
        assert text in tip.text


def test_a_trial_gives_the_commands_for_the_config_file(page):
    best = column(page, "trial")[0]
    find(page, "#table tbody button")[0].click()
    commands = [code.text for code in find(page, "#details code")]
    assert commands == [
        f"snakemake --cores 1 results/mine/{path} --configfile my-study.yaml"
        for path in (
            f"export/trial_{best}_seed_0/model.onnx",
            f"reproduce/0.05/trial_{best}.json",
            f"reproduce/rung_1/trial_{best}.json",
        )
    ]
    field = page.find_element(By.CSS_SELECTOR, "#details input")
    field.clear()
    field.send_keys("it's mine.yaml")
    assert find(page, "#details code")[0].text.endswith(r"--configfile 'it'\''s mine.yaml'")
    find(page, "#details .command button")[0].click()
    wait(
        page, lambda page: page.execute_script("return String(getSelection())").startswith("snake")
    )


def test_a_failed_trial_is_in_the_table_with_its_reason(page):
    filter_by(page, "status", "diverged")
    assert n_selected(page) == 3
    find(page, "#table tbody button")[0].click()
    assert "diverged: the loss of epoch 1 is not finite" in details(page)


def test_the_table_sorts_by_any_column_and_has_pages(page):
    head = find(page, "#table thead button")[0]
    head.click()
    assert column(page, "trial") == [str(trial) for trial in range(50)]
    page.find_element(By.ID, "next").click()
    assert column(page, "trial")[0] == "50"
    head.click()
    assert column(page, "trial")[0] == str(N_TRIALS - 1)
    assert find(page, 'th[aria-sort="descending"]')


def test_the_keyboard_reaches_everything(page):
    first, second, *_ = column(page, "trial")
    page.execute_script("document.querySelector('#table thead input').focus()")
    active = lambda: page.switch_to.active_element  # noqa: E731
    for _ in range(30):
        if active().get_attribute("aria-label") == f"Trial {first}":
            break
        active().send_keys(Keys.TAB)
    active().send_keys(Keys.ARROW_DOWN)
    active().send_keys(Keys.ENTER)
    assert details(page).startswith(f"Trial {second}")
    assert active().get_attribute("aria-label") == f"Trial {second}"


def test_steps_axes_and_colours_are_chosen_from_lists(page):
    for label in ("rung 1", "step 2, all data"):
        Select(page.find_element(By.ID, "step")).select_by_visible_text(label)
        expected = {"rung 1": 30, "step 2, all data": 12}[label]
        wait(page, lambda page, n=expected: points_of(page, "losses")["selected"] == n)
    Select(page.find_element(By.ID, "before")).select_by_visible_text("rung 1")
    for name in ("optimizer", "learning rate"):
        for choice in ("against", "colour"):
            Select(page.find_element(By.ID, choice)).select_by_visible_text(name)
    wait(page, lambda page: points_of(page, "losses")["selected"] == 12)
    drag(page, "losses")


def test_the_page_fits_a_narrow_window(page):
    size = page.get_window_size()
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        wait(page, lambda page: page.execute_script("return innerWidth") == 400)
        page.execute_async_script("setTimeout(arguments[0], 1500)")
        scrolled, seen = page.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert scrolled == seen
        for chart in ("losses", "steps", "curves"):
            width = canvas(page, chart).size["width"]
            assert 250 < width < 400
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.set_window_size(size["width"], size["height"])


def test_names_from_a_study_are_text_only(explore):
    page = explore(draw=own, n_retrained=3)
    heads = [head.text for head in find(page, "#table thead button")]
    assert HOSTILE in heads and "gate" in heads
    for choice in ("against", "colour"):
        for name in ("gate", HOSTILE):
            Select(page.find_element(By.ID, choice)).select_by_visible_text(name)
    wait(page, lambda page: points_of(page, "losses")["selected"] == N_TRIALS + 3)
    find(page, "#table tbody button")[0].click()
    assert HOSTILE in details(page)
    assert not find(page, "img")


@pytest.mark.parametrize(
    ("n_trials", "sizes"), [(1, {}), (1, {"n_retrained": 1}), (2, {"n_failed": 2})]
)
def test_a_study_with_next_to_nothing(explore, n_trials, sizes):
    page = explore(n_trials, **sizes)
    assert n_selected(page) == n_trials
    find(page, "#table tbody button")[0].click()
    assert details(page).startswith("Trial ")
