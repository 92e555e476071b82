"""Trials: the training of one configuration, recorded whatever becomes of it."""

import errno
import platform
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from twostep.processor import processor_name
from twostep.space import Configuration
from twostep.training import CPU, Budget, Checkpoint, Training, train
from twostep.training_data import Dataset
from twostep.trial_key import trial_key, trial_seed


@dataclass(frozen=True)
class Trial:
    """A configuration with its id and the number of its repetition.

    `step` only separates the random draws of the search and of the retraining, so that the
    finalists are not retrained from the very weights that made them win.
    """

    trial: int
    configuration: Configuration
    step: str
    repetition: int = 0


@dataclass
class Finished:
    """A finished trial: its record (reproducible), its timing (not) and its best weights."""

    record: dict
    timing: dict
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Trainer:
    """Everything that the trials of one search or retraining share."""

    data: Dataset
    budget: Budget
    output_activation: str
    seed: int
    device: torch.device = CPU

    def key(self, trial: Trial) -> str:
        """Return a hash of all that decides the trial's result, as `trial_key` says."""
        return trial_key(
            data=self.data.content,
            configuration=trial.configuration.to_dict(),
            budget=vars(self.budget),
            output_activation=self.output_activation,
            seed=self._seed(trial),
            torch=torch.__version__,
            numpy=np.__version__,
            threads=torch.get_num_threads(),
            device=self.device.type,
        )

    def run(self, trial: Trial, checkpoint: Checkpoint | None = None) -> Finished:
        """Train the trial's network; a failure becomes a record with its status and message.

        Raises OSError if a file or a disk fails, which is not the trial's fault.
        """
        wall, processor = time.perf_counter(), time.process_time()
        try:
            training = train(
                trial.configuration,
                self.data.tensors,
                self.budget,
                output_activation=self.output_activation,
                seed=self._seed(trial),
                device=self.device,
                checkpoint=checkpoint,
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

    def _finish(self, trial, training, seconds: float, cpu_seconds: float) -> Finished:
        timing = {
            "trial": trial.trial,
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
        return Finished(self._record(trial, training), timing, training.weights)

    def _processor(self) -> str:
        if self.device == CPU:
            return processor_name()
        return torch.cuda.get_device_name(self.device)

    def _seed(self, trial: Trial) -> int:
        return trial_seed(self.seed, trial.step, trial.trial, trial.repetition)

    def _record(self, trial: Trial, training: Training) -> dict:
        names, variances = self.data.output_names, self.data.validation_variances
        n_inputs, n_outputs = len(self.data.input_names), len(names)
        losses = training.val_loss_per_output
        return {
            "trial": trial.trial,
            "seed": trial.repetition,
            "status": training.status,
            "message": training.message,
            "configuration": trial.configuration.to_dict(),
            "n_parameters": trial.configuration.count_parameters(n_inputs, n_outputs),
            "n_operations": trial.configuration.count_operations(n_inputs, n_outputs),
            "n_train": len(self.data.tensors.training_inputs),
            "n_validation": len(self.data.tensors.validation_inputs),
            "epochs": training.epochs,
            "best_epoch": training.best_epoch,
            "updates": training.updates,
            "stop_reason": training.stop_reason,
            "min_val_loss": training.min_val_loss,
            "val_loss_per_output": dict(zip(names, losses, strict=True)) if losses else {},
            # An output predicted no better than by its mean: the network has collapsed there.
            "collapsed_outputs": [
                name
                for name, loss, variance in zip(names, losses or [], variances, strict=False)
                if loss >= variance
            ],
            "train_loss": training.train_loss,
            "val_loss": training.val_loss,
        }


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
