"""Write words of ten languages (pip install wordfreq==3.1.1) to a NetCDF file."""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import xarray as xr
from wordfreq import iter_wordlist

LANGUAGES = {
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
    "sv": "Swedish",
}
N_WORDS = 8000  # of each language, the most frequent ones
SHORTEST, LONGEST = 3, 12  # letters
# The code of a letter is its place here plus 1; 0 is the blank behind a word.
LETTERS = "abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëìíîïñòóôõöøùúûüœß"


def list_words(language: str) -> list[str]:
    """Return the most frequent words of a language that have the letters and lengths above."""
    words = (
        word
        for word in iter_wordlist(language, wordlist="small")
        if SHORTEST <= len(word) <= LONGEST and set(word) <= set(LETTERS)
    )
    return list(islice(words, N_WORDS))


def encode(word: str) -> list[int]:
    """Return the codes of a word's letters, filled up with blanks."""
    return [LETTERS.index(letter) + 1 for letter in word] + [0] * (LONGEST - len(word))


def make_words() -> xr.Dataset:
    """Return the words of all languages: a word of two languages is there twice."""
    words, languages = zip(
        *(
            (word, number)
            for number, language in enumerate(LANGUAGES)
            for word in list_words(language)
        ),
        strict=True,
    )
    # The same number for the same word, whatever its language.
    spellings = np.unique(words, return_inverse=True)[1]
    classes = {
        "flag_values": np.arange(len(LANGUAGES), dtype=np.int8),
        "flag_meanings": " ".join(LANGUAGES.values()),
    }
    return xr.Dataset(
        {
            "letters": (
                ("word", "place"),
                np.array([encode(word) for word in words], np.int8),
                {"units": "1", "long_name": f"codes of the letters, from 1: {LETTERS}"},
            ),
            "language": (
                "word",
                np.array(languages, np.int8),
                {"long_name": "language that the word is frequent in"} | classes,
            ),
            "spelling": (
                "word",
                spellings.astype(np.int32),
                {"units": "1", "long_name": "number of the word"},
            ),
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default="data/words.nc")
    path, words = parser.parse_args().path, make_words()
    path.parent.mkdir(parents=True, exist_ok=True)
    words.to_netcdf(path, engine="netcdf4")
    print(f"{path}: {words.sizes['word']:,} words")
