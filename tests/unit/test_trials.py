"""Trials, their journal and their models: nothing is lost, nothing depends on the division."""

import itertools
import json
import resource
import subprocess
import sys
import uuid
from dataclasses import replace

import numpy as np
import pytest
import torch

from twostep.model.metrics import block_losses, measure_errors
from twostep.model.model import load_model, save_model
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.configuration import Configuration
from twostep.training.data import TrainingData
from twostep.training.objective import PLAIN
from twostep.training.train import Budget, Tensors
from twostep.trials import key as key_module
from twostep.trials import trainer as trainer_module
from twostep.trials.configurations import draw_configurations
from twostep.trials.journal import Journal
from twostep.trials.search import search
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Trainer
from twostep.trials.trial import Trial
from twostep.util.errors import UserError

SPACE = {
    "n_hidden_layers": {"min": 1, "max": 2},
    "width": [4, 8, 16],
    "learning_rate": 0.01,
    "batch_size": 32,
    "activation": "relu",
    "optimizer": "adam",
    "weight_decay": 0,
    "dropout": 0,
}


@pytest.fixture(scope="module")
def trainer():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(300, 2, generator=generator)
    targets = torch.stack([inputs.prod(1), inputs[:, 0]], 1)
    data = TrainingData(
        Tensors(inputs[:200], targets[:200], inputs[200:], targets[200:]),
        hash="hash of the data",
        input_names=["a", "b"],
        output_names=["product", "copy"],
        constant_losses=targets[200:].var(0).tolist(),
    )
    return Trainer(data, Budget(max_epochs=3), "sigmoid", study_seed=1)


def drawn(trials):
    return draw_configurations(SPACE, trials, seed=1)


def run(trainer, blocks, journal):
    records = []
    for block in blocks:
        records += search(trainer, block, drawn(block), journal(), Watch())[0]
    return records


def test_records_do_not_depend_on_shards_or_order(trainer, tmp_path):
    whole = run(trainer, [range(6)], lambda: Journal(tmp_path / "a", "job"))
    parts = run(
        trainer, [range(4, 6), range(1), range(1, 4)], lambda: Journal(tmp_path / "b", "job")
    )
    assert [record["trial"] for record in whole] == list(range(6))
    assert sorted(parts, key=lambda record: record["trial"]) == whole
    json.dumps(whole, allow_nan=False)


def test_finished_trials_are_taken_from_the_journal(trainer, tmp_path, monkeypatch):
    first = run(trainer, [range(4)], lambda: Journal(tmp_path, uuid.uuid4().hex))
    trained = []
    train = trainer_module.train
    monkeypatch.setattr(
        trainer_module, "train", lambda *args, **kw: trained.append(kw) or train(*args, **kw)
    )
    again = run(trainer, [range(1), range(1, 6)], lambda: Journal(tmp_path, uuid.uuid4().hex))
    assert again[:4] == first
    assert len(trained) == 2


def ok(trial):
    return {"trial": trial, "status": "ok"}


def test_a_torn_or_foreign_line_costs_only_its_own_trial(tmp_path):
    journal = Journal(tmp_path, uuid.uuid4().hex)
    for trial in range(3):
        journal.append(trial, {"key": f"k{trial}", "record": ok(trial), "timing": {}})
    path = next(tmp_path.rglob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"key": 3}\n\xff\xfe\n' + lines[2][:-20])
    assert list(Journal(tmp_path, uuid.uuid4().hex).read(range(3))) == ["k0"]
    Journal(tmp_path, uuid.uuid4().hex).append(1, {"key": "k1", "record": ok(1), "timing": {}})
    assert set(Journal(tmp_path, uuid.uuid4().hex).read(range(3))) == {"k0", "k1"}


