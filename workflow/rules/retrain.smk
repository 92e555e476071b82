# The tables that step 2 chooses from.
RANKINGS = (
    expand(rules.rank_rung.output.trials, rung=[len(RUNGS)])
    if RUNGS
    else expand(rules.rank.output.trials, fraction=FRACTIONS)
)


# Step 2: one trial on the full training split, and its errors on the test split in physical units.
# It depends on the trial's configuration and on no ranking, so that another ranking retrains only the
# trials that it newly chooses. A job of its own for the errors would take longer to start than to
# run; where only their code has changed, the journal has the model.
rule retrain_trial:
    input:
        manifest=rules.prepare.output.manifest,
        configurations=list_of_trial,
    output:
        model=f"{RESULTS}/retrain/{MODEL_NAME}.pt",
        record=f"{RESULTS}/retrain/{MODEL_NAME}.json",
        timing=f"{RESULTS}/retrain/{MODEL_NAME}.timing.json",
        evaluation=f"{RESULTS}/retrain/{MODEL_NAME}.evaluation.json",
    log:
        f"{RESULTS}/logs/retrain/{MODEL_NAME}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(retrain_mb),
        **gpus(),
        runtime=retrain_minutes,
    params:
        **LIST_PARAMS,
        budget=json_param(config["retrain"]["budget"]),
        output_activation=config["training"]["output_activation"],
        objective=OBJECTIVE,
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        network=NETWORK_PARAM,
        journal=f"{RESULTS}/journal/retrain",
        libraries=LIBRARIES,
        code=code("retrain_trial"),
    script:
        "../scripts/retrain_trial.py"


# With `retrain.until`: whether the finalists of a round are enough. A checkpoint, because the next
# round depends on it.
checkpoint judge_round:
    input:
        trials=RANKINGS,
        records=lambda wildcards: expand(
            rules.retrain_trial.output.record,
            trial=trials_of_step_2(int(wildcards.finalists)),
            repetition=REPETITIONS,
        ),
    output:
        f"{RESULTS}/rounds/{{finalists}}.json",
    log:
        f"{RESULTS}/logs/rounds/{{finalists}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        **memory(partial(trials_mb, base=1000)),
        runtime=growing(30),
    params:
        fractions=rankings_of_step_2(config["search"]),
        probability=config["retrain"]["until"]["probability"],
        tolerance=config["select"]["tolerance"],
        code=code("judge_round"),
    script:
        "../scripts/judge_round.py"


# The target `snakemake retrain`: all finalists and controls.
rule retrain:
    input:
        models=partial(files_of_step_2, pattern=rules.retrain_trial.output.model),
        records=partial(files_of_step_2, pattern=rules.retrain_trial.output.record),
        timings=partial(files_of_step_2, pattern=rules.retrain_trial.output.timing),
        evaluations=partial(files_of_step_2, pattern=rules.retrain_trial.output.evaluation),
