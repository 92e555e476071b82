"""What a study says of where its results come from stays true when it is run again."""

import hashlib
import json
import subprocess

from twostep.config.resolve import resolve_config

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]


def read_provenance(study):
    return json.loads((study.results / "provenance.json").read_text())


def test_the_config_in_it_gives_the_same_study(finished):
    config = read_provenance(finished)["config"]
    assert resolve_config(config) == resolve_config(finished.config)


def test_a_commit_rewrites_nothing_and_new_figures_are_named_with_it(study):
    before = read_provenance(study)
    assert before["code"]["commit"] is None
    for arguments in (["init", "-q"], ["add", "workflow"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*GIT, *arguments], cwd=study.folder, check=True)
    assert "Nothing to be done" in study.snakemake().stderr
    style = "workflow/scripts/twostep/figures/style.py"
    study.edit(style, "DOTS_PER_INCH = 200", "DOTS_PER_INCH = 90")
    assert study.run().jobs.keys() == {"figures", "provenance", "report_pages", "all"}

    after = read_provenance(study)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=study.folder, check=True, capture_output=True, text=True
    )
    assert after["code"]["commit"] == commit.stdout.strip()
    assert after["code"]["dirty"] is True
    for name, digest in after["results"].items():
        assert hashlib.sha256((study.results / name).read_bytes()).hexdigest() == digest
    changed = {
        name for name, digest in after["results"].items() if digest != before["results"][name]
    }
    drawn = {f"figures/{path.name}" for path in study.results.glob("figures/*.png")}
    assert drawn <= changed and all(name.startswith("figures/") for name in changed)
    stages = {
        rule
        for rule, code in after["code"]["stages"].items()
        if code != before["code"]["stages"][rule]
    }
    assert stages == {"figures"}
    assert "Nothing to be done" in study.snakemake().stderr
