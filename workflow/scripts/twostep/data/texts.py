"""Text in data files, whatever its type and its encoding."""

import codecs
import sys

import numpy as np
import xarray as xr

from twostep.util.errors import UserError

# Marks a variable whose texts hold a letter for each byte, as Latin-1 has it.
BYTES_AS_LETTERS = "bytes_as_letters"
# Every byte is a letter in it.
LATIN_1 = "latin-1"


def is_characters(array: xr.Variable, others: list[str]) -> bool:
    """Tell whether a variable holds text as single characters, along its last dimension.

    It does not where that is one of the `others`: then each text is one character.
    """
    return array.dtype == "S1" and array.ndim > 0 and array.dims[-1] not in others


def text_of(values: np.ndarray, array: xr.Variable, where: str, *, join: bool) -> np.ndarray:
    """Return values of a variable, or of a part of it, as text without blanks at its end.

    With `join`, they are single characters along the last axis.
    Bytes are in the encoding that the attribute `_Encoding` names, by default UTF-8. An element
    that is not is read as Latin-1: by itself, so that a label never depends on its neighbours.
    `where` names file and variable in the UserError for an encoding that is not known, or for
    characters that there are not.
    """
    encoding = _encoding(array, where)
    if join:
        values = _join(values)
    if values.dtype.kind == "S":
        texts = _decode_all(values, encoding)
    elif values.dtype.kind in "OT":
        as_letters = bool(array.encoding.get(BYTES_AS_LETTERS))
        flat = [_text(value, encoding, as_letters=as_letters) for value in values.ravel().tolist()]
        texts = np.array(flat, dtype=str).reshape(values.shape)
    else:
        if values.dtype.kind == "U":
            _check_characters(values, where)
        texts = values.astype(str)
    # Programs fill texts up to a fixed width with blanks, or with NULs, which numpy leaves out.
    return np.char.rstrip(texts)


def _encoding(array: xr.Variable, where: str) -> str:
    encoding = str(array.attrs.get("_Encoding", "utf-8"))
    try:
        # An encoding such as base64 makes no text.
        np.char.decode(np.array([b"a"]), codecs.lookup(encoding).name)
    except (LookupError, ValueError) as error:
        raise UserError(
            f"{where} has the _Encoding {encoding!r}, which is not known: correct the attribute"
        ) from error
    return encoding


def _check_characters(values: np.ndarray, where: str) -> None:
    """Raise UserError if stored characters are none: Python fails wherever it meets one."""
    native = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))).reshape(-1)
    if native.nbytes and native.view(np.uint32).max() > sys.maxunicode:
        raise UserError(
            f"{where} holds characters that Unicode does not have: the file is damaged; copy or "
            "make it again"
        )


def _join(characters: np.ndarray) -> np.ndarray:
    """Return the texts, (...), that single characters, (..., length), make."""
    length = characters.shape[-1]
    if not length:
        return np.zeros(characters.shape[:-1], "S1")
    return np.ascontiguousarray(characters).view(f"S{length}")[..., 0]


def _decode_all(values: np.ndarray, encoding: str) -> np.ndarray:
    try:
        return np.char.decode(values, encoding)
    except UnicodeDecodeError:
        flat = [_decode(value, encoding) for value in values.ravel()]
        return np.array(flat, dtype=str).reshape(values.shape)


def _text(value: object, encoding: str, *, as_letters: bool) -> str:
    if isinstance(value, str) and as_letters:
        value = value.encode(LATIN_1)
    if isinstance(value, bytes):
        return _decode(value, encoding)
    is_missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if is_missing else str(value)


def _decode(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return value.decode(LATIN_1)
