"""Killed processes: another one goes on, and who kills it twice is given up."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest


def run(tmp_path, body, **arguments):
    """Run a script as a job does; return the finished process."""
    header = """
        import os, signal, sys, time
        from pathlib import Path
        from twostep.util.logs import reporting
        from twostep.trials.supervision import supervise

        def note(text):
            with open("notes", "a") as file:
                file.write(f"{text}\\n")

        def die():
            os.kill(os.getpid(), signal.SIGKILL)
    """
    script = textwrap.dedent(header) + textwrap.dedent(body)
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)


def notes(tmp_path):
    return (tmp_path / "notes").read_text().split()


def test_a_trial_that_kills_its_process_twice_is_given_up_and_the_others_go_on(tmp_path):
    process = run(
        tmp_path,
        """
        with reporting("log"):
            watch = supervise()
            for trial in range(4):
                if trial in watch.killed:
                    note(f"gave-up-{trial}")
                    assert "killed by SIGKILL 2 times" in watch.killed[trial]
                    continue
                with watch.training(trial):
                    note(trial)
                    if trial in (1, 2):
                        die()
        """,
    )
    assert process.returncode == 0, process.stderr
    expected = "0 1 0 1 0 gave-up-1 2 0 gave-up-1 2 0 gave-up-1 gave-up-2 3"
    assert notes(tmp_path) == expected.split()
    assert "killed by SIGKILL while it trained trial 1" in (tmp_path / "log").read_text()


def test_deaths_with_progress_between_them_are_no_reason_to_give_up(tmp_path):
    process = run(
        tmp_path,
        """
        watch = supervise()
        done = len(Path("notes").read_text().split()) if Path("notes").exists() else 0
        assert not watch.killed
        with watch.training(0):
            if done < 5:
                note("epoch")
                watch.progressed()
                die()
        """,
    )
    assert process.returncode == 0, process.stderr
    assert notes(tmp_path) == ["epoch"] * 5


def test_a_death_outside_of_training_is_told(tmp_path):
    process = run(tmp_path, 'with reporting("log"):\n    supervise()\n    die()\n')
    assert process.returncode == 1
    assert process.stderr.startswith("Error: the job's process was killed by SIGKILL")
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize(("status", "expected"), [("sys.exit(3)", 3), ("1 / 0", 1), ("pass", 0)])
def test_the_job_ends_as_its_child_does(tmp_path, status, expected):
    assert run(tmp_path, f"supervise()\n{status}\n").returncode == expected


def test_a_request_to_end_is_no_death(tmp_path):
    process = run(
        tmp_path,
        """
        watch = supervise()
        with watch.training(0):
            note("once")
            os.kill(os.getpid(), signal.SIGTERM)
        """,
    )
    assert process.returncode == 128 + signal.SIGTERM
    assert notes(tmp_path) == ["once"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_the_child_dies_with_its_parent(tmp_path):
    process = run(
        tmp_path,
        """
        supervise()
        note(os.getpid())
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(30)
        note("survived")
        """,
    )
    assert process.returncode == -signal.SIGKILL
    (child,) = notes(tmp_path)
    deadline = time.monotonic() + 300
    while state_of(child) not in ("gone", "Z"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert notes(tmp_path) == [child]


def state_of(process):
    """Return gone, or Z if whoever has inherited it is still to ask for its status."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def test_ctrl_c_says_nothing_but_its_status(tmp_path):
    process = run(
        tmp_path,
        """
        # Ignored where these tests run in the background of a shell.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with reporting("log"):
            supervise()
            time.sleep(0.5)  # until the parent waits for it
            os.kill(os.getppid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)
        """,
    )
    assert process.returncode == 130
    assert process.stderr == ""
