"""The command that tells how far a study is, beside a real run of it."""

import re
import subprocess
import sys
import time

import yaml

TABLES = ("rank/0.2/trials.csv", "select/retrained.csv", "select/selection.csv")


def test_the_command_follows_a_run_and_does_not_disturb_it(fresh, finished, tmp_path):
    study = fresh.copy(tmp_path / "study")
    (study.folder / "study.yaml").write_text(yaml.safe_dump(study.config))
    configured = ("--configfile", "study.yaml")
    look = [sys.executable, "workflow/scripts/progress.py", *configured]
    with (tmp_path / "output").open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *configured, "--cores", "2"],
            cwd=study.folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        seen = []
        while run.poll() is None:
            looked = subprocess.run(look, cwd=study.folder, capture_output=True, text=True)
            assert (looked.returncode, looked.stderr) == (0, "")
            seen.append(looked.stdout)
            time.sleep(1)
    assert run.returncode == 0, (tmp_path / "output").read_text()
    last = subprocess.run(look, cwd=study.folder, capture_output=True, text=True).stdout
    assert last.rstrip().endswith("finished: read results/small/summary.md")
    for pattern, n_all in ((r"fraction 0\.2: (\d+) of 6 trials", 6), (r"step 2: (\d+) of 2", 2)):
        done = [int(found[1]) for text in [*seen, last] if (found := re.search(pattern, text))]
        assert done == sorted(done) and done[-1] == n_all
        # Step 2 may have begun between two looks.
        assert done[0] == 0 or pattern.startswith("step 2")
    assert any("not prepared yet" in text or "nothing is there yet" in text for text in seen)
    for table in TABLES:
        assert (study.results / table).read_bytes() == (finished.results / table).read_bytes()
    assert {path.name for path in study.results.iterdir()} == {
        path.name for path in finished.results.iterdir()
    }
    # What is damaged counts as not there.
    record = min((study.results / "retrain").glob("trial_*_seed_0.json"))
    record.write_text("{}")
    damaged = subprocess.run(look, cwd=study.folder, capture_output=True, text=True)
    assert (damaged.returncode, damaged.stderr) == (0, "")
    assert "step 2: 1 of 2 models done (1 ok)" in damaged.stdout
