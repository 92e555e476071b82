"""Optuna and a plain PyTorch loop, as in its tutorial: a trial for each configuration of a list."""

import itertools
import time
from functools import partial

import optuna
import torch
import torch.nn.functional as F
from task import WARM_UP, load_arrays, read_task, write_result
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main(task: dict) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(task["seed"])
    training, validation = (
        TensorDataset(*map(torch.from_numpy, load_arrays(task, split)))
        for split in ("training", "validation")
    )
    search([WARM_UP], training, validation, epochs=1)
    began = time.process_time()
    trials = search(task["configurations"], training, validation, task["epochs"])
    write_result(task, began, trials, ["torch", "optuna"])


def search(configurations: list[dict], training, validation, epochs: int) -> list[dict]:
    """Train each configuration; return the trials."""
    measured = []

    def objective(trial) -> float:
        started = time.process_time()
        configuration = configurations[trial.suggest_int("index", 0, len(configurations) - 1)]
        loss = train(configuration, training, validation, epochs)
        measured.append({"cpu_seconds": time.process_time() - started, "val_loss": loss})
        return loss

    study = optuna.create_study(direction="minimize")
    for index in range(len(configurations)):
        study.enqueue_trial({"index": index})
    study.optimize(objective, n_trials=len(configurations))
    return measured


def train(configuration: dict, training, validation, epochs: int) -> float:
    """Train a network, with a validation after each epoch; return the last validation loss."""
    loader = partial(DataLoader, batch_size=configuration["batch_size"])
    training_batches, validation_batches = loader(training, shuffle=True), loader(validation)
    model = build(configuration, *(tensor.shape[1] for tensor in training.tensors))
    optimizer = torch.optim.Adam(model.parameters(), lr=configuration["learning_rate"], eps=1e-7)
    for _ in range(epochs):
        model.train()
        for inputs, targets in training_batches:
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
        model.eval()
        total = 0.0
        with torch.no_grad():
            for inputs, targets in validation_batches:
                total += F.mse_loss(model(inputs), targets).item() * len(inputs)
    return total / len(validation)


def build(configuration: dict, n_inputs: int, n_outputs: int) -> nn.Sequential:
    """Return a network that is initialised as Keras does it."""
    units = [n_inputs, *configuration["hidden_widths"]]
    layers = []
    for fan_in, fan_out in itertools.pairwise(units):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(units[-1], n_outputs), nn.Sigmoid())
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


if __name__ == "__main__":
    main(read_task())
