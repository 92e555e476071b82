"""What the values of a data set suggest for its config: transforms, the loss, the split, sizes."""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import skew

from twostep.config.first_look import CODES, TEXT, Candidate
from twostep.config.suggested_split import suggest_split
from twostep.data.autocorrelation import Sample, measure_autocorrelation, read_sample
from twostep.data.cleaning import Columns
from twostep.data.far_values import FarValues, is_mark
from twostep.data.labels import find_labels
from twostep.data.source import Source, read_headers
from twostep.data.transforms import TRANSFORMS
from twostep.util.errors import UserError
from twostep.util.text import LONGEST_LIST, one_line, shorten

# Quantities whose middle 98 % span more than that are easier to learn from as logarithms, if these
# are less skewed.
WIDE = 20.0
# A variable with no more different values is taken for classes.
MOST_CLASSES = 50
# Samples for step 1: what the paper and the default study take.
STEP_1_SAMPLES = 4000
# Fewer batches in an epoch are too few updates.
BATCH, SMALLEST_BATCH, FEWEST_BATCHES = 128, 8, 8
TRAINING_SHARE = 0.8
# Half of them fill one of the smallest batches.
FEWEST_TRAINING = 2 * SMALLEST_BATCH
# Units of what has none.
DIMENSIONLESS = ("", "1", "-", "fraction")


@dataclass(frozen=True)
class Suggestion:
    """What a first config says of one variable; `note` tells why, for a comment."""

    transform: str = "none"
    note: str = ""


@dataclass(frozen=True)
class Suggestions:
    """What is suggested for a data set.

    `variables` are by name; `left_out` tells of inputs that cannot be used, and why. `split` and
    `training` are those sections of the config, and `notes` say why they are so, by section.
    """

    n_samples: int
    variables: dict[str, Suggestion]
    left_out: dict[str, str]
    split: dict
    training: dict
    max_dropped: float
    constant_features: str
    fraction: float
    batch_size: int
    notes: dict[str, str] = field(default_factory=dict)


def suggest_config(
    files: list[str],
    inputs: list[Candidate],
    outputs: list[Candidate],
    others: list[Candidate],
    dimensions: list[str],
    group: str | None = None,
) -> Suggestions:
    """Look at samples from all over the data, and return what they suggest.

    The variables lie in a `group` of each file, or in the file itself. `others` are variables that
    are no inputs: one of them may tell which samples belong together. Raises UserError if the files
    differ, hold no samples, or no input can be used.
    """
    source, sample = _look(files, inputs, outputs, dimensions, group)
    values = _by_variable(source, sample)
    _count_training(source, 0.0)
    left_out = {each.name: reason for each in inputs if (reason := _why_useless(values[each.name]))}
    left_out |= dict.fromkeys(_find_counters(sample, inputs, values), "it counts the samples")
    for each in outputs:
        if reason := _why_useless(values[each.name]):
            raise UserError(f"output {each.name!r} cannot be learned: {reason}; choose another one")
    inputs = [each for each in inputs if each.name not in left_out]
    if not inputs:
        why = "".join(f"; {one_line(name)}: {reason}" for name, reason in left_out.items())
        raise UserError(
            f"{files[0]} has no input beside the outputs: name some with --inputs"
            f"{shorten(why, LONGEST_LIST)}"
        )
    if left_out:
        source, sample = _look(files, inputs, outputs, dimensions, group)
    used = [*inputs, *outputs]
    training, training_note = _suggest_training(outputs, values)
    variables = {
        each.name: Suggestion(note=TEXT)
        if each.reason == TEXT
        else _suggest(values[each.name], each.units)
        for each in used
    }
    if training.get("output_activation") != "linear":
        variables |= {each.name: Suggestion("none", variables[each.name].note) for each in outputs}
    usable = {
        each.name: _are_usable(values[each.name], variables[each.name].transform) for each in used
    }
    missing = {name: 1 - float(rows.mean()) for name, rows in usable.items()}
    n_dropped = 1 - float(np.mean(np.all(list(usable.values()), axis=0)))
    columns = Columns.find(source, {"inputs": _entries(inputs), "outputs": _entries(outputs)})
    split, split_note = suggest_split(
        source, measure_autocorrelation(source, columns, sample), others
    )
    n_training = _count_training(source, n_dropped)
    fraction, batch_size = _sizes(n_training)
    return Suggestions(
        n_samples=source.n_rows,
        variables=variables,
        left_out=left_out,
        split=split,
        training=training,
        max_dropped=_max_dropped(n_dropped),
        constant_features="drop"
        if any(_is_constant(values[each.name]) for each in used)
        else "refuse",
        fraction=fraction,
        batch_size=batch_size,
        notes={
            "training": training_note,
            "split": split_note,
            "dropped": _missing_note(missing),
        },
    )


def _look(
    files: list[str],
    inputs: list[Candidate],
    outputs: list[Candidate],
    dimensions: list[str],
    group: str | None,
) -> tuple[Source, Sample]:
    """Return the data set of some variables, and samples from all over it in physical units."""
    names = [each.name for each in (*inputs, *outputs)]
    classes = outputs[0].name if len(outputs) == 1 else None
    source = read_headers(files, names, dimensions, group=group, class_variable=classes)
    find_labels(source)
    return source, read_sample(source, dict.fromkeys(names, "none"))


def _entries(variables: list[Candidate]) -> list[dict]:
    return [{"name": each.name, "transform": "none"} for each in variables]


def _by_variable(source: Source, sample: Sample) -> dict[str, np.ndarray]:
    """Return the values of each variable, (n_rows, n_entries), in physical units."""
    rows = np.concatenate([rows for _, rows in sample])
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(source.features):
        places.setdefault(feature.variable, []).append(place)
    return {name: rows[:, own] for name, own in places.items()}


