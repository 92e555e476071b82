rule baseline:
    input:
        manifest=rules.prepare.output.manifest,
        subsets=expand(rules.subset.output.manifest, fraction=FRACTIONS),
    output:
        f"{RESULTS}/baseline/baseline.csv",
    log:
        f"{RESULTS}/logs/baseline.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        machine_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        fractions=list(FRACTIONS),
        code=code("baseline"),
    script:
        "../scripts/baseline.py"


rule select_model:
    input:
        trials=expand(rules.rank.output.trials, fraction=FRACTIONS),
        models=rules.retrain.input.models,
        records=rules.retrain.input.records,
        timings=rules.retrain.input.timings,
        evaluations=partial(retrained, pattern=rules.evaluate.output[0]),
    output:
        retrained=f"{RESULTS}/select/retrained.csv",
        timings=f"{RESULTS}/select/timings.csv",
        selection=f"{RESULTS}/select/selection.csv",
    log:
        f"{RESULTS}/logs/select_model.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(trials_mb, base=1000),
        machine_mb=partial(trials_mb, base=1000),
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        fractions=list(FRACTIONS),
        top_k=config["retrain"]["top_k"],
        tolerance=config["select"]["tolerance"],
        cost=config["select"]["cost"],
        max_failed=config["retrain"]["max_failed"],
        code=code("select_model"),
    script:
        "../scripts/select_model.py"


rule measure_inference:
    input:
        # The time depends on the network alone, not on its weights: one seed will do.
        models=lambda wildcards: expand(
            rules.retrain_trial.output.model, trial=selected_trials(), seed=SEEDS[0]
        ),
    output:
        f"{RESULTS}/inference/inference.csv",
    log:
        f"{RESULTS}/logs/measure_inference.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(models_mb, copies=4),
        machine_mb=partial(models_mb, copies=4),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("measure_inference"),
    script:
        "../scripts/measure_inference.py"


rule predict:
    input:
        manifest=rules.prepare.output.manifest,
        selection=rules.select_model.output.selection,
        models=rules.retrain.input.models,
    output:
        f"{RESULTS}/predict/predictions.nc",
    log:
        f"{RESULTS}/logs/predict.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        machine_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        code=code("predict"),
    script:
        "../scripts/predict.py"


# What figures show and the summary tells of, and the config that they need for it.
STUDY = dict(
    trials=rules.select_model.input.trials,
    timings=expand(rules.rank.output.timings, fraction=FRACTIONS),
    subsets=rules.baseline.input.subsets,
    records=rules.retrain.input.records,
    retrained=rules.select_model.output.retrained,
    retrain_timings=rules.select_model.output.timings,
    selection=rules.select_model.output.selection,
    baseline=rules.baseline.output[0],
    inference=rules.measure_inference.output[0],
    manifest=rules.prepare.output.manifest,
)
TOLD = ("study", "dataset", "training", "search", "retrain", "select")


rule figures:
    input:
        **STUDY,
        predictions=rules.predict.output[0],
    output:
        [
            report(f"{RESULTS}/figures/{name}.png", **entry.for_report())
            for name, entry in FIGURES.items()
        ],
        expand(f"{RESULTS}/figures/{{name}}.pdf", name=FIGURES),
    log:
        f"{RESULTS}/logs/figures.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(trials_mb, base=2000),
        machine_mb=partial(trials_mb, base=2000),
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=as_text({key: config[key] for key in TOLD}),
        code=code("figures"),
    script:
        "../scripts/figures.py"


rule summarise:
    input:
        **STUDY,
    output:
        f"{RESULTS}/summary.md",
    log:
        f"{RESULTS}/logs/summarise.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(trials_mb, base=1000),
        machine_mb=partial(trials_mb, base=1000),
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=as_text({key: config[key] for key in TOLD}),
        code=code("summarise"),
    script:
        "../scripts/summarise.py"


# The last rule but for the report's pages: it depends on all results, so that none is newer than
# what is said of it.
rule provenance:
    input:
        rules.figures.output,
        # A function, as that rule comes later.
        lambda wildcards: list(rules.export.output),
        **STUDY,
        models=rules.retrain.input.models,
        evaluations=rules.select_model.input.evaluations,
        predictions=rules.predict.output[0],
        summary=rules.summarise.output[0],
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/provenance.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        machine_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        fractions=list(FRACTIONS),
        sources=SOURCES,
        config=as_text(used_config()),
        # Nothing is generated where the user has data.
        stages=as_text(
            {rule: code(rule) for rule in STAGES if rule != "generate" or not DATA_FILES}
        ),
        code=code("provenance"),
    script:
        "../scripts/provenance.py"
