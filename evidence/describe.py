"""Describe a matrix: the networks of its trials, and what all its columns were made from."""

from matrix.tables import trials_table, write_compressed
from twostep.trials.configurations import read_networks
from twostep.util.files import read_json, write_json
from twostep.util.logs import reporting


def main(
    *,
    manifest: str,
    configurations: str,
    n_trials: int,
    config: dict,
    timed_by: str | None,
    trials: str,
    provenance: str,
) -> None:
    """Write the table of the trials, and the config with the data that it led to."""
    description = read_json(manifest)
    widths = len(description["inputs"]), len(description["outputs"])
    networks = read_networks(configurations, range(n_trials))
    write_compressed(trials, trials_table(networks, *widths))
    data = {name: description[name] for name in ("splits", "data_hash")}
    timing = {"timed_by": timed_by} if timed_by else {}
    write_json(provenance, {"config": config, **data, **timing})


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            n_trials=snakemake.params.n_trials,
            config=snakemake.params.config,
            timed_by=snakemake.params.timed_by,
            trials=snakemake.output.trials,
            provenance=snakemake.output.provenance,
        )
