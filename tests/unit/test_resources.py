"""What jobs ask for follows the size of the data and of the networks."""

from dataclasses import replace

import pytest

from twostep.running import resources
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.windows import SHUFFLE_WINDOW
from twostep.trials.configurations import write_configurations
from twostep.util.files import read_json, write_json

BUDGET = {"max_epochs": 10, "max_updates": None}
SMALL = Configuration((8,), 1e-3, 100, "relu", "adam", 0.0, 0.0)


@pytest.fixture
def manifest(tmp_path):
    features = [{"name": str(i)} for i in range(10)]
    splits = {"training": 1_000_000, "validation": 100_000}
    path = tmp_path / "manifest.json"
    write_json(path, {"inputs": features, "outputs": features[:2], "splits": splits})
    return path


def test_memory_by_hand(manifest):
    assert resources.data_mb(manifest) == pytest.approx(1.1e6 * 12 * 4 / 1e6)
    large = Configuration((2000, 2000), 1e-3, 100, "relu", "adam", 0.0, 0.0)
    weights = (11 * 2000 + 2001 * 2000 + 2001 * 2) * 4 * resources.COPIES / 1e6
    extra = resources.training_mb(manifest, large) - resources.BASE_MB - 52.8
    assert extra == pytest.approx(weights + 1024 * (4 * 4000 + 2 * 2000) * 4 / 1e6, abs=1)
    # A checkpoint is put together in memory: weights, gradients, two moments and the best weights.
    retraining = resources.training_mb(manifest, large, checkpoints=True)
    assert retraining - resources.training_mb(manifest, large) == pytest.approx(weights, abs=1)
    # Weights in 2 bytes with their gradients, and the inputs of layers with the gradients of two.
    rounded = resources.training_mb(manifest, large, precision="bfloat16")
    expected = weights / resources.COPIES + 1024 * (4000 + 2 * 2000) * 2 / 1e6
    assert rounded - resources.training_mb(manifest, large) == pytest.approx(expected, abs=1)


def test_weights_of_samples_are_another_column(manifest):
    write_json(manifest, read_json(manifest) | {"sample_weight": "area"})
    assert resources.data_mb(manifest) == pytest.approx(1.1e6 * 13 * 4 / 1e6)


def test_memory_does_not_follow_data_beyond_the_shuffled_windows(manifest):
    description = read_json(manifest)
    held = []
    for n_samples in (3_000_000, 300_000_000):
        write_json(manifest, {**description, "splits": {"training": n_samples, "validation": 1}})
        held.append(resources.data_mb(manifest))
    assert held[0] == held[1] == pytest.approx(2 * SHUFFLE_WINDOW * 12 * 4 / 1e6)


def test_time_grows_with_epochs_and_trials(manifest):
    def minutes(budget=BUDGET, **options):
        return resources.training_minutes(manifest, SMALL, budget, **options)

    assert minutes(n_trials=10) > 5 * minutes() / 2
    assert minutes({"max_epochs": 100, "max_updates": None}) > minutes()
    assert minutes({"max_epochs": None, "max_updates": 100_000}) == minutes()
    assert minutes({"max_epochs": 10, "max_updates": 1}) < minutes()


def test_the_time_of_a_retraining_has_that_of_its_errors(manifest):
    """Which are measured on the validation and the test split; subsets have no test split."""
    operations = 10 * 2000 + 2000 * 2000 + 2000 * 2
    configuration = resources.largest_configuration(
        {"n_hidden_layers": {"min": 1, "max": 2}, "width": [2000], "batch_size": 32}
    )
    size = NetworkSize(n_parameters=operations + 4002, n_operations=operations)
    description = read_json(manifest)
    budget = {"max_epochs": 1, "max_updates": None}
    minutes, own = [], []
    for n_test in (0, 9_000_000):
        splits = {"training": 1, "validation": 1_000_000, "test": n_test}
        write_json(manifest, {**description, "splits": splits})
        minutes.append(resources.training_minutes(manifest, configuration, budget))
        own.append(
            resources.own_training_minutes(manifest, [(configuration, size)] * 2, budget) / 2
        )
    n_flops = 10_000_000 * 2 * operations / 60
    assert minutes[1] - minutes[0] == pytest.approx(n_flops / resources.FLOPS_PER_SECOND, abs=1)
    assert own[1] - own[0] == pytest.approx(n_flops / resources.OWN_FLOPS_PER_SECOND, abs=1)


def test_data_that_are_not_there_yet_are_named(tmp_path):
    """Snakemake puts off the evaluation when the file of the error is an input of the job."""
    with pytest.raises(FileNotFoundError) as error:
        resources.data_mb(tmp_path / "manifest.json")
    assert str(error.value.filename) == str(tmp_path / "manifest.json")


