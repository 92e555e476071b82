"""The training of one network. It knows nothing of trials, steps or files."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from twostep.training.backpropagation import SQUARED_ERRORS, Backpropagation, Loss
from twostep.training.configuration import Configuration
from twostep.training.network import build_network
from twostep.training.optimizers import Optimizer, RecordedSteps
from twostep.training.schedules import scheduled_rate
from twostep.training.windows import SHUFFLE_BLOCK, SHUFFLE_WINDOW, VALIDATION_CHUNK
from twostep.util.seeds import derive_seed

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Budget:
    """When training ends: at the first of the limits that are not None."""

    max_epochs: int | None = None
    max_updates: int | None = None
    patience_epochs: int | None = None
    patience_updates: int | None = None


@dataclass(frozen=True)
class Tensors:
    """Standardised inputs (n_samples, n_inputs) and targets (n_samples, n_outputs), float32.

    Targets are in the units of the loss: physical for a sigmoid output, standardised for a linear
    one, 0 or 1 for classes. A missing one is NaN, which the loss must know. Samples may have
    weights, (n_samples, 1).
    """

    training_inputs: Tensor
    training_targets: Tensor
    validation_inputs: Tensor
    validation_targets: Tensor
    training_weights: Tensor | None = None
    validation_weights: Tensor | None = None


class Batch(Protocol):
    """The memory for some samples, as `backpropagation.Batch` has it."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None

    def backpropagate(self) -> Tensor:
        """Compute the gradient of the mean loss; return the sums of it."""

    def measure(self) -> Tensor:
        """Return the sums of the loss by output, as in a prediction."""


class Trainable(Protocol):
    """What computes losses and gradients of a network, as `Backpropagation` does."""

    parameters: Tensor
    gradient: Tensor
    loss: Loss

    def zeros(self) -> Tensor:
        """Return what the sums of the batches' losses are added to."""

    def batch(self, n_rows: int) -> Batch:
        """Return the memory for a batch of this many samples: the same one each time."""


class Networks(Protocol):
    """How networks are built and trained.

    `fewest_rows` are those of the smallest batch that they take, where batches may be larger: a
    last batch with fewer is left out.
    """

    fewest_rows: int

    def build(
        self, configuration: Configuration, n_inputs: int, n_outputs: int, output_activation: str
    ) -> nn.Sequential:
        """Return an initialised network, (n_samples, n_inputs) -> (n_samples, n_outputs)."""

    def bind(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss,
        *,
        n_inputs: int,
        n_outputs: int,
        weighed: bool,
    ) -> Trainable:
        """Return what trains the network on up to `max_rows` samples at a time."""


class FullyConnected:
    """The networks of `build_network`, with their gradients written out."""

    fewest_rows = 1

    def build(
        self, configuration: Configuration, n_inputs: int, n_outputs: int, output_activation: str
    ) -> nn.Sequential:
        """Return a fully connected network."""
        return build_network(configuration, n_inputs, n_outputs, output_activation)

    def bind(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss,
        *,
        n_inputs: int,
        n_outputs: int,
        weighed: bool,
    ) -> Backpropagation:
        """Return its backpropagation."""
        return Backpropagation(network, max_rows, loss, weighed=weighed)


FULLY_CONNECTED = FullyConnected()


class StateStore(Protocol):
    """Where the state of a training is kept, for another process to go on from it."""

    def load(self) -> dict | None:
        """Return the state that was kept last."""

    def offer(self, state: Callable[[], dict]) -> None:
        """Keep what `state` returns, if it is time."""


@dataclass
class Training:
    """What a training run yields.

    `val_loss_per_output` belongs to the best epoch, and is None if the loss is one of all outputs.
    Epochs count from 1. `weights` are those of the best epoch. The processor seconds are
    measurements and not part of what is reproducible; those before the checkpoint that the training
    went on from are `earlier_cpu_seconds`.
    """

    status: str = "ok"
    message: str = ""
    epochs: int = 0
    updates: int = 0
    best_epoch: int | None = None
    best_updates: int = 0
    stop_reason: str = ""
    min_val_loss: float | None = None
    val_loss_per_output: list[float] | None = None
    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    train_cpu_seconds: float = 0.0
    validation_cpu_seconds: float = 0.0
    earlier_cpu_seconds: float = 0.0


