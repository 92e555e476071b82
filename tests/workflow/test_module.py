"""Another workflow can take this one as a module."""

import copy
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
OTHER_WORKFLOW = """
configfile: "study.yaml"

module two_step:
    snakefile: {snakefile!r}
    config: config["two_step"]

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


def test_another_workflow_imports_this_one(fresh, tmp_path):
    (tmp_path / "Snakefile").write_text(
        OTHER_WORKFLOW.format(snakefile=str(REPOSITORY / "Snakefile"))
    )
    config = copy.deepcopy(fresh.config)
    config["search"].update(n_trials=2, shard_size=2)
    config["retrain"]["top_k"] = 1
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"two_step": config}))
    (tmp_path / "data.nc").symlink_to(fresh.folder / "data.nc")
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "export/selected/model.onnx" in (tmp_path / "results/small/provenance.json").read_text()
    assert "Cost" in (tmp_path / "report.md").read_text()
