"""Another workflow can take this one as a module, from a clone or from a hosted repository."""

import copy
import os
import subprocess
import sys

import pytest
import yaml
from small_study import REPOSITORY

HOSTED = 'github("lab/two-step", path="workflow/Snakefile", tag="v1")'
OTHER_WORKFLOW = """
configfile: "study.yaml"

module two_step:
    snakefile: {snakefile}
    config: config["two_step"]
    {more}

use rule * from two_step as two_step_*

rule report_on_it:
    default_target: True
    input:
        summary=rules.two_step_summarise.output,
        provenance=rules.two_step_provenance.output,
    output:
        "report.md",
    shell:
        "cp {{input.summary}} {{output}}"
"""


SECOND_MODULE = """
module other_seed:
    snakefile: {snakefile}
    config: config["two_step"] | {{"study": "other", "seed": 2}}

use rule * from other_seed as other_seed_*
"""


def run(fresh, folder, snakefile, *arguments, environment=None):
    """Run another workflow with a small study."""
    (folder / "Snakefile").write_text(snakefile)
    config = copy.deepcopy(fresh.config)
    config["search"].update(n_trials=2, shard_size=2)
    config["retrain"]["top_k"] = 1
    (folder / "study.yaml").write_text(yaml.safe_dump({"two_step": config}))
    if not (folder / "data.nc").exists():
        (folder / "data.nc").symlink_to(fresh.folder / "data.nc")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def git(folder, *arguments):
    names = ["-c", "user.name=Lab", "-c", "user.email=lab@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def hosted(fresh, tmp_path):
    """An environment in which github.com is a folder of this machine, with this workflow as v1."""
    clone = tmp_path / "clone"
    fresh.copy(clone)
    git(clone, "init", "--quiet")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "All")
    git(clone, "tag", "v1")
    git(tmp_path, "clone", "--quiet", "--bare", clone, tmp_path / "hosts" / "lab" / "two-step")
    environment = {key: value for key, value in os.environ.items() if key != "GITHUB_TOKEN"}
    return environment | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path}/hosts/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


def test_another_workflow_imports_this_one_from_a_hosted_repository(fresh, hosted, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    snakefile = OTHER_WORKFLOW.format(snakefile=HOSTED, more="")
    targets = ["report.md", "results/small/report/summary.html"]
    process = run(fresh, folder, snakefile, *targets, environment=hosted)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "export/selected/model.onnx" in (folder / "results/small/provenance.json").read_text()
    assert "Cost" in (folder / "report.md").read_text()
    assert (folder / "results/small/figures/retrained.png").exists()
    # Captions are found, and there is nothing left to be done.
    process = run(fresh, folder, snakefile, "--report", "report.zip", environment=hosted)
    assert process.returncode == 0, process.stdout + process.stderr
    process = run(fresh, folder, snakefile, *targets, environment=hosted)
    assert "Nothing to be done" in process.stderr


def test_the_list_of_what_is_fetched_from_a_hosted_repository_is_complete():
    workflow = REPOSITORY / "workflow"
    patterns = ("schemas/*.yaml", "scripts/**/*.py", "scripts/**/*.html", "scripts/**/*.js")
    files = [file for pattern in patterns for file in workflow.glob(pattern)]
    listed = (workflow / "files.txt").read_text().splitlines()
    assert listed == sorted(file.relative_to(workflow).as_posix() for file in files)


def test_another_workflow_imports_this_one_twice(fresh, tmp_path):
    snakefile = repr(str(REPOSITORY / "Snakefile"))
    targets = [f"results/{study}/rank/0.2/trials.csv" for study in ("small", "other")]
    process = run(
        fresh,
        tmp_path,
        OTHER_WORKFLOW.format(snakefile=snakefile, more="")
        + SECOND_MODULE.format(snakefile=snakefile),
        *targets,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    one, other = ((tmp_path / target).read_text() for target in targets)
    assert one != other


@pytest.mark.parametrize("name", ["Snakefile", "workflow/Snakefile"])
def test_a_workflow_without_rules_of_its_own_makes_all_of_this_one(fresh, tmp_path, name):
    snakefile = OTHER_WORKFLOW.format(snakefile=repr(str(REPOSITORY / name)), more="")
    own, _, _ = snakefile.partition("rule report_on_it")
    process = run(fresh, tmp_path, own, "--dry-run")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "two_step_provenance" in process.stdout


def test_two_copies_of_this_workflow_cannot_be_imported_together(fresh, tmp_path):
    one, other = (repr(str(folder / "Snakefile")) for folder in (REPOSITORY, fresh.folder))
    snakefile = OTHER_WORKFLOW.format(snakefile=one, more="")
    process = run(fresh, tmp_path, snakefile + SECOND_MODULE.format(snakefile=other))
    assert process.returncode != 0
    assert f"imported from {REPOSITORY} and from {fresh.folder}" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("prefix", ['prefix: "elsewhere"', 'replace_prefix: {"results/": "out/"}'])
def test_a_prefix_is_refused(fresh, tmp_path, prefix):
    snakefile = OTHER_WORKFLOW.format(snakefile=repr(str(REPOSITORY / "Snakefile")), more=prefix)
    process = run(fresh, tmp_path, snakefile)
    assert process.returncode != 0
    assert "cannot be imported with `prefix` or `replace_prefix`" in process.stderr
    assert "Traceback" not in process.stderr
