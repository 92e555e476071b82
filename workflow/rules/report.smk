# The rules whose code a study's provenance names: those that made its results.
RULES_OF_RESULTS = (
    "generate",
    "prepare",
    "subset",
    "generation" if SAMPLER == TPE else "draw",
    "search_shard",
    "rank",
    # Rungs, and rounds of retraining, where the config has them.
    *(["cut", "rung_shard", "rank_rung"] if RUNGS else []),
    "retrain_trial",
    *(["judge_round"] if config["retrain"]["until"]["probability"] is not None else []),
    "baseline",
    "select_model",
    "export",
    "measure_inference",
    "predict",
    "figures",
    "summarise",
    "explore",
)


# What all results were made from, with and on. It depends on all of them, so that none is newer than
# what is said of it.
rule provenance:
    input:
        rules.figures.output,
        rules.export.output,
        **STUDY_FILES,
        models=rules.retrain.input.models,
        evaluations=rules.select_model.input.evaluations,
        predictions=rules.predict.output[0],
        summary=rules.summarise.output[0],
        explore=rules.explore.output[0],
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/provenance.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(30),
    params:
        fractions=list(FRACTIONS),
        data_record=DATA_RECORD,
        config=json_param(config_of_results(config)),
        network=NETWORK_PARAM,
        # Nothing is generated where the user has data.
        stages=json_param(
            {rule: code(rule) for rule in RULES_OF_RESULTS if rule != "generate" or not DATA_FILES}
        ),
        code=code("provenance"),
    script:
        "../scripts/provenance.py"


# Snakemake's report shows figures and HTML, and offers everything else for download only.
rule report_pages:
    input:
        [f"{RESULTS}/{page.source}" for page in PAGES.values()],
    output:
        [
            report(f"{RESULTS}/report/{name}.html", **page.for_report())
            for name, page in PAGES.items()
        ],
    log:
        f"{RESULTS}/logs/report_pages.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(growing(1000)),
        runtime=growing(30),
    params:
        code=code("report_pages"),
    script:
        "../scripts/report_pages.py"
