"""The command that tells how far a study is, beside the run of the finished one.

That it does not disturb the run is tested with all that compares the finished study with another
one, byte by byte.
"""

import re

from twostep.util.job_note import read_notes


def test_the_command_follows_a_run(looks, finished):
    files = set(finished.folder.rglob("*"))
    last = finished.look()
    assert {path for path in finished.folder.rglob("*") if "__pycache__" not in path.parts} <= files
    assert last.rstrip().endswith("finished: read results/small/summary.md")
    # A look that fails, or says more than it should, ends with other words.
    whole = r"Study small in .*\n *(nothing is there yet|not finished|finished: read \S+)\n"
    assert all(re.fullmatch(whole, text, re.DOTALL) for text in looks)
    for pattern, n_all in ((r"fraction 0\.2: (\d+) of 6 trials", 6), (r"step 2: (\d+) of 2", 2)):
        done = [int(found[1]) for text in [*looks, last] if (found := re.search(pattern, text))]
        assert done == sorted(done) and done[-1] == n_all
        # Step 2 may have begun between two looks.
        assert done[0] == 0 or pattern.startswith("step 2")
    assert any("not prepared yet" in text or "nothing is there yet" in text for text in looks)
    # The figures take longer than the time between two looks.
    assert any("also at work: " in text for text in looks)


def test_jobs_that_have_ended_leave_what_they_have_to_say(finished):
    notes = read_notes(finished.results).values()
    assert [(note.rule, note.failed) for note in notes] == [("export", False)]


def test_what_is_damaged_counts_as_not_there(study):
    record = min((study.results / "retrain").glob("trial_*_seed_0.json"))
    record.write_text("{}")
    assert "step 2: 1 of 2 models done (1 ok)" in study.look()
