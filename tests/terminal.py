"""A terminal without a person: runs a command in one, and tells what a person would see there."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROWS = 50
CTRL_C = b"\x03"
# A sequence that moves the cursor or erases, another one, a control character, a letter.
TOKENS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[\r\n]|[^\x1b\r\n]")


@dataclass
class Shown:
    """What a command has shown by its end: the lines that a person can scroll to, and its status.

    `stream` is all that it wrote, with what was shown on the way.
    """

    text: str
    status: int
    stream: str

    @property
    def last(self) -> str:
        """The last line that is not empty."""
        return [line for line in self.text.splitlines() if line.strip()][-1]


def run_in_terminal(
    command: Sequence[object],
    folder: Path,
    *,
    columns: int = 100,
    interrupt_at: str | None = None,
) -> Shown:
    """Run a command in a terminal; press Ctrl-C as soon as a text is shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        # A program that a shell has put into the background ignores Ctrl-C, and so would this one.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ["TERM"] = "xterm-256color"
        os.environ["COLUMNS"], os.environ["LINES"] = str(columns), str(ROWS)
        os.execvp(str(command[0]), [str(part) for part in command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    written = b""
    deadline = time.monotonic() + 600
    while chunk := _read(terminal):
        written += chunk
        if interrupt_at and interrupt_at.encode() in written:
            os.write(terminal, CTRL_C)
            interrupt_at = None
        assert time.monotonic() < deadline
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    stream = written.decode(errors="replace")
    return Shown(_replay(stream, columns), status, stream)


def _read(terminal: int) -> bytes:
    """Return what a terminal shows next; nothing at its end."""
    assert select.select([terminal], [], [], 600)[0]
    try:
        return os.read(terminal, 65536)
    except OSError:
        # What Linux says when nobody has the terminal open any more.
        return b""


def _replay(stream: str, columns: int) -> str:
    """Return what is left on the screen and above it, after all that was written."""
    rows: list[str] = [""]
    y = x = 0
    for token in TOKENS.finditer(stream):
        arguments, command = token[1], token[2]
        if command == "A":
            y -= min(y, int(arguments or 1))
        elif command == "K":
            rows[y] = "" if arguments == "2" else rows[y][:x]
        elif token[0] == "\r":
            x = 0
        elif token[0] == "\n":
            y += 1
        elif not token[0].startswith("\x1b"):
            if x == columns:
                x, y = 0, y + 1
            rows += [""] * (y + 1 - len(rows))
            rows[y] = rows[y][:x].ljust(x) + token[0] + rows[y][x + 1 :]
            x += 1
        rows += [""] * (y + 1 - len(rows))
    return "\n".join(row.rstrip() for row in rows)
