"""The archives that torch writes, without what differs from machine to machine."""

import io
import zipfile
from pathlib import Path

METADATA = "metadata.json"
# What torch writes beside the model: paths of this machine, and what depends on them.
LEFT_OUT = (".debug_pkl", "serialization_id", "traced_inputs.pkl", "traced_inputs/0")


def copy_essential(content: io.BytesIO, path: Path) -> None:
    """Copy an archive of torch to a file."""
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if not name.endswith(LEFT_OUT):
                # A ZipInfo of its own carries no clock.
                target.writestr(zipfile.ZipInfo(name), source.read(name))
