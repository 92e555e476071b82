"""What a check of a study came to."""

from dataclasses import dataclass

GOOD, DOUBT, UNKNOWN = "good", "doubt", "unknown"


@dataclass(frozen=True)
class Finding:
    """What one check of a study came to, in whole sentences.

    `kind` is GOOD, DOUBT (the text then says what to change) or UNKNOWN. The verdict names the
    `topic` of doubts and of what is not known, a few words, with the `fraction` that it is about.
    """

    text: str
    kind: str = GOOD
    topic: str = ""
    fraction: str = ""
