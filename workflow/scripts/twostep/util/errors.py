"""The one exception that is meant to be read by the person who started the run."""

# Letters after which a sentence is cut in its middle: names in configs and files can be any length.
LONGEST_SENTENCE = 800


class UserError(Exception):
    """One clear sentence: what is wrong, where (file, key, row) and what to do about it.

    Whatever names and messages it repeats, it becomes one line that can be printed.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(_readable(sentence))


def describe_system_error(error: OSError) -> str:
    """Return what the system says of a file or a disk, and what to do, as one sentence."""
    where = f" ({error.filename})" if error.filename else ""
    reason = error.strerror or str(error)
    return _readable(f"{reason}{where}: mend that and run the same command again")


def _readable(sentence: str) -> str:
    """Return a sentence without line breaks and control characters, and not endless."""
    text = " ".join(sentence.split())
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    if len(text) <= LONGEST_SENTENCE:
        return text
    half = LONGEST_SENTENCE // 2
    return f"{text[:half]} ... {text[-half:]}"
