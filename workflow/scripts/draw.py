"""Draw the configurations of all trials of a study."""

import json

from twostep.trials.configurations import draw_configurations, write_configurations
from twostep.trials.space import count_configurations
from twostep.util.job import job


def main(*, space: dict, size: int, seed: int, output: str) -> None:
    """Write the first `size` configurations to `output`, or all if the space holds fewer."""
    trials = range(int(min(size, count_configurations(space))))
    write_configurations(output, draw_configurations(space, trials, seed=seed))


if __name__ == "__main__":
    with job(snakemake):
        main(
            space=json.loads(snakemake.params.space),
            size=int(snakemake.wildcards.size),
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
