# Not part of a full run: exports the model of any trial when one of its files is asked for.
rule export_trial:
    input:
        manifest=rules.prepare.output.manifest,
        models=[rules.retrain_trial.output.model],
        evaluations=[rules.retrain_trial.output.evaluation],
        baseline=rules.baseline.output[0],
    output:
        **export_files(MODEL_NAME),
    log:
        f"{RESULTS}/logs/export/{MODEL_NAME}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(models_mb, copies=15)),
        runtime=growing(60),
    params:
        study=config["study"],
        budget=json_param(config["retrain"]["budget"]),
        objective=OBJECTIVE,
        chosen=json_param(None),
        code=code("export"),
    script:
        "../scripts/export.py"


# The selected model, whichever it is. Only the job can tell, so that all are its input; a checkpoint
# would say, but one that waits for another one (rank) hands out its old choice in a rerun.
use rule export_trial as export with:
    input:
        manifest=rules.prepare.output.manifest,
        models=rules.retrain.input.models,
        evaluations=rules.select_model.input.evaluations,
        selection=rules.select_model.output.selection,
        rounds=round_files,
        baseline=rules.baseline.output[0],
    output:
        **export_files("selected"),
    log:
        f"{RESULTS}/logs/export/selected.log",
    params:
        study=config["study"],
        budget=json_param(config["retrain"]["budget"]),
        objective=OBJECTIVE,
        chosen=json_param(
            {
                "search": {
                    key: config["search"][key]
                    for key in (
                        *("n_trials", "fractions", "rungs"),
                        *("sampler", "generation_size", "enqueue"),
                    )
                },
                **{key: config["retrain"][key] for key in ("top_k", "controls", "seeds")},
                "select": config["select"],
            }
        ),
        code=code("export"),


# Not part of a full run either: all retrained models that no other one beats. A checkpoint, because
# only its table tells which models are exported.
checkpoint choose_portfolio:
    input:
        retrained=rules.select_model.output.retrained,
        inference=rules.measure_inference.output[0],
        selection=rules.select_model.output.selection,
    output:
        f"{RESULTS}/portfolio/portfolio.csv",
    log:
        f"{RESULTS}/logs/choose_portfolio.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(30),
    params:
        code=code("choose_portfolio"),
    script:
        "../scripts/choose_portfolio.py"


# The target `snakemake portfolio`: these models, exported by the rule above, and a page on them.
rule portfolio:
    input:
        table=rules.choose_portfolio.output[0],
        cards=partial(files_of_portfolio, keys=["card"]),
        models=partial(files_of_portfolio, keys=["onnx", "pt2", "torchscript"]),
    output:
        f"{RESULTS}/portfolio.md",
    log:
        f"{RESULTS}/logs/portfolio.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(30),
    params:
        study=config["study"],
        n_seeds=config["retrain"]["seeds"],
        code=code("portfolio"),
    script:
        "../scripts/portfolio.py"
