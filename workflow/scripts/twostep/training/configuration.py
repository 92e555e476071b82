"""One point of the search space: a network and how it is trained."""

import itertools
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import NamedTuple

# What a hyperparameter of a network of the user's own may be.
Hyperparameter = bool | int | float | str


class NetworkSize(NamedTuple):
    """The learnable parameters of a network, and its multiply-add operations of one sample."""

    n_parameters: int
    n_operations: int


@dataclass(frozen=True)
class Configuration:
    """One point of the search space: a network and how it is trained.

    `hidden_widths` holds the number of units of each hidden layer, from input to output.
    `learning_rate` and `weight_decay` act per update; `dropout` is the share of hidden units
    that are set to zero in training.

    Of a `learning_rate_schedule` other than constant, `learning_rate` is the highest rate, and
    `warmup` the share of the updates in which the rate of one_cycle rises. `momentum` is that of
    sgd, `beta1` and `beta2` are those of adam and adamw; others hold the default. The norm of each
    update's gradient is cut at `max_gradient_norm`, if that is not None.

    A network of the user's own has `hyperparameters`, (name, value) by name, and no hidden widths,
    activation or dropout that anyone knows of: these are empty or 0.
    """

    hidden_widths: tuple[int, ...]
    learning_rate: float
    batch_size: int
    activation: str
    optimizer: str
    weight_decay: float
    dropout: float
    learning_rate_schedule: str = "constant"
    warmup: float = 0.0
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    max_gradient_norm: float | None = None
    hyperparameters: tuple[tuple[str, Hyperparameter], ...] | None = None

    @classmethod
    def from_dict(cls, values: dict) -> "Configuration":
        """Rebuild a configuration from the mapping that `to_dict` made."""
        if "hyperparameters" in values:
            own = items(values["hyperparameters"])
            return cls(**{**OF_OTHERS, **values, "hyperparameters": own})
        return cls(**{**values, "hidden_widths": tuple(values["hidden_widths"])})

    def to_dict(self) -> dict:
        """Return a mapping of plain values, fit for JSON, without those at their defaults.

        So a setting that is added here changes no record and no key of trials that do not use it.
        """
        values = {
            name: value
            for name, value in vars(self).items()
            if name != "hyperparameters" and (name not in DEFAULTS or value != DEFAULTS[name])
        }
        if self.hyperparameters is not None:
            named = {name: value for name, value in values.items() if name not in OF_OTHERS}
            return {**named, "hyperparameters": dict(self.hyperparameters)}
        return {**values, "hidden_widths": list(self.hidden_widths)}

    def layer_shapes(self, n_inputs: int, n_outputs: int) -> list[tuple[int, int]]:
        """Return (units in, units out) of every layer, the output layer included.

        Raises ValueError for a network of the user's own, whose layers are not known.
        """
        if self.hyperparameters is not None:
            raise ValueError("the layers of a network of the user's own are not known")
        units = [n_inputs, *self.hidden_widths, n_outputs]
        return list(itertools.pairwise(units))

    def count_parameters(self, n_inputs: int, n_outputs: int) -> int:
        """Return the number of learnable parameters (weights and biases)."""
        return sum((fan_in + 1) * out for fan_in, out in self.layer_shapes(n_inputs, n_outputs))

    def count_operations(self, n_inputs: int, n_outputs: int) -> int:
        """Return the multiply-add operations of one forward pass of one sample."""
        return sum(fan_in * out for fan_in, out in self.layer_shapes(n_inputs, n_outputs))


def items(hyperparameters: Mapping[str, Hyperparameter]) -> tuple[tuple[str, Hyperparameter], ...]:
    """Return hyperparameters as a configuration has them."""
    return tuple(sorted(hyperparameters.items()))


# What a configuration of a network of the user's own has where fully connected ones have values.
OF_OTHERS: dict = {"hidden_widths": (), "activation": "", "dropout": 0.0}
# The settings that most studies do not search, and what they are then.
DEFAULTS = {
    field.name: field.default
    for field in fields(Configuration)
    if field.default is not MISSING and field.name != "hyperparameters"
}
