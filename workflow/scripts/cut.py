"""Choose the trials that go on to a rung."""

from twostep.trials.ranking import cut_off
from twostep.util.files import write_json
from twostep.util.job import job
from twostep.util.tables import read_ranking


def main(*, ranking: str, top_k: int, n_controls: int, seed: int, output: str) -> None:
    """Write the ids of the finalists and of the controls of the cut through `ranking`."""
    table = read_ranking(ranking)
    write_json(output, cut_off([table], top_k=top_k, n_controls=n_controls, seed=seed))


if __name__ == "__main__":
    with job(snakemake):
        main(
            ranking=snakemake.input.ranking,
            top_k=snakemake.params.finalists,
            n_controls=snakemake.params.controls,
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
