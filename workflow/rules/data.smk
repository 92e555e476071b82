PARTS = blocks(config["generate"]["n_samples"], config["generate"]["samples_per_file"])


rule generate:
    output:
        f"{RESULTS}/generate/part_{{part}}.nc",
    log:
        f"{RESULTS}/logs/generate/part_{{part}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=generate_mb,
        machine_mb=generate_mb,
        runtime=generate_minutes,
    params:
        samples=partial(
            block,
            name="part",
            n=config["generate"]["n_samples"],
            size=config["generate"]["samples_per_file"],
        ),
        modes=config["generate"]["modes"],
        seed=config["seed"],
        code=code("generate"),
    script:
        "../scripts/generate.py"


rule prepare:
    input:
        # Changes of the user's files show in `version`: a mere touch must not run everything again.
        data=ancient(DATA_FILES) or expand(rules.generate.output, part=range(len(PARTS))),
    output:
        manifest=f"{RESULTS}/prepare/manifest.json",
        arrays=expand(
            f"{RESULTS}/prepare/{{split}}_{{part}}.npy",
            split=["training", "validation", "test"],
            part=["inputs", "targets"],
        ),
    log:
        f"{RESULTS}/logs/prepare.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        machine_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, input, attempt: attempt * (60 + int(input.size_mb / 1000)),
    params:
        version=lambda wildcards: data_version() if DATA_FILES else "",
        sources=SOURCES,
        dataset=as_text(config["dataset"]),
        split=as_text(config["split"]),
        output_activation=config["training"]["output_activation"],
        seed=config["seed"],
        code=code("prepare"),
    script:
        "../scripts/prepare.py"


rule subset:
    input:
        manifest=rules.prepare.output.manifest,
    output:
        manifest=f"{RESULTS}/subset/{{fraction}}/manifest.json",
        arrays=expand(
            f"{RESULTS}/subset/{{{{fraction}}}}/{{split}}_{{part}}.npy",
            split=["training", "validation"],
            part=["inputs", "targets"],
        ),
    log:
        f"{RESULTS}/logs/subset/{{fraction}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        machine_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        fraction=lambda wildcards: FRACTIONS[wildcards.fraction],
        n_validation=config["search"]["n_validation"],
        batch_size=needs.largest_batch(config["search"]["space"]),
        code=code("subset"),
    script:
        "../scripts/subset.py"
