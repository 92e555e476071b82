"""What a text of the report promises, whatever its sentences are: numbers, keys, what it is about.

A sentence may be worded anew without a change of any test; a wrong number, key, kind or topic may
not.
"""

import re

from twostep.report.finding import Finding

# Digits of names are no numbers: of the steps, of files in links, of widths such as 64-32, of x1.
# Neither are those of what stands in backticks.
NAMES = r"\b[Ss]tep [12]\b|`[^`]*`|\]\([^)]*\)"
NUMBER = r"(?<![\w./-])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\w|-\d)"


def numbers(text: str) -> list[float]:
    """Return the numbers of a text in their order, those of names left out; 5 for "5 %"."""
    found = re.findall(NUMBER, re.sub(NAMES, " ", text))
    return [float(number.replace(",", "")) for number in found]


def tells(text: str, *values: float) -> bool:
    """Return whether a text has these numbers in this order, with no other one among them."""
    found, wanted = numbers(text), list(values)
    places = range(len(found) - len(wanted) + 1)
    return any(found[place : place + len(wanted)] == wanted for place in places)


def rounded(value: float, digits: int) -> float:
    """Return a number as a text tells it that gives so many digits of it."""
    return float(f"{value:.{digits}g}")


def without_numbers(text: str) -> str:
    """Return a text that is equal to another one if the two differ in their numbers alone."""
    return re.sub(NUMBER, "#", text)


def names(text: str) -> set[str]:
    """Return what stands in backticks in a text, such as keys of the config."""
    return set(re.findall(r"`([^`]*)`", text))


def about(finding: Finding) -> tuple[str, str, str]:
    """Return all of a finding that is not its sentences, for one comparison."""
    return finding.kind, finding.topic, finding.fraction
