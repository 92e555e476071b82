# Not part of a full run: `snakemake advise` trains the first trials of the search on some small
# sizes of data, and tells what a study will cost and lose with each of some plans.


# Some trials of a pilot. They are in the journal of the search, so that a search with the same
# fraction and budget need not train them again, and the other way round.
use rule search_shard as pilot_shard with:
    input:
        manifest=rules.subset.output.manifest,
        configurations=lambda wildcards: list_with_trial(N_PILOT - 1),
    output:
        records=f"{RESULTS}/advise/{{pilot}}-{{fraction}}/shard_{{shard}}.jsonl",
        timings=f"{RESULTS}/advise/{{pilot}}-{{fraction}}/shard_{{shard}}.timings.jsonl",
    log:
        f"{RESULTS}/logs/advise/{{pilot}}-{{fraction}}/shard_{{shard}}.log",
    resources:
        **memory(search_mb),
        **gpus(),
        runtime=pilot_minutes,
    params:
        trials=trials_of_pilot,
        pilot_budget=lambda wildcards: to_json(pilot_of(wildcards)["budget"]),


# The target `snakemake advise`: costs and regrets of some plans, and the recommended one.
rule advise:
    input:
        manifest=rules.prepare.output.manifest,
        records=files_of_pilots(rules.pilot_shard.output.records),
        timings=files_of_pilots(rules.pilot_shard.output.timings),
    output:
        f"{RESULTS}/advise.md",
    log:
        f"{RESULTS}/logs/advise.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(60),
    params:
        pilots=json_param(list(PILOTS.values())),
        budget=json_param(config["retrain"]["budget"]),
        wanted=json_param(
            {
                "n_trials": config["search"]["n_trials"],
                "regret": config["advise"]["regret"],
                "processor_hours": config["advise"]["processor_hours"],
                "n_distinct": count_configurations(config["search"]["space"]),
            }
        ),
        study=config["study"],
        code=code("advise"),
    script:
        "../scripts/advise.py"
