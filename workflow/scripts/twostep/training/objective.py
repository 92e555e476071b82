"""What all trials of a study minimise; without torch, as the keys of trials ask for it."""

from dataclasses import dataclass

from twostep.data.missing import MASK


@dataclass(frozen=True)
class Objective:
    """The loss, and whether its values are weighed or masked, by samples or by outputs.

    `huber_delta` is used by the loss huber alone. Which weights and masks there are, the data tell.
    """

    loss: str = "mse"
    huber_delta: float = 1.0
    is_weighed: bool = False

    @classmethod
    def of(cls, config: dict) -> "Objective":
        """Return what the sections `training` and `dataset` of a resolved config ask for."""
        training, dataset = config["training"], config["dataset"]
        is_weighed = dataset["sample_weight"] is not None or any(
            output["weight"] != 1 or output["missing"] == MASK for output in dataset["outputs"]
        )
        return cls(training["loss"], training["huber_delta"], is_weighed)

    def to_dict(self) -> dict:
        """Return a mapping of plain values without those at their defaults, fit for JSON.

        So the keys of trials with the plain mean squared error know of no other loss.
        """
        return {name: value for name, value in vars(self).items() if value != DEFAULTS[name]}


# The mean squared error, of which all values count alike.
PLAIN = Objective()
DEFAULTS = vars(PLAIN)
