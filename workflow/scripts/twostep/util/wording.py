"""Numbers and settings in words, for people."""

import decimal
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from twostep.util.columns import is_fully_connected, network_columns
from twostep.util.text import MOST_FEATURES, list_features

if TYPE_CHECKING:
    import pandas as pd

METRIC_LABELS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}
# Of probabilities, of classes or of events.
CLASS_LABELS = {"accuracy": "accuracy", "log_loss": "log loss", "brier": "Brier score"}
LOSS_NAMES = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
    "binary_cross_entropy": "binary cross-entropy",
    "cross_entropy": "cross-entropy of the classes",
}
# Digits of a range's ends, and more of them where the ends have many digits in common.
RANGE_DIGITS = 6
# Correlations of neighbouring samples below this are worth a word: chance makes none of them.
UNLIKE = -0.1


def describe_level(name: str) -> str:
    """Return what a ranking is of: "fraction 0.05" for "0.05", "rung 1" for "rung_1"."""
    return name.replace("_", " ") if is_rung(name) else f"fraction {name}"


def is_rung(name: str) -> bool:
    """Tell whether the ranking with this name is that of a rung, not of a fraction."""
    return name.startswith("rung_")


def table(rows: list[list[str]]) -> str:
    """Return rows of texts, the first of which are the headers, as a table in Markdown."""
    header, *others = rows
    lines = [header, ["---"] * len(header), *others]
    return "\n".join(f"| {' | '.join(map(_without_markup, line))} |" for line in lines)


def _without_markup(text: str) -> str:
    """Return a text, maybe from a file, that neither ends its cell nor is taken for HTML."""
    return text.replace("|", "/").replace("<", "«").replace(">", "»")


def class_table(models: Mapping[str, Mapping]) -> str:
    """Return a table of how good probabilities are; `models` maps names to values by metric."""
    rows = [["", *CLASS_LABELS.values()]]
    for name, values in models.items():
        accuracy, *others = (values[metric] for metric in CLASS_LABELS)
        rows.append([name, percentage(accuracy), *map(short, others)])
    return table(rows)


def each_class_table(classes: Mapping[str, Mapping]) -> str:
    """Return a table of the recall and the precision of classes, the worst where they are many.

    `classes` maps names to values by metric. A class that nothing was said to be of has none.
    """

    shown = list(classes)
    note = "*Recall* is the share of the samples of a class that are recognised, and *precision* "
    note += "the share of those said to be of the class that are."
    if len(shown) > MOST_FEATURES:
        # Each class has samples in each split.
        shown = sorted(shown, key=lambda name: classes[name]["recall"])[:MOST_FEATURES]
        note += (
            f" These are the {MOST_FEATURES} of {len(classes):,} classes with the lowest recall."
        )
    rows = [["class", "recall", "precision"]]
    rows += [
        [f"`{name}`", *(percentage(classes[name][metric]) for metric in ("recall", "precision"))]
        for name in shown
    ]
    return f"{table(rows)}\n\n{note}"


def percentage(share: float | None) -> str:
    """Return a share of samples in per cent, with one digit behind the point."""
    return "none" if share is None or math.isnan(share) else f"{100 * share:.1f} %"


def ends(low: float, high: float) -> tuple[str, str]:
    """Return the ends of a range as texts, rounded outwards so that all its values lie between."""
    width = high - low
    return (
        _round(low, _digits(low, width), decimal.ROUND_FLOOR),
        _round(high, _digits(high, width), decimal.ROUND_CEILING),
    )


def _digits(value: float, width: float) -> int:
    """Return how many digits of an end are worth telling: three or four of the width's."""
    if value == 0 or not 0 < width < math.inf:
        return RANGE_DIGITS
    common = math.floor(math.log10(abs(value))) - math.floor(math.log10(width))
    return max(RANGE_DIGITS, common + 4)


def _round(value: float, digits: int, rounding: str) -> str:
    # Without the sign of a negative zero.
    exact = decimal.Decimal(repr(float(value) + 0.0))
    rounded = decimal.Context(prec=digits, rounding=rounding).plus(exact)
    return f"{float(rounded):.{digits}g}"


def left_out(constant: list[dict]) -> str:
    """Return which features were left out because they do not vary, as a sentence."""
    parts = []
    for role in ("input", "output"):
        names = [entry["feature"] for entry in constant if entry["role"] == role]
        if names:
            parts.append(f"{number(len(names), role)} ({list_features(names)})")
    return (
        f"Left out, because they do not vary in the training split, or vary by rounding alone: "
        f"{' and '.join(parts)}."
    )


def spell(name: str) -> str:
    """Return the name of a key or a column as words, e.g. "number of hidden layers"."""
    if name.startswith("n_"):
        name = f"number_of_{name.removeprefix('n_')}"
    return name.replace("_", " ")


def short(value: float) -> str:
    """Return a number with three digits."""
    return f"{value:.3g}"


def times(ratio: float) -> str:
    """Return a ratio with two digits, three near 1, or all its digits before the point."""
    if ratio >= 99.5:
        return f"{ratio:,.0f}"
    return f"{ratio:.3g}" if 0.95 < ratio < 1.05 else f"{ratio:.2g}"


def times_as(ratio: float, quality: str) -> str:
    """Return e.g. "2.5 times as high as"; "as high as" for a ratio that is told as 1."""
    text = times(ratio)
    return f"as {quality} as" if text == "1" else f"{text} times as {quality} as"


def times_less(ratio: float, word: str) -> str:
    """Return e.g. "3.4 times fewer" for a ratio of 2 or more, "17 % fewer" for a smaller one."""
    return f"{times(ratio)} times {word}" if ratio >= 2 else f"{100 * (1 - 1 / ratio):.2g} % {word}"


