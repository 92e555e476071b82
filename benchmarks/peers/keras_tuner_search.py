"""Keras Tuner on TensorFlow, as its users write it: one trial for each configuration of a list."""

import time
from functools import partial

import keras
import keras_tuner
import tensorflow as tf
from task import WARM_UP, load_arrays, read_task, write_result


def main(task: dict) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(task["seed"])
    training, validation = (load_arrays(task, split) for split in ("training", "validation"))
    search([WARM_UP], training, validation, epochs=1, folder=task["folder"])
    began = time.process_time()
    trials = search(task["configurations"], training, validation, task["epochs"], task["folder"])
    write_result(task, began, trials, ["tensorflow", "keras", "keras-tuner"])


def search(configurations: list[dict], training, validation, epochs: int, folder: str) -> list:
    """Train each configuration; return the trials. All have the same size of batches."""
    inputs, targets = training
    tuner = TimedGridSearch(
        partial(build, configurations, inputs.shape[1], targets.shape[1]),
        objective="val_loss",
        max_trials=len(configurations),
        directory=folder,
        overwrite=True,
    )
    tuner.measured = {}
    tuner.search(
        inputs,
        targets,
        validation_data=validation,
        epochs=epochs,
        batch_size=configurations[0]["batch_size"],
        verbose=0,
    )
    return [tuner.measured[index] for index in range(len(configurations))]


class TimedGridSearch(keras_tuner.GridSearch):
    """Keras Tuner's grid search, here over the indices, that notes what each trial took."""

    def run_trial(self, trial, *args, **kwargs):
        started = time.process_time()
        histories = super().run_trial(trial, *args, **kwargs)
        self.measured[trial.hyperparameters.get("index")] = {
            "cpu_seconds": time.process_time() - started,
            "val_loss": histories[0].history["val_loss"][-1],
        }
        return histories


def build(configurations: list[dict], n_inputs: int, n_outputs: int, hp) -> keras.Model:
    """Return the compiled model of the configuration whose index the tuner chooses.

    Its initialisation and the optimizer's epsilon are Keras's defaults.
    """
    configuration = configurations[hp.Int("index", 0, len(configurations) - 1)]
    model = keras.Sequential([keras.Input((n_inputs,))])
    for width in configuration["hidden_widths"]:
        model.add(keras.layers.Dense(width, activation="relu"))
    model.add(keras.layers.Dense(n_outputs, activation="sigmoid"))
    optimizer = keras.optimizers.Adam(learning_rate=configuration["learning_rate"])
    model.compile(optimizer=optimizer, loss="mse")
    return model


if __name__ == "__main__":
    main(read_task())
