"""Write what the results of a study were made from, with and on."""

import json
from pathlib import Path

from twostep.report.provenance import (
    count_environments,
    describe_commit,
    describe_environment,
    describe_files,
    hash_results,
)
from twostep.util.files import read_json, write_json
from twostep.util.job import job
from twostep.util.tables import read_table


def main(
    *,
    results: list[str],
    manifest: str,
    data_record: str,
    searches: dict[str, str],
    rungs: list[str],
    retraining: str,
    config: dict,
    network: dict | None,
    stages: dict[str, str],
    output: str,
    threads: int,
) -> None:
    """Write the provenance of the files `results` to `output`, in the folder of the study.

    `searches` is {fraction: path of its timings}, `rungs` are the paths of those of the rungs,
    `retraining` is the path of step 2's, `stages` the hash of each rule's code and `data_record`
    the record of the data files. `network` are path and identity of the file of networks of the
    user's own.
    """
    data = read_json(manifest)
    trained_on = {f"search, fraction {name}": path for name, path in searches.items()}
    trained_on |= {f"rung {number}": path for number, path in enumerate(rungs, start=1)}
    trained_on["retraining"] = retraining
    described = {
        "study": config["study"],
        "config": config,
        "data": {
            "data_hash": data["data_hash"],
            "n_rows_read": data["n_rows_read"],
            "n_rows_used": data["n_rows_used"],
            "files": describe_files(data_record),
        },
        "code": {
            **describe_commit(),
            "stages": stages,
            **({"network": network} if network else {}),
        },
        "environment": describe_environment(threads),
        "trained_on": {
            step: count_environments(read_table(path)) for step, path in trained_on.items()
        },
        "results": hash_results(results, Path(output).parent),
    }
    write_json(output, described)


if __name__ == "__main__":
    with job(snakemake):
        main(
            results=list(snakemake.input),
            manifest=snakemake.input.manifest,
            data_record=snakemake.params.data_record,
            searches=dict(zip(snakemake.params.fractions, snakemake.input.timings, strict=True)),
            rungs=snakemake.input.rung_timings,
            retraining=snakemake.input.retrain_timings,
            config=json.loads(snakemake.params.config),
            network=json.loads(snakemake.params.network),
            stages=json.loads(snakemake.params.stages),
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
