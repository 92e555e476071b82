"""Draw the configurations of all trials of a study."""

import json
from collections.abc import Sequence

from twostep.trials.configurations import draw_configurations, write_configurations
from twostep.trials.constraints import make_constraints
from twostep.trials.enqueued import enqueued
from twostep.trials.samplers import QMC, RANDOM
from twostep.trials.space import count_configurations
from twostep.util.files import read_json
from twostep.util.job import job


def main(
    *,
    manifest: str,
    space: dict,
    constraints: dict,
    size: int,
    n_trials: int,
    network: dict | None,
    seed: int,
    output: str,
    sampler: str = RANDOM,
    enqueue: Sequence[dict] = (),
) -> None:
    """Write the first `size` configurations to `output`, or all if there are fewer.

    The first trials have those of the user's own, which are in `enqueue`. With constraints, there
    must be one for each of the study's `n_trials` trials that belongs to this list. Networks of the
    user's own are built, looked at and measured.
    """
    data = read_json(manifest)
    n_drawn, n_needed = int(min(size, count_configurations(space))), min(size, n_trials)
    first = enqueued({"space": space, "enqueue": enqueue})
    points = None
    if sampler == QMC:
        # Imported here, since scipy is slow to load.
        from twostep.trials.quasi_random import sobol_points

        points = sobol_points(space, seed)
    sizes = None
    if network is None:
        drawn = draw_configurations(
            space,
            range(n_drawn),
            seed=seed,
            constraints=make_constraints(
                constraints, n_inputs=len(data["inputs"]), n_outputs=len(data["outputs"])
            ),
            n_needed=n_needed,
            enqueued=first,
            points=points,
        )
    else:
        # Imported here, since torch is slow to load.
        from twostep.trials.own_configurations import draw_own

        drawn, sizes = draw_own(
            space,
            n_drawn,
            network,
            data,
            seed=seed,
            constraints=constraints,
            n_needed=n_needed,
            enqueued=first,
            points=points,
        )
    write_configurations(output, drawn, sizes)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            space=json.loads(snakemake.params.space),
            constraints=json.loads(snakemake.params.constraints),
            size=int(snakemake.wildcards.size),
            # No parameter of the rule: another number of trials must not draw the list again, and
            # only decides if the list is long enough.
            n_trials=snakemake.config["search"]["n_trials"],
            network=json.loads(snakemake.params.network),
            seed=snakemake.params.seed,
            output=snakemake.output[0],
            sampler=snakemake.params.get("sampler", RANDOM),
            enqueue=json.loads(snakemake.params.get("enqueue", "[]")),
        )
