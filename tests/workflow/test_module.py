"""Another workflow can take this one as a module."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
OTHER_WORKFLOW = """
configfile: "study.yaml"

module two_step:
    snakefile: {snakefile!r}
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
    snakefile: {snakefile!r}
    config: config["two_step"] | {{"study": "other", "seed": 2}}

use rule * from other_seed as other_seed_*
"""


def run(fresh, folder, snakefile, *arguments):
    """Run another workflow with a small study."""
    (folder / "Snakefile").write_text(snakefile)
    config = copy.deepcopy(fresh.config)
    config["search"].update(n_trials=2, shard_size=2)
    config["retrain"]["top_k"] = 1
    (folder / "study.yaml").write_text(yaml.safe_dump({"two_step": config}))
    (folder / "data.nc").symlink_to(fresh.folder / "data.nc")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def test_another_workflow_imports_this_one(fresh, tmp_path):
    snakefile = str(REPOSITORY / "Snakefile")
    process = run(
        fresh,
        tmp_path,
        OTHER_WORKFLOW.format(snakefile=snakefile, more="")
        + SECOND_MODULE.format(snakefile=snakefile),
        "report.md",
        "results/other/rank/0.2/trials.csv",
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "export/selected/model.onnx" in (tmp_path / "results/small/provenance.json").read_text()
    assert "Cost" in (tmp_path / "report.md").read_text()
    one, other = (tmp_path / f"results/{study}/rank/0.2/trials.csv" for study in ("small", "other"))
    assert one.read_text() != other.read_text()


@pytest.mark.parametrize("prefix", ['prefix: "elsewhere"', 'replace_prefix: {"results/": "out/"}'])
def test_a_prefix_is_refused(fresh, tmp_path, prefix):
    snakefile = OTHER_WORKFLOW.format(snakefile=str(REPOSITORY / "Snakefile"), more=prefix)
    process = run(fresh, tmp_path, snakefile)
    assert process.returncode != 0
    assert "cannot be imported with `prefix` or `replace_prefix`" in process.stderr
    assert "Traceback" not in process.stderr
