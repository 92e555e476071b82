# What the networks have to beat: a constant and a linear regression, on each subset and on all data.
rule baseline:
    input:
        manifest=rules.prepare.output.manifest,
        subsets=expand(rules.subset.output.manifest, fraction=SUBSETS),
    output:
        f"{RESULTS}/baseline/baseline.csv",
    log:
        f"{RESULTS}/logs/baseline.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(30),
    params:
        fractions=list(SUBSETS),
        objective=OBJECTIVE,
        code=code("baseline"),
    script:
        "../scripts/baseline.py"


# The cheapest model whose validation loss is within the tolerance of the best.
rule select_model:
    input:
        trials=expand(rules.rank.output.trials, fraction=FRACTIONS),
        rungs=expand(rules.rank_rung.output.trials, rung=RUNGS),
        models=rules.retrain.input.models,
        records=rules.retrain.input.records,
        timings=rules.retrain.input.timings,
        evaluations=rules.retrain.input.evaluations,
        rounds=round_files,
    output:
        retrained=f"{RESULTS}/select/retrained.csv",
        timings=f"{RESULTS}/select/timings.csv",
        selection=f"{RESULTS}/select/selection.csv",
    log:
        f"{RESULTS}/logs/select_model.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(trials_mb, base=1000)),
        runtime=growing(30),
    params:
        fractions=list(FRACTIONS),
        top_k=config["retrain"]["top_k"],
        tolerance=config["select"]["tolerance"],
        cost=config["select"]["cost"],
        max_failed=config["retrain"]["max_failed"],
        code=code("select_model"),
    script:
        "../scripts/select_model.py"


# How long the retrained networks take for a prediction. It has no say in the choice.
rule measure_inference:
    input:
        # The time depends on the network alone, not on its weights: one repetition will do.
        models=lambda wildcards: expand(
            rules.retrain_trial.output.model, trial=trials_of_step_2(), repetition=REPETITIONS[0]
        ),
    output:
        f"{RESULTS}/inference/inference.csv",
    log:
        f"{RESULTS}/logs/measure_inference.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(models_mb, copies=4)),
        runtime=growing(60),
    params:
        code=code("measure_inference"),
    script:
        "../scripts/measure_inference.py"


# What the selected model predicts for the test split, beside truth and inputs.
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
        **memory(growing(2000)),
        runtime=growing(30),
    params:
        code=code("predict"),
    script:
        "../scripts/predict.py"


# The results that figures and summary show, and the sections of the config that explain them.
STUDY_FILES = dict(
    trials=rules.select_model.input.trials,
    timings=expand(rules.rank.output.timings, fraction=FRACTIONS),
    subsets=expand(rules.subset.output.manifest, fraction=FRACTIONS),
    rung_trials=rules.select_model.input.rungs,
    rung_timings=expand(rules.rank_rung.output.timings, rung=RUNGS),
    rung_subsets=[
        rules.subset.output.manifest.format(fraction=fraction_name(rung["fraction"]))
        for rung in RUNGS.values()
    ],
    records=rules.retrain.input.records,
    retrained=rules.select_model.output.retrained,
    retrain_timings=rules.select_model.output.timings,
    selection=rules.select_model.output.selection,
    baseline=rules.baseline.output[0],
    inference=rules.measure_inference.output[0],
    manifest=rules.prepare.output.manifest,
    rounds=round_files,
)
STUDY_CONFIG = json_param(
    {
        key: config[key]
        for key in ("study", "dataset", "training", "network", "search", "retrain", "select")
    }
)


# All figures, as PNG for the screen and PDF for a paper.
rule figures:
    input:
        **STUDY_FILES,
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
        **memory(partial(trials_mb, base=2000)),
        runtime=growing(30),
    params:
        config=STUDY_CONFIG,
        code=code("figures"),
    script:
        "../scripts/figures.py"


# What was found, whether it can be trusted, and what it cost, in words.
rule summarise:
    input:
        **STUDY_FILES,
    output:
        f"{RESULTS}/summary.md",
    log:
        f"{RESULTS}/logs/summarise.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(trials_mb, base=1000)),
        runtime=growing(30),
    params:
        config=STUDY_CONFIG,
        code=code("summarise"),
    script:
        "../scripts/summarise.py"


# The files of the page to explore that are no Python, and so have no part in the hash of the code.
EXPLORE_PARTS = [f"{SCRIPTS}/twostep/report/explore.{suffix}" for suffix in ("html", "js")]


# A page to look at all trials, with charts and a table that select the same.
rule explore:
    input:
        searches=expand(
            rules.search_shard.output.records, fraction=FRACTIONS, shard=range(len(SHARDS))
        ),
        rungs=[
            path
            for rung in RUNGS
            for path in expand(
                rules.rung_shard.output.records,
                rung=rung,
                shard=shards_of_rung(rung),
            )
        ],
        retrained=rules.retrain.input.records,
    output:
        f"{RESULTS}/explore.html",
    log:
        f"{RESULTS}/logs/explore.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(file_mb, copies=10)),
        runtime=growing(30),
    params:
        study=config["study"],
        loss=config["training"]["loss"],
        n_trials=config["search"]["n_trials"],
        page=hash_values([hash_file(path) for path in EXPLORE_PARTS]),
        code=code("explore"),
    script:
        "../scripts/explore.py"
