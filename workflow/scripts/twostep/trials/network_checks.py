"""Whether the networks of the user's own are what the training expects, and how large they are."""

import logging
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from twostep.training.configuration import Hyperparameter, NetworkSize
from twostep.training.own_network import (
    Hyperparameters,
    OwnNetworks,
    UnknownHyperparameterError,
    count_operations,
    count_trainable,
    describe_error,
)
from twostep.trials.hyperparameters import Values
from twostep.util.errors import UserError
from twostep.util.text import list_names

log = logging.getLogger(__name__)

# Sets of hyperparameters of which the networks are looked at closely: with numbers, and twice.
N_CLOSELY = 8
# Samples that a network is tried with. Of a single one, a shape may be right by chance.
ROWS = (3, 1)


class NetworkChecks:
    """Networks of the user's own as they are drawn: each is measured, the first ones are tried.

    Raises UserError with one sentence for the first mistake.
    """

    def __init__(self, networks: OwnNetworks, n_inputs: int, n_outputs: int) -> None:
        self._networks, self._n_inputs, self._n_outputs = networks, n_inputs, n_outputs
        self._sizes: dict[Values, NetworkSize] = {}
        self._read: set[str] = set()

    def size(self, values: Values) -> NetworkSize:
        """Return the size of the network with these hyperparameters."""
        if values not in self._sizes:
            if len(self._sizes) < N_CLOSELY:
                self._try(values)
            self._sizes[values] = self._measure(values)
        return self._sizes[values]

    def check_all_read(self, names: Iterable[str]) -> None:
        """Raise UserError if none of the networks so far depends on one of the hyperparameters."""
        ignored = sorted(set(names) - self._read)
        if ignored:
            raise UserError(
                f"search.space.hyperparameters.{ignored[0]} has no effect, because `build` of "
                f"{self._networks.file.path} never reads it: take it out, or let the network use it"
            )

    def _measure(self, values: Values) -> NetworkSize:
        """Return the size of a network, which takes a few milliseconds and a pass of one sample."""
        module = self._build(values)
        try:
            outputs, n_operations = count_operations(module.eval(), torch.zeros(1, self._n_inputs))
        except Exception as error:
            doing = "returns a network that fails for inputs of zeros"
            raise self._mistake(error, values, doing) from error
        self._check_outputs(outputs, 1, values)
        return NetworkSize(count_trainable(module), n_operations)

    def _try(self, values: Values) -> None:
        """Raise UserError if a network cannot be trained as it is meant to be."""
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(ROWS[0], self._n_inputs, generator=generator)
        first, second = (self._seeded(values) for _ in range(2))
        self._check_parameters(first, values)
        outputs = [self._evaluate(module, inputs, values) for module in (first, first, second)]
        self._evaluate(first, inputs[: ROWS[1]], values)
        if not _equal(outputs[0], outputs[1]):
            raise self._sentence(
                values,
                "returns a network whose outputs differ each time in evaluation mode: random "
                "numbers, as of dropout, are for training mode alone",
            )
        weights = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
        pairs = [*weights, (outputs[0], outputs[2])]
        if not all(_equal(one, other) for one, other in pairs):
            raise self._sentence(
                values,
                "builds another network each time, from the same seed of torch: draw random "
                "numbers with torch alone",
            )
        self._train(first, inputs, values)

    def _seeded(self, values: Values) -> nn.Module:
        torch.manual_seed(0)
        return self._build(values)

    def _build(self, values: Values) -> nn.Module:
        hyperparameters = Hyperparameters(dict(values))
        try:
            module = self._networks.call_build(hyperparameters, self._n_outputs)
        except UserError:
            raise
        except UnknownHyperparameterError as error:
            names = list_names(sorted(hyperparameters)) or "none"
            raise UserError(
                f"network.file: `build` of {self._networks.file.path} reads the hyperparameter "
                f"{error.args[0]!r}, which search.space.hyperparameters does not have (it has "
                f"{names}): add it there"
            ) from error
        except (Exception, SystemExit) as error:
            raise self._mistake(error, values, "raises an error") from error
        self._read |= hyperparameters.read
        if not isinstance(module, nn.Module):
            raise self._sentence(
                values, f"returns {type(module).__name__}: it must return a torch.nn.Module"
            )
        return module

    def _check_parameters(self, module: nn.Module, values: Values) -> None:
        parameters = list(module.parameters())
        if any(isinstance(each, UninitializedParameter) for each in parameters):
            raise self._sentence(
                values,
                "returns a network with parameters whose shape is not known yet (lazy modules): "
                "give each layer its number of inputs",
            )
        if not count_trainable(module):
            raise self._sentence(
                values, "returns a network without learnable parameters: there is nothing to train"
            )
        wrong = {each.dtype for each in parameters} - {torch.float32}
        if wrong:
            raise self._sentence(
                values, f"returns a network with parameters of {wrong.pop()}: they must be float32"
            )
        if not all(isinstance(each, Tensor) for each in module.state_dict().values()):
            raise self._sentence(
                values, "returns a network whose state_dict holds more than tensors: take it out"
            )

    def _evaluate(self, module: nn.Module, inputs: Tensor, values: Values) -> Tensor:
        try:
            with torch.no_grad():
                outputs = module.eval()(inputs.clone())
        except Exception as error:
            doing = f"returns a network that fails for inputs of {tuple(inputs.shape)}"
            raise self._mistake(error, values, doing) from error
        self._check_outputs(outputs, len(inputs), values)
        return outputs

    def _check_outputs(self, outputs: object, n_rows: int, values: Values) -> None:
        expected = (n_rows, self._n_outputs)
        if not isinstance(outputs, Tensor):
            raise self._sentence(
                values, f"returns a network that returns {type(outputs).__name__}, not a tensor"
            )
        if tuple(outputs.shape) != expected:
            raise self._sentence(
                values,
                f"returns a network that maps {(n_rows, self._n_inputs)} to "
                f"{tuple(outputs.shape)}: its outputs must be {expected}, (n_samples, n_outputs)",
            )
        if outputs.dtype != torch.float32:
            raise self._sentence(
                values,
                f"returns a network with outputs of {outputs.dtype}: they must be float32, as "
                "the inputs are",
            )

    def _train(self, module: nn.Module, inputs: Tensor, values: Values) -> None:
        """Raise UserError if a gradient cannot be computed."""
        try:
            outputs = module.train()(inputs.clone())
            self._check_outputs(outputs, len(inputs), values)
            if outputs.requires_grad:
                outputs.sum().backward()
        except UserError:
            raise
        except Exception as error:
            raise self._mistake(
                error, values, "returns a network that fails in training mode"
            ) from error
        if not any(each.grad is not None for each in module.parameters()):
            raise self._sentence(
                values,
                "returns a network whose outputs do not depend on its parameters: its operations "
                "must be those of torch",
            )

    def _mistake(self, error: BaseException, values: Values, what: str) -> UserError:
        """Return the sentence for an error of the file's own code."""
        if isinstance(error, UserError):
            return error
        path = self._networks.file.path
        return self._sentence(values, f"{what}: {describe_error(error, path)}")

    def _sentence(self, values: Values, what: str) -> UserError:
        given = ", ".join(f"{name}: {_shown(value)}" for name, value in values)
        with_these = f", with {given}," if given else ""
        return UserError(f"network.file: `build` of {self._networks.file.path}{with_these} {what}")


def _shown(value: Hyperparameter) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _equal(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors are the same, what is not a number included."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    values = [each.nan_to_num() if each.is_floating_point() else each for each in (one, other)]
    return torch.equal(*values)
