"""What is told, drawn and exported of networks of the user's own."""

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made_up
import torch
from exported_model import NAMES, assert_same, physical_inputs, save_made_up
from own_networks import write_network
from test_model_card import card_of

from twostep.analysis.edges import find_edges
from twostep.analysis.importance import measure_importance
from twostep.analysis.study import Search
from twostep.export.export import export_model
from twostep.export.onnx_format import run_onnx
from twostep.export.pt2_format import run_pt2
from twostep.export.torchscript_format import run_torchscript
from twostep.figures.all_figures import draw_figures
from twostep.model.model import load_model, save_model
from twostep.report.entries import figure_entries
from twostep.report.summary import summarise
from twostep.running.forecast import Sizes, choose_spread
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.network_file import read_network_file
from twostep.training.own_network import OwnNetworks
from twostep.trials.ranking import rank
from twostep.trials.selection import retrained_table, select
from twostep.util.columns import network_columns
from twostep.util.files import read_json
from twostep.util.tables import read_table, write_table
from twostep.util.wording import network

# Numbers, text, and true and false.
HYPERPARAMETERS = {"bias": True, "channels": 8, "norm": "None", "share": 0.25}


def record(trial: int, loss: float, **changes) -> dict:
    configuration = Configuration((), 0.01, 32, "", "adam", 0.0, 0.0, hyperparameters=())
    own = HYPERPARAMETERS | changes
    return {
        "trial": trial,
        "seed": 0,
        "status": "ok",
        "message": "",
        "configuration": configuration.to_dict() | {"hyperparameters": own},
        "n_parameters": 100 * own["channels"],
        "n_operations": 90 * own["channels"],
        "n_train": 100,
        "n_validation": 50,
        "epochs": 4,
        "best_epoch": 3,
        "updates": 12,
        "stop_reason": "max_epochs",
        "min_val_loss": loss,
        "val_loss_per_output": {"y": loss},
        "collapsed_outputs": [],
        "train_loss": [0.5, 0.4, 0.3, 0.2],
        "val_loss": [0.5, 0.4, loss, 0.5],
    }


EVALUATION = {
    "test_loss": 0.1,
    "overall": {},
    "per_output": {"y": {"mse": 0.1, "rmse": 0.3, "mae": 0.2, "r2": 0.5}},
    "validation_blocks": [0.1, 0.2, 0.3],
}


def test_tables_have_a_column_for_each_hyperparameter(tmp_path):
    records = [record(0, 0.3), record(1, 0.1, channels=16, bias=False, norm="NA", share=1 / 3)]
    ranking = rank(records, trials=range(2), output_names=["y"], max_failed=0.5)
    assert network_columns(ranking) == list(HYPERPARAMETERS)
    assert not {"n_hidden_layers", "hidden_widths", "activation", "dropout"} & set(ranking)
    write_table(tmp_path / "trials.csv", ranking)
    read = read_table(tmp_path / "trials.csv")
    assert read["norm"].tolist() == ["NA", "None"] and read["bias"].tolist() == [False, True]
    # The comparison of both steps finds the very values.
    evaluations = [EVALUATION | {"n_test": 10}] * 2
    retrained = retrained_table(records, evaluations, {"0.1": read}, top_k=2)
    assert network_columns(retrained) == list(HYPERPARAMETERS)
    models = {(0, 0): "trial_0_seed_0.pt", (1, 0): "trial_1_seed_0.pt"}
    chosen = select(retrained, models, tolerance=10, cost="parameters").set_index("choice")
    assert chosen.at["best", "channels"] == 16 and chosen.at["selected", "channels"] == 8
    told = network(chosen.loc["selected"])
    assert told == "bias True, channels 8, norm None, share 0.25, 800 learnable parameters"


