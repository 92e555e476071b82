# What a run says at its end, below all that Snakemake says: errors and answers of jobs, and where the
# results are. A job cannot say it itself, because the bars of a terminal would cover it.
import atexit

from twostep.util.job_note import read_notes, say_what_is_new

# Where the results are, once they are there.
last_words = []


def say_at_the_end(folder, before):
    """Print what jobs have left to say since `before`, and where the results are."""
    say_what_is_new(folder, before)
    print(*last_words, sep="", end="", file=sys.stderr)


if workflow.is_main_process:
    atexit.register(say_at_the_end, Path(RESULTS).absolute(), read_notes(RESULTS))


onsuccess:
    for file, what in (
        ("summary.md", f"What study {config['study']} has found"),
        ("explore.html", "All its trials, to explore in a browser"),
    ):
        if Path(f"{RESULTS}/{file}").exists():
            last_words.append(f"{what}: {RESULTS}/{file}\n")