# A loss that is not finite is a result, and nothing to warn of.
@np.errstate(over="ignore", invalid="ignore")
def train(
    configuration: Configuration,
    data: Tensors,
    budget: Budget,
    *,
    output_activation: str,
    seed: int,
    device: torch.device = CPU,
    checkpoint: StateStore | None = None,
    loss: Loss = SQUARED_ERRORS,
    networks: Networks = FULLY_CONNECTED,
) -> Training:
    """Train one network by minimising a loss; keep the best epoch's weights.

    All random draws (initial weights, dropout, the order of samples in each epoch) follow from
    `seed`. A loss that is not finite ends the training with status `diverged`. An epoch uses each
    sample once; `shuffled_windows` says in which order. Each window of them is moved to the
    `device` when it is used, so that data may be larger than its memory. The learning rate follows
    its schedule over as many updates as the budget allows.

    With a `checkpoint` the training goes on from the epoch that is kept there, to the same result
    as without an interruption.
    """
    torch.manual_seed(derive_seed(seed, "weights"))
    order = torch.Generator().manual_seed(derive_seed(seed, "order"))
    n_inputs, n_outputs = data.training_inputs.shape[1], data.training_targets.shape[1]
    network = networks.build(configuration, n_inputs, n_outputs, output_activation)
    network.to(device)
    backpropagation = networks.bind(
        network,
        max(configuration.batch_size, VALIDATION_CHUNK),
        loss,
        n_inputs=n_inputs,
        n_outputs=n_outputs,
        weighed=data.training_weights is not None,
    )
    optimizer = Optimizer(configuration, backpropagation.parameters, backpropagation.gradient)
    steps = optimizer if device == CPU else RecordedSteps(optimizer)
    fewest_rows = min(networks.fewest_rows, configuration.batch_size)
    n_used = _used_samples(len(data.training_inputs), configuration.batch_size, fewest_rows)
    rate = _changing_rate(configuration, budget, n_used)
    validation = _validation_data(data, device)
    training = Training()
    if checkpoint and (kept := checkpoint.load()):
        training = _restore(kept, network, optimizer, order, device)
    while not training.stop_reason:
        start = time.process_time()
        batches = _batches(data, configuration.batch_size, fewest_rows, order, device)
        train_loss = _train_epoch(backpropagation, steps, batches, budget, training, rate)
        middle = time.process_time()
        means = validation_loss(backpropagation, *validation)
        training.train_cpu_seconds += middle - start
        training.validation_cpu_seconds += time.process_time() - middle
        _close_epoch(training, network, train_loss, means, loss)
        if training.status == "diverged":
            break
        training.stop_reason = _stop_reason(training, budget)
        if checkpoint and not training.stop_reason:
            checkpoint.offer(partial(_state, training, network, optimizer, order, device))
    return training


def _used_samples(n_train: int, batch_size: int, fewest_rows: int) -> int:
    """Return how many samples an epoch uses if a last batch of too few rows is left out."""
    last = n_train % batch_size
    return n_train - last if last < fewest_rows else n_train


def _changing_rate(
    configuration: Configuration, budget: Budget, n_train: int
) -> Callable[[int], float] | None:
    """Return the learning rate as a function of the updates done; None if it is constant."""
    if configuration.learning_rate_schedule == "constant":
        return None
    return scheduled_rate(
        configuration, n_train, max_epochs=budget.max_epochs, max_updates=budget.max_updates
    )


def _state(
    training: Training,
    network: nn.Module,
    optimizer: Optimizer,
    order: torch.Generator,
    device: torch.device,
) -> dict:
    """Return all that the next epoch depends on, as plain values and tensors."""
    return {
        "training": vars(training),
        "network": network.state_dict(),
        "optimizer": optimizer.state(),
        "order": order.get_state(),
        "random": torch.get_rng_state(),
        "device_random": None if device == CPU else torch.cuda.get_rng_state(device),
    }


def _restore(
    state: dict,
    network: nn.Module,
    optimizer: Optimizer,
    order: torch.Generator,
    device: torch.device,
) -> Training:
    """Bring a training back to the state that `_state` returned."""
    network.load_state_dict(state["network"])
    optimizer.restore(state["optimizer"])
    order.set_state(state["order"])
    torch.set_rng_state(state["random"])
    if device != CPU:
        torch.cuda.set_rng_state(state["device_random"], device)
    training = Training(**state["training"])
    training.earlier_cpu_seconds = training.train_cpu_seconds + training.validation_cpu_seconds
    return training


def _train_epoch(
    backpropagation: Trainable,
    steps: Optimizer | RecordedSteps,
    batches: Iterator[tuple[Tensor, Tensor, Tensor | None, Tensor]],
    budget: Budget,
    training: Training,
    rate: Callable[[int], float] | None,
) -> float:
    """Make one pass over the training samples, or up to `max_updates`; return the mean loss.

    `rate` is the learning rate as a function of the updates done, or None if it is constant.
    """
    total, n_values = backpropagation.zeros(), 0
    for inputs, targets, weights, rows in batches:
        batch = backpropagation.batch(len(rows))
        torch.index_select(inputs, 0, rows, out=batch.inputs)
        torch.index_select(targets, 0, rows, out=batch.targets)
        if weights is not None:
            torch.index_select(weights, 0, rows, out=batch.weights)
        total += batch.backpropagate()
        if rate is not None:
            steps.change_rate(rate(training.updates))
        steps.step()
        n_values += batch.targets.numel()
        training.updates += 1
        if training.updates == budget.max_updates:
            break
    return backpropagation.loss.training_mean(total, n_values)


