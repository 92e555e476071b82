"""The model card: what an exported model is, what it can do and where it must not be used."""

from dataclasses import dataclass

import pandas as pd

from twostep.data.transforms import TRANSFORMS
from twostep.export.export import FORMATS, MEASURE, N_CHECKED, TOLERANCE
from twostep.export.metadata import PRECISION, describe
from twostep.model.model import Model
from twostep.util import wording
from twostep.util.wording import number, short, table, unit_of

METRICS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}


@dataclass(frozen=True)
class Background:
    """What a card tells beside the model itself.

    `manifest` describes the prepared data and `evaluation` holds the test errors; `baseline` is the
    table of baselines, `budget` that of the retraining, and `chosen` says how the model was chosen.
    """

    study: str
    manifest: dict
    evaluation: dict
    baseline: pd.DataFrame
    budget: dict
    chosen: str


def model_card(model: Model, differences: dict[str, float], background: Background) -> str:
    """Return the model card as Markdown; `differences` are those of the exported formats."""
    record = model.record
    sections = [
        [f"# Model card: trial {record['trial']}, seed {record['seed']}"],
        _purpose(model, background),
        _data(model, background.manifest),
        _network(model, background),
        _quality(model, background),
        _limits(model),
        _use(model, differences),
        _origin(model, background),
    ]
    return "\n\n".join(paragraph for section in sections for paragraph in section) + "\n"


def choice_text(settings: dict | None) -> str:
    """Return how a model was chosen; `settings` are the config's, or None for one by request."""
    if settings is None:
        return (
            "It was exported by request. Which model the study selected, and why, is in "
            "`select/selection.csv`."
        )
    search, select = settings["search"], settings["select"]
    controls = settings["controls"]
    drawn = f" and {controls:,} drawn at random from the others" if controls else ""
    fractions = " and ".join(f"{100 * fraction:g} %" for fraction in search["fractions"])
    return (
        f"It is the model that the study selected. {search['n_trials']:,} random configurations "
        f"were trained on {fractions} of the training data, the best {settings['top_k']:,} of "
        f"each search{drawn} were retrained on all of them, and this is the cheapest by "
        f"{select['cost']} whose validation loss is within {100 * select['tolerance']:g} % of the "
        "lowest. The test split had no say."
    )


def _purpose(model: Model, background: Background) -> list[str]:
    n_inputs, n_outputs = len(model.inputs), len(model.outputs)
    return [
        f"A neural network of the study `{background.study}` that predicts "
        f"{number(n_outputs, 'output')} from {number(n_inputs, 'input')}. {background.chosen}",
        "## Inputs and outputs",
        "In this order, in these units: transforms and scaling are inside the model. The range is "
        "that of the training data, which is where the model is valid.",
        _features(model.inputs, "input"),
        _features(model.outputs, "output"),
    ]


def _features(features: list[dict], role: str) -> str:
    rows = [[role, "name", "quantity", "unit", "transform", "smallest", "largest"]]
    rows += [
        [
            str(number),
            f"`{feature['name']}`",
            feature["long_name"],
            unit_of(feature["units"]).strip() or "1",
            feature["transform"],
            f"{feature['min']:.6g}",
            f"{feature['max']:.6g}",
        ]
        for number, feature in enumerate(features, 1)
    ]
    return table(rows)


def _data(model: Model, manifest: dict) -> list[str]:
    splits = manifest["splits"]
    return [
        "## Data",
        f"{splits['training']:,} training, {splits['validation']:,} validation and "
        f"{splits['test']:,} test samples, {wording.split(manifest['split'])}. Hash of the "
        f"prepared data: `{model.data_hash}`.",
    ]


def _network(model: Model, background: Background) -> list[str]:
    record, configuration = model.record, model.record["configuration"]
    widths = "-".join(map(str, configuration["hidden_widths"]))
    settings = {
        "hidden layers": f"{len(configuration['hidden_widths'])} ({widths} units)",
        "activation": configuration["activation"],
        "learnable parameters": f"{record['n_parameters']:,}",
        "multiply-add operations a sample": f"{record['n_operations']:,}",
        "optimizer": configuration["optimizer"],
        "learning rate": f"{configuration['learning_rate']:g}",
        "batch size": str(configuration["batch_size"]),
        "weight decay": f"{configuration['weight_decay']:g}",
        "dropout": f"{configuration['dropout']:g}",
        "budget": wording.budget(background.budget),
        "trained for": f"{record['epochs']:,} epochs, the weights are those of epoch "
        f"{record['best_epoch']:,}",
        "outcome": record["status"],
        "validation loss": short(record["min_val_loss"]),
    }
    return ["## Network and training", table([["", ""], *map(list, settings.items())])]


