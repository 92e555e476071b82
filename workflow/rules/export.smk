def export_files(folder):
    """The files of one exported model."""
    names = dict(
        onnx="model.onnx",
        torchscript="model.pt",
        text="model.txt",
        reference="reference.csv",
        card="model_card.md",
    )
    return {key: f"{RESULTS}/export/{folder}/{name}" for key, name in names.items()}


# Not part of a full run: exports the model of any trial when one of its files is asked for.
rule export_trial:
    input:
        manifest=rules.prepare.output.manifest,
        model=rules.retrain_trial.output.model,
        evaluation=rules.evaluate.output[0],
        baseline=rules.baseline.output[0],
    output:
        **export_files("trial_{trial}_seed_{seed}"),
    log:
        f"{RESULTS}/logs/export/trial_{{trial}}_seed_{{seed}}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=partial(file_mb, copies=20),
        machine_mb=partial(file_mb, copies=20),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        study=config["study"],
        budget=as_text(config["retrain"]["budget"]),
        chosen=as_text(None),
        code=code("export"),
    script:
        "../scripts/export.py"


# The selected model, whichever it is: exported again when another one is selected or its own
# files change.
use rule export_trial as export with:
    input:
        manifest=rules.prepare.output.manifest,
        model=partial(selected, pattern=rules.retrain_trial.output.model),
        evaluation=partial(selected, pattern=rules.evaluate.output[0]),
        baseline=rules.baseline.output[0],
    output:
        **export_files("selected"),
    log:
        f"{RESULTS}/logs/export/selected.log",
    params:
        study=config["study"],
        budget=as_text(config["retrain"]["budget"]),
        chosen=as_text(
            {
                "search": {key: config["search"][key] for key in ("n_trials", "fractions")},
                "top_k": config["retrain"]["top_k"],
                "select": config["select"],
            }
        ),
        code=code("export"),
