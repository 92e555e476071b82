# One part of the embedded data set, made by the cloud-parcel model. It runs only if
# `dataset.files` is null.
rule generate:
    output:
        f"{RESULTS}/generate/part_{{part}}.nc",
    log:
        f"{RESULTS}/logs/generate/part_{{part}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(generate_mb),
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


# The data set as clean, split, shuffled and standardised arrays. The manifest carries their hash,
# so that later rules depend on this small file and no job hashes gigabytes.
rule prepare:
    input:
        # Changes of the user's files show in `version`: a mere touch must not run everything again.
        data=ancient(DATA_FILES) or expand(rules.generate.output, part=range(len(PARTS))),
        # Adds nothing, but almost every run comes here.
        outdated=lambda wildcards: redo_outdated(),
    output:
        manifest=f"{RESULTS}/prepare/manifest.json",
        arrays=expand(
            f"{RESULTS}/prepare/{{split}}_{{part}}.npy",
            split=["training", "validation", "test"],
            part=ARRAYS,
        ),
        test_sample=f"{RESULTS}/prepare/test_sample.npy",
        # Empty where the split is not by blocks or groups.
        validation_units=f"{RESULTS}/prepare/validation_units.npy",
    log:
        f"{RESULTS}/logs/prepare.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(2000)),
        runtime=prepare_minutes,
    params:
        version=lambda wildcards: data_version() if DATA_FILES else "",
        data_record=DATA_RECORD,
        dataset=json_param(config["dataset"]),
        split=json_param(config["split"]),
        output_activation=config["training"]["output_activation"],
        seed=config["seed"],
        code=code("prepare"),
    script:
        "../scripts/prepare.py"


# A fraction of the training split, and the validation sample of the search, the same for each.
# Whatever is trained on a fraction shares its folder.
rule subset:
    input:
        manifest=rules.prepare.output.manifest,
    output:
        manifest=f"{RESULTS}/subset/{{fraction}}/manifest.json",
        arrays=expand(
            f"{RESULTS}/subset/{{fraction}}/{{split}}_{{part}}.npy",
            split=["training", "validation"],
            part=ARRAYS,
            allow_missing=True,
        ),
    log:
        f"{RESULTS}/logs/subset/{{fraction}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(60),
    params:
        fraction=lambda wildcards: (SUBSETS | PILOT_SUBSETS)[wildcards.fraction],
        n_validation=config["search"]["n_validation"],
        batch_size=largest_batch(config["search"]["space"]),
        code=code("subset"),
    script:
        "../scripts/subset.py"