def number(n: int, thing: str) -> str:
    """Return e.g. "1,200 trials" or "1 trial"."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def share(part: int, whole: int, things: str) -> str:
    """Return e.g. "60 of 200 trials (30 %)"."""
    percentage = f" ({100 * part / whole:.2g} %)" if whole and 0 < part < whole else ""
    return f"{part:,} of {whole:,} {things}{percentage}"


def percent(probability: float) -> str:
    """Return a probability in per cent with two digits, or that it is less than 1 %."""
    return "less than 1 %" if probability < 0.01 else f"{100 * probability:.2g} %"


def duration(seconds: float) -> str:
    """Return a time in seconds, minutes or hours, whichever is handy."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:,.1f} h"


def counts(values: Iterable[str]) -> str:
    """Return e.g. "3 diverged, 1 killed", the most frequent first."""
    ordered = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {value.replace('_', ' ')}" for value, count in ordered)


def network(row: "Mapping | pd.Series") -> str:
    """Return a network's depth, widths and size; `row` is a row of a table of trials.

    In place of depth and widths, networks of the user's own have hyperparameters.
    """
    size = f"{int(row['n_parameters']):,} learnable parameters"
    if is_fully_connected(row):
        layers = int(row["n_hidden_layers"])
        return f"{number(layers, 'hidden layer')} ({row['hidden_widths']}), {size}"
    own = [f"{name} {_value(row[name])}" for name in network_columns(row.keys())]
    return ", ".join([*own, size])


def _value(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def unit_of(unit: str) -> str:
    """Return a unit with a space before it; nothing for a number without one."""
    unit = _without_markup(unit.strip())
    return "" if unit.lower() in ("", "1", "-", "dimensionless") else f" {unit}"


def budget(limits: dict, *, schedules: Sequence[str] = ()) -> str:
    """Return a training budget as part of a sentence.

    `schedules` are the names of those that the learning rate follows, if it is not constant.
    """
    words = {
        "max_epochs": "at most {:,} epochs",
        "max_updates": "at most {:,} updates",
        "patience_epochs": "until {:,} epochs bring no lower validation loss",
        "patience_updates": "until {:,} updates bring no lower validation loss",
    }
    set_limits = [text.format(limits[key]) for key, text in words.items() if limits.get(key)]
    text = ", ".join(set_limits) + (", whichever comes first" if len(set_limits) > 1 else "")
    if not schedules:
        return text
    names = " or ".join(schedules)
    return f"{text} (with the schedule {names} the learning rate has then fallen to 0)"


def loss(name: str, huber_delta: float, manifest: dict) -> str:
    """Return what a training minimises as part of a sentence, with its weights and masks.

    `name` and `huber_delta` are those of the config. The manifest tells weights and masks where
    there are any.
    """
    text = LOSS_NAMES[name]
    if name == "huber":
        text += f" (linear for errors above {huber_delta:g})"
    outputs = manifest["outputs"]
    weights = {output["variable"]: output["weight"] for output in outputs if "weight" in output}
    masked = dict.fromkeys(output["variable"] for output in outputs if "missing" in output)
    if "sample_weight" in manifest:
        text += f", samples weighed by `{manifest['sample_weight']}`"
    if weights:
        told = ", ".join(f"`{variable}` by {weight:g}" for variable, weight in weights.items())
        text += f", outputs weighed ({told})"
    if masked:
        text += f", without the missing values of {', '.join(f'`{name}`' for name in masked)}"
    return text


def space(dimensions: dict) -> str:
    """Return a search space as part of a sentence: each dimension's values or range."""
    texts = []
    for name, values in dimensions.items():
        if isinstance(values, dict):
            text = f"{values['min']:g} to {values['max']:g}"
            text += " (logarithmic)" if values.get("log") else ""
        else:
            text = ", ".join(map(str, values)) if isinstance(values, list) else str(values)
        texts.append(f"{spell(name)} {text}")
    return "; ".join(texts)


def constraints(limits: dict) -> str:
    """Return what `search.constraints` allows as a sentence after a blank; nothing if all."""
    texts = [
        f"{limit:,} {name.removeprefix('max_')}"
        for name, limit in limits.items()
        if limit is not None
    ]
    return f" No network has more than {' or '.join(texts)}." if texts else ""


def splits(manifest: dict) -> str:
    """Return the sizes of the splits and how the samples were divided as part of a sentence."""
    sizes, division = manifest["splits"], manifest["split"]
    variable, n_units = division["variable"], division["n_units"]
    method = {
        "random": "divided at random",
        "blocks": f"divided by {n_units} contiguous blocks "
        + (f"along `{variable}`" if variable else "of neighbouring samples"),
        "group": f"divided by `{variable}`, whose {n_units} values are each in one split only",
        "variable": f"as the variable `{variable}` says",
    }[division["method"]]
    return (
        f"{sizes['training']:,} training, {sizes['validation']:,} validation and "
        f"{sizes['test']:,} test samples, {method}"
    )


def autocorrelation(measured: dict, *, is_generated: bool) -> str:
    """Return the measured likeness of neighbouring samples as a sentence; from the manifest.

    `is_generated` tells if the embedded model made the data, which spreads its inputs evenly.
    """
    lag = measured["lag"]
    apart = "Neighbouring samples" if lag == 1 else f"Samples that are {lag} steps apart"
    text = (
        f"{apart} along `{measured['along']}` correlate with {measured['inputs']:.2f} "
        f"in the inputs and {measured['outputs']:.2f} in the outputs (means over "
        f"{measured['n_pairs']:,} pairs)."
    )
    if measured["inputs"] < UNLIKE and is_generated:
        text += (
            " They are less alike than at random, because the inputs were spread evenly over their "
            "ranges. That does no harm."
        )
    return text
