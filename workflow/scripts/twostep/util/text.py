"""Texts from configs and files, cut and made printable, and what an unknown name may stand for."""

import difflib
from collections import Counter
from collections.abc import Iterable

# Letters of a text from a file that are worth repeating, and of a word that is looked for.
LONGEST_TEXT = 200
LONGEST_WORD = 60
# Names that a sentence lists, and the letters of such a list.
MOST_NAMES = 20
LONGEST_LIST = 450
# Features that a sentence, a table or a figure shows one by one. Of more of them it shows the
# variables, or only some.
MOST_FEATURES = 24


def shorten(text: str, most: int) -> str:
    """Return a text of at most so many letters, with three dots where it was cut."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def one_line(text: str) -> str:
    """Return a text from a file as one line of printable characters, cut if it is very long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return shorten(" ".join(printable.split()), LONGEST_TEXT)


def nearest(word: object, known: Iterable[str], likeness: float = 0.6) -> list[str]:
    """Return the known words that begin like the given one, else the most similar, or nothing.

    What is less like it than the `likeness`, from 0 to 1, is not meant.
    """
    start, words = str(word)[:LONGEST_WORD].lower(), list(known)
    longer = [candidate for candidate in words if start and candidate.startswith(start)]
    if 0 < len(longer) <= 3:
        return longer
    return difflib.get_close_matches(start, words, n=1, cutoff=likeness)


def did_you_mean(candidates: list[str]) -> str:
    """Return the end of a sentence that offers what may be meant; nothing if there is nothing."""
    if not candidates:
        return ""
    *others, last = candidates
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def list_names(names: list[str]) -> str:
    """Return names for a sentence, e.g. "a, b and 103 more"."""
    n_more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {n_more:,} more" if n_more > 0 else "")


def list_features(names: list[str], mark: str = "`") -> str:
    """Return names of features for a sentence, each in a pair of marks; of many, the variables.

    E.g. "`q`, `t[0]`" or "`q`, `t` (60 entries)". Long names are like many.
    """
    marked = [f"{mark}{name}{mark}" for name in names]
    if len(names) == 1 or (len(names) <= MOST_FEATURES and sum(map(len, marked)) <= LONGEST_LIST):
        return ", ".join(marked)
    counts = Counter(name.partition("[")[0] for name in names)
    return list_names(
        [
            f"{mark}{variable}{mark}" + (f" ({count:,} entries)" if count > 1 else "")
            for variable, count in counts.items()
        ]
    )


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the same for a name that is not known; the known names if none of them is like it."""
    names = list(known)
    # Names of variables are short: one other letter of two is half of the name.
    if near := nearest(name, names, likeness=0.5):
        return did_you_mean([repr(candidate) for candidate in near])
    if not names:
        return ""
    return f"; it has {list_names(names)}"
