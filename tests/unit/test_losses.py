"""The losses: their values by hand, their gradients by automatic differentiation."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from twostep.training.backpropagation import SQUARED_ERRORS, Backpropagation
from twostep.training.configuration import Configuration
from twostep.training.constant import constant_losses
from twostep.training.losses import LOSSES, make_loss
from twostep.training.network import build_network
from twostep.training.objective import Objective
from twostep.training.train import Budget, Tensors, train, validation_loss

N_INPUTS, N_OUTPUTS, N_ROWS = 5, 3, 40
DELTA = 0.3
# Each loss with the output activations that it may have.
PAIRS = [
    *itertools.product(("mse", "mae", "huber"), ("sigmoid", "linear")),
    ("binary_cross_entropy", "sigmoid"),
    ("cross_entropy", "softmax"),
]
BY_TORCH = {
    "mse": lambda sums, targets: (sums - targets) ** 2,
    "mae": lambda sums, targets: (sums - targets).abs(),
    "huber": lambda sums, targets: functional.huber_loss(
        sums, targets, reduction="none", delta=DELTA
    ),
    "binary_cross_entropy": lambda sums, targets: functional.binary_cross_entropy_with_logits(
        sums, targets, reduction="none"
    ),
    "cross_entropy": lambda sums, targets: functional.cross_entropy(
        sums, targets, reduction="none"
    )[:, None],
}


def objective(name, *, is_weighed=True):
    return Objective(name, DELTA if name == "huber" else 1.0, is_weighed)


def network(output_activation, activation="tanh"):
    torch.manual_seed(1)
    configuration = Configuration((16, 8), 1e-3, 32, activation, "adam", 0.0, 0.0)
    built = build_network(configuration, N_INPUTS, N_OUTPUTS, output_activation)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return built


def samples(loss, n_rows=N_ROWS):
    generator = torch.Generator().manual_seed(n_rows)
    inputs = torch.randn(n_rows, N_INPUTS, generator=generator)
    targets = torch.rand(n_rows, N_OUTPUTS, generator=generator)
    if loss == "cross_entropy":
        targets = functional.one_hot(targets.argmax(1), N_OUTPUTS).to(torch.float32)
    weights = torch.rand(n_rows, 1, generator=generator) * 2
    return inputs, targets, weights


def by_autograd(module, loss, batch, *, shares=None, is_weighed=False):
    """Return the loss of a batch as its definition says, with its gradient in the module."""
    inputs, targets, weights = batch
    there = ~targets.isnan()
    outputs = (module[:-1] if "entropy" in loss else module)(inputs)
    losses = BY_TORCH[loss](outputs, targets.nan_to_num(0.5))
    if losses.shape[1] == 1:
        there = torch.ones(len(inputs), 1, dtype=torch.bool)
    weighed = losses * (weights if is_weighed else 1.0) * there
    means = weighed.sum(0) / there.sum(0).clamp(min=1)
    shares = torch.ones(len(means)) if shares is None else shares
    module.zero_grad()
    total = (means * shares).sum() / shares.sum()
    total.backward()
    return total.item()


def fill(backpropagation, inputs, targets, weights=None):
    batch = backpropagation.batch(len(inputs))
    batch.inputs.copy_(inputs)
    batch.targets.copy_(targets)
    if batch.weights is not None:
        batch.weights.copy_(weights)
    return batch


def assert_same_gradient(ours: nn.Module, theirs: nn.Module) -> None:
    scale = max(parameter.grad.abs().max().item() for parameter in theirs.parameters())
    assert scale > 0
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=2e-6 * scale)


def test_each_loss_is_tried():
    assert {loss for loss, _ in PAIRS} == set(LOSSES) == set(BY_TORCH)


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
@pytest.mark.parametrize("hidden", ["relu", "tanh"])
def test_gradients_and_values_are_those_of_autograd(loss, activation, hidden):
    ours = network(activation, hidden)
    theirs = copy.deepcopy(ours)
    function = make_loss(objective(loss, is_weighed=False))
    backpropagation = Backpropagation(ours, 50, function)
    for n_rows in (50, 7, 1, 50):
        batch = samples(loss, n_rows)
        sums = fill(backpropagation, *batch).backpropagate()
        expected = by_autograd(theirs, loss, batch)
        n_values = n_rows * N_OUTPUTS
        assert function.training_mean(sums, n_values) == pytest.approx(expected, rel=1e-5)
        assert_same_gradient(ours, theirs)


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("is_weighed", [False, True])
def test_gradients_with_weights_and_masks_are_those_of_autograd(
    loss, activation, is_masked, is_weighed
):
    ours = network(activation)
    theirs = copy.deepcopy(ours)
    shares = None if loss == "cross_entropy" else [1.0, 0.5, 4.0]
    function = make_loss(objective(loss), shares, is_masked=is_masked and shares is not None)
    backpropagation = Backpropagation(ours, 50, function, weighed=is_weighed)
    for n_rows in (50, 7, 2):
        inputs, targets, weights = samples(loss, n_rows)
        if is_masked and shares is not None:
            targets[torch.rand(targets.shape, generator=torch.Generator().manual_seed(2)) < 0.4] = (
                math.nan
            )
            targets[:, 1] = math.nan  # an output may have no value in a batch
        batch = inputs, targets, weights
        fill(backpropagation, *batch).backpropagate()
        by_autograd(
            theirs,
            loss,
            batch,
            shares=None if shares is None else torch.tensor(shares),
            is_weighed=is_weighed,
        )
        assert_same_gradient(ours, theirs)


def test_a_squared_error_with_weights_of_one_is_the_plain_one():
    ours, theirs = network("sigmoid"), network("sigmoid")
    inputs, targets, _ = samples("mse")
    plain = fill(Backpropagation(ours, N_ROWS), inputs, targets)
    weighed = Backpropagation(theirs, N_ROWS, make_loss(objective("mse")), weighed=True)
    batch = fill(weighed, inputs, targets, torch.ones(N_ROWS, 1))
    mean = SQUARED_ERRORS.training_mean(plain.backpropagate(), targets.numel())
    assert weighed.loss.training_mean(batch.backpropagate(), 0) == pytest.approx(mean, rel=1e-6)
    assert_same_gradient(ours, theirs)


def identity(from_sums):
    """A network whose sums of the last layer are its inputs."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid() if from_sums else nn.Identity())
    nn.init.eye_(module[0].weight)
    nn.init.zeros_(module[0].bias)
    return module


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", [(4 * 1 + 2 * 4) / 6, 9.0]),
        ("mae", [(4 * 1 + 2 * 2) / 6, 3.0]),
        ("huber", [(4 * 0.5 + 2 * 1.5) / 6, 2.5]),
    ],
)
def test_a_validation_loss_is_the_weighted_mean_of_the_values_that_are_there(loss, expected):
    inputs = torch.zeros(3, 2)
    targets = torch.tensor([[1.0, math.nan], [2.0, -3.0], [math.nan, math.nan]])
    weights = torch.tensor([[4.0], [2.0], [7.0]])
    function = make_loss(Objective(loss, is_weighed=True), [3.0, 1.0], is_masked=True)
    backpropagation = Backpropagation(identity(False), 1024, function, weighed=True)
    for n_copies in (1, 1500):  # in chunks, of which the last one is shorter
        columns = [values.repeat(n_copies, 1) for values in (inputs, targets, weights)]
        means = validation_loss(backpropagation, *columns)
        assert means == pytest.approx(expected)
        assert function.combine(means) == pytest.approx((3 * expected[0] + expected[1]) / 4)


