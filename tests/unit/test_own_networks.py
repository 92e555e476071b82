"""Networks of the user's own: how their file is read, and that they are trained like all others."""

import copy
from dataclasses import replace

import pytest
import torch
from own_networks import (
    CONFIGURATION,
    HYPERPARAMETERS,
    MANIFEST,
    SOURCE,
    make_data,
    make_networks,
    make_tensors,
    write_network,
)
from torch import nn

from twostep.model.model import build_trained, load_model, save_model
from twostep.training.autograd import Autograd
from twostep.training.backpropagation import SQUARED_ERRORS, Backpropagation
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.losses import LOSSES, make_loss
from twostep.training.network import build_network
from twostep.training.network_file import plan_network, read_network_file, read_unchanged
from twostep.training.objective import Objective
from twostep.training.own_network import InputVariable, OwnNetworks, list_inputs
from twostep.training.train import Budget, train
from twostep.trials import key as key_module
from twostep.trials.retrain import retrain
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Trainer
from twostep.trials.trial import Trial
from twostep.util.errors import UserError

BUDGET = Budget(max_epochs=4)
PLAIN = Configuration((8, 6), 0.01, 32, "tanh", "adam", 0.0, 0.0)
EARLIER_KEY = "3c37baa326c8bf2a6568e06ae8bcd526"


@pytest.fixture
def networks(tmp_path):
    return make_networks(tmp_path)


# The configuration


def test_a_configuration_comes_back_from_its_mapping_which_has_no_layers():
    values = CONFIGURATION.to_dict()
    assert values == {
        "learning_rate": 0.01,
        "batch_size": 32,
        "optimizer": "adam",
        "weight_decay": 0.0,
        "hyperparameters": {"share": 0.2, "width": 8},
    }
    assert Configuration.from_dict(values) == CONFIGURATION
    assert "hyperparameters" not in PLAIN.to_dict()
    with pytest.raises(ValueError):
        CONFIGURATION.count_parameters(3, 2)


# The file


def test_inputs_are_told_by_variable_with_shape_and_columns():
    features = [{"name": f"image[{i}]", "variable": "image"} for i in range(6)]
    features += [{"name": "angle", "variable": "angle"}]
    features += [{"name": f"t[{i}]", "variable": "t"} for i in (0, 2)]
    shapes = {"image": {"shape": [2, 3]}, "angle": {"shape": []}, "t": {"shape": [3]}}
    assert list(list_inputs(features, shapes)) == [
        InputVariable("image", (2, 3), slice(0, 6)),
        InputVariable("angle", (), slice(6, 7)),
        # One of three entries was left out.
        InputVariable("t", (2,), slice(7, 9)),
    ]


def test_a_comment_changes_nothing_and_an_edit_the_identity(tmp_path):
    path = write_network(tmp_path)
    planned = plan_network(str(path))
    path.write_text(SOURCE.replace("Return the network.", "Return it.") + "# A comment.\n")
    assert plan_network(str(path)) == planned
    assert read_unchanged(**planned).source == path.read_text()
    path.write_text(SOURCE.replace("nn.Tanh()", "nn.ReLU()"))
    assert plan_network(str(path)) != planned
    with pytest.raises(UserError, match="has changed since this run began"):
        read_unchanged(**planned)
    assert plan_network(None) is None


