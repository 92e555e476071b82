"""Step 1 in bfloat16 in a real run, or a sentence where the processor cannot."""

import pandas as pd
import torch
from small_study import Study

from twostep.training.precision import INSTRUCTIONS

CAN = any(torch.cpu.get_capabilities().get(name) for name in INSTRUCTIONS)


def losses(study: Study) -> pd.Series:
    """Return the validation losses of step 1 by the widths of hidden layers and the trial."""
    table = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv")
    return table.set_index(["hidden_widths", "trial"])["min_val_loss"].sort_index()


def test_step_1_in_bfloat16_after_step_1_in_float32(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    # All configurations that there are: only that with two wide layers has a large product.
    study.config["search"]["space"]["width"] = [4, 512]
    study.config["retrain"]["top_k"] = 6
    rank = f"results/{study.config['study']}/rank/0.2/trials.csv"
    work = study.run("retrain")
    assert len(work.trials("0.2")) == work.retrained.total() == 6
    in_float32 = losses(study)
    study.config["search"]["precision"] = "bfloat16"
    if not CAN:
        refused = study.snakemake(rank)
        assert refused.returncode != 0 and "has neither AVX512_BF16 nor AMX" in refused.stderr
        assert len(list((study.results / "journal/search/0.2").glob("*/*.jsonl"))) == 2
        return
    work = study.run("retrain")
    # Step 2 is what it was.
    assert len(work.trials("0.2")) == 6 and not work.retrained
    differing = losses(study)[losses(study) != in_float32]
    [(widths, trial)] = differing.index
    assert widths == "512-512"
    assert (differing / in_float32[differing.index] - 1).abs().max() < 0.2
    again = study.snakemake(f"results/{study.config['study']}/reproduce/0.2/trial_{trial}.json")
    assert "its record is identical" in again.stderr
    # What was trained in float32 is still known.
    del study.config["search"]["precision"]
    assert not study.run(rank).searched
    assert losses(study).equals(in_float32)
