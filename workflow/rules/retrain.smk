rule retrain_trial:
    input:
        manifest=rules.prepare.output.manifest,
    output:
        model=f"{RESULTS}/retrain/trial_{{trial}}_seed_{{seed}}.pt",
        record=f"{RESULTS}/retrain/trial_{{trial}}_seed_{{seed}}.json",
        timing=f"{RESULTS}/retrain/trial_{{trial}}_seed_{{seed}}.timing.json",
    log:
        f"{RESULTS}/logs/retrain/trial_{{trial}}_seed_{{seed}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=retrain_mb,
        machine_mb=retrain_mb,
        runtime=retrain_minutes,
        gpu=config["training"]["gpu"],
        machine_gpu=config["training"]["gpu"],
    params:
        configuration=configuration_text,
        budget=as_text(config["retrain"]["budget"]),
        output_activation=config["training"]["output_activation"],
        gpu=config["training"]["gpu"],
        seed=config["seed"],
        journal=f"{RESULTS}/journal/retrain",
        libraries=LIBRARIES,
        code=code("retrain_trial"),
    script:
        "../scripts/retrain_trial.py"


rule retrain:
    input:
        models=partial(retrained, pattern=rules.retrain_trial.output.model),
        records=partial(retrained, pattern=rules.retrain_trial.output.record),
        timings=partial(retrained, pattern=rules.retrain_trial.output.timing),


rule evaluate:
    input:
        manifest=rules.prepare.output.manifest,
        model=rules.retrain_trial.output.model,
        record=rules.retrain_trial.output.record,
    output:
        f"{RESULTS}/evaluate/trial_{{trial}}_seed_{{seed}}.json",
    log:
        f"{RESULTS}/logs/evaluate/trial_{{trial}}_seed_{{seed}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(models_mb, copies=4),
        machine_mb=partial(models_mb, copies=4),
        runtime=evaluate_minutes,
    params:
        code=code("evaluate"),
    script:
        "../scripts/evaluate.py"