@pytest.mark.parametrize("old", ["splits", "training", "inputs", "{"])
def test_a_damaged_manifest_is_about_to_be_made_again(tmp_path, old):
    manifest = tmp_path / "manifest.json"
    splits = {"training": 80, "validation": 10}
    write_json(manifest, {"inputs": [{}], "outputs": [{}], "splits": splits})
    configuration = resources.largest_configuration(
        {"n_hidden_layers": {"min": 1, "max": 5}, "width": [8], "batch_size": 32}
    )
    assert resources.training_minutes(
        manifest, configuration, {"max_epochs": 3, "max_updates": None}
    )
    manifest.write_text(manifest.read_text().replace(old, "z", 1))
    with pytest.raises(FileNotFoundError) as error:
        resources.training_mb(manifest, configuration)
        resources.training_minutes(manifest, configuration, {"max_epochs": 3})
    assert error.value.filename == str(manifest)


def test_extremes_of_a_space():
    space = {"n_hidden_layers": {"min": 1, "max": 5}, "width": [8, 24], "batch_size": [64, 32]}
    assert resources.largest_configuration(space).hidden_widths == (24,) * 5
    assert resources.middle_configuration(space).hidden_widths == (16,) * 3
    assert resources.largest_batch(space) == 64
    assert resources.largest_batch({**space, "batch_size": 16}) == 16
    # The square of equal widths is their mean square on average, (64 + 576) / 2.
    equal = {**space, "width_pattern": "equal"}
    assert resources.middle_configuration(equal).hidden_widths == (18,) * 3


def test_extremes_of_a_space_of_ranges():
    space = {
        "n_hidden_layers": {"min": 1, "max": 5},
        "width": {"min": 8, "max": 24},
        "batch_size": {"min": 16, "max": 100, "log": True},
    }
    largest = resources.largest_configuration(space)
    assert (largest.hidden_widths, largest.batch_size) == ((24,) * 5, 100)
    assert resources.middle_configuration(space).hidden_widths == (16,) * 3


def test_constraints_bound_memory_and_time(manifest):
    """A network of 10,000 parameters takes no more than what 10,000 of them can."""
    large = Configuration((2000,) * 10, 1e-3, 100, "relu", "adam", 0.0, 0.0)
    free = {"max_parameters": None, "max_operations": None}
    needs = [
        (
            resources.training_mb(manifest, large, constraints=constraints),
            resources.training_minutes(manifest, large, BUDGET, constraints=constraints),
        )
        for constraints in (None, free, {**free, "max_parameters": 10_000})
    ]
    assert needs[0] == needs[1]
    allowed = Configuration((700,), 1e-3, 100, "relu", "adam", 0.0, 0.0)
    assert allowed.count_parameters(10, 2) < 10_000
    assert resources.training_mb(manifest, allowed) <= needs[2][0] < needs[0][0]
    assert resources.training_minutes(manifest, allowed, BUDGET) <= needs[2][1] < needs[0][1]


def test_the_configuration_of_a_trial_is_read_from_its_list(tmp_path):
    path = tmp_path / "configurations.jsonl"
    with pytest.raises(FileNotFoundError):
        resources.listed_configuration(path, 0)
    other = replace(SMALL, batch_size=32)
    write_configurations(path, [SMALL, other])
    assert resources.listed_configuration(path, 1) == other
    # It is about to be made again.
    path.write_text("damaged")
    with pytest.raises(FileNotFoundError):
        resources.listed_configuration(path, 0)


def test_needs_of_own_networks_follow_from_their_measured_sizes(manifest, tmp_path):
    own = [replace(SMALL, hyperparameters=(("width", i),)) for i in range(3)]
    sizes = [NetworkSize(10**i, 10 ** (i + 3)) for i in range(3)]
    path = tmp_path / "configurations.jsonl"
    with pytest.raises(FileNotFoundError):
        resources.listed_networks(path, range(3))
    write_configurations(path, own, sizes)
    listed = resources.listed_networks(path, range(3))
    assert [size for _, size in listed] == sizes
    large = [NetworkSize(50_000_000, 10)]
    # Weights, gradients, two moments and the best epoch's; twice that with a checkpoint.
    small = resources.own_training_mb(manifest, sizes)
    assert resources.own_training_mb(manifest, large) == pytest.approx(small + 1000, abs=2)
    with_checkpoint = resources.own_training_mb(manifest, large, checkpoints=True)
    assert with_checkpoint == pytest.approx(small + 2000, abs=2)
    minutes = [resources.own_training_minutes(manifest, listed[: i + 1], BUDGET) for i in range(3)]
    assert minutes == sorted(minutes)
