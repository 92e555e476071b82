"""Ours: a shard with a list of configurations, through the script of the rule `search_shard`."""

import time
from pathlib import Path

import search_shard
from task import read_task, write_result

from twostep.trials.records import read_lines
from twostep.trials.supervision import Watch, supervise
from twostep.util.logs import reporting


def main(task: dict) -> None:
    folder = Path(task["folder"])
    with reporting(str(folder / "shard.log")):
        # What follows runs in a child process, whose processor time starts at 0.
        watch = supervise()
        began = note_trials(watch)
        run_shard(task, folder, watch)
        lines = zip(
            read_lines([folder / "records.jsonl"]),
            read_lines([folder / "timings.jsonl"]),
            strict=True,
        )
    trials = [
        {"cpu_seconds": timing["cpu_seconds"], "val_loss": record["val_loss"][-1]}
        for record, timing in lines
    ]
    write_result(task, began[0], trials, ["torch", "numpy"])


def run_shard(task: dict, folder: Path, watch: Watch) -> None:
    """Call the script as its last block does."""
    first = task["first"]
    search_shard.main(
        manifest=task["manifest"],
        configurations=task["list"],
        trials=range(first, first + len(task["configurations"])),
        budget={"max_epochs": task["epochs"]},
        output_activation="sigmoid",
        objective={},
        seed=task["seed"],
        gpu=0,
        gpu_percent=100,
        network=None,
        precision=task["precision"],
        journal=str(folder / "journal"),
        records=str(folder / "records.jsonl"),
        timings=str(folder / "timings.jsonl"),
        threads=1,
        watch=watch,
    )


def note_trials(watch: Watch) -> list[float]:
    """Return a list that gets the processor seconds at the beginning of each trial."""
    began = []
    training = watch.training

    def note(trial: int):
        began.append(time.process_time())
        return training(trial)

    watch.training = note
    return began


if __name__ == "__main__":
    main(read_task())