def test_a_line_that_the_disk_does_not_take_is_an_error(tmp_path):
    journal = Journal(tmp_path, "job")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, limits[1]))
    try:
        journal.append(0, {"key": "a", "record": ok(0), "timing": {}})
        with pytest.raises(OSError, match="File too large"):
            journal.append(1, {"key": "b", "record": ok(1), "timing": {}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(Journal(tmp_path, "another").read(range(2))) == ["a"]


def test_a_failure_does_not_hide_what_another_job_achieved(tmp_path):
    for job, status in (("1-other", "ok"), ("2-own", "killed"), ("3-own", "killed")):
        entry = {"key": "a", "record": {**ok(0), "status": status}, "timing": {}}
        Journal(tmp_path, job).append(0, entry)
    for job in ("1-other", "2-own", "3-own"):
        assert Journal(tmp_path, job).read(range(1))["a"]["record"]["status"] == "ok"


def test_the_key_names_all_that_decides_a_result(trainer, monkeypatch):
    trial = Trial(3, drawn(range(3, 4))[0], "search")
    key = trainer.key(trial)
    changed = [
        Trainer(trainer.data, Budget(max_epochs=4), "sigmoid", 1).key(trial),
        Trainer(trainer.data, trainer.budget, "linear", 1).key(trial),
        Trainer(trainer.data, trainer.budget, "sigmoid", 2).key(trial),
        trainer.key(Trial(4, trial.configuration, "search")),
        trainer.key(Trial(3, trial.configuration, "retrain")),
        trainer.key(Trial(3, trial.configuration, "search", repetition=1)),
        replace(trainer, precision="bfloat16").key(trial),
    ]
    monkeypatch.setattr(key_module, "code_hashes", lambda *settings: ["edited code"])
    changed.append(trainer.key(trial))
    assert len({key, *changed}) == len(changed) + 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "out_of_memory"),
        (MemoryError("no memory"), "out_of_memory"),
        (ValueError("two\nlines"), "failed"),
    ],
)
def test_a_failing_trial_is_a_record_and_the_others_go_on(
    trainer, tmp_path, monkeypatch, error, status
):
    train = trainer_module.train

    def fail_sometimes(configuration, *args, seed, **kw):
        if configuration == drawn(range(1, 2))[0]:
            raise error
        return train(configuration, *args, seed=seed, **kw)

    monkeypatch.setattr(trainer_module, "train", fail_sometimes)
    records, timings = search(trainer, range(3), drawn(range(3)), Journal(tmp_path, "job"), Watch())
    assert [record["status"] for record in records] == ["ok", status, "ok"]
    assert records[1]["message"] == f"{type(error).__name__}: {' '.join(str(error).split())}"
    assert records[1]["min_val_loss"] is None
    assert [timing["trial"] for timing in timings] == [0, 1, 2]


def test_a_collapsed_output_is_named(trainer):
    settings = {**drawn(range(1))[0].to_dict(), "learning_rate": 1e-9}
    record = trainer.run(Trial(0, Configuration.from_dict(settings), "search")).record
    assert set(record["collapsed_outputs"]) <= {"product", "copy"}
    assert record["collapsed_outputs"]
    good = {**settings, "learning_rate": 0.05, "hidden_widths": [16, 16]}
    assert (
        Trainer(trainer.data, Budget(max_epochs=30), "sigmoid", 1)
        .run(Trial(0, Configuration.from_dict(good), "search"))
        .record["collapsed_outputs"]
        == []
    )


def test_a_saved_model_predicts_in_physical_units(trainer, tmp_path):
    manifest = {
        "inputs": [
            {"name": "a", "transform": "none", "mean": 280.0, "std": 10.0},
            {"name": "b", "transform": "log10", "mean": -1.0, "std": 0.5},
        ],
        "outputs": [
            {"name": "product", "transform": "none", "mean": 3.0, "std": 2.0},
            {"name": "copy", "transform": "log10", "mean": 0.0, "std": 1.0},
        ],
        "output_activation": "linear",
        "data_hash": "hash of the data",
    }
    linear = Trainer(trainer.data, trainer.budget, "linear", 1)
    finished = linear.run(Trial(0, drawn(range(1))[0], "retrain"))
    path = tmp_path / "model.pt"
    save_model(
        path,
        record=finished.record,
        timing=finished.timing,
        weights=finished.weights,
        manifest=manifest,
    )
    assert torch.load(path, weights_only=True)["record"] == finished.record
    model = load_model(path)
    scaled = np.array([[0.5, 0.2], [-1.0, 1.0]], np.float32)
    physical = np.column_stack([280 + 10 * scaled[:, 0], 10 ** (-1 + 0.5 * scaled[:, 1])])
    expected = model.predict_scaled(scaled) * [2.0, 1.0] + [3.0, 0.0]
    expected[:, 1] = 10 ** expected[:, 1]
    np.testing.assert_allclose(model.predict(physical), expected, rtol=1e-5)
    for wrong in (physical[:, :1], physical[0]):
        with pytest.raises(UserError, match=r"takes \(n_samples, 2\), in this order: `a`, `b`"):
            model.predict(wrong)
    # The best epoch's weights: the loss that the record promises.
    data = trainer.data.tensors
    error = model.predict_scaled(data.validation_inputs.numpy()) - data.validation_targets.numpy()
    assert np.mean(error**2) == pytest.approx(finished.record["min_val_loss"], rel=1e-5)


