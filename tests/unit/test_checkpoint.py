"""A training that goes on from a checkpoint ends as one that was never interrupted."""

import pytest
import torch

from twostep.model.model import read_model_file
from twostep.training import checkpoint as checkpoint_module
from twostep.training.checkpoint import Checkpoint
from twostep.training.configuration import Configuration
from twostep.training.tensor_file import load_tensors, save_tensors
from twostep.training.train import Budget, Tensors, train
from twostep.util.errors import UserError


class Killed(BaseException):
    """Stands for a process that ends without a chance to say anything."""


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(300, 2, generator=generator)
    return Tensors(inputs[:200], inputs[:200, :1], inputs[200:], inputs[200:, :1])


def run(data, settings, budget, checkpoint=None):
    configuration = Configuration(
        (8, 8), 0.01, 32, "relu", weight_decay=0.01, dropout=0.2, **settings
    )
    return train(
        configuration, data, budget, output_activation="sigmoid", seed=3, checkpoint=checkpoint
    )


def results(training):
    measured = {name for name in vars(training) if name.endswith("cpu_seconds")}
    values = {name: value for name, value in vars(training).items() if name not in measured}
    weights = values.pop("weights")
    return values, {name: tensor.tolist() for name, tensor in weights.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"optimizer": "sgd"},
        {"optimizer": "rmsprop"},
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate_schedule": "linear"},
        {
            "optimizer": "sgd",
            "momentum": 0.5,
            "max_gradient_norm": 0.01,
            "learning_rate_schedule": "one_cycle",
            "warmup": 0.4,
        },
        {"optimizer": "adam", "beta1": 0.8, "learning_rate_schedule": "cosine"},
    ],
)
@pytest.mark.parametrize("budget", [Budget(max_epochs=9), Budget(60, None, None, 14)])
def test_a_killed_training_ends_with_the_same_numbers(
    data, tmp_path, monkeypatch, settings, budget
):
    monkeypatch.setattr(checkpoint_module, "MIN_SECONDS", 0)
    monkeypatch.setattr(checkpoint_module, "MIN_INTERVALS", 0)
    whole = run(data, settings, budget)
    saved = []

    def die_sometimes(state):
        saved.append(1)
        if len(saved) in (1, 3, 4):
            raise Killed

    deaths = 0
    while True:
        torch.manual_seed(deaths)  # whatever another process would start from
        try:
            resumed = run(data, settings, budget, Checkpoint(tmp_path / "c.pt", die_sometimes))
            break
        except Killed:
            deaths += 1
    assert deaths == 3
    assert len(saved) == resumed.epochs - 1  # no epoch was trained twice
    assert results(resumed) == results(whole)
    assert resumed.earlier_cpu_seconds > 0


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_a_damaged_checkpoint_costs_only_time(data, tmp_path, monkeypatch, content):
    monkeypatch.setattr(checkpoint_module, "MIN_SECONDS", 0)
    path = tmp_path / "c.pt"
    whole = run(data, {"optimizer": "adam"}, Budget(max_epochs=3), Checkpoint(path))
    saved = path.read_bytes()
    path.write_bytes(saved[: len(saved) // 2] if content is None else content)
    again = run(data, {"optimizer": "adam"}, Budget(max_epochs=3), Checkpoint(path))
    assert results(again) == results(whole)
    assert again.earlier_cpu_seconds == 0


def test_checkpoints_are_rare_enough_not_to_cost_much(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpoint_module.time, "monotonic", lambda: now[0])
    times = []

    def save(path, content):
        times.append(now[0])
        now[0] += 0.5

    monkeypatch.setattr(checkpoint_module, "save_tensors", save)
    checkpoint = Checkpoint(tmp_path / "c.pt")
    for _ in range(1000):
        checkpoint.offer(dict)
        now[0] += 0.1
    assert len(times) == 4
    assert times[0] == pytest.approx(1.0, abs=0.2)
    # Each of them took half a second.
    assert times[2] - times[1] == pytest.approx(25.5, abs=0.2)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "c.pt"
    save_tensors(path, {"weights": torch.arange(1000.0)})
    content = bytearray(path.read_bytes())
    content[content.index(torch.tensor([500.0]).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not agree with its checksums"):
        load_tensors(path)


def test_each_flipped_bit_of_a_models_table_of_contents_is_one_sentence_or_nothing(tmp_path):
    """Some lead to places before the beginning of the file; one makes a folder of the tensor."""
    path = tmp_path / "model.pt"
    save_tensors(path, {"weights": torch.arange(5.0)})
    content = path.read_bytes()
    outcomes = set()
    # From the entry of the tensor to the end, where the position of the table is.
    table = content.index(b"PK\x01\x02")
    start = content.rindex(b"PK\x01\x02", table, content.index(b"archive/data/0", table))
    for bit in range(8 * start, 8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert read_model_file(path)["weights"].tolist() == [0, 1, 2, 3, 4]
            outcomes.add("read")
        except UserError as error:
            assert "model.pt is damaged: delete it" in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
