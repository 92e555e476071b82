"""The type of the processor, on which the last digits of results depend."""

import functools
import platform
from pathlib import Path


@functools.cache
def processor_name() -> str:
    """Return the model of this machine's processor; never fails."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return " ".join(value.split())
    return platform.processor() or platform.machine() or "unknown"
