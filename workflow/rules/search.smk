SHARDS = blocks(config["search"]["n_trials"], config["search"]["shard_size"])


# Not part of a full run: `snakemake forecast` tells what one will cost.
rule forecast:
    input:
        manifest=rules.prepare.output.manifest,
        subsets=expand(rules.subset.output.manifest, fraction=FRACTIONS),
        arrays=[
            *rules.prepare.output.arrays,
            *expand(rules.subset.output.arrays, fraction=FRACTIONS),
        ],
    output:
        f"{RESULTS}/forecast.md",
    log:
        f"{RESULTS}/logs/forecast.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=forecast_mb,
        machine_mb=forecast_mb,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=config["training"]["gpu"],
        machine_gpu=config["training"]["gpu"],
    params:
        config=as_text(
            {key: config[key] for key in ("study", "seed", "training", "search", "retrain")}
        ),
        code=code("forecast"),
    script:
        "../scripts/forecast.py"


# Once for many shards, as no two trials are the same: to draw one takes all that come before it. The
# lists have fixed sizes, each for the trials that no smaller one holds, so that more trials may add
# a list and change none.
rule draw:
    output:
        f"{RESULTS}/search/configurations_{{size}}.jsonl",
    log:
        f"{RESULTS}/logs/draw_{{size}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=draw_mb,
        machine_mb=draw_mb,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        space=as_text(config["search"]["space"]),
        seed=config["seed"],
        code=code("draw"),
    script:
        "../scripts/draw.py"


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
        mem_mb=search_mb,
        machine_mb=search_mb,
        runtime=search_minutes,
        gpu=config["training"]["gpu"],
        machine_gpu=config["training"]["gpu"],
    params:
        trials=partial(
            block,
            name="shard",
            n=config["search"]["n_trials"],
            size=config["search"]["shard_size"],
        ),
        budget=as_text(config["search"]["budget"]),
        output_activation=config["training"]["output_activation"],
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        journal=f"{RESULTS}/journal/search/{{fraction}}",
        libraries=LIBRARIES,
        code=code("search_shard"),
    script:
        "../scripts/search_shard.py"


rule search:
    input:
        expand(
            [rules.search_shard.output.records, rules.search_shard.output.timings],
            fraction=FRACTIONS,
            shard=range(len(SHARDS)),
        ),


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
        mem_mb=partial(file_mb, copies=10),
        machine_mb=partial(file_mb, copies=10),
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        n_trials=config["search"]["n_trials"],
        max_failed=config["search"]["max_failed"],
        code=code("rank"),
    script:
        "../scripts/rank.py"


rule reproduce:
    input:
        manifest=rules.subset.output.manifest,
        records=record_file,
    output:
        f"{RESULTS}/reproduce/{{fraction}}/trial_{{trial}}.json",
    log:
        f"{RESULTS}/logs/reproduce/{{fraction}}/trial_{{trial}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=search_mb,
        machine_mb=search_mb,
        runtime=search_minutes,
        gpu=config["training"]["gpu"],
        machine_gpu=config["training"]["gpu"],
    params:
        space=as_text(config["search"]["space"]),
        budget=as_text(config["search"]["budget"]),
        output_activation=config["training"]["output_activation"],
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        libraries=LIBRARIES,
        code=code("reproduce"),
    script:
        "../scripts/reproduce.py"
