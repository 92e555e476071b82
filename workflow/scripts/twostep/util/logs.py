"""Logging of the rules' scripts, and their end."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from twostep.util.errors import UserError, describe_system_error

# What a shell says of a command that Ctrl-C has ended.
INTERRUPTED = 130


def print_error(sentence: str) -> None:
    """Print the sentence of an error where the user sees it."""
    print(f"Error: {sentence}", file=sys.stderr)


@contextmanager
def reporting(log_file: str, fail: Callable[[str], None] = print_error) -> Iterator[None]:
    """Log to the rule's file; turn what a person can mend into a sentence and exit status 1.

    That is a UserError, and what the system says of files and disks. `fail` passes the sentence on.
    Warnings of libraries go to the log, too.
    """
    start = time.monotonic()
    # A log on a full disk must not cover the sentence that says so.
    logging.raiseExceptions = False
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            filename=log_file,
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(message)s",
            force=True,
        )
        logging.captureWarnings(True)
        yield
    except UserError as error:
        logging.error("%s", error)
        fail(str(error))
        sys.exit(1)
    except OSError as error:
        logging.exception("a file or a disk failed")
        fail(f"{describe_system_error(error)}; more is in {log_file}")
        sys.exit(1)
    except KeyboardInterrupt:
        logging.error("interrupted")
        sys.exit(INTERRUPTED)
    except Exception as error:
        logging.exception("unexpected error")
        fail(f"unexpected {type(error).__name__}: its traceback is in {log_file}")
        raise
    logging.info("finished in %.1f s", time.monotonic() - start)


def end_process(status: int = 0) -> NoReturn:
    """End the process at once, with all that was written and logged.

    Python would take every module apart first, which after torch takes half a second.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
