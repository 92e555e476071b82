"""The key of a trial holds what decides its numbers, and nothing else."""

import shutil

import pytest

from twostep.trials.key import code_hashes
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


def all_hashes() -> list[list[str]]:
    """Return the code of a trial with a constant learning rate, and of one with a schedule."""
    return [code_hashes({}), code_hashes(SCHEDULED)]


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
        ("trials/configurations", "itertools.islice(drawn", "itertools.islice(iter(drawn)"),
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
        ("training/train", "math.fsum(per_output)", "sum(per_output)"),
        ("training/windows", "SHUFFLE_BLOCK = 65_536", "SHUFFLE_BLOCK = 32_768"),
        ("training/backpropagation", "np.dot", "np.matmul"),
        ("training/activations", "0.01, True", "0.02, True"),
        ("training/optimizers", "EPSILON = 1e-7", "EPSILON = 1e-8"),
        ("training/network", "xavier_uniform_", "xavier_normal_"),
        ("training/configuration", "(fan_in + 1) * out", "fan_in * out"),
        ("training/data", "dtype=np.float64", "dtype=np.float32"),
        ("trials/trial", "loss >= variances[name]", "loss > variances[name]"),
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
    constant, scheduled = all_hashes()
    edit(library, module, old, new)
    after = all_hashes()
    assert after[0] == constant
    assert after[1] != scheduled


def test_a_setting_at_its_default_changes_no_code():
    """Trials with and without a schedule differ in nothing else."""
    assert code_hashes({"momentum": 0.9}) == code_hashes({})
    assert code_hashes({"learning_rate_schedule": "linear"}) == code_hashes(SCHEDULED)
