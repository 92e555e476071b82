"""The trainings of a column: a trial's losses, epoch by epoch, and its errors in the end."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from matrix.columns import Column
from twostep.model.class_metrics import measure_class_errors
from twostep.model.metrics import measure_errors
from twostep.model.model import build_trained
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.data import TrainingData, load_training_data
from twostep.training.device import choose_device, use_threads
from twostep.training.objective import Objective
from twostep.training.own_network import OwnNetworks
from twostep.training.train import Budget, Tensors
from twostep.training.warm_up import warm_up
from twostep.trials.journal import Journal
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Finished, Trainer, planned_networks, train_watched
from twostep.trials.trial import Trial
from twostep.util.files import read_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """What trained networks are measured on, as prepared, and what their outputs are."""

    validation: Split
    test: Split
    loss: SplitLoss
    outputs: list[dict]
    output_activation: str
    own_networks: OwnNetworks | None

    def measure(self, configuration: Configuration, finished: Finished) -> dict:
        """Return the losses on both splits, in the units of the loss, and the test error.

        This is the accuracy where the outputs are probabilities, else the RMSE.
        """
        error = "test_accuracy" if self.loss.of_probabilities else "test_rmse"
        if not finished.weights:
            return {"val_loss_all": None, "test_loss": None, error: None}
        n_inputs, n_outputs = self.test.inputs.shape[1], self.test.targets.shape[1]
        network = build_trained(
            configuration,
            finished.weights,
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            output_activation=self.output_activation,
            own_networks=self.own_networks,
        )
        network.eval()

        def predict(inputs: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                # In single precision a probability next to 1 has no logarithm of the rest.
                return network(torch.from_numpy(inputs)).numpy().astype(np.float64)

        validation, test = (
            measure_errors(predict, split, self.loss, self.outputs)
            for split in (self.validation, self.test)
        )
        if self.loss.of_probabilities:
            test["overall"] |= measure_class_errors(predict, self.test, self.loss)
        return {
            "val_loss_all": validation["test_loss"],
            "test_loss": test["test_loss"],
            error: test["overall"][error.removeprefix("test_")],
        }


def take_device(gpu_percent: int) -> torch.device:
    """Return what this job trains on: one thread, or its part of a GPU if it has one.

    Once in a job, as each call takes another part.
    """
    use_threads(1)
    device = choose_device(min(1, gpu_percent), gpu_percent)
    warm_up(device)
    return device


def prepare(
    manifest: str | Path,
    column: Column,
    *,
    n_validation: int,
    n_evaluation: int,
    output_activation: str,
    objective: dict,
    network: dict | None,
    study_seed: int,
    device: torch.device,
) -> tuple[Trainer, Evaluation]:
    """Return what trains and what evaluates the trials of a column.

    `objective` and `network` are as for the library's `make_trainer`.
    """
    minimised, description = Objective(**objective), read_json(manifest)
    data = load_training_data(manifest, minimised)
    own_networks = planned_networks(network, description)
    rows = column.rows(len(data.tensors.training_inputs))
    part, budget = _part(data, rows, n_validation), Budget(column.epochs)
    trainer = Trainer(part, budget, output_activation, study_seed, device, minimised, own_networks)
    validation, test = (
        Split.load(manifest, split, min(n_evaluation, description["splits"][split]))
        for split in ("validation", "test")
    )
    outputs = description["outputs"]
    loss = SplitLoss.of(minimised, outputs)
    return trainer, Evaluation(validation, test, loss, outputs, output_activation, own_networks)


def _part(data: TrainingData, rows: slice, n_validation: int) -> TrainingData:
    """Return some rows of the training split, and the first ones of the validation split."""
    tensors = Tensors(
        data.tensors.training_inputs[rows],
        data.tensors.training_targets[rows],
        data.tensors.validation_inputs[:n_validation],
        data.tensors.validation_targets[:n_validation],
    )
    return replace(
        data, tensors=tensors, hash=f"{data.hash}/{rows.start}/{rows.stop}/{n_validation}"
    )


def train_trials(
    trainer: Trainer,
    evaluation: Evaluation,
    column: Column,
    trials: Iterable[tuple[int, Configuration]],
    journal: Journal,
    watch: Watch,
    sizes: Sequence[NetworkSize | None] = (),
) -> list[dict]:
    """Return an entry with `record`, `timing` and `errors` for each trial, trained or remembered.

    `sizes` are those of networks of the user's own, at the places of their trials: nothing else
    tells them. A trial goes into the journal as soon as it is finished.
    """
    trials = list(trials)
    known = journal.read(range(max(number for number, _ in trials) + 1))
    entries = []
    for number, configuration in trials:
        trial = Trial(
            number,
            configuration,
            step=column.draws,
            repetition=column.repetition,
            size=sizes[number] if sizes else None,
        )
        key = trainer.key(trial)
        entry = known.get(key)
        if entry is None:
            entry = {"key": key, **_train(trainer, evaluation, trial, watch)}
            journal.append(number, entry)
        entries.append(entry)
        log.info(
            "trial %d: %s, %.4g, %.1f s; %d of %d done",
            number,
            entry["record"]["status"],
            entry["errors"]["test_loss"] or float("nan"),
            entry["timing"]["cpu_seconds"],
            len(entries),
            len(trials),
        )
    return entries


def _train(trainer: Trainer, evaluation: Evaluation, trial: Trial, watch: Watch) -> dict:
    """Return the `record`, the `timing` and the `errors` of a trial."""
    finished = train_watched(trainer, trial, watch)
    errors = evaluation.measure(trial.configuration, finished)
    return {"record": finished.record, "timing": finished.timing, "errors": errors}
