"""A short campaign of mutated configs and data files; mutations.py runs long ones."""

from mutations import campaign, describe

N_CONFIGS, N_FILES = 25, 15


def test_each_outcome_is_a_run_or_one_clear_sentence():
    outcomes = campaign(N_CONFIGS, N_FILES, start=1, n_runs=1)
    assert len(outcomes) == N_CONFIGS + N_FILES
    assert not any(outcome.violations for outcome in outcomes), describe(outcomes, N_CONFIGS)
    # Mutations that are all refused, or all harmless, would test nothing.
    accepted = [o for o in outcomes if o.kind in ("accepted", "prepared", "ran to its end")]
    assert 4 <= len(accepted) <= 36
