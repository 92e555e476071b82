"""What contradicts itself in the sections `dataset` and `split` of a config."""

from collections.abc import Iterator

from twostep.config.sentences import describe_given
from twostep.parcel.header import DIMENSIONS
from twostep.util.text import suggest

# The dimension of the embedded data set along which its samples lie.
GENERATED_DIMENSION = "sample"


def contradictions_in_data(config: dict) -> Iterator[str]:
    """Yield a sentence for each variable that cannot be an input or output as the config says."""
    dataset = config["dataset"]
    names = {role: [entry["name"] for entry in dataset[role]] for role in ("inputs", "outputs")}
    for role, named in names.items():
        for i, name in enumerate(named):
            if name in named[:i]:
                yield f"dataset.{role} must not name {describe_given(name)} twice"
    for name in names["inputs"]:
        if name in names["outputs"]:
            yield f"{describe_given(name)} is in both dataset.inputs and dataset.outputs"
    if dataset["files"] is None:
        yield from _contradictions_with_generated(config, names)


def _contradictions_with_generated(config: dict, names: dict[str, list[str]]) -> Iterator[str]:
    """Yield a sentence for each thing that the generated data do not have; `names` are by role."""
    dataset = config["dataset"]
    if dataset["group"] is not None:
        yield (
            f"dataset.group is {describe_given(dataset['group'])}, but dataset.files is null, and "
            "generated data have no groups: take it out or name the files"
        )
    source = "the embedded parcel model, which is used because dataset.files is null,"
    for role, named in names.items():
        for i, name in enumerate(named):
            if name not in DIMENSIONS:
                yield (
                    f"dataset.{role}, entry {i + 1}: {source} has no variable "
                    f"{describe_given(name)}{suggest(name, DIMENSIONS)}"
                )
    for role in names:
        for i, entry in enumerate(dataset[role]):
            if entry["units"] is not None:
                yield (
                    f"dataset.{role}, entry {i + 1}, units is {describe_given(entry['units'])}, "
                    f"but {source} has units of its own: take this key out"
                )
    if dataset["sample_dimension"] != [GENERATED_DIMENSION]:
        given = ", ".join(describe_given(name) for name in dataset["sample_dimension"])
        yield (
            f"dataset.sample_dimension is {given}, but {source} has its samples along "
            f"'{GENERATED_DIMENSION}'"
        )
    single = {
        "split.variable": config["split"]["variable"],
        "dataset.sample_weight": dataset["sample_weight"],
    }
    for key, name in single.items():
        if name is not None and DIMENSIONS.get(name) != (GENERATED_DIMENSION,):
            yield (
                f"{key}: {source} has no variable {describe_given(name)} with one value for each "
                "sample"
            )


def contradictions_with_classes(dataset: dict) -> Iterator[str]:
    """Yield a sentence for each thing that classes cannot have."""
    classes = "training.loss = cross_entropy"
    if len(dataset["outputs"]) > 1:
        yield (
            f"dataset.outputs has {len(dataset['outputs'])} entries, but {classes} takes a single "
            "one, a variable of integers or text that names the classes"
        )
    if dataset["files"] is None:
        yield (
            f"{classes} needs classes, but dataset.files is null, and the embedded parcel model "
            "has none: name the files, or choose another loss"
        )
    for key, default, why in (
        ("transform", "none", "classes have no transform"),
        ("weight", 1, "a single output has no other weight"),
        ("missing", "drop", "a sample without its class has no part in the loss anyway"),
    ):
        given = dataset["outputs"][0][key]
        if given != default:
            yield (
                f"dataset.outputs, entry 1, {key} is {describe_given(given)}, but {classes} takes "
                f"{default} alone, because {why}"
            )


def contradictions_in_split(split: dict) -> Iterator[str]:
    """Yield a sentence for each pair of keys of the split that cannot both be meant."""
    if split["validation"] + split["test"] >= 1:
        yield (
            f"split.validation ({split['validation']:g}) and split.test ({split['test']:g}) must "
            "add up to less than 1, because the training split gets the rest"
        )
    method, variable = split["method"], split["variable"]
    if method in ("group", "variable") and variable is None:
        yield f"split.variable is missing: it must name the variable for split.method = {method}"
    if method == "random" and variable is not None:
        yield (
            f"split.variable is {describe_given(variable)}, but split.method = random uses none: "
            "take it out, or choose blocks, group or variable"
        )
