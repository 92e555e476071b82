"""Files of tensors and plain values, with checksums."""

import io
import zipfile
from pathlib import Path

import torch

from twostep.util.files import atomic_path


def save_tensors(path: str | Path, content: dict) -> None:
    """Write tensors and plain values, whole or not at all; OSError if the disk is full."""
    # Through memory, as torch itself tells of a full disk by an error of its own.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_tensors(path: str | Path) -> dict:
    """Read what `save_tensors` wrote; raises whatever is found first in a damaged file."""
    # torch itself does not look at the checksums of the archive that it writes.
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise ValueError(f"{path} does not agree with its checksums")
        # torch takes an entry with the attribute of a folder for one, and leaves the tensor to what
        # was in the memory.
        if any(entry.external_attr for entry in archive.infolist()):
            raise ValueError(f"{path} has an entry with attributes")
    return torch.load(path, weights_only=True)
