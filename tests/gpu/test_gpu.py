"""Training on a GPU: repeatable to the bit, as on a processor but for rounding, resumable."""

from dataclasses import replace
from unittest.mock import patch

import pytest
import torch

from twostep.training import checkpoint as checkpoint_module
from twostep.training.checkpoint import Checkpoint
from twostep.training.configuration import Configuration
from twostep.training.device import choose_device
from twostep.training.recorded import Recorded
from twostep.training.train import CPU, Budget, Tensors, train

BASE = Configuration((64, 32), 3e-3, 128, "relu", "adam", 0.0, 0.0)
KINDS = {
    "adam": {},
    "adam with a schedule": {"learning_rate_schedule": "one_cycle", "warmup": 0.05},
    "adamw": {"optimizer": "adamw", "weight_decay": 1e-3},
    "sgd": {"optimizer": "sgd", "momentum": 0.9},
    "rmsprop with a schedule": {"optimizer": "rmsprop", "learning_rate_schedule": "one_cycle"},
    "dropout": {"dropout": 0.2},
    "clipped": {"max_gradient_norm": 0.1},
    "gelu": {"activation": "gelu"},
    "silu": {"activation": "silu"},
}


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    if not torch.cuda.is_available():
        pytest.fail("no GPU is found here, and these tests need one", pytrace=False)
    return choose_device(1)


@pytest.fixture(scope="session")
def data() -> Tensors:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(6000, 16, generator=generator)
    targets = torch.sigmoid(torch.tanh(inputs) @ torch.randn(16, 4, generator=generator))
    return Tensors(inputs[:4000], targets[:4000], inputs[4000:], targets[4000:])


def run(kind: str, data: Tensors, device: torch.device, checkpoint=None):
    return train(
        replace(BASE, **KINDS[kind]),
        data,
        Budget(max_epochs=5),
        output_activation="sigmoid",
        seed=3,
        device=device,
        checkpoint=checkpoint,
    )


def assert_same(first, second) -> None:
    assert first.train_loss == second.train_loss
    assert first.val_loss == second.val_loss
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_is_repeatable(kind, data, gpu):
    assert_same(run(kind, data, gpu), run(kind, data, gpu))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_is_what_was_asked_for(kind, data, gpu):
    recorded = run(kind, data, gpu)
    with patch.object(Recorded, "__call__", lambda self: self._operation()):
        assert_same(recorded, run(kind, data, gpu))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dropout"])
def test_a_processor_comes_to_the_same_but_for_rounding(kind, data, gpu):
    on_gpu, on_processor = run(kind, data, gpu), run(kind, data, CPU)
    assert on_gpu.val_loss == pytest.approx(on_processor.val_loss, rel=1e-3)


class Killed(BaseException):
    """Stands for a process that ends without a chance to say anything."""


@pytest.mark.parametrize("kind", ["adam with a schedule", "dropout"])
def test_a_training_goes_on_from_a_checkpoint(kind, data, gpu, tmp_path, monkeypatch):
    def die_once(state):
        if state["training"]["epochs"] == 2:
            raise Killed

    monkeypatch.setattr(checkpoint_module, "MIN_SECONDS", 0)
    monkeypatch.setattr(checkpoint_module, "MIN_INTERVALS", 0)
    with pytest.raises(Killed):
        run(kind, data, gpu, Checkpoint(tmp_path / "c.pt", die_once))
    assert_same(run(kind, data, gpu, Checkpoint(tmp_path / "c.pt")), run(kind, data, gpu))
