"""The type of the processor, on which the last digits of results depend."""

import functools
import platform
from pathlib import Path


@functools.cache
def processor_name() -> str:
    """Return the model of this machine's processor, with its family where Linux tells; never fails.

    Virtual machines often hide the model behind a name that many have in common.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    # Of the first core only.
    lines = text.split("\n\n")[0].splitlines()
    fields = {
        key.strip(): " ".join(value.split()) for key, _, value in (x.partition(":") for x in lines)
    }
    if not fields.get("model name"):
        return platform.processor() or platform.machine() or "unknown"
    numbers = [f"{key} {fields[key]}" for key in ("cpu family", "model") if fields.get(key)]
    return fields["model name"] + (f" ({', '.join(numbers)})" if numbers else "")