def _quality(model: Model, background: Background) -> list[str]:
    baseline = background.baseline
    linear = baseline[(baseline["data"] == "all") & (baseline["model"] == "linear")].iloc[0]
    rows = [["output", *METRICS.values(), *(f"{label}, linear" for label in METRICS.values())]]
    for output in model.outputs:
        errors = background.evaluation["per_output"][output["name"]]
        row = [f"`{output['name']}`"]
        for values in (errors, {key: linear[f"test_{key}[{output['name']}]"] for key in METRICS}):
            row += [_metric(values[metric], metric, output["units"]) for metric in METRICS]
        rows.append(row)
    return [
        "## Quality",
        f"Errors on the {background.evaluation['n_test']:,} samples of the test split, in physical "
        "units, beside those of a linear regression in the same transformed variables.",
        table(rows),
    ]


def _metric(value: float | None, metric: str, units: str) -> str:
    if value is None or pd.isna(value):
        return "not finite"
    return f"{value:.5f}" if metric == "r2" else f"{short(value)}{unit_of(units)}"


def _limits(model: Model) -> list[str]:
    domains = {
        f"`{feature['name']}` must be {TRANSFORMS[feature['transform']].domain}"
        for feature in model.inputs
        if feature["transform"] != "none"
    }
    items = [
        "Do not extrapolate: outside the ranges above nothing is known of the errors. Inputs are "
        "not clipped; a program that may leave the ranges should look at them itself.",
        "Ranges hold for each input by itself. A combination of inputs that is unlike all training "
        "data is an extrapolation, too.",
        "A sample with an input that is not a finite number, or outside the domain of its "
        "transform, gets NaN for all its outputs"
        + (f": {'; '.join(sorted(domains))}." if domains else "."),
        f"Outputs: {'; '.join(_possible(model, output) for output in model.outputs)}.",
        "The model knows no conservation law and no physical limit beyond these.",
    ]
    return ["## Limits", "\n".join(f"- {item}" for item in items)]


def _possible(model: Model, output: dict) -> str:
    """Return which values an output can have, whatever the inputs."""
    transform = TRANSFORMS[output["transform"]]
    if model.output_activation == "sigmoid":
        low, high = (transform.invert(edge) for edge in (0.0, 1.0))
        return f"`{output['name']}` is between {low:.6g} and {high:.6g}"
    domain = transform.domain or "any number, also outside what is possible physically"
    return f"`{output['name']}` is {domain}"


def _use(model: Model, differences: dict[str, float]) -> list[str]:
    names = {"onnx": "model.onnx", "torchscript": "model.pt", "text": "model.txt"}
    rows = [["file", "format", "largest difference"]]
    rows += [
        [f"`{names[name]}`", FORMATS[name], f"{difference:.1e}"]
        for name, difference in differences.items()
    ]
    n_inputs, n_outputs = len(model.inputs), len(model.outputs)
    return [
        "## Use",
        f"Precision: {PRECISION}. Each file was checked against the trained network on test rows "
        f"(at most {N_CHECKED:,}); differences are relative to {MEASURE}, and may be at most "
        f"{TOLERANCE:g}.",
        table(rows),
        f"ONNX, in Python: `inputs` is (n_samples, {n_inputs}) and `outputs` (n_samples, "
        f"{n_outputs}), both float64.",
        "```python\nimport onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        '[outputs] = session.run(["outputs"], {"inputs": inputs})\n```',
        "TorchScript, in Python, C++ or Fortran (FTorch):",
        '```python\nimport torch\n\nmodel = torch.jit.load("model.pt")\n'
        "outputs = model(torch.from_numpy(inputs)).numpy()\n```",
        "Text, in Fortran without any library (`examples/fortran` of the workflow): arrays are "
        f"({n_inputs}, n_samples) and ({n_outputs}, n_samples).",
        '```fortran\ncall load_model("model.txt", model)\noutputs = predict(model, inputs)\n```',
        "`reference.csv` holds test rows with the outputs of the trained network: a port should "
        "reproduce them.",
    ]


def _origin(model: Model, background: Background) -> list[str]:
    items = [f"- {key}: `{value}`" for key, value in describe(model, background.study).items()]
    return [
        "## Origin",
        "\n".join(items),
        "`provenance.json` of the study says more, and names the SHA-256 of the files of the "
        "selected model. Licence and citation: the workflow's LICENSE and CITATION.cff; the method "
        "is that of Yu et al. (2023, https://doi.org/10.1175/AIES-D-23-0013.1). The licence of the "
        "training data may bind the model, too.",
    ]
