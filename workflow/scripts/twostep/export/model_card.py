"""The model card: what an exported model is, what it can do and where it must not be used."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twostep.analysis.baselines import regression_name, regression_of
from twostep.data.doubts import describe_doubts
from twostep.data.transforms import TRANSFORMS
from twostep.data.variables import ORDER, Variable, feature_table, list_shown, unscaled
from twostep.export.export import FORMATS, MEASURE, N_CHECKED, ROUNDING_ERRORS, TOLERANCE
from twostep.export.metadata import PRECISION, describe
from twostep.model.metrics import mean_of
from twostep.model.model import Model
from twostep.training.objective import Objective
from twostep.trials.records import settings_of
from twostep.trials.samplers import describe_sample
from twostep.trials.settings import further_settings, schedules
from twostep.util import wording
from twostep.util.wording import (
    CLASS_LABELS,
    METRIC_LABELS,
    class_table,
    each_class_table,
    number,
    short,
    table,
    unit_of,
)

FILES = {
    "onnx": "model.onnx",
    "pt2": "model.pt2",
    "torchscript": "model.pt",
    "text": "model.txt",
}


@dataclass(frozen=True)
class CardFacts:
    """What a card tells beside the model itself.

    `manifest` describes the prepared data and `evaluation` holds the test errors; `baseline` is the
    table of baselines, `budget` that of the retraining, `objective` is what was minimised, and
    `chosen` says how the model was chosen.
    """

    study: str
    manifest: dict
    evaluation: dict
    baseline: pd.DataFrame
    budget: dict
    objective: Objective
    chosen: str


def model_card(
    model: Model,
    differences: dict[str, float],
    missing: dict[str, str] | None = None,
    *,
    facts: CardFacts,
) -> str:
    """Return the model card as Markdown.

    `differences` are those of the exported formats; `missing` says why others could not be written.
    """
    record = model.record
    sections = [
        [f"# Model card: trial {record['trial']}, seed {record['seed']}"],
        _purpose(model, facts),
        _data(model, facts.manifest),
        _network(model, facts),
        _quality(model, facts),
        _limits(model, facts),
        _use(model, differences, missing or {}),
        _origin(model, facts),
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
    others = "at each cut" if search["rungs"] else "from the others"
    drawn = f" and {controls:,} drawn at random {others}" if controls else ""
    fractions = " and ".join(f"{100 * fraction:g} %" for fraction in search["fractions"])
    last = "the last of these" if search["rungs"] else "each search"
    return (
        f"It is the model that the study selected. {describe_sample(search)} "
        f"were trained on {fractions} of the training data.{_rungs_text(search)} The best "
        f"{settings['top_k']:,} of {last}{drawn} were retrained on all of them. This is the "
        f"cheapest by {select['cost']} whose validation loss is within "
        f"{100 * select['tolerance']:g} % of the lowest. The test split had no part in the choice. "
        f"{_scope(settings['seeds'])}"
    )


def _rungs_text(search: dict) -> str:
    """Return what was trained between search and retraining, as sentences after a blank each."""
    return "".join(
        f" The best {rung['top_k']:,} were trained once more on {100 * rung['fraction']:g} %."
        for rung in search["rungs"]
    )


def _scope(n_seeds: int) -> str:
    """Return what the choice holds for, with so many networks of each configuration."""
    if n_seeds == 1:
        return (
            "The choice is one of networks, not of configurations. Trained with another seed, the "
            "same configuration may have other errors than this network."
        )
    return (
        f"Each configuration was judged by the mean of its {n_seeds} networks. This is the one "
        "with the lowest validation loss."
    )


def _purpose(model: Model, facts: CardFacts) -> list[str]:
    n_inputs, n_outputs = len(model.inputs), len(model.outputs)
    shapes = facts.manifest["variables"]
    inputs, outputs = list_shown(model.inputs, shapes), list_shown(model.outputs, shapes)
    note = (
        "The order and the units are those of the tables. Transforms and scaling are inside the "
        "model. The range is that of the training data, rounded outwards. It is where the model is "
        "valid."
    )
    if len(inputs) < n_inputs or len(outputs) < n_outputs:
        note += (
            f" {ORDER} The first line of `reference.csv` names all inputs and outputs in their "
            "order. The range of a variable is that of all its entries: "
            + ("the metadata of ONNX, pt2 and TorchScript" if model.is_own else "`model.txt`")
            + " holds the range of each."
        )
    if model.output_activation == "softmax":
        note += (
            " The outputs are the probabilities of the classes. The predicted class is the one "
            "with the highest."
        )
    return [
        f"A neural network of the study `{facts.study}` that predicts "
        f"{number(n_outputs, 'output')} from {number(n_inputs, 'input')}. {facts.chosen}",
        "## Inputs and outputs",
        " ".join(filter(None, [note, unscaled(model.inputs)])),
        feature_table("input", inputs),
        feature_table("output", outputs),
    ]


def _data(model: Model, manifest: dict) -> list[str]:
    hashed = f"Hash of the prepared data: `{model.data_hash}`."
    text = f"{wording.splits(manifest)}. {hashed}"
    if manifest["constant_features"]:
        text += f" {wording.left_out(manifest['constant_features'])}"
    doubts = describe_doubts(manifest["doubts"], manifest["n_rows_read"])
    return ["## Data", text, *(f"In doubt: {doubt}" for _, doubt in doubts)]


def _network(model: Model, facts: CardFacts) -> list[str]:
    record, configuration = model.record, model.record["configuration"]
    told = [*settings_of(configuration), *further_settings(configuration)]
    settings = {
        **_described(configuration),
        "learnable parameters": f"{record['n_parameters']:,}",
        "multiply-add operations a sample": f"{record['n_operations']:,}",
        **{wording.spell(name): _setting(configuration[name]) for name in told},
        "loss": wording.loss(facts.objective.loss, facts.objective.huber_delta, facts.manifest),
        "budget": wording.budget(facts.budget, schedules=schedules(configuration)),
        "trained for": f"{record['epochs']:,} epochs, the weights are those of epoch "
        f"{record['best_epoch']:,}",
        "outcome": record["status"],
        "validation loss": short(record["min_val_loss"]),
    }
    return ["## Network and training", table([["", ""], *map(list, settings.items())])]


def _described(configuration: dict) -> dict[str, str]:
    """Return what describes the network itself."""
    if "hyperparameters" in configuration:
        own = configuration["hyperparameters"]
        listed = ", ".join(f"{name} {_setting(value)}" for name, value in own.items())
        return {"network": "of the user's own", "its hyperparameters": listed or "none"}
    widths = configuration["hidden_widths"]
    return {"hidden layers": f"{len(widths)} ({'-'.join(map(str, widths))} units)"}


def _setting(value: str | float) -> str:
    return str(value) if isinstance(value, str | bool) else f"{value:g}"


def _quality(model: Model, facts: CardFacts) -> list[str]:
    regression = regression_of(facts.baseline, "all")
    n_test = f"{facts.evaluation['n_test']:,} samples of the test split"
    if "accuracy" in facts.evaluation.get("overall", {}):
        simple = {metric: regression[f"test_{metric}"] for metric in CLASS_LABELS}
        models = {
            "this model": facts.evaluation["overall"],
            regression_name(facts.baseline): simple,
        }
        each = facts.evaluation["per_output"]
        is_told = "recall" in each[model.outputs[0]["name"]]
        tables = [class_table(models), *([each_class_table(each)] if is_told else [])]
        return ["## Quality", f"Errors on the {n_test}.", *tables]
    labels = list(METRIC_LABELS.values())
    rows = [["output", *labels, *(f"{label}, {regression['model']}" for label in labels)]]
    errors = facts.evaluation["per_output"]
    shown = list_shown(model.outputs, facts.manifest["variables"])
    for variable in shown:
        names, units = variable.feature_names, variable.features[0]["units"]
        row = [f"`{variable.name}`"]
        for value_of in (
            lambda name, metric: errors[name][metric],
            lambda name, metric: regression[f"test_{metric}[{name}]"],
        ):
            for metric in METRIC_LABELS:
                mean = mean_of(value_of(name, metric) for name in names)
                row.append(_metric(mean, metric, units))
        rows.append(row)
    means = "" if len(shown) == len(model.outputs) else " Each row holds means over the entries."
    return [
        "## Quality",
        f"Errors on the {n_test}, in physical units, beside those of a "
        f"{regression_name(facts.baseline)} in the same transformed variables." + means,
        table(rows),
    ]


def _metric(value: float, metric: str, units: str) -> str:
    if math.isnan(value):
        return "not finite"
    return f"{value:.5f}" if metric == "r2" else f"{short(value)}{unit_of(units)}"


def _limits(model: Model, facts: CardFacts) -> list[str]:
    inputs, outputs = (
        list_shown(features, facts.manifest["variables"])
        for features in (model.inputs, model.outputs)
    )
    domains = {
        f"`{variable.name}` must be {TRANSFORMS[variable.features[0]['transform']].domain}"
        for variable in inputs
        if variable.features[0]["transform"] != "none"
    }
    items = [
        "Do not extrapolate: outside the ranges above nothing is known of the errors. Inputs are "
        "not clipped. A program that may leave the ranges should look at them itself.",
        "Ranges hold for each input by itself. A combination of inputs that is unlike all training "
        "data is an extrapolation, too.",
        "A sample gets NaN for all its outputs if an input is not a finite number, or is outside "
        "the domain of its transform" + (f": {'; '.join(sorted(domains))}." if domains else "."),
        f"Outputs: {'; '.join(_possible(model, output) for output in outputs)}.",
        "The model knows no conservation law and no physical limit beyond these.",
    ]
    return ["## Limits", "\n".join(f"- {item}" for item in items)]


def _possible(model: Model, output: Variable) -> str:
    """Return which values an output can have, whatever the inputs."""
    transform = TRANSFORMS[output.features[0]["transform"]]
    if model.output_activation in ("sigmoid", "softmax"):
        low, high = transform.invert(np.array([0.0, 1.0]))
        return f"`{output.name}` is between {low:.6g} and {high:.6g}"
    domain = transform.domain or "any number, also outside what is possible physically"
    return f"`{output.name}` is {domain}"


def _use(model: Model, differences: dict[str, float], missing: dict[str, str]) -> list[str]:
    rows = [["file", "format", "largest difference"]]
    rows += [
        [f"`{FILES[name]}`", FORMATS[name], f"{difference:.1e}"]
        for name, difference in differences.items()
    ]
    n_inputs, n_outputs = len(model.inputs), len(model.outputs)
    usage = {
        "onnx": [
            f"ONNX, in Python: `inputs` is (n_samples, {n_inputs}) and `outputs` (n_samples, "
            f"{n_outputs}), both float64.",
            "```python\nimport onnxruntime\n\n"
            'session = onnxruntime.InferenceSession("model.onnx")\n'
            '[outputs] = session.run(["outputs"], {"inputs": inputs})\n```',
        ],
        "pt2": [
            "pt2, in Python with torch, and in C++ once AOTInductor has compiled it:",
            '```python\nimport torch\n\nmodel = torch.export.load("model.pt2").module()\n'
            "outputs = model(torch.from_numpy(inputs)).numpy()\n```",
        ],
        "torchscript": [
            "TorchScript, in Fortran through FTorch and in C++ with libtorch:",
            "```fortran\ncall torch_model_load(model, 'model.pt', torch_kCPU)\n```",
        ],
        "text": [
            "Text, in Fortran without any library (`examples/fortran` of the workflow): arrays are "
            f"({n_inputs}, n_samples) and ({n_outputs}, n_samples).",
            '```fortran\ncall load_model("model.txt", model)\n'
            "outputs = predict(model, inputs)\n```",
        ],
    }
    return [
        "## Use",
        f"Precision: {PRECISION}. Each file was checked against the trained network on test rows "
        f"(at most {N_CHECKED:,}). Differences are relative to {MEASURE}. They may be at most "
        f"{TOLERANCE:g}, or {ROUNDING_ERRORS} times what single precision makes, if that is more.",
        table(rows),
        *(text for name in differences for text in usage[name]),
        *_missing_formats(model, missing),
        "`reference.csv` holds test rows with the outputs of the trained network: a port should "
        "reproduce them.",
    ]


def _missing_formats(model: Model, missing: dict[str, str]) -> list[str]:
    """Return which formats there are not, and why."""
    told = [
        f"`{FILES[name]}` is empty, because torch cannot write this network as {FORMATS[name]}: "
        f"{reason}"
        for name, reason in missing.items()
    ]
    if model.is_own:
        told.append("There is no text file for Fortran: it is for fully connected networks.")
    return told


def _origin(model: Model, facts: CardFacts) -> list[str]:
    items = [f"- {key}: `{value}`" for key, value in describe(model, facts.study).items()]
    return [
        "## Origin",
        "\n".join(items),
        "`provenance.json` of the study says more, and names the SHA-256 of the files of the "
        "selected model. Licence and citation: the workflow's LICENSE and CITATION.cff; the method "
        "is that of Yu et al. (2023, https://doi.org/10.1175/AIES-D-23-0013.1). The licence of the "
        "training data may bind the model, too.",
    ]