@pytest.fixture(scope="module")
def study():
    """A made-up study whose networks are the user's own: size tells their channels."""

    def changed(table: pd.DataFrame) -> pd.DataFrame:
        place = table.columns.get_loc("n_hidden_layers")
        channels = (table["n_parameters"] ** 0.5).astype(int)
        table = table.drop(columns=["n_hidden_layers", "hidden_widths"])
        table.insert(place, "channels", channels)
        table.insert(place + 1, "norm", np.where(channels % 2, "layer", "None"))
        return table.drop(columns=["activation", "dropout"], errors="ignore")

    plain = made_up.study(("0.05",))
    config = made_up.config([0.05], seeds=2, controls=6)
    space = config["search"]["space"]
    for name in ("n_hidden_layers", "width", "width_pattern", "activation", "dropout"):
        del space[name]
    space["hyperparameters"] = {
        "channels": {"min": 10, "max": 2000, "log": True, "integer": True},
        "norm": ["layer", "None"],
    }
    config["network"] = {"file": "my_network.py"}
    (search,) = plain.searches
    own = Search(search.fraction, changed(search.trials), search.timings, search.subset)
    return made_up.study(
        ("0.05",),
        config=config,
        searches=[own],
        retrained=changed(plain.retrained),
        selection=changed(plain.selection),
    )


def test_the_summary_tells_hyperparameters_in_place_of_layers(study):
    text = summarise(study)
    selected = study.selected
    assert f"channels {selected['channels']}, norm {selected['norm']}, " in text
    assert "The networks are those of `my_network.py`." in text
    assert "channels 10 to 2000 (logarithmic); norm layer, None" in text
    assert "hidden layer" not in text and "depth_width" not in text


def test_figures_of_layers_are_left_out(study, monkeypatch):
    monkeypatch.setattr("twostep.analysis.importance.N_TREES", 5)
    names = [name for name, _ in draw_figures(study, made_up.predictions())]
    assert sorted(names) == sorted(figure_entries(["0.05"], own_networks=True))
    assert set(figure_entries(["0.05"])) - set(names) == {"depth_width_0.05", "layers_0.05"}


def test_importance_and_edges_look_at_the_hyperparameters(study, monkeypatch):
    monkeypatch.setattr("twostep.analysis.importance.N_TREES", 5)
    trials = study.searches[0].trials
    effects = {each.name: each for each in measure_importance(trials, ["independent"]).effects}
    assert set(effects) == {"channels", "norm"}
    assert effects["norm"].values == ["None", "layer"]
    succeeded = trials[trials["status"] == "ok"]
    largest = succeeded["channels"] == succeeded["channels"].max()
    edges = find_edges(succeeded, largest, study.config["search"]["space"])
    assert {edge.dimension for edge in edges} == {"hyperparameters.channels"}
    assert {edge.end for edge in edges} == {"lower", "upper"}


def test_the_forecast_times_networks_of_all_sizes():
    configurations = [
        Configuration((), 0.01, 32, "", "adam", 0.0, 0.0, hyperparameters=(("width", i),))
        for i in range(40)
    ]
    own = {each: NetworkSize(7 * i + 1, (40 - i) * 5) for i, each in enumerate(configurations)}
    chosen = choose_spread(configurations, Sizes(3, 2, 100, 50, own))
    assert chosen[0] == configurations[-1] and chosen[-1] == configurations[0]


# The export

OWN = """from torch import nn
import torch


class Own(nn.Module):
    def __init__(self, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
        self.last = nn.Linear(8, n_outputs)

    def forward(self, x):
        {}
        return self.last(x)


def build(hyperparameters, inputs, n_outputs):
    return Own(n_outputs)
"""
PLAIN = OWN.format("x = torch.relu(self.layers(x))")
# The branch that is traced is not that of all samples.
BRANCHING = OWN.format("x = self.layers(x) if x[0, 0] > 0 and len(x) > 2 else -self.layers(x)")
SINGLE = OWN.format("x = self.layers(x) @ torch.eye(8, dtype=torch.float32)")
# ONNX has no such operation.
NOT_IN_ONNX = OWN.format("x = torch.special.bessel_j0(self.layers(x))")


