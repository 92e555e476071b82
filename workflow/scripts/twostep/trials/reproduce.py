"""Whether a trial that was trained once more came out as it is recorded."""

from collections.abc import Iterable

from twostep.util.errors import UserError
from twostep.util.wording import describe_level


def find_record(records: Iterable[dict], trial: int, step: str) -> dict:
    """Return the record of a trial; UserError if the step, such as a rung, did not train it."""
    for record in records:
        if record["trial"] == trial:
            return record
    raise UserError(f"trial {trial} was not trained in {describe_level(step)}: no cut let it pass")


def differing_fields(recorded: dict, reproduced: dict) -> list[str]:
    """Return the names of the fields in which two records of a trial differ in any bit."""
    names = sorted(recorded.keys() | reproduced.keys())
    return [name for name in names if recorded.get(name) != reproduced.get(name)]


def describe_comparison(trial: int, differing: list[str]) -> str:
    """Return the outcome as a sentence."""
    if not differing:
        return f"Trial {trial} was trained once more: its record is identical, to the last bit."
    return (
        f"Trial {trial} was trained once more: its record differs in {', '.join(differing)}. "
        "If it was recorded on another processor or with other versions (timings.csv), that "
        "explains it."
    )
