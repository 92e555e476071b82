# Not part of a full run: `snakemake forecast` tells what one will cost.
rule forecast:
    input:
        manifest=rules.prepare.output.manifest,
        subsets=expand(rules.subset.output.manifest, fraction=SUBSETS),
        arrays=[
            *rules.prepare.output.arrays,
            *expand(rules.subset.output.arrays, fraction=SUBSETS),
        ],
        configurations=known_list,
    output:
        f"{RESULTS}/forecast.md",
    log:
        f"{RESULTS}/logs/forecast.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(forecast_mb),
        **gpus(),
        runtime=growing(60),
    params:
        config=json_param(
            {
                key: config[key]
                for key in ("study", "seed", "dataset", "training", "network", "search", "retrain")
            }
        ),
        network=NETWORK_PARAM,
        code=code("forecast"),
    script:
        "../scripts/forecast.py"


# The configurations of all trials, drawn once for all jobs: because no two trials are the same, to
# draw one takes all that come before it. The constraints ask for the numbers of inputs and outputs.
# The lists have fixed sizes, each for the trials that no smaller one holds, so that more trials may
# add a list and change none.
rule draw:
    input:
        manifest=rules.prepare.output.manifest,
    output:
        f"{RESULTS}/search/configurations_{{size}}.jsonl",
    log:
        f"{RESULTS}/logs/draw_{{size}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(draw_mb),
        runtime=growing(30),
    params:
        **DRAW_PARAMS,
        space=json_param(config["search"]["space"]),
        constraints=json_param(config["search"]["constraints"]),
        network=NETWORK_PARAM,
        seed=config["seed"],
        code=code("draw"),
    script:
        "../scripts/draw.py"


# The same for the sampler tpe: one list for each generation, whose configurations are chosen by the
# losses of all trials before it. A list is always that of a whole generation.
rule generation:
    input:
        manifest=rules.prepare.output.manifest,
        records=records_before,
    output:
        f"{RESULTS}/search/generation_{{generation}}.jsonl",
    log:
        f"{RESULTS}/logs/generation_{{generation}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(generation_mb),
        runtime=growing(60),
    params:
        space=json_param(config["search"]["space"]),
        constraints=json_param(config["search"]["constraints"]),
        enqueue=ENQUEUE,
        network=NETWORK_PARAM,
        seed=config["seed"],
        generation_size=config["search"]["generation_size"],
        libraries=versions("optuna", "numpy"),
        code=code("generation"),
    script:
        "../scripts/generation.py"


# Step 1: one shard trains a range of trials, one after the other. Trials of the journal are reused.
rule search_shard:
    input:
        manifest=rules.subset.output.manifest,
        configurations=list_of_shard,
    output:
        records=f"{RESULTS}/search/{{fraction}}/shard_{{shard}}.jsonl",
        timings=f"{RESULTS}/search/{{fraction}}/shard_{{shard}}.timings.jsonl",
    log:
        f"{RESULTS}/logs/search/{{fraction}}/shard_{{shard}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(search_mb),
        **gpus(),
        runtime=search_minutes,
    params:
        **LIST_PARAMS,
        trials=lambda wildcards: SHARDS[int(wildcards.shard)],
        budget=json_param(config["search"]["budget"]),
        output_activation=config["training"]["output_activation"],
        objective=OBJECTIVE,
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        network=NETWORK_PARAM,
        precision=config["search"]["precision"],
        journal=f"{RESULTS}/journal/search/{{fraction}}",
        libraries=LIBRARIES,
        code=code("search_shard"),
    script:
        "../scripts/search_shard.py"


# The target `snakemake search`: all shards of all fractions.
rule search:
    input:
        expand(
            [rules.search_shard.output.records, rules.search_shard.output.timings],
            fraction=FRACTIONS,
            shard=range(len(SHARDS)),
        ),


# Every trial of a fraction accounted for, the best first. A checkpoint, because only its table tells
# which trials are retrained.
checkpoint rank:
    input:
        manifest=rules.subset.output.manifest,
        records=expand(
            rules.search_shard.output.records, shard=range(len(SHARDS)), allow_missing=True
        ),
        timings=expand(
            rules.search_shard.output.timings, shard=range(len(SHARDS)), allow_missing=True
        ),
    output:
        trials=f"{RESULTS}/rank/{{fraction}}/trials.csv",
        timings=f"{RESULTS}/rank/{{fraction}}/timings.csv",
    log:
        f"{RESULTS}/logs/rank/{{fraction}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(file_mb, copies=10)),
        runtime=growing(30),
    params:
        n_trials=config["search"]["n_trials"],
        max_failed=config["search"]["max_failed"],
        code=code("rank"),
    script:
        "../scripts/rank.py"


# Not part of a full run: trains one trial of step 1 once more and compares it with its record.
rule reproduce:
    input:
        manifest=rules.subset.output.manifest,
        configurations=list_of_trial,
        records=record_files,
    output:
        f"{RESULTS}/reproduce/{{fraction}}/trial_{{trial}}.json",
    log:
        f"{RESULTS}/logs/reproduce/{{fraction}}/trial_{{trial}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(search_mb),
        **gpus(),
        runtime=search_minutes,
    params:
        **LIST_PARAMS,
        budget=json_param(config["search"]["budget"]),
        output_activation=config["training"]["output_activation"],
        objective=OBJECTIVE,
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        network=NETWORK_PARAM,
        precision=config["search"]["precision"],
        libraries=LIBRARIES,
        code=code("reproduce"),
    script:
        "../scripts/reproduce.py"
