"""The model card says what is needed to use a model, and what not to do with it."""

import pandas as pd
import torch
from exported_model import PIXELS, UNSCALED, save_made_up

from twostep.export.model_card import CardFacts, choice_text, model_card
from twostep.model.model import load_model
from twostep.training.objective import PLAIN, Objective
from twostep.util.files import read_json

DIFFERENCES = {"onnx": 1.23e-7, "torchscript": 0.0, "text": 2e-7}


def make_card(
    folder, *, manifest=None, chosen=None, evaluation=None, objective=PLAIN, accuracy=None, **kind
) -> str:
    model, path = save_made_up(folder, **kind)
    facts = {
        "chosen": chosen,
        "evaluation": evaluation,
        "objective": objective,
        "accuracy": accuracy,
    }
    return card_of(model, manifest or read_json(path), **facts)


def card_of(
    model,
    manifest,
    *,
    chosen=None,
    evaluation=None,
    rmse=None,
    objective=PLAIN,
    accuracy=None,
    differences=None,
    missing=None,
) -> str:
    """Return the card of a saved model; `rmse` are those of its outputs.

    `accuracy` are the further errors of the model and of a logistic regression.
    """
    trained = load_model(model, run_code=True)
    names = [output["name"] for output in trained.outputs]
    errors = {"mse": 0.04, "rmse": 0.2, "mae": 0.1, "r2": 0.987654}
    each = [errors | (evaluation or {}) for _ in names]
    if rmse is not None:
        each = [own | {"rmse": value} for own, value in zip(each, rmse, strict=True)]
    overall, baseline = accuracy or ({}, {})
    baseline |= {
        f"test_{key}[{name}]": 3 * value for key, value in errors.items() for name in names
    }
    facts = CardFacts(
        study="made_up",
        manifest=manifest,
        evaluation={
            "n_test": 1234,
            "per_output": dict(zip(names, each, strict=True)),
            "overall": overall,
        },
        baseline=pd.DataFrame(
            [{"data": "all", "model": "logistic" if accuracy else "linear", **baseline}]
        ),
        budget={"max_epochs": 25},
        objective=objective,
        chosen=choice_text(chosen),
    )
    return model_card(trained, differences or DIFFERENCES, missing, facts=facts)


def test_it_describes_variables_data_network_and_errors(tmp_path):
    card = make_card(tmp_path, outputs=["log10", "none"])
    assert "predicts 2 outputs from 5 inputs" in card
    assert "| 2 | `num[a]` | a  quantity | cm-3 | log10 | 0.25 | 3.5 |" in card
    assert "| 1 | `rate` | a  quantity | kg s-1 | log10 | 0.25 | 3.5 |" in card
    assert "700 training, 700 validation and 700 test samples, divided at random" in card
    data_hash = read_json(tmp_path / "manifest.json")["data_hash"]
    assert card.count(data_hash) == 2
    assert "| hidden layers | 2 (12-7 units) |" in card
    assert "| budget | at most 25 epochs |" in card
    assert "| trained for | 9 epochs, the weights are those of epoch 7 |" in card
    row = "| `rate` | 0.2 kg s-1 | 0.1 kg s-1 | 0.98765 | 0.6 kg s-1 | 0.3 kg s-1 | 2.96296 |"
    assert row in card
    assert "1,234 samples of the test split" in card
    assert "| `model.onnx` | ONNX | 1.2e-07 |" in card
    assert "weights_sha256: `" in card


def test_it_names_further_settings_only_where_they_are_no_defaults(tmp_path):
    plain = make_card(tmp_path / "plain")
    for setting in ("schedule", "warmup", "momentum", "beta", "gradient"):
        assert setting not in plain
    further = {"learning_rate_schedule": "one_cycle", "warmup": 0.1, "max_gradient_norm": 0.5}
    card = make_card(tmp_path / "scheduled", further=further)
    assert "| learning rate schedule | one_cycle |" in card
    assert "| warmup | 0.1 |" in card and "| max gradient norm | 0.5 |" in card
    budget = "(with the schedule one_cycle the learning rate has then fallen to 0)"
    assert f"| budget | at most 25 epochs {budget} |" in card
    assert "momentum" not in card and "beta" not in card


def test_it_says_what_was_minimised(tmp_path):
    assert "| loss | mean squared error |" in make_card(tmp_path)
    manifest = read_json(tmp_path / "manifest.json") | {"sample_weight": "area"}
    manifest["outputs"][0] |= {"weight": 3.0, "missing": "mask", "variable": "fn"}
    objective = Objective("huber", 0.5, is_weighed=True)
    card = make_card(tmp_path, manifest=manifest, objective=objective)
    text = (
        "Huber loss (linear for errors above 0.5), samples weighed by `area`, outputs weighed "
        "(`fn` by 3), without the missing values of `fn`"
    )
    assert f"| loss | {text} |" in card


def test_classes_have_an_accuracy_beside_that_of_a_logistic_regression(tmp_path):
    measured = {"accuracy": 0.9321, "log_loss": 0.21, "brier": 0.11}
    baseline = {"test_accuracy": 0.8, "test_log_loss": 0.5, "test_brier": 0.3}
    kind = {"outputs": ["none", "none"], "output_activation": "softmax"}
    card = make_card(tmp_path, accuracy=(measured, baseline), **kind)
    assert "| this model | 93.2 % | 0.21 | 0.11 |" in card
    assert "| logistic regression | 80.0 % | 0.5 | 0.3 |" in card
    assert "RMSE" not in card
    assert "The predicted class is the one with the highest." in card
    # The recall and the precision of each class are told.
    shares = {"recall": 0.75, "precision": None}
    card = make_card(tmp_path, accuracy=(measured, baseline), evaluation=shares, **kind)
    assert "| `fn` | 75.0 % | none |" in card