def test_versions_of_imported_packages_are_in_the_identity(tmp_path):
    source = f"import math\nimport numpy as np\nimport scipy.special\nimport nowhere\n{SOURCE}"
    packages = read_network_file(write_network(tmp_path, source)).identity()["packages"]
    assert list(packages) == ["nowhere", "scipy"]
    assert packages["nowhere"] == "" and packages["scipy"].count(".") >= 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import helpers\n", ["imports 'helpers'", "beside it", "one file"]),
        ("def f():\n    from helpers import x\n", ["imports 'helpers'"]),
        ("import package.part\n", ["imports 'package'"]),
        ("from . import x\n", ["beside it"]),
        ("def build(:\n", ["no valid Python", "line 1"]),
        ("x = 1\n\0", ["no valid Python"]),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_it_runs(tmp_path, source, words):
    (tmp_path / "helpers.py").write_text("x = 1\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    path = write_network(tmp_path, source)
    with pytest.raises(UserError) as caught:
        read_network_file(path)
    assert all(word in str(caught.value) for word in [str(path), *words])


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        read_network_file(tmp_path / "nothing.py")
    with pytest.raises(UserError, match="cannot be read"):
        read_network_file(tmp_path)
    (tmp_path / "latin.py").write_bytes("x = 'é'".encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        read_network_file(tmp_path / "latin.py")


# The training


def losses_and_gradient(trained, data, n_rows):
    batch = trained.batch(n_rows)
    batch.inputs.copy_(data.training_inputs[:n_rows])
    batch.targets.copy_(data.training_targets[:n_rows])
    if batch.weights is not None:
        batch.weights.copy_(torch.linspace(0.5, 1.5, n_rows)[:, None])
    sums = batch.backpropagate().clone()
    return sums, trained.gradient.clone(), batch.measure().clone()


OBJECTIVES = {
    "mse": (Objective(), "sigmoid"),
    **{name: (Objective(name, is_weighed=True), "sigmoid") for name in ("mse", "mae", "huber")},
    "binary_cross_entropy": (Objective("binary_cross_entropy"), "sigmoid"),
    "cross_entropy": (Objective("cross_entropy"), "softmax"),
    "plain": (Objective(), "linear"),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_loss_has_the_gradient_of_backpropagation(name):
    """A fully connected network, by both ways to its gradient."""
    objective, activation = OBJECTIVES[name]
    assert set(LOSSES) <= set(OBJECTIVES)
    data, loss = make_tensors(), make_loss(objective)
    torch.manual_seed(1)
    built = build_network(PLAIN, 3, 2, activation)
    *layers, last = built
    own = nn.Sequential(nn.Sequential(*layers), last)
    weighed = bool(objective.is_weighed)
    by_hand = Backpropagation(copy.deepcopy(built), 64, loss, weighed=weighed)
    by_autograd = Autograd(own, 64, loss, n_inputs=3, n_outputs=2, weighed=weighed)
    for n_rows in (64, 7, 64):
        for one, other in zip(
            losses_and_gradient(by_hand, data, n_rows),
            losses_and_gradient(by_autograd, data, n_rows),
            strict=True,
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_frozen_parameters_stay_and_shared_ones_count_once(tmp_path):
    source = """from torch import nn

class Twice(nn.Module):
    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.frozen = nn.Linear(n_inputs, 4).requires_grad_(False)
        self.shared = nn.Linear(4, 4)
        self.again, self.last = self.shared, nn.Linear(4, n_outputs)

    def forward(self, x):
        return self.last(self.again(self.shared(self.frozen(x))))

def build(hyperparameters, inputs, n_outputs):
    return Twice(3, n_outputs)
"""
    networks = make_networks(tmp_path, source)
    torch.manual_seed(1)
    network = networks.build(CONFIGURATION, 3, 2, "linear")
    trained = networks.bind(network, 8, SQUARED_ERRORS, n_inputs=3, n_outputs=2, weighed=False)
    assert len(trained.parameters) == 4 * 5 + 2 * 5
    found = train(
        CONFIGURATION, make_tensors(), BUDGET, output_activation="linear", seed=1, networks=networks
    )
    torch.manual_seed(1)
    assert found.status == "ok"
    names = ("0.shared.weight", "0.again.weight")
    assert torch.equal(*(found.weights[name] for name in names))


def test_training_learns_and_is_the_same_each_time(networks):
    def trained():
        return train(
            CONFIGURATION,
            make_tensors(),
            Budget(max_epochs=20),
            output_activation="sigmoid",
            seed=1,
            networks=networks,
        )

    first, second = trained(), trained()
    assert first.val_loss == second.val_loss
    assert first.min_val_loss < 0.3 * first.val_loss[0]
    # Running means of the batch normalisation belong to the best weights.
    assert "0.1.running_mean" in first.weights
    for name, tensor in first.weights.items():
        assert torch.equal(tensor, second.weights[name])


class Stopped(Exception):
    pass


class StopAfter:
    """A checkpoint in memory, which stops the training after some epochs."""

    def __init__(self, n_epochs):
        self.n_epochs, self.state = n_epochs, None

    def load(self):
        return copy.deepcopy(self.state)

    def offer(self, state):
        self.n_epochs -= 1
        if self.n_epochs == 0:
            self.state = copy.deepcopy(state())
            raise Stopped


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("n_epochs", [1, 3])
def test_an_interrupted_training_ends_as_if_it_had_not_been(networks, n_epochs, schedule):
    """With dropout, whose draws go on, and batch normalisation, whose running means do."""
    settings = {"output_activation": "sigmoid", "seed": 3, "networks": networks}
    configuration = replace(CONFIGURATION, learning_rate_schedule=schedule, warmup=0.1)
    arguments = configuration, make_tensors(201), Budget(max_epochs=6)
    whole = train(*arguments, **settings)
    checkpoint = StopAfter(n_epochs)
    with pytest.raises(Stopped):
        train(*arguments, checkpoint=checkpoint, **settings)
    resumed = train(*arguments, checkpoint=checkpoint, **settings)
    assert (resumed.train_loss, resumed.val_loss) == (whole.train_loss, whole.val_loss)
    assert resumed.weights.keys() == whole.weights.keys()
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)


@pytest.mark.parametrize(("n_train", "updates"), [(192, 6), (193, 6), (194, 7)])
def test_a_last_batch_of_one_sample_is_left_out(networks, n_train, updates):
    found = train(
        replace(CONFIGURATION, learning_rate_schedule="linear"),
        make_tensors(n_train),
        Budget(max_epochs=2),
        output_activation="sigmoid",
        seed=1,
        networks=networks,
    )
    assert found.status == "ok" and found.updates == 2 * updates


def test_fully_connected_networks_use_a_last_batch_of_one_sample():
    found = train(
        PLAIN, make_tensors(193), Budget(max_epochs=1), output_activation="sigmoid", seed=1
    )
    assert found.updates == 7


def test_batches_of_one_sample_are_trained_where_they_were_asked_for(tmp_path):
    source = SOURCE.replace("        nn.BatchNorm1d(width),\n", "")
    found = train(
        replace(CONFIGURATION, batch_size=1),
        make_tensors(40),
        Budget(max_epochs=1),
        output_activation="sigmoid",
        seed=1,
        networks=make_networks(tmp_path, source),
    )
    assert found.updates == 40


def test_outputs_of_another_shape_end_the_trial_and_not_the_run(tmp_path):
    source = SOURCE.replace("nn.Linear(width, n_outputs)", "nn.Linear(width, 1)")
    trainer = Trainer(
        make_data(), BUDGET, "sigmoid", study_seed=1, own_networks=make_networks(tmp_path, source)
    )
    trial = Trial(0, CONFIGURATION, "search", size=NetworkSize(1, 1))
    record = trainer.run(trial).record
    assert record["status"] == "failed"
    assert "(32, 1), not (32, 2)" in record["message"]


# Records, keys and models


def test_a_record_has_the_size_that_was_measured(networks):
    trainer = Trainer(make_data(), BUDGET, "sigmoid", study_seed=1, own_networks=networks)
    record = trainer.run(Trial(5, CONFIGURATION, "search", size=NetworkSize(66, 40))).record
    assert (record["n_parameters"], record["n_operations"]) == (66, 40)
    assert record["configuration"] == CONFIGURATION.to_dict()
    assert record["status"] == "ok"


def key_of(networks, configuration=CONFIGURATION):
    trainer = Trainer(make_data(), BUDGET, "sigmoid", study_seed=1, own_networks=networks)
    return trainer.key(Trial(0, configuration, "search"))


def test_the_key_holds_the_code_and_the_hyperparameters(tmp_path):
    key = key_of(make_networks(tmp_path))
    assert key_of(make_networks(tmp_path, SOURCE + "# A comment.\n")) == key
    others = [
        key_of(make_networks(tmp_path, SOURCE.replace("Tanh", "ReLU"))),
        key_of(make_networks(tmp_path, f"import scipy\n{SOURCE}")),
        key_of(
            make_networks(tmp_path),
            replace(CONFIGURATION, hyperparameters=(("share", 0.2), ("width", 9))),
        ),
    ]
    assert len({key, *others}) == 4


def test_keys_of_fully_connected_networks_are_what_they_were(monkeypatch):
    """As computed before there were networks of the user's own."""
    monkeypatch.setattr(key_module, "code_hashes", lambda *arguments: ["code"])
    found = key_module.trial_key(
        data_hash="data",
        configuration=PLAIN.to_dict(),
        budget={"max_epochs": 1},
        output_activation="sigmoid",
        objective={},
        seed=1,
        torch="2",
        numpy="2",
        threads=1,
        device="cpu",
    )
    assert found == EARLIER_KEY


def saved(folder, networks):
    trainer = Trainer(make_data(), BUDGET, "sigmoid", study_seed=1, own_networks=networks)
    finished = trainer.run(Trial(0, CONFIGURATION, "retrain", size=NetworkSize(66, 40)))
    features = {"mean": 0.0, "std": 1.0, "transform": "none"}
    manifest = {
        role: [each | features for each in MANIFEST[role]] for role in ("inputs", "outputs")
    }
    path = folder / "model.pt"
    save_model(
        path,
        record=finished.record,
        timing=finished.timing,
        weights=finished.weights,
        manifest={**manifest, "output_activation": "sigmoid", "data_hash": "hash"},
        own_networks=networks,
    )
    return path, finished


def test_a_model_runs_its_code_only_where_that_is_asked_for(tmp_path):
    networks = make_networks(tmp_path, f"{SOURCE}\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n")
    path, finished = saved(tmp_path, networks)
    (tmp_path / "ran").unlink()
    # Neither is needed any more.
    (tmp_path / "network.py").unlink()
    from twostep.training import own_network

    own_network._run.cache_clear()
    with pytest.raises(UserError, match="run_code=True"):
        load_model(path)
    assert not (tmp_path / "ran").exists()
    model = load_model(path, run_code=True)
    assert (tmp_path / "ran").exists()
    inputs = make_tensors().validation_inputs
    network = build_trained(
        CONFIGURATION,
        finished.weights,
        n_inputs=3,
        n_outputs=2,
        output_activation="sigmoid",
        own_networks=networks,
    )
    with torch.no_grad():
        expected = network.eval()(inputs).numpy()
    assert (model.predict_scaled(inputs.numpy()) == expected).all()
    losses = ((expected - make_tensors().validation_targets.numpy()) ** 2).mean()
    assert losses == pytest.approx(finished.record["min_val_loss"], rel=1e-5)


def test_networks_come_back_from_their_mapping(networks):
    assert OwnNetworks.from_dict(networks.to_dict()) == networks


def test_retraining_saves_the_source_with_the_model(tmp_path, networks):
    features = {"mean": 0.0, "std": 1.0, "transform": "none"}
    manifest = {
        role: [each | features for each in MANIFEST[role]] for role in ("inputs", "outputs")
    }
    manifest |= {"output_activation": "sigmoid", "data_hash": "hash"}
    trainer = Trainer(make_data(), BUDGET, "sigmoid", study_seed=1, own_networks=networks)
    trial = Trial(0, CONFIGURATION, "retrain", size=NetworkSize(66, 40))
    path = retrain(trainer, trial, manifest, tmp_path, Watch())
    model = load_model(path, run_code=True)
    assert model.record["configuration"]["hyperparameters"] == dict(HYPERPARAMETERS)
