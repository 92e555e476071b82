"""Two steps, and two steps with rungs between them, at about the same cost.

    python benchmarks/rungs.py FOLDER [--searches N]

Prepares the default data with fewer samples in FOLDER, and trains by several policies there, in one
process. Each search has other configurations, the same for all policies; the random draws of a
trial are the workflow's. Cost: samples x epochs x learnable parameters, summed over the trainings,
in units of the first policy's. Regret: the validation loss of the best retrained trial over the
best of all that any policy has retrained in the same search. Results are printed after each search.
"""

import argparse
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from processes import REPOSITORY, make_study, snakemake

from twostep.data.arrays import write_folder
from twostep.data.sizes import fraction_name
from twostep.data.subset import subset
from twostep.trials.configurations import read_configurations
from twostep.trials.rungs import rung_name
from twostep.trials.trainer import Trainer, make_trainer
from twostep.trials.trial import Trial
from twostep.util.files import read_json
from twostep.util.wording import table

STUDY = "rungs"
N_SAMPLES = 20_000
MAX_PARAMETERS = 60_000
N_LISTED = 1000
EPOCHS, LAST_EPOCHS = 40, 25
Levels = list[tuple[float, int, int]]
# One bracket or several, each with configurations of its own: fraction, trials and epochs of each
# level. The last level is the retraining.
POLICIES: dict[str, list[Levels]] = {
    "two steps": [[(0.05, 160, EPOCHS), (1, 12, LAST_EPOCHS)]],
    "one rung": [[(0.015, 320, EPOCHS), (0.08, 48, EPOCHS), (1, 11, LAST_EPOCHS)]],
    "successive halving over data": [
        [(0.0125, 300, EPOCHS), (0.05, 75, EPOCHS), (0.2, 19, EPOCHS), (1, 7, LAST_EPOCHS)]
    ],
    "successive halving over epochs": [[(1, 100, 1), (1, 33, 3), (1, 14, 8), (1, 12, LAST_EPOCHS)]],
    "successive halving over both": [
        [(0.05, 120, 10), (0.2, 40, 10), (0.5, 20, 12), (1, 13, LAST_EPOCHS)]
    ],
    "Hyperband over data": [
        [(0.0125, 100, EPOCHS), (0.05, 25, EPOCHS), (0.2, 6, EPOCHS), (1, 2, LAST_EPOCHS)],
        [(0.05, 34, EPOCHS), (0.2, 9, EPOCHS), (1, 2, LAST_EPOCHS)],
        [(0.2, 15, EPOCHS), (1, 4, LAST_EPOCHS)],
    ],
    "one epoch, then top k": [[(1, 160, 1), (1, 18, LAST_EPOCHS)]],
}
Result = tuple[float, float]


@dataclass
class Trainings:
    """Trains trials, each of them once: (step, fraction, epochs, trial) to loss and work."""

    manifest: Path
    listed: Path
    trainers: dict[tuple, Trainer] = field(default_factory=dict)
    known: dict[tuple, Result] = field(default_factory=dict)

    def train(self, step: str, fraction: float, epochs: int, trial: int) -> Result:
        """Return the lowest validation loss of a trial, and its work."""
        key = (step, fraction, epochs, trial)
        if key not in self.known:
            (configuration,) = read_configurations(self.listed, range(trial, trial + 1))
            record = self._trainer(fraction, epochs).run(Trial(trial, configuration, step)).record
            loss = record["min_val_loss"] if record["status"] == "ok" else np.inf
            work = record["n_train"] * record["epochs"] * record["n_parameters"]
            self.known[key] = loss, float(work)
        return self.known[key]

    def _trainer(self, fraction: float, epochs: int) -> Trainer:
        if (fraction, epochs) not in self.trainers:
            self.trainers[fraction, epochs] = make_trainer(
                self._folder(fraction, retraining=epochs == LAST_EPOCHS),
                budget={"max_epochs": epochs},
                output_activation="sigmoid",
                objective={},
                study_seed=1,
                n_gpus=0,
                threads=1,
            )
        return self.trainers[fraction, epochs]

    def _folder(self, fraction: float, *, retraining: bool) -> Path:
        """Return the manifest of a fraction's data; step 2 validates on the whole split."""
        if retraining:
            return self.manifest
        folder = self.manifest.parents[1] / "benchmark" / fraction_name(fraction)
        if not (folder / "manifest.json").exists():
            splits = subset(self.manifest, fraction=fraction, n_validation=2000, batch_size=128)
            description = read_json(self.manifest) | {"fraction": fraction}
            for key in ("splits", "data_hash", "checksums", "test_sample"):
                del description[key]
            write_folder(folder, splits, description)
        return folder / "manifest.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--searches", type=int, default=3)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    config = make_config()
    make_study(arguments.folder, config)
    results = f"results/{STUDY}"
    listed = f"{results}/search/configurations_{N_LISTED}.jsonl"
    snakemake(arguments.folder, listed)
    folder = arguments.folder.resolve()
    trainings = Trainings(folder / results / "prepare/manifest.json", folder / listed)
    costs, regrets = [], []
    size = max(map(count_configurations, POLICIES.values()))
    for first in range(0, arguments.searches * size, size):
        outcomes = [follow_all(brackets, first, trainings) for brackets in POLICIES.values()]
        best = min(loss for loss, _ in outcomes)
        regrets.append([loss / best for loss, _ in outcomes])
        costs.append([work / outcomes[0][1] for _, work in outcomes])
        print(
            f"{len(costs)} searches\n\n{report(np.array(costs), np.array(regrets))}\n", flush=True
        )


def make_config() -> dict:
    """Return the default study's config with fewer samples and smaller networks."""
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    config["study"] = STUDY
    config["generate"]["n_samples"] = N_SAMPLES
    config["search"]["constraints"]["max_parameters"] = MAX_PARAMETERS
    return config


def count_configurations(brackets: list[Levels]) -> int:
    return sum(levels[0][1] for levels in brackets)


def follow_all(brackets: list[Levels], first: int, trainings: Trainings) -> Result:
    """Return the loss of the best retrained trial of a policy, and the work of all trainings."""
    starts = [first + count_configurations(brackets[:place]) for place in range(len(brackets))]
    outcomes = [follow(*each, trainings) for each in zip(brackets, starts, strict=True)]
    return min(loss for loss, _ in outcomes), sum(work for _, work in outcomes)


def follow(levels: Levels, first: int, trainings: Trainings) -> Result:
    """Return the same of one bracket."""
    steps = ["search", *(rung_name(i) for i in range(1, len(levels) - 1)), "retrain"]
    trials, losses, total = list(range(first, first + levels[0][1])), [], 0.0
    for step, (fraction, n_trials, epochs) in zip(steps, levels, strict=True):
        trials = trials[:n_trials]
        results = [trainings.train(step, fraction, epochs, trial) for trial in trials]
        total += sum(work for _, work in results)
        losses = sorted((loss, trial) for (loss, _), trial in zip(results, trials, strict=True))
        trials = [trial for _, trial in losses]
    return losses[0][0], total


def report(costs: np.ndarray, regrets: np.ndarray) -> str:
    """Return a table of the policies; both arrays are (n_searches, n_policies)."""
    rows = [["policy", "cost (mean)", "regret of each search"]]
    for i, name in enumerate(POLICIES):
        told = ", ".join(f"{value:.2f}" for value in regrets[:, i])
        rows.append([name, f"{costs[:, i].mean():.2f}", told])
    return table(rows)


if __name__ == "__main__":
    main()
