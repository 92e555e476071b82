"""How far a study is, as bars in a terminal that follow the run."""

import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from twostep.running.progress import Progress
from twostep.running.progress_report import (
    Bar,
    describe_moment,
    describe_state,
    list_stages,
)

# Between two looks; more if a look takes long, so that looking takes at most a tenth of a core.
SECONDS = 1.0
LONGEST_SHARE = 0.1

Look = Callable[[float], Progress]


def follow(look: Look, study: str) -> None:
    """Show in a terminal how far a study is, until it is finished.

    `look` returns the progress at a time, in seconds since 1970.
    """
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            start = time.monotonic()
            now = time.time()
            progress = look(now)
            live.update(view(progress, study, now), refresh=True)
            if progress.finished:
                return
            time.sleep(max(SECONDS, (time.monotonic() - start) / LONGEST_SHARE))


def view(progress: Progress, study: str, now: float) -> RenderableType:
    """Return the progress with a bar for each stage and for each job that trains."""
    lines: list[RenderableType] = [Text(describe_moment(progress, study, now), style="bold")]
    if not progress.folder.exists():
        return Group(*lines, Text("  nothing is there yet"))
    stages = list_stages(progress, now)
    indented = [("  ", stage.bar) for stage in stages if stage.bar]
    indented += [("    ", job) for stage in stages for job in stage.jobs]
    width = max((len(f"{indent}{bar.name}") for indent, bar in indented), default=0)
    for stage in stages:
        bar = stage.bar
        lines.append(_row("  ", bar, width) if bar else Text(f"  {stage.name}: {stage.text}"))
        lines += [Padding(Text(line), (0, 0, 0, 4)) for line in stage.lines]
        lines += [_row("    ", job, width) for job in stage.jobs]
    failed = len(progress.jobs.failed)
    for number, line in enumerate(describe_state(progress, now)):
        lines.append(Padding(Text(line, style="red" if number < failed else ""), (0, 0, 0, 2)))
    return Group(*lines)


def _row(indent: str, bar: Bar, width: int) -> Table:
    """Return one line with a bar, after a name of a width; long words go on below."""
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=width)
    row.add_column(ratio=1)
    row.add_column(ratio=3)
    words = Text(f"{indent}{bar.name}"), ProgressBar(total=1, completed=bar.share), Text(bar.text)
    row.add_row(*words)
    return row