def test_the_outputs_of_a_softmax_are_within_0_and_1(tmp_path):
    kind = {"outputs": ["none", "none"], "output_activation": "softmax"}
    assert "`fn` is between 0 and 1" in make_card(tmp_path, **kind)


def test_of_many_features_it_describes_the_variables(tmp_path):
    inputs = [PIXELS[i] | {"variable": "image"} for i in range(784)] + [
        UNSCALED | {"scale": "none", "variable": "kind"}
    ]
    model, path = save_made_up(tmp_path, inputs=inputs, outputs=["none"] * 60)
    content = torch.load(model, weights_only=True)
    for i, feature in enumerate([*content["inputs"], *content["outputs"]]):
        variable = "image" if i < 784 else "kind" if i == 784 else "heating"
        feature |= {"variable": variable}
        if variable == "heating":
            feature |= {"name": f"heating[{i - 785}]", "units": "K"}
    torch.save(content, model)
    variables = {
        "image": {"dimensions": ["row", "column"], "shape": [28, 28]},
        "kind": {"dimensions": [], "shape": []},
        "heating": {"dimensions": ["level"], "shape": [60]},
    }
    card = card_of(model, read_json(path) | {"variables": variables}, rmse=range(60))
    assert "predicts 60 outputs from 785 inputs" in card
    assert "| 1 to 784 | `image` | row: 28, column: 28 | a  quantity | K | none |" in card
    assert "| 1 to 60 | `heating` | level: 60 |" in card
    assert "the last one running fastest" in card and "`reference.csv` names all" in card
    assert "without scaling: `kind`." in card
    # The mean over the levels.
    assert "| `heating` | 29.5 K | 0.1 K | 0.98765 |" in card
    assert "image[" not in card and "heating[" not in card


def test_it_lists_the_inputs_that_were_left_out(tmp_path):
    assert "Left out" not in make_card(tmp_path)
    path = tmp_path / "manifest.json"
    constant = [{"feature": "q[0]", "role": "input", "min": 0.0, "max": 0.0}]
    manifest = read_json(path) | {"constant_features": constant}
    assert "rounding alone: 1 input (`q[0]`)" in make_card(tmp_path, manifest=manifest)


def test_it_names_the_doubts_about_the_data(tmp_path):
    assert "In doubt" not in make_card(tmp_path)
    doubt = {
        "kind": "sentinel",
        "feature": "t",
        "value": -999.0,
        "rows": 3,
        "first": "data.nc at 5",
    }
    manifest = read_json(tmp_path / "manifest.json") | {"doubts": [doubt]}
    assert "In doubt: `t` is -999 in 3 of 2,200 rows" in make_card(tmp_path, manifest=manifest)


def test_it_states_the_limits(tmp_path):
    card = make_card(tmp_path / "linear", outputs=["log10", "none"])
    assert "`num[a]` must be above 0; `num[b]` must be above 0; `rain` must be above -1" in card
    assert "`cloud` must be above 0 and below 1" in card
    assert "`rate` is above 0; `fn` is any number" in card
    card = make_card(tmp_path / "sigmoid", outputs=["none", "log1p"], output_activation="sigmoid")
    assert "`fn` is between 0 and 1; `snow` is between 0 and 1.71828" in card


def test_errors_that_overflowed_are_told(tmp_path):
    card = make_card(tmp_path, evaluation={"rmse": None, "r2": None})
    assert "| `fn` | not finite | 0.1 | not finite | 0.6 | 0.3 | 2.96296 |" in card


RANDOM = {"sampler": "random", "generation_size": 100, "enqueue": []}


def test_it_says_how_the_model_was_chosen(tmp_path):
    assert "It was exported by request." in make_card(tmp_path / "requested")
    chosen = {
        "search": {"n_trials": 2000, "fractions": [0.01, 0.05], "rungs": [], **RANDOM},
        "top_k": 12,
        "controls": 5,
        "seeds": 1,
        "select": {"tolerance": 0.25, "cost": "operations"},
    }
    card = make_card(tmp_path / "selected", chosen=chosen)
    assert "2,000 random configurations were trained on 1 % and 5 % of the training data" in card
    assert "The best 12 of each search and 5 drawn at random from the others were retr" in card
    card = make_card(tmp_path / "uncontrolled", chosen=chosen | {"controls": 0})
    assert "The best 12 of each search were retrained" in card
    assert "cheapest by operations whose validation loss is within 25 % of the lowest" in card


def test_one_network_speaks_for_its_configuration_only_with_several_seeds():
    search = {"n_trials": 200, "fractions": [0.05], "rungs": [], **RANDOM}
    chosen = {"search": search, "top_k": 12, "controls": 5}
    chosen["select"] = {"tolerance": 0.25, "cost": "operations"}
    assert "not of configurations" in choice_text(chosen | {"seeds": 1})
    rungs = [{"fraction": 0.2, "top_k": 40, "budget": {}}]
    text = choice_text(chosen | {"search": search | {"rungs": rungs}, "seeds": 1})
    assert "The best 40 were trained once more on 20 %. The best 12 of the last of these" in text
    assert "5 drawn at random at each cut" in text
    several = choice_text(chosen | {"seeds": 3})
    assert "not of configurations" not in several and "mean of its 3 networks" in several