def outputs(*transforms):
    """Return outputs as in a manifest, the first with a deviation of 2."""
    return [
        {"name": name, "mean": 0.0, "std": 2.0 - i, "transform": transform}
        for i, (name, transform) in enumerate(zip("yz", transforms, strict=False))
    ]


def errors_of(predictions, targets, described, objective=PLAIN, weights=None):
    loss = SplitLoss.of(objective, described)
    return measure_errors(lambda x: x, Split(predictions, targets, weights), loss, described)


def test_metrics_by_hand():
    predictions = np.array([[1.0, 0.0], [2.0, 0.0]])
    targets = np.array([[1.0, 1.0], [4.0, -1.0]])
    result = errors_of(predictions, targets, outputs("none", "none"))
    assert result["per_output"]["y"] == pytest.approx(
        {"mse": 8.0, "rmse": 8**0.5, "mae": 2.0, "r2": 1 - 2 / 2.25}
    )
    assert result["per_output"]["z"]["r2"] == pytest.approx(0.0)
    assert result["overall"]["mse"] == pytest.approx((8 + 1) / 2)
    assert result["test_loss"] == pytest.approx((2 + 1) / 2)


def test_metrics_of_a_transformed_output_are_in_physical_units():
    # With a deviation of 2, these are 100 and 1 instead of 10 and 1.
    predictions, targets = np.array([[1.0], [0.0]]), np.array([[0.5], [0.0]])
    result = errors_of(predictions, targets, outputs("log10"))
    assert result["per_output"]["y"]["mae"] == pytest.approx((90 + 0) / 2)
    assert result["test_loss"] == pytest.approx(0.125)


def test_a_prediction_that_overflows_has_a_loss_and_no_physical_error():
    predictions, targets = np.array([[400.0], [0.0]]), np.array([[0.5], [0.0]])
    result = errors_of(predictions, targets, outputs("log10"))
    assert result["overall"] == dict.fromkeys(("mse", "rmse", "mae", "r2"))
    assert result["test_loss"] == pytest.approx(399.5**2 / 2)
    json.dumps(result, allow_nan=False)


def test_a_network_larger_than_the_memory_is_recorded_and_the_next_is_trained():
    """In a process of its own, which gets a limit on its address space."""
    script = """
import resource, torch
from twostep.training.configuration import Configuration
from twostep.training.train import Budget, Tensors
from twostep.training.warm_up import warm_up
from twostep.training.data import TrainingData
from twostep.trials.trial import Trial
from twostep.trials.trainer import Trainer

torch.set_num_threads(1)
warm_up()
x = torch.rand(100, 2)
data = TrainingData(Tensors(x, x, x, x), "content", ["a", "b"], ["c", "d"], [1.0, 1.0])
trainer = Trainer(data, Budget(max_epochs=1), "linear", study_seed=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, resource.RLIM_INFINITY))
for trial, widths in enumerate([(8,), (30_000, 30_000), (8,)]):
    configuration = Configuration(widths, 1e-3, 32, "relu", "adam", 0.0, 0.0)
    record = trainer.run(Trial(trial, configuration, "search")).record
    print(record["status"], record["message"])
"""
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = process.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "out_of_memory", "ok"], process.stderr
    assert "allocate memory" in process.stdout


TWO = SplitLoss.of(PLAIN, [{}, {}])


def test_the_blocks_of_a_loss_are_its_parts_across_chunks(monkeypatch):
    monkeypatch.setattr("twostep.model.metrics.CHUNK", 7)
    random = np.random.default_rng(0)
    predictions, targets = random.normal(size=(2, 103, 2))
    blocks = block_losses(lambda x: x, Split(predictions, targets), TWO, 10)
    losses = ((predictions - targets) ** 2).mean(axis=1)
    edges = np.linspace(0, 103, 11).astype(int)
    expected = [losses[a:b].mean() for a, b in itertools.pairwise(edges)]
    assert blocks == pytest.approx(np.array(expected))
    # Fewer rows than blocks are a block each.
    few = block_losses(lambda x: x, Split(predictions[:3], targets[:3]), TWO, 10)
    assert few == pytest.approx(losses[:3])
