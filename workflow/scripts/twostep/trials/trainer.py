"""The training of trials: each becomes a record, whatever becomes of it."""

import errno
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from twostep.training.data import TrainingData, load_training_data
from twostep.training.device import choose_device, use_threads
from twostep.training.network_file import read_unchanged
from twostep.training.objective import PLAIN, Objective
from twostep.training.own_network import OwnNetworks
from twostep.training.precision import FLOAT32, fully_connected
from twostep.training.train import CPU, Budget, StateStore, Training, train
from twostep.training.warm_up import warm_up
from twostep.trials.key import trial_key, trial_seed
from twostep.trials.supervision import Watch
from twostep.trials.trial import Trial, make_record
from twostep.util.files import read_json
from twostep.util.processor import processor_name


@dataclass
class Finished:
    """A finished trial: its record (reproducible), its timing (not) and its best weights."""

    record: dict
    timing: dict
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Trainer:
    """Everything that the trials of one search or retraining share."""

    data: TrainingData
    budget: Budget
    output_activation: str
    study_seed: int
    device: torch.device = CPU
    objective: Objective = PLAIN
    own_networks: OwnNetworks | None = None
    precision: str = FLOAT32

    def key(self, trial: Trial) -> str:
        """Return a hash of all that decides the trial's numbers, as `trial_key` says."""
        return trial_key(
            data_hash=self.data.hash,
            configuration=trial.configuration.to_dict(),
            budget=vars(self.budget),
            output_activation=self.output_activation,
            objective=self.objective.to_dict(),
            seed=self._trial_seed(trial),
            torch=torch.__version__,
            numpy=np.__version__,
            threads=torch.get_num_threads(),
            device=self.device.type,
            network=self.own_networks.file.identity() if self.own_networks else None,
            precision=self.precision,
        )

    def run(self, trial: Trial, checkpoint: StateStore | None = None) -> Finished:
        """Train the trial's network; a failure becomes a record with its status and message.

        Raises OSError if a file or a disk fails, which is not the trial's fault.
        """
        networks = self.own_networks or fully_connected(self.precision)
        wall, processor = time.perf_counter(), time.process_time()
        try:
            training = train(
                trial.configuration,
                self.data.tensors,
                self.budget,
                output_activation=self.output_activation,
                seed=self._trial_seed(trial),
                device=self.device,
                checkpoint=checkpoint,
                loss=self.data.loss,
                networks=networks,
            )
        except Exception as error:  # whatever goes wrong in one trial must not take the others down
            if isinstance(error, OSError) and error.errno != errno.ENOMEM:
                raise
            training = Training(status=_failure_status(error), message=_one_line(error))
        seconds = time.perf_counter() - wall, time.process_time() - processor
        return self._finish(trial, training, *seconds)

    def give_up(self, trial: Trial, message: str) -> Finished:
        """Return what is recorded of a trial under which its process was killed."""
        return self._finish(trial, Training(status="killed", message=message), 0.0, 0.0)

    def _finish(
        self, trial: Trial, training: Training, seconds: float, cpu_seconds: float
    ) -> Finished:
        timing = {
            "trial": trial.id,
            "seed": trial.repetition,
            "seconds": seconds,
            "cpu_seconds": training.earlier_cpu_seconds + cpu_seconds,
            "train_cpu_seconds": training.train_cpu_seconds,
            "validation_cpu_seconds": training.validation_cpu_seconds,
            "host": platform.node(),
            "processor": self._processor(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "threads": torch.get_num_threads(),
        }
        return Finished(make_record(trial, training, self.data), timing, training.weights)

    def _processor(self) -> str:
        if self.device == CPU:
            return processor_name()
        return torch.cuda.get_device_name(self.device)

    def _trial_seed(self, trial: Trial) -> int:
        return trial_seed(self.study_seed, trial.step, trial.id, trial.repetition)


def make_trainer(
    manifest: str | Path,
    *,
    budget: dict,
    output_activation: str,
    objective: dict,
    study_seed: int,
    n_gpus: int,
    threads: int,
    gpu_percent: int = 100,
    network: dict | None = None,
    precision: str = FLOAT32,
) -> Trainer:
    """Return the trainer for the data of a folder, with this process ready to train.

    `budget` is that section of the config, `objective` what `Objective.to_dict` has returned.
    `network` are the path and the identity of the file of a network of the user's own. A job may
    have `gpu_percent` of a GPU.
    Raises UserError if there is no GPU where one is asked for, or if the processor does not have
    the precision.
    """
    fully_connected(precision)
    use_threads(threads)
    device = choose_device(n_gpus, gpu_percent)
    warm_up(device)
    minimised = Objective(**objective)
    data = load_training_data(manifest, minimised)
    return Trainer(
        data,
        Budget(**budget),
        output_activation,
        study_seed,
        device,
        minimised,
        planned_networks(network, read_json(manifest)),
        precision,
    )


def planned_networks(network: dict | None, manifest: dict) -> OwnNetworks | None:
    """Return the networks of the user's own, for the data of a manifest; None if there are none.

    `network` has the `path` of their file, and the `identity` that it had when Snakemake planned.
    """
    if network is None:
        return None
    return OwnNetworks.of(read_unchanged(**network), manifest)


def train_watched(
    trainer: Trainer, trial: Trial, watch: Watch, checkpoint: StateStore | None = None
) -> Finished:
    """Train a trial and let the job's parent process know; give it up if the watch says so."""
    if trial.id in watch.killed:
        return trainer.give_up(trial, watch.killed[trial.id])
    with watch.training(trial.id):
        return trainer.run(trial, checkpoint)


def _failure_status(error: Exception) -> str:
    # torch reports an allocation that the system refuses as a plain RuntimeError.
    no_memory = (
        isinstance(error, MemoryError | torch.OutOfMemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or "can't allocate memory" in str(error)
    )
    return "out_of_memory" if no_memory else "failed"


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
