# Rungs between search and retraining, if the config has any: each trains the best trials of the
# ranking before it once more, on more data or with a larger budget. The jobs are known from the
# config alone. Only the last ranking decides which jobs there are, those of step 2.


# Which trials go on to a rung: the best of the ranking before it, and the controls of all cuts.
rule cut:
    input:
        ranking=ranking_before,
    output:
        f"{RESULTS}/rungs/{{rung}}/cut.json",
    log:
        f"{RESULTS}/logs/rungs/{{rung}}/cut.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(file_mb, copies=10)),
        runtime=growing(30),
    params:
        finalists=lambda wildcards: rung_of(wildcards)["top_k"],
        controls=config["retrain"]["controls"],
        seed=config["seed"],
        code=code("cut"),
    script:
        "../scripts/cut.py"


# A share of the trials of a rung, one after the other. Trials of the journal are reused.
rule rung_shard:
    input:
        manifest=subset_of_rung,
        configurations=lambda wildcards: list_of_trials(config["search"]["n_trials"]),
        cut=rules.cut.output[0],
    output:
        records=f"{RESULTS}/rungs/{{rung}}/shard_{{shard}}.jsonl",
        timings=f"{RESULTS}/rungs/{{rung}}/shard_{{shard}}.timings.jsonl",
    log:
        f"{RESULTS}/logs/rungs/{{rung}}/shard_{{shard}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(search_mb),
        **gpus(),
        runtime=rung_minutes,
    params:
        **LIST_PARAMS,
        n_shards=lambda wildcards: len(shards_of_rung(wildcards.rung)),
        rung_budget=lambda wildcards: to_json(rung_of(wildcards)["budget"]),
        output_activation=config["training"]["output_activation"],
        objective=OBJECTIVE,
        gpu=config["training"]["gpu"],
        network=NETWORK_PARAM,
        precision=config["search"]["precision"],
        seed=config["seed"],
        journal=f"{RESULTS}/journal/rungs/{{rung}}",
        libraries=LIBRARIES,
        code=code("rung_shard"),
    script:
        "../scripts/rung_shard.py"


# Every trial of a rung accounted for, the best first. The last rung's table tells which trials are
# retrained: hence a checkpoint.
checkpoint rank_rung:
    input:
        manifest=subset_of_rung,
        cut=rules.cut.output[0],
        records=partial(files_of_rung, pattern=rules.rung_shard.output.records),
        timings=partial(files_of_rung, pattern=rules.rung_shard.output.timings),
    output:
        trials=f"{RESULTS}/rungs/{{rung}}/trials.csv",
        timings=f"{RESULTS}/rungs/{{rung}}/timings.csv",
    log:
        f"{RESULTS}/logs/rungs/{{rung}}/rank.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(file_mb, copies=10)),
        runtime=growing(30),
    params:
        max_failed=config["search"]["max_failed"],
        code=code("rank_rung"),
    script:
        "../scripts/rank_rung.py"


# The target `snakemake rungs`: all rungs, up to the ranking of the last one.
rule rungs:
    input:
        expand([rules.rank_rung.output.trials, rules.rank_rung.output.timings], rung=RUNGS),


# Not part of a full run, like `reproduce`: trains one trial of a rung once more. Only the cut tells
# which shard has it, so that all are its input.
use rule reproduce as reproduce_rung with:
    input:
        manifest=subset_of_rung,
        configurations=list_of_trial,
        records=partial(files_of_rung, pattern=rules.rung_shard.output.records),
    output:
        f"{RESULTS}/reproduce/rung_{{rung}}/trial_{{trial}}.json",
    log:
        f"{RESULTS}/logs/reproduce/rung_{{rung}}/trial_{{trial}}.log",
    resources:
        **memory(search_mb),
        **gpus(),
        runtime=rung_minutes,
    params:
        **LIST_PARAMS,
        rung_budget=lambda wildcards: to_json(rung_of(wildcards)["budget"]),
        output_activation=config["training"]["output_activation"],
        objective=OBJECTIVE,
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        network=NETWORK_PARAM,
        precision=config["search"]["precision"],
        libraries=LIBRARIES,
        code=code("reproduce"),
