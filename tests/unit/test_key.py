"""The key of a trial holds what decides its numbers, and nothing else."""

import shutil

import pytest

from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys
from twostep.training.losses import LOSSES
from twostep.training.objective import Objective
from twostep.training.precision import FLOAT32
from twostep.trials.key import OF_LOSS, OF_PRECISION, code_hashes, trial_key
from twostep.util import fingerprint


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the library, to be edited."""
    folder = tmp_path / "twostep"
    shutil.copytree(fingerprint.LIBRARY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "LIBRARY", folder)
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Forget the hashes, which a process computes once."""
    fingerprint.hash_module.cache_clear()
    fingerprint.hash_module_alone.cache_clear()


SCHEDULED = {"learning_rate_schedule": "one_cycle", "warmup": 0.05}


# What trials minimise besides the plain mean squared error, which is nothing here.
OBJECTIVES = {
    "weights": {"is_weighed": True},
    "mae": {"loss": "mae"},
    "huber": {"loss": "huber", "huber_delta": 0.5},
    "binary_cross_entropy": {"loss": "binary_cross_entropy"},
    "cross_entropy": {"loss": "cross_entropy"},
}


def all_hashes() -> list[list[str]]:
    """Return the code of a plain trial, of one with a schedule, and of one with each objective."""
    others = [code_hashes({}, objective) for objective in OBJECTIVES.values()]
    return [code_hashes({}, {}), code_hashes(SCHEDULED, {}), *others]


def edit(library, module: str, old: str, new: str) -> None:
    path = library / f"{module}.py"
    text = path.read_text()
    assert old in text, f"{module} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1))
    forget()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        # Sentences of errors.
        ("data/sizes", "take a larger fraction", "choose a larger fraction"),
        ("training/device", "this job finds no GPU", "there is no GPU here"),
        ("data/arrays", "cannot be read", "could not be read"),
        ("util/errors", "LONGEST_SENTENCE = 800", "LONGEST_SENTENCE = 900"),
        # The count of configurations, and how they are drawn: a trial's own is in its key.
        ("trials/space", "return math.inf", "return float('inf')"),
        ("trials/configurations", "n_found < n_needed", "n_needed > n_found"),
        # What is said of trials, and how they are kept.
        ("report/summary", "## Search (step 1)", "## Step 1: search"),
        ("trials/journal", "TRIALS_PER_FOLDER = 100", "TRIALS_PER_FOLDER = 50"),
        (
            "trials/ranking",
            'INTEGERS = ("rank", "best_epoch")',
            'INTEGERS = ("best_epoch", "rank")',
        ),
        ("trials/search", "trials/s", "trials a second"),
        ("trials/trainer", '"host": platform.node()', '"host": platform.node() or "unknown"'),
        ("trials/supervision", "MAX_DEATHS = 2", "MAX_DEATHS = 3"),
        ("training/checkpoint", "MIN_SECONDS = 1.0", "MIN_SECONDS = 2.0"),
        ("training/warm_up", "Budget(max_epochs=1)", "Budget(max_epochs=2)"),
        ("running/resources", "BASE_MB = 700", "BASE_MB = 800"),
        ("data/transforms", "np.log10,", "np.log2,"),
        ("util/wording", "learnable parameters", "parameters"),
    ],
)
def test_what_decides_no_number_is_not_in_the_key(library, module, old, new):
    before = all_hashes()
    edit(library, module, old, new)
    assert all_hashes() == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("training/train", "math.isfinite(train_loss)", "bool(train_loss)"),
        ("training/windows", "SHUFFLE_BLOCK = 65_536", "SHUFFLE_BLOCK = 32_768"),
        ("training/backpropagation", "np.dot", "np.matmul"),
        ("training/backpropagation", "math.fsum(means)", "sum(means)"),
        ("training/activations", "0.01, True", "0.02, True"),
        ("training/optimizers", "EPSILON = 1e-7", "EPSILON = 1e-8"),
        ("training/network", "xavier_uniform_", "xavier_normal_"),
        ("training/configuration", "(fan_in + 1) * out", "fan_in * out"),
        ("training/data", "dtype=np.float64", "dtype=np.float32"),
        ("trials/trial", "if loss >= constant", "if loss > constant"),
        ("util/seeds", ">> 1", ">> 2"),
    ],
)
def test_what_decides_a_number_is_in_the_key(library, module, old, new):
    before = all_hashes()
    edit(library, module, old, new)
    assert all(one != other for one, other in zip(all_hashes(), before, strict=True))


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("training/schedules", "int(warmup * total)", "round(warmup * total)"),
        # Only the schedules count the updates.
        ("training/updates", "max_epochs * math.ceil", "max_epochs * math.floor"),
    ],
)
def test_what_only_schedules_use_is_in_the_key_of_their_trials_alone(library, module, old, new):
    constant, scheduled, *others = all_hashes()
    edit(library, module, old, new)
    after = all_hashes()
    assert after[0] == constant and after[2:] == others
    assert after[1] != scheduled


