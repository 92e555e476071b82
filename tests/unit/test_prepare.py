"""Preparing: what is dropped, how it is split, and that scaling sees training rows only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twostep.dataset import Feature
from twostep.errors import UserError
from twostep.prepare import prepare, split_rows
from twostep.subset import subset

INPUTS = [Feature("a", "a", None, "K", "a"), Feature("b", "b", None, "m s-1", "b")]
OUTPUTS = [Feature("y", "y", None, "1", "y")]


def run(inputs, targets, **changes):
    options = {
        "transforms": {"a": "none", "b": "log10", "y": "none"},
        "output_activation": "sigmoid",
        "validation": 0.2,
        "test": 0.1,
        "seed": 1,
    } | changes
    return prepare(
        np.asarray(inputs, float), INPUTS, np.asarray(targets, float), OUTPUTS, **options
    )


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    inputs = np.column_stack([rng.normal(280, 10, 1000), 10 ** rng.uniform(-2, 1, 1000)])
    return inputs, rng.uniform(0, 1, (1000, 1))


def test_sizes_types_and_scaling(columns):
    splits, description = run(*columns)
    assert {split: len(inputs) for split, (inputs, _) in splits.items()} == {
        "training": 700,
        "validation": 200,
        "test": 100,
    }
    inputs, targets = splits["training"]
    assert inputs.dtype == targets.dtype == np.float32
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(0), 1, atol=1e-5)
    assert abs(splits["test"][0].mean(0)).min() > 1e-4  # not standardised by itself
    assert [feature["transform"] for feature in description["inputs"]] == ["none", "log10"]
    assert description["inputs"][0]["units"] == "K"
    assert description["outputs"][0]["mean"] == 0 and description["outputs"][0]["std"] == 1


def test_splits_undo_to_the_very_rows(columns):
    inputs, targets = columns
    splits, description = run(inputs, targets)
    mean, std = (np.array([f[key] for f in description["inputs"]]) for key in ("mean", "std"))
    scaled = np.concatenate([splits[split][0] for split in splits])
    restored = scaled * std + mean
    restored[:, 1] = 10 ** restored[:, 1]
    both = np.column_stack([restored, np.concatenate([splits[split][1] for split in splits])])
    order, expected = both[:, 2].argsort(), targets[:, 0].argsort()
    np.testing.assert_allclose(both[order, :2], inputs[expected], rtol=1e-4)


def test_scaling_ignores_rows_outside_the_training_split(columns):
    inputs, targets = columns
    rows = split_rows(1000, validation=0.2, test=0.1, seed=1)
    changed = inputs.copy()
    changed[np.concatenate([rows["test"], rows["validation"]]), 0] += 1e6
    _, before = run(inputs, targets)
    _, after = run(changed, targets)
    assert before["inputs"] == after["inputs"]


def test_linear_targets_are_standardised(columns):
    inputs, targets = columns
    splits, description = run(inputs, 5 + 100 * targets, output_activation="linear")
    assert abs(splits["training"][1].mean()) < 1e-5
    assert abs(splits["training"][1].std() - 1) < 1e-5
    assert description["outputs"][0]["std"] == pytest.approx(100 / np.sqrt(12), rel=0.05)


def test_unusable_rows_are_dropped_and_counted_by_reason_and_variable(columns):
    inputs, targets = columns
    inputs[:3, 0] = np.nan
    inputs[2:7, 1] = -1
    targets[10, 0] = np.inf
    splits, description = run(inputs, targets)
    assert description["n_rows_read"] == 1000
    assert description["n_rows_used"] == sum(len(x) for x, _ in splits.values()) == 992
    assert description["dropped"] == {
        "missing or not finite": {"a": 3, "y": 1},
        "not above 0, as log10 needs": {"b": 5},
    }


@pytest.mark.parametrize(
    ("change", "fragments"),
    [
        (lambda x, y: y.__setitem__(7, 1.5), ["'y'", "1 values outside [0, 1]", "row 7", "linear"]),
        (lambda x, y: x.__setitem__((slice(None), 0), 5.1), ["'a'", "same value"]),
        (lambda x, y: x.__setitem__((slice(None), 1), -1), ["none of the 1000 rows"]),
    ],
)
def test_bad_contents_are_one_sentence(columns, change, fragments):
    change(*columns)
    with pytest.raises(UserError) as error:
        run(*columns)
    for fragment in fragments:
        assert fragment in str(error.value)


def test_empty_split_is_an_error(columns):
    inputs, targets = columns
    with pytest.raises(UserError, match="the test split is empty"):
        run(inputs[:4], targets[:4])


@settings(max_examples=50, deadline=None)
@given(st.integers(10, 500), st.integers(0, 99))
def test_splits_partition_the_rows(n_rows, seed):
    rows = split_rows(n_rows, validation=0.2, test=0.1, seed=seed)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(n_rows))


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 1), st.floats(0.05, 1))
def test_fractions_nest_and_share_the_validation_sample(one, other):
    split = (np.arange(1000.0)[:, None], np.arange(1000.0)[:, None])
    small, large = (
        subset(split, split, fraction=fraction, n_validation=100, batch_size=10)
        for fraction in sorted((one, other))
    )
    n = len(small["training"][0])
    assert n == round(min(one, other) * 1000)
    assert (large["training"][0][:n] == small["training"][0]).all()
    assert (small["validation"][1] == large["validation"][1]).all()
    assert len(small["validation"][0]) == 100


def test_a_fraction_below_one_batch_is_an_error():
    split = (np.zeros((1000, 1)), np.zeros((1000, 1)))
    with pytest.raises(UserError, match="10, fewer than one batch of 64"):
        subset(split, split, fraction=0.01, n_validation=10, batch_size=64)
