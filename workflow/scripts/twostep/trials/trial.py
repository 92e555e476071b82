"""A trial and its record, which is made in the same way whatever becomes of the training."""

from dataclasses import dataclass

from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.data import TrainingData
from twostep.training.train import Training


@dataclass(frozen=True)
class Trial:
    """A configuration with the id of its trial and the number of its repetition.

    `step` only separates the random draws of the search, of each rung and of the retraining, so
    that no trial is trained again from the very weights that made it win. The `size` of a network
    of the user's own was measured when it was drawn; that of others follows from the configuration.
    """

    id: int
    configuration: Configuration
    step: str
    repetition: int = 0
    size: NetworkSize | None = None

    def measure(self, n_inputs: int, n_outputs: int) -> NetworkSize:
        """Return the size of the network for data with so many features."""
        return self.size or NetworkSize(
            self.configuration.count_parameters(n_inputs, n_outputs),
            self.configuration.count_operations(n_inputs, n_outputs),
        )


def make_record(trial: Trial, training: Training, data: TrainingData) -> dict:
    """Return what is recorded of a trial that was trained on these data; it holds no clock."""
    size = trial.measure(len(data.input_names), len(data.output_names))
    losses = {}
    if training.val_loss_per_output is not None:
        losses = dict(zip(data.output_names, training.val_loss_per_output, strict=True))
    return {
        "trial": trial.id,
        "seed": trial.repetition,
        "status": training.status,
        "message": training.message,
        "configuration": trial.configuration.to_dict(),
        "n_parameters": size.n_parameters,
        "n_operations": size.n_operations,
        "n_train": len(data.tensors.training_inputs),
        "n_validation": len(data.tensors.validation_inputs),
        "epochs": training.epochs,
        "best_epoch": training.best_epoch,
        "updates": training.updates,
        "stop_reason": training.stop_reason,
        "min_val_loss": training.min_val_loss,
        "val_loss_per_output": losses,
        "collapsed_outputs": _collapsed(training, data),
        "train_loss": training.train_loss,
        "val_loss": training.val_loss,
    }


def _collapsed(training: Training, data: TrainingData) -> list[str]:
    """Return the outputs that are predicted no better than by a constant.

    These are all or none where the loss is one of all outputs.
    """
    if training.min_val_loss is None:
        return []
    losses = training.val_loss_per_output
    if losses is None:
        return data.output_names if training.min_val_loss >= data.constant_losses[0] else []
    pairs = zip(losses, data.constant_losses, strict=True)
    return [
        name
        for name, (loss, constant) in zip(data.output_names, pairs, strict=True)
        if loss >= constant
    ]