def _batches(
    data: Tensors,
    batch_size: int,
    fewest_rows: int,
    order: torch.Generator,
    device: torch.device,
) -> Iterator[tuple[Tensor, Tensor, Tensor | None, Tensor]]:
    """Yield inputs, targets and weights of a window and which rows are a batch, for one epoch.

    A last batch of fewer than `fewest_rows` is left out.
    """
    n_samples, weights = len(data.training_inputs), None
    for blocks in shuffled_windows(n_samples, batch_size, order):
        inputs = _gather(data.training_inputs, blocks).to(device)
        targets = _gather(data.training_targets, blocks).to(device)
        if data.training_weights is not None:
            weights = _gather(data.training_weights, blocks).to(device)
        permutation = torch.randperm(len(inputs), generator=order).to(device)
        for rows in permutation.split(batch_size):
            if len(rows) >= fewest_rows:
                yield inputs, targets, weights, rows


def _validation_data(data: Tensors, device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return inputs, targets and weights: on the device if they are no more than a window."""
    inputs, targets, weights = (
        data.validation_inputs,
        data.validation_targets,
        data.validation_weights,
    )
    if len(inputs) > SHUFFLE_WINDOW:
        return inputs, targets, weights
    weights = None if weights is None else weights.to(device)
    return inputs.to(device), targets.to(device), weights


def _gather(tensor: Tensor, blocks: list[slice]) -> Tensor:
    """Return the rows of some blocks: one block as a view, several as a copy, read in order."""
    if len(blocks) == 1:
        return tensor[blocks[0]]
    return torch.cat([tensor[block] for block in blocks])


def shuffled_windows(
    n_samples: int, batch_size: int, order: torch.Generator
) -> Iterator[list[slice]]:
    """Yield the samples of one epoch in windows, each a list of blocks of neighbouring samples.

    Samples are to be shuffled within a window. Up to SHUFFLE_WINDOW samples are a single window, so
    that every order is equally likely. More of them are cut into blocks, whose order is drawn anew
    for each epoch, and every 16 or so blocks make a window. Windows hold whole batches, but for the
    last one.
    """
    if n_samples <= SHUFFLE_WINDOW:
        yield [slice(0, n_samples)]
        return
    size = max(batch_size, SHUFFLE_WINDOW // batch_size * batch_size)
    window: list[slice] = []
    room = size
    for number in torch.randperm(-(-n_samples // SHUFFLE_BLOCK), generator=order).tolist():
        start, stop = number * SHUFFLE_BLOCK, min((number + 1) * SHUFFLE_BLOCK, n_samples)
        while start < stop:
            end = min(stop, start + room)
            window.append(slice(start, end))
            room -= end - start
            start = end
            if room == 0:
                yield window
                window, room = [], size
    if window:
        yield window


def validation_loss(
    backpropagation: Trainable,
    inputs: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
) -> list[float]:
    """Return the mean loss of each output over a split, or a single one of all outputs.

    Inputs are (n_samples, n_inputs), targets (n_samples, n_outputs) and weights (n_samples, 1).
    """
    total: Tensor | None = None
    for start in range(0, len(inputs), VALIDATION_CHUNK):
        rows = slice(start, start + VALIDATION_CHUNK)
        batch = backpropagation.batch(len(inputs[rows]))
        batch.inputs.copy_(inputs[rows])
        batch.targets.copy_(targets[rows])
        if batch.weights is not None and weights is not None:
            batch.weights.copy_(weights[rows])
        sums = batch.measure()
        total = sums.clone() if total is None else total.add_(sums)
    assert total is not None  # as no split is empty
    return backpropagation.loss.means(total, len(inputs))


def _close_epoch(
    training: Training, network: nn.Module, train_loss: float, means: list[float], loss: Loss
) -> None:
    """Record an epoch's losses and keep the weights if it is the best so far.

    `means` are those of the validation loss.
    """
    training.epochs += 1
    val_loss = loss.combine(means)
    if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
        training.status = "diverged"
        training.message = f"the loss was not finite in epoch {training.epochs}"
        return
    training.train_loss.append(train_loss)
    training.val_loss.append(val_loss)
    if training.min_val_loss is None or val_loss < training.min_val_loss:
        training.min_val_loss = val_loss
        training.val_loss_per_output = means if loss.by_output else None
        training.best_epoch = training.epochs
        training.best_updates = training.updates
        training.weights = {
            name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()
        }


def _stop_reason(training: Training, budget: Budget) -> str:
    """Return which limit of the budget has been reached, or an empty string."""
    # Asked after an epoch whose loss was finite.
    assert training.best_epoch is not None
    since_best = {
        "patience_epochs": training.epochs - training.best_epoch,
        "patience_updates": training.updates - training.best_updates,
    }
    spent = {"max_epochs": training.epochs, "max_updates": training.updates, **since_best}
    for limit, value in spent.items():
        allowed = getattr(budget, limit)
        if allowed is not None and value >= allowed:
            return limit.split("_")[0] if limit.startswith("patience") else limit
    return ""