def test_cross_entropies_by_hand_and_of_absurd_sums():
    inputs = torch.tensor([[0.0, 0.0], [200.0, -200.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    binary = make_loss(Objective("binary_cross_entropy"))
    found = validation_loss(Backpropagation(identity(True), 1024, binary), inputs, targets)
    assert found == pytest.approx([(math.log(2) + 200) / 2] * 2)
    classes = make_loss(Objective("cross_entropy"))
    found = validation_loss(Backpropagation(identity(True), 1024, classes), inputs, targets)
    assert found == pytest.approx([(math.log(2) + 400) / 2])


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_training_learns_with_each_loss_and_tells_it(loss, activation):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(600, N_INPUTS, generator=generator)
    targets = torch.sigmoid(3 * inputs[:, :N_OUTPUTS] * inputs[:, 1 : N_OUTPUTS + 1])
    if loss == "cross_entropy":
        targets = functional.one_hot(targets.argmax(1), N_OUTPUTS).to(torch.float32)
    data = Tensors(inputs[:400], targets[:400], inputs[400:], targets[400:])
    function = make_loss(objective(loss, is_weighed=False))
    configuration = Configuration((32, 32), 1e-2, 32, "relu", "adam", 0.0, 0.0)
    training = train(
        configuration,
        data,
        Budget(max_epochs=30),
        output_activation=activation,
        seed=1,
        loss=function,
    )
    assert training.status == "ok"
    means = training.val_loss_per_output
    assert (means is None) == (loss == "cross_entropy")
    # Of data that can be learned from, no mean of the loss is as high as that of a constant.
    constants = (
        data.validation_targets.var(0, correction=0).tolist()
        if function is SQUARED_ERRORS
        else constant_losses(function, data.validation_targets, None)
    )
    assert training.min_val_loss < 0.7 * function.combine(constants)
    kept = build_network(configuration, N_INPUTS, N_OUTPUTS, activation)
    kept.load_state_dict(training.weights)
    backpropagation = Backpropagation(kept, 1024, function)
    again = validation_loss(backpropagation, data.validation_inputs, data.validation_targets)
    assert function.combine(again) == training.min_val_loss


def test_samples_of_weight_zero_teach_nothing():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(400, 2, generator=generator)
    wrong = torch.arange(400)[:, None] % 2 == 1
    targets = torch.where(wrong, -inputs[:, :1], inputs[:, :1])
    weights = torch.where(wrong, 0.0, 2.0)
    data = Tensors(
        *(values[rows] for rows in (slice(300), slice(300, 400)) for values in (inputs, targets)),
        weights[:300],
        weights[300:],
    )
    training = train(
        Configuration((16,), 1e-2, 32, "relu", "adam", 0.0, 0.0),
        data,
        Budget(max_epochs=30),
        output_activation="linear",
        seed=1,
        loss=make_loss(objective("mse")),
    )
    assert training.min_val_loss < 0.05


def test_the_loss_of_the_best_constant():
    targets = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    weights = torch.tensor([[1.0], [1.0], [1.0], [3.0]])
    mae, huber = (make_loss(Objective(name)) for name in ("mae", "huber"))
    assert constant_losses(mae, targets, None) == pytest.approx([0.25])
    assert constant_losses(huber, targets, None) == pytest.approx([0.5 * 0.1875])
    weighed = make_loss(objective("mse"), is_masked=True)
    assert constant_losses(weighed, targets, weights) == pytest.approx([0.25])
    gaps = torch.cat([targets, torch.tensor([[math.nan]])])
    assert constant_losses(weighed, gaps, None) == pytest.approx([0.1875])
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    binary = make_loss(Objective("binary_cross_entropy"))
    assert constant_losses(binary, targets, None) == pytest.approx([entropy])
    one_hot = torch.cat([targets, 1 - targets], 1)
    classes = make_loss(Objective("cross_entropy"))
    assert constant_losses(classes, one_hot, None) == pytest.approx([entropy])
