"""Draw the configurations of all trials of a study."""

import json

from twostep.trials.configurations import draw_configurations, write_configurations
from twostep.trials.constraints import make_constraints
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
    seed: int,
    output: str,
) -> None:
    """Write the first `size` configurations to `output`, or all if there are fewer.

    With constraints, there must be one for each of the study's `n_trials` trials that belongs to
    this list.
    """
    data = read_json(manifest)
    drawn = draw_configurations(
        space,
        range(int(min(size, count_configurations(space)))),
        seed=seed,
        constraints=make_constraints(
            constraints, n_inputs=len(data["inputs"]), n_outputs=len(data["outputs"])
        ),
        n_needed=min(size, n_trials),
    )
    write_configurations(output, drawn)


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
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