def _why_useless(values: np.ndarray) -> str:
    """Return why no network learns from an input; nothing if it may."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "it is missing in all samples that were looked at"
    if finite.min() == finite.max():
        return "it has the same value in all samples that were looked at"
    return ""


def _find_counters(
    sample: Sample, inputs: list[Candidate], values: dict[str, np.ndarray]
) -> list[str]:
    """Return the inputs whose values, (n_rows, n_entries), are the numbers of the samples."""
    rows = np.concatenate([slab.first_row + np.arange(slab.n_rows) for slab, _ in sample])
    found = []
    for each in inputs:
        differences = values[each.name] - rows[:, None]
        if each.is_integer and len(rows) > 1 and (differences == differences[0]).all():
            found.append(each.name)
    return found


def _suggest(values: np.ndarray, units: str) -> Suggestion:
    """Return the transform that makes the distribution of a variable less skewed."""
    finite = values[np.isfinite(values)]
    marks = _find_marks(finite)
    finite = finite[~np.isin(finite, marks)]
    low, high = np.quantile(finite, [0.01, 0.99]) if finite.size else (0.0, 0.0)
    note = f"{finite.min():.3g} to {finite.max():.3g}" if finite.size else "missing"
    note += f" {units}" if units not in DIMENSIONLESS else ""
    if marks:
        listed = " and ".join(f"{mark:g}" for mark in marks)
        note += f", and {listed}, perhaps for missing values: if so, mask them"
    if not finite.size or finite.min() < 0 or finite.min() == finite.max():
        return Suggestion(note=note)
    for name, is_fit in (
        ("log10", finite.min() > 0 and high > WIDE * low),
        # Of values below 1 it is the values themselves.
        ("log1p", finite.min() == 0 and high > WIDE),
    ):
        if is_fit and abs(skew(TRANSFORMS[name].apply(finite))) < abs(skew(finite)):
            return Suggestion(name, note)
    return Suggestion(note=note)


def _find_marks(finite: np.ndarray) -> list[float]:
    """Return known marks of missing values among (n_values,) that are far from all others."""
    bounds = FarValues(finite)
    far = np.unique(finite[(finite < bounds.low) | (finite > bounds.high)])
    return [value for value in far.tolist() if is_mark(value)]


def _are_usable(values: np.ndarray, transform: str) -> np.ndarray:
    """Return which rows of a variable, (n_rows, n_entries), have no value that is dropped."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.isfinite(TRANSFORMS[transform].apply(values)).all(axis=1)


def _suggest_training(outputs: list[Candidate], values: dict[str, np.ndarray]) -> tuple[dict, str]:
    """Return the section `training` for these outputs, and why."""
    found = np.concatenate([values[each.name].ravel() for each in outputs])
    found = found[np.isfinite(found)]
    (first, *others) = outputs
    kinds = np.unique(found)
    is_integer = first.is_integer and values[first.name].shape[1] == 1
    is_whole = 2 <= len(kinds) <= MOST_CLASSES and bool((kinds == np.floor(kinds)).all())
    # A number with a unit counts something.
    is_code = first.reason in (CODES, TEXT) or (is_integer and first.units in DIMENSIONLESS)
    if first.reason == TEXT and not is_whole:
        raise UserError(
            f"output {first.name!r} has {len(kinds):,} different texts, too many for classes: "
            "choose another one"
        )
    if not others and is_whole and is_code:
        what = "texts" if first.reason == TEXT else "integers"
        return (
            {"loss": "cross_entropy"},
            f"{first.name} holds {len(kinds)} {what}, which are taken for classes",
        )
    if found.size and found.min() >= 0 and found.max() <= 1:
        if len(kinds) == 2:
            return (
                {"loss": "binary_cross_entropy"},
                "each output is 0 or 1: its probability is predicted",
            )
        if all(each.units in DIMENSIONLESS for each in outputs):
            return {"output_activation": "sigmoid"}, "all outputs are within 0 and 1, and stay so"
    return {"output_activation": "linear"}, "the outputs are standardised"


def _is_constant(values: np.ndarray) -> bool:
    """Tell whether an entry of a variable, (n_rows, n_entries), does not vary."""
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    return bool((low == high).any())


def _missing_note(missing: dict[str, float]) -> str:
    """Return which variable is missing most often, of {name: share}; nothing if none is."""
    name = max(missing, key=lambda each: missing[each])
    return f"{name} is missing in {100 * missing[name]:.2g} % of them" if missing[name] else ""


def _max_dropped(missing: float) -> float:
    """Return the limit of the share that is dropped: half as much more than was seen."""
    return 0.05 if missing < 0.03 else min(1.0, math.ceil(150 * missing) / 100)


def _count_training(source: Source, n_dropped: float) -> int:
    """Return about how many samples train if this share of all is dropped; UserError if too few."""
    n_usable = math.floor(source.n_rows * (1 - n_dropped))
    n_training = math.floor(TRAINING_SHARE * n_usable)
    if n_training < FEWEST_TRAINING:
        raise UserError(
            f"{source.files[0]} has too few samples for a study: {n_usable:,} can be used, and "
            f"there must be at least {math.ceil(FEWEST_TRAINING / TRAINING_SHARE)}"
        )
    return n_training


def _sizes(n_training: int) -> tuple[float, int]:
    """Return the fraction of step 1, and a batch size of which it fills some."""
    wanted = min(0.5, STEP_1_SAMPLES / max(1, n_training))
    # One digit, as people would choose it.
    fraction = float(f"{wanted:.0e}")
    batch_size = BATCH
    while batch_size > SMALLEST_BATCH and fraction * n_training < FEWEST_BATCHES * batch_size:
        batch_size //= 2
    return fraction, batch_size
