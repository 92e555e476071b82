"""What the page to explore shows of each trial, and how it is thinned to fit into a page."""

import math
from collections.abc import Iterable, Mapping, Sequence

from twostep.trials.records import flatten_configuration
from twostep.trials.settings import further_settings
from twostep.util.columns import is_fully_connected, network_columns
from twostep.util.text import shorten
from twostep.util.wording import describe_level, is_rung, spell

# The name of step 2 beside those of fractions and rungs.
STEP_2 = "retrain"
# Loss curves of so many trials of each step are in the page, each with so many epochs: those of
# 10,000 trials with 100 epochs would be 20 MB.
MOST_CURVES = 300
MOST_EPOCHS = 40
# Digits of numbers in the page; records and tables have all of them.
DIGITS = 6
CURVE_DIGITS = 4
LONGEST_MESSAGE = 300


def gather(records: Mapping[str, Sequence[dict]]) -> dict:
    """Return all that the page shows of trials, as JSON has it.

    Parameters
    ----------
    records : {name of a fraction, of a rung or `STEP_2`: its records, in any order}. Step 2 may
        have several for a trial, its repetitions.

    Returns
    -------
    Mapping with the ids of the `trials`, the `columns` that describe their configurations, and the
    `steps` with their losses in the units of training. All lists are as long as that of the trials,
    and in its order. A trial that a step has not trained, or that failed in it, has no loss there.
    """
    by_trial = {record["trial"]: record for of_step in records.values() for record in of_step}
    trials = sorted(by_trial)
    return {
        "trials": trials,
        "columns": _columns([by_trial[trial] for trial in trials]),
        "steps": [_step(name, of_step, trials) for name, of_step in records.items()],
    }


def _columns(records: list[dict]) -> list[dict]:
    """Return name, label and values of what describes configurations; one record a trial."""
    further = further_settings(name for record in records for name in record["configuration"])
    rows = [flatten_configuration(record, further) for record in records]
    # A hyperparameter of the user's own may have any name, and keeps it.
    is_own = bool(rows) and not is_fully_connected(rows[0])
    own = set(network_columns(rows[0])) if is_own else set()
    return [
        {
            "name": name,
            "label": name if name in own else spell(name).removeprefix("number of "),
            "values": [_plain(row.get(name)) for row in rows],
        }
        for name in dict.fromkeys(name for row in rows for name in row)
    ]


def _plain(value: object) -> str | float | None:
    """Return a value as a number or a text, whichever it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _rounded(value, DIGITS)
    return None if value is None else str(value)


def _rounded(value: float | None, digits: int) -> float | None:
    """Return a number with so many digits; None for none, or one that is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.{digits}g}")


def _step(name: str, records: Sequence[dict], trials: list[int]) -> dict:
    """Return what one step came to."""
    repetitions: dict[int, list[dict]] = {}
    for record in sorted(records, key=lambda record: (record["trial"], record["seed"])):
        repetitions.setdefault(record["trial"], []).append(record)
    losses = {trial: _mean_loss(of_trial) for trial, of_trial in repetitions.items()}
    failed = {
        trial: next((record for record in of_trial if record["status"] != "ok"), None)
        for trial, of_trial in repetitions.items()
    }
    return {
        "name": name,
        "label": _label(name, max(map(len, repetitions.values()), default=1)),
        "reproduce": name if name != STEP_2 else None,
        "loss": [_rounded(losses.get(trial), DIGITS) for trial in trials],
        "status": [_status(failed, trial) for trial in trials],
        "epochs": [_epochs(repetitions.get(trial)) for trial in trials],
        "messages": {
            trial: shorten(record["message"], LONGEST_MESSAGE)
            for trial, record in failed.items()
            if record and record["message"]
        },
        "curves": _curves(repetitions, losses),
    }


def _label(name: str, n_repetitions: int) -> str:
    if name == STEP_2:
        mean = f", mean of {n_repetitions}" if n_repetitions > 1 else ""
        return f"step 2, all data{mean}"
    return describe_level(name) if is_rung(name) else f"step 1, {describe_level(name)}"


def _mean_loss(records: list[dict]) -> float | None:
    """Return the mean over the repetitions of a trial; None if one of them failed."""
    losses = [record["min_val_loss"] for record in records]
    if any(record["status"] != "ok" for record in records):
        return None
    return sum(losses) / len(losses)


def _status(failed: Mapping[int, dict | None], trial: int) -> str | None:
    """Return how a trial ended; None if it was not trained."""
    if trial not in failed:
        return None
    record = failed[trial]
    return record["status"] if record else "ok"


def _epochs(records: list[dict] | None) -> int | None:
    return records[0]["epochs"] if records else None


def _curves(
    repetitions: Mapping[int, list[dict]], losses: Mapping[int, float | None]
) -> dict[int, list[list]]:
    """Return epochs, validation and training losses of the best trials, of the first repetition."""
    ranked = sorted(
        (loss, trial) for trial, loss in losses.items() if loss is not None and math.isfinite(loss)
    )
    return {trial: _curve(repetitions[trial][0]) for _, trial in ranked[:MOST_CURVES]}


def _curve(record: dict) -> list[list]:
    epochs = thin(len(record["val_loss"]), record["best_epoch"])
    return [
        epochs,
        *(
            [_rounded(record[name][epoch - 1], CURVE_DIGITS) for epoch in epochs]
            for name in ("val_loss", "train_loss")
        ),
    ]


def thin(n_epochs: int, best_epoch: int) -> list[int]:
    """Return at most `MOST_EPOCHS` of the epochs 1 ... n_epochs: first, last, best and others."""
    if n_epochs <= MOST_EPOCHS:
        return list(range(1, n_epochs + 1))
    n_even = MOST_EPOCHS - 1
    even: Iterable[int] = (1 + i * (n_epochs - 1) // (n_even - 1) for i in range(n_even))
    return sorted({*even, best_epoch})