@pytest.mark.parametrize(
    ("module", "old", "new", "users"),
    [
        ("training/weighing", "clamp_(min=1.0)", "clamp_(min=2.0)", set(OBJECTIVES)),
        ("training/constant", "nanmedian(dim=0)", "nanquantile(0.5, dim=0)", set(OBJECTIVES)),
        ("training/value_losses", ".sign_()", ".sgn_()", {"weights", "mae", "huber"}),
        (
            "training/cross_entropies",
            "torch.logsumexp(outputs, 1",
            "torch.logsumexp(outputs, -1",
            {"binary_cross_entropy", "cross_entropy"},
        ),
        # It only knows the losses by their names.
        ("training/losses", "AbsoluteError(),", "AbsoluteError() or None,", set()),
        ("training/objective", 'loss: str = "mse"', 'loss: str = "mse" + ""', set()),
        ("model/split_loss", "size**2 / 2", "size**2 * 0.5", set()),
    ],
)
def test_the_code_of_a_loss_is_in_the_keys_of_its_family_alone(library, module, old, new, users):
    before = all_hashes()
    edit(library, module, old, new)
    changed = [one != other for one, other in zip(all_hashes(), before, strict=True)]
    assert changed == [False, False, *(name in users for name in OBJECTIVES)]


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        (
            "training/autograd",
            "self._autograd.gradient.zero_()",
            "self._autograd.gradient.fill_(0)",
        ),
        ("training/own_network", "fewest_rows = 2", "fewest_rows = 3"),
    ],
)
def test_the_code_of_own_networks_is_in_the_keys_of_their_trials_alone(library, module, old, new):
    own = {"hyperparameters": {"width": 8}}
    before, others = code_hashes(own, {}), all_hashes()
    edit(library, module, old, new)
    assert code_hashes(own, {}) != before
    assert all_hashes() == others


def test_the_code_of_a_precision_is_in_the_keys_of_its_trials_alone(library):
    before, others = code_hashes({}, {}, "bfloat16"), all_hashes()
    assert code_hashes({}, {}, "float32") == others[0] != before
    edit(library, "training/bfloat16", "2**23", "2**22")
    assert code_hashes({}, {}, "bfloat16") != before
    assert all_hashes() == others
    # It only knows the precisions by their names, and says what is missing.
    before = code_hashes({}, {}, "bfloat16")
    edit(library, "training/precision", "run on one", "take one")
    assert code_hashes({}, {}, "bfloat16") == before


def test_a_setting_at_its_default_changes_no_code():
    """Trials with and without a schedule differ in nothing else."""
    assert code_hashes({"momentum": 0.9}, {}) == code_hashes({}, {})
    assert code_hashes({"learning_rate_schedule": "linear"}, {}) == code_hashes(SCHEDULED, {})


SETTINGS = dict.fromkeys(("data_hash", "output_activation", "torch", "numpy", "device"), "x")
SETTINGS |= {"configuration": {}, "budget": {}, "seed": 1, "threads": 1}


def test_float32_is_not_in_the_key():
    plain = trial_key(objective={}, **SETTINGS)
    assert trial_key(objective={}, precision="float32", **SETTINGS) == plain
    assert trial_key(objective={}, precision="bfloat16", **SETTINGS) != plain


def test_the_plain_mean_squared_error_is_not_in_the_key():
    keys = [trial_key(objective={}, **SETTINGS)]
    keys += [trial_key(objective=objective, **SETTINGS) for objective in OBJECTIVES.values()]
    assert len(set(keys)) == len(keys)
    assert Objective().to_dict() == {}
    assert Objective("huber").to_dict() == {"loss": "huber"}
    for objective in OBJECTIVES.values():
        assert Objective(**objective).to_dict() == objective


def test_each_precision_but_float32_has_its_modules():
    known = dict(list_keys(load_schema()))["search.precision"]["enum"]
    assert set(known) == {FLOAT32, *OF_PRECISION}


def test_each_loss_has_its_modules():
    losses = dict(list_keys(load_schema()))["training.loss"]["enum"]
    assert set(losses) == set(LOSSES) == set(OF_LOSS)
