"""Logging of the rules' scripts."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twostep.errors import UserError


@contextmanager
def reporting(log_file: str) -> Iterator[None]:
    """Log to the rule's file; turn a UserError into its sentence on stderr and exit status 1."""
    Path(log_file).parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=log_file,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    start = time.monotonic()
    try:
        yield
    except UserError as error:
        logging.error("%s", error)
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception:
        logging.exception("unexpected error")
        raise
    logging.info("finished in %.1f s", time.monotonic() - start)
