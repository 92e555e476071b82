"""Choose the configurations of a generation by the losses of all trials before it."""

import json
from collections.abc import Sequence
from functools import partial

from twostep.trials.configurations import check_enough, make_draws, write_configurations
from twostep.trials.constraints import make_constraints
from twostep.trials.enqueued import enqueued
from twostep.trials.generations import draw_generation, trials_of_generation
from twostep.trials.hyperparameters import KEY
from twostep.trials.records import read_lines
from twostep.trials.space import count_configurations
from twostep.trials.tpe import propose
from twostep.util.files import read_json
from twostep.util.job import job


def main(
    *,
    manifest: str,
    records: Sequence[str],
    generation: int,
    generation_size: int,
    n_trials: int,
    space: dict,
    constraints: dict,
    enqueue: list[dict],
    network: dict | None,
    seed: int,
    output: str,
) -> None:
    """Write the configurations of a whole generation to `output`.

    With constraints, there must be one for each of the study's `n_trials` trials that belongs to
    the generation. Networks of the user's own are built, looked at and measured.
    """
    data = read_json(manifest)
    trials = trials_of_generation(generation, generation_size, count_configurations(space))
    n_needed = min(n_trials, trials.stop) - trials.start
    first = enqueued({"space": space, "enqueue": enqueue})
    proposals = partial(propose, space, seed=seed, generation=generation)
    earlier = read_lines(records)
    sizes = None
    if network is None:
        limits = make_constraints(
            constraints, n_inputs=len(data["inputs"]), n_outputs=len(data["outputs"])
        )
        draws = make_draws(space, seed=seed, constraints=limits, enqueued=first)
        found = draw_generation(draws, trials, earlier, proposals)
        check_enough(trials.start + len(found), trials.start + n_needed)
    else:
        # Imported here, since torch is slow to load.
        from twostep.trials.own_configurations import check_enough_own, make_own_draws

        draws, checks = make_own_draws(
            space, network, data, seed=seed, constraints=constraints, enqueued=first
        )
        found = draw_generation(draws, trials, earlier, proposals)
        sizes = [checks.size(each.hyperparameters or ()) for each in found]
        if generation == 0:
            checks.check_all_read(space[KEY])
        check_enough_own(trials.start + len(found), trials.start + n_needed)
    write_configurations(output, found, sizes, first=trials.start)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            records=list(snakemake.input.records),
            generation=int(snakemake.wildcards.generation),
            generation_size=snakemake.params.generation_size,
            # No parameter of the rule: another number of trials must not choose again, and only
            # decides if the list is long enough.
            n_trials=snakemake.config["search"]["n_trials"],
            space=json.loads(snakemake.params.space),
            constraints=json.loads(snakemake.params.constraints),
            enqueue=json.loads(snakemake.params.enqueue),
            network=json.loads(snakemake.params.network),
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
