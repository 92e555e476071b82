"""One point of the search space: a network and how it is trained."""

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Configuration:
    """One point of the search space: a network and how it is trained.

    `hidden_widths` holds the number of units of each hidden layer, from input to output.
    `learning_rate` and `weight_decay` act per update; `dropout` is the share of hidden units
    that are set to zero in training.
    """

    hidden_widths: tuple[int, ...]
    learning_rate: float
    batch_size: int
    activation: str
    optimizer: str
    weight_decay: float
    dropout: float

    @classmethod
    def from_dict(cls, values: dict) -> "Configuration":
        """Rebuild a configuration from the mapping that `to_dict` made."""
        return cls(**{**values, "hidden_widths": tuple(values["hidden_widths"])})

    def to_dict(self) -> dict:
        """Return a mapping of plain values, fit for JSON."""
        return {**vars(self), "hidden_widths": list(self.hidden_widths)}

    def layer_shapes(self, n_inputs: int, n_outputs: int) -> list[tuple[int, int]]:
        """Return (units in, units out) of every layer, the output layer included."""
        units = [n_inputs, *self.hidden_widths, n_outputs]
        return list(itertools.pairwise(units))

    def count_parameters(self, n_inputs: int, n_outputs: int) -> int:
        """Return the number of learnable parameters (weights and biases)."""
        return sum((fan_in + 1) * out for fan_in, out in self.layer_shapes(n_inputs, n_outputs))

    def count_operations(self, n_inputs: int, n_outputs: int) -> int:
        """Return the multiply-add operations of one forward pass of one sample."""
        return sum(fan_in * out for fan_in, out in self.layer_shapes(n_inputs, n_outputs))
