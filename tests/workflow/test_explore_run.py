"""The page to explore, of a study that is finished, under way or not begun."""

import json
import re
import shutil


def content_of(study) -> dict:
    """Return what the page of a study holds of its trials."""
    page = (study.results / "explore.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'id="content">(.*?)</script>', page, re.DOTALL)[1])


def n_trained(content: dict) -> list[int]:
    """Return how many trials each step has trained."""
    return [sum(bool(status) for status in step["status"]) for step in content["steps"]]


def test_the_command_writes_the_same_page_as_the_run_and_one_of_a_study_under_way(study):
    page, origin = study.results / "explore.html", study.results / "explore.origin.json"
    before = page.stat().st_mtime_ns
    assert n_trained(content_of(study)) == [6, 2]
    assert study.explore() == "Open results/small/explore.html in a browser.\n"
    assert page.stat().st_mtime_ns == before and origin.exists()

    # As if the run were in its second shard, of which some trials are in the journal.
    for folder in ("rank", "retrain", "select", "search"):
        shutil.rmtree(study.results / folder)
    journal = sorted((study.results / "journal/search/0.2").rglob("*.jsonl"))
    journal[-1].write_text("".join(journal[-1].read_text().splitlines(keepends=True)[:1]) + '{"to')
    study.explore()
    content = content_of(study)
    assert n_trained(content) == [len(content["trials"]), 0] == [4, 0]
    assert all(len(curve) == 3 for curve in content["steps"][0]["curves"].values())
    # Snakemake makes such a page again once the study is finished.
    assert not origin.exists()


def test_before_any_trial_the_command_says_so(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    said = study.explore()
    assert said.startswith("Error: no trial of study small has been trained with this config")
    assert said.count("\n") == 1 and not (study.results / "explore.html").exists()