def save_own(folder, source):
    """Save a model with a network of the user's own; return the paths of it and its manifest."""
    path, manifest_path = save_made_up(folder, outputs=("none", "log10"))
    manifest = read_json(manifest_path)
    networks = OwnNetworks.of(read_network_file(write_network(folder, source)), manifest)
    configuration = Configuration((), 0.01, 32, "", "adam", 0.0, 0.0, hyperparameters=(("a", 3),))
    torch.manual_seed(0)
    built = networks.build(configuration, 5, 2, "linear")
    with torch.no_grad():
        built[0].layers[1].running_mean.uniform_(-1, 1)
    saved = load_model(path).record | {"configuration": configuration.to_dict()}
    save_model(
        path,
        record=saved,
        timing={"torch": "2.13.0"},
        weights=built.state_dict(),
        manifest=manifest,
        own_networks=networks,
    )
    return path, manifest_path


def export(folder, source, target="out"):
    path, manifest = save_own(folder, source)
    place = folder / target
    place.mkdir()
    files = {key: str(place / name) for key, name in NAMES.items() if key != "text"}
    reasons = {}

    def card(model, differences, missing):
        reasons.update(missing)
        return "a card"

    return path, place, export_model(path, str(manifest), "made_up", files, card), reasons


@pytest.mark.parametrize("source", [PLAIN, SINGLE])
def test_what_is_exported_predicts_as_the_network(tmp_path, source):
    path, folder, differences, missing = export(tmp_path, source)
    assert set(differences) == {"onnx", "pt2", "torchscript"} and not missing
    inputs = physical_inputs()
    expected = load_model(path, run_code=True).predict(inputs)
    assert_same(run_onnx(folder / "model.onnx", inputs), expected)
    assert_same(run_pt2(folder / "model.pt2", inputs), expected)
    singles = [run_pt2(folder / "model.pt2", inputs[i : i + 1]) for i in range(2)]
    assert_same(np.vstack(singles), expected[:2])
    assert_same(run_torchscript(folder / "model.pt", inputs), expected)
    assert not (folder / "model.txt").exists()
    for name in ("model.onnx", "model.pt2", "model.pt"):
        assert str(tmp_path).encode() not in (folder / name).read_bytes()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    _, first, *_ = export(tmp_path, PLAIN, "first")
    _, second, *_ = export(tmp_path, PLAIN, "second")
    # TorchScript numbers the classes that a process has traced.
    for name in ("model.onnx", "model.pt2", "reference.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_network_that_cannot_be_traced_leaves_empty_files_and_reasons(tmp_path, capfd):
    _, folder, differences, missing = export(tmp_path, BRANCHING)
    assert differences == {}
    assert all("outputs differ by" in missing[name] for name in ("onnx", "torchscript"))
    assert "data-dependent" in missing["pt2"]
    names = ("model.onnx", "model.pt2", "model.pt")
    assert [(folder / name).stat().st_size for name in names] == [0, 0, 0]
    assert (folder / "reference.csv").stat().st_size > 0
    # Nothing of torch's own, such as graphs.
    assert "".join(capfd.readouterr()) == ""


def test_the_other_formats_go_on_if_one_cannot_be_written(tmp_path):
    _, folder, differences, missing = export(tmp_path, NOT_IN_ONNX)
    assert list(differences) == ["pt2", "torchscript"] and list(missing) == ["onnx"]
    assert "bessel_j0" in missing["onnx"]
    assert (folder / "model.pt").stat().st_size > 0


def test_the_card_tells_hyperparameters_and_missing_formats(tmp_path):
    path, manifest = save_own(tmp_path, PLAIN)
    card = card_of(
        path,
        read_json(manifest),
        differences={"pt2": 1e-7, "torchscript": 1e-7},
        missing={"onnx": "NoWay: an operation"},
    )
    assert "| network | of the user's own |" in card and "| its hyperparameters | a 3 |" in card
    assert "hidden layers" not in card and "dropout" not in card
    assert "`model.onnx` is empty, because torch cannot write this network as ONNX: NoWay" in card
    assert "onnxruntime.InferenceSession" not in card and "torch.export.load" in card
    assert "load_model" not in card
