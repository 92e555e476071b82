"""Made-up studies whose numbers and names are hard to draw; `gallery.py` draws them all."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import synthetic_study as made_up
from scipy.special import expit, softmax

from twostep.analysis.study import Search, Study
from twostep.model.predictions import Predictions

Change = Callable[[np.ndarray], np.ndarray]
Hard = tuple[Study, Predictions]

# What people call their variables, and what matplotlib might take for something else.
NAMES = [
    "a$b$c",
    "rate_of_change_%",
    "{braces}",
    "température_à_2_m",
    "\N{CJK UNIFIED IDEOGRAPH-6E29}\N{CJK UNIFIED IDEOGRAPH-5EA6}",
    "$\\frac{a}{b$",
    "l" * 100,
    "q\\alpha^2_3",
    "x & y",
    "#1",
]


def with_losses(study: Study, change: Change) -> Study:
    """Return a study with other losses, which are in the same order or equal."""

    def changed(table: pd.DataFrame) -> pd.DataFrame:
        losses = [name for name in table if "_loss" in name and "relative" not in name]
        table = table.assign(**{name: change(table[name].to_numpy(float)) for name in losses})
        if "difference_error" not in table:
            return table
        errors = {"val_loss_error": 0.02, "difference_error": 0.01}
        loss = table["min_val_loss"]
        return table.assign(**{name: factor * loss for name, factor in errors.items()})

    records = [
        record
        | {part: change(np.array(record[part])).tolist() for part in ("train_loss", "val_loss")}
        | {"min_val_loss": float(change(np.array(record["min_val_loss"])))}
        for record in study.records
    ]
    tables = {
        name: changed(getattr(study, name)) for name in ("retrained", "selection", "baseline")
    }
    searches = [replace(search, trials=changed(search.trials)) for search in study.searches]
    return replace(study, searches=searches, records=records, **tables)


def with_outputs(study: Study, predictions: Predictions) -> Hard:
    """Return a study with the features of some predictions."""
    shared = {"mean": 0.0, "std": 1.0, "min": 0.25, "max": 3.5}
    features = {
        role: [feature | shared for feature in described]
        for role, described in (("inputs", predictions.inputs), ("outputs", predictions.outputs))
    }
    names: dict[str, list[str]] = {}
    for feature in [*features["inputs"], *features["outputs"]]:
        feature["variable"] = feature["name"].partition("[")[0]
        names.setdefault(feature["variable"], []).append(feature["name"])
    manifest = study.manifest | features
    manifest["variables"] = {
        name: {"dimensions": ["level"], "shape": [len(own)]}
        if own != [name]
        else {"dimensions": [], "shape": []}
        for name, own in names.items()
    }
    error, spread = predictions.error**2, predictions.true.var(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - error.mean(axis=0) / np.where(spread > 0, spread, np.nan)
    made = {
        f"test_r2[{output['name']}]": value
        for output, value in zip(predictions.outputs, r2, strict=True)
    }
    retrained, baseline = study.retrained.assign(**made), study.baseline.assign(**made)
    return replace(study, manifest=manifest, retrained=retrained, baseline=baseline), predictions


def _renamed(features: list[dict], names: list[str], units: str = "W m-2") -> list[dict]:
    return [
        feature | {"name": name, "long_name": name, "units": units}
        for feature, name in zip(features, names, strict=True)
    ]


def _levels(variables: list[str], n_levels: int) -> list[str]:
    return [f"{name}[{level}]" for name in variables for level in range(n_levels)]


def normal() -> Hard:
    """Nothing hard: two fractions, two outputs, three repetitions."""
    return made_up.study(seeds=3), made_up.predictions()


def one_trial() -> Hard:
    """The smallest study there is."""
    study = made_up.study(("0.05",), n_trials=1, n_failed=0, top_k=1, seeds=1, controls=0)
    return study, made_up.predictions(1, 1, 60)


def one_output() -> Hard:
    """One input, one output, one repetition."""
    return with_outputs(made_up.study(("0.05",), seeds=1), made_up.predictions(1, 1))


def two_rungs() -> Hard:
    """Two rungs between search and retraining, with a dozen controls at each of three cuts."""
    return made_up.study_with_rungs(), made_up.predictions()


def three_fractions() -> Hard:
    """Three fractions that lead to nearly the same loss, the two larger ones at the same cost."""
    study = made_up.study(("0.05", "0.1", "0.2"), seeds=3)
    best = study.retrained["min_val_loss"].min()
    study = with_losses(study, lambda losses: best * (losses / best) ** 0.01)
    searches = [
        replace(search, timings=search.timings.assign(cpu_seconds=0.01))
        for search in study.searches
    ]
    return replace(study, searches=searches), made_up.predictions()


def many_features() -> Hard:
    """A column of the atmosphere: 124 inputs, 64 outputs, long names."""
    profiles = ["state_temperature_before_physics", "state_specific_humidity_before_physics"]
    inputs = [*_levels(profiles, 60), *(f"surface_flux_of_quantity_number_{i}" for i in range(4))]
    profiles = ["tendency_of_temperature_by_all_physics"]
    outputs = [
        *_levels(profiles, 60),
        *(f"downward_shortwave_flux_at_surface_{i}" for i in range(4)),
    ]
    made = made_up.predictions(124, 64)
    # Inputs of all sizes: trace gases beside pressures.
    sizes = np.geomspace(1e-9, 1e5, 124)
    made = replace(
        made,
        inputs=_renamed(made.inputs, inputs, "kg kg-1 s-1"),
        outputs=_renamed(made.outputs, outputs, "K s-1"),
        input=made.input * sizes,
        true=1e-5 * made.true,
        predicted=1e-5 * made.predicted,
    )
    return with_outputs(made_up.study(("0.05",)), made)


def a_few_features() -> Hard:
    """16 inputs and 4 outputs, as most studies have."""
    return with_outputs(made_up.study(("0.05",)), made_up.predictions(16, 4))


def pixels() -> Hard:
    """784 inputs and 60 outputs."""
    return with_outputs(made_up.study(("0.05",)), made_up.predictions(784, 60, 1000))


def _sized(factor: float) -> Hard:
    made = made_up.predictions(3, 3)
    made = replace(
        made,
        input=made.input * factor,
        true=made.true * factor,
        predicted=made.predicted * factor,
        outputs=_renamed(made.outputs, ["a", "b", "c"], "kg m-2 s-1"),
    )
    study = with_losses(made_up.study(("0.05", "0.2")), lambda losses: factor * losses)
    return with_outputs(study, made)


def tiny() -> Hard:
    """Losses and outputs of 1e-30."""
    return _sized(1e-30)


def huge() -> Hard:
    """Losses and outputs of 1e30."""
    return _sized(1e30)


def equal_losses() -> Hard:
    """All losses are equal."""
    study = with_losses(made_up.study(), lambda losses: np.where(np.isnan(losses), losses, 0.25))
    return study, made_up.predictions()


def nearly_equal_losses() -> Hard:
    """Losses that differ in their seventh digit."""
    study = with_losses(made_up.study(("0.05",)), lambda losses: 0.25 * (1 + 1e-6 * losses))
    return study, made_up.predictions()


def decades() -> Hard:
    """Losses that span 30 decades, as some trials went astray or fit to the last digit."""
    study = with_losses(
        made_up.study(("0.05",)),
        lambda losses: 1e-20 * (losses / 1e-3) ** 12,
    )
    return study, made_up.predictions()


def zero_losses() -> Hard:
    """Some losses are exactly 0."""
    study = with_losses(
        made_up.study(("0.05",)), lambda losses: np.where(losses < 2e-3, 0.0, losses)
    )
    return study, made_up.predictions()


def twenty_fractions() -> Hard:
    """20 fractions of the data."""
    fractions = tuple(f"{fraction:.3g}" for fraction in np.geomspace(0.001, 1, 20))
    study = made_up.study(fractions, n_trials=60, n_failed=1, top_k=4, seeds=1, controls=3)
    return study, made_up.predictions()


def many_trials() -> Hard:
    """100,000 trials."""
    study = made_up.study(("0.05",), n_trials=2000, n_failed=20, top_k=50, controls=30, seeds=1)
    random = np.random.default_rng(4)
    trials = study.searches[0].trials
    copies = [trials]
    for i in range(1, 50):
        copy = trials[trials["status"] == "ok"]
        wobble = np.exp(np.abs(random.normal(0, 0.3, len(copy))))
        copies.append(
            copy.assign(trial=copy["trial"] + 2000 * i, min_val_loss=copy["min_val_loss"] * wobble)
        )
    table = pd.concat(copies).sort_values(["min_val_loss", "trial"], ignore_index=True)
    failed = table["status"] != "ok"
    table = pd.concat([table[~failed], table[failed]], ignore_index=True)
    ranks = [*range(1, int((~failed).sum()) + 1)] + [None] * int(failed.sum())
    table["rank"] = pd.array(ranks, "Int64")
    search = study.searches[0]
    search = Search(search.fraction, table, made_up.timings_table(table), search.subset)
    return replace(study, searches=[search]), made_up.predictions()


def many_failures() -> Hard:
    """Nearly all trials fail in both steps."""
    study = made_up.study(("0.05", "0.2"), n_trials=60, n_failed=50, top_k=4, controls=3)
    retrained = study.retrained.copy()
    lost = retrained["trial"] != study.best["trial"]
    unknown = [name for name in retrained if "_loss" in name and "search" not in name]
    retrained.loc[lost, "status"] = "diverged"
    retrained.loc[lost, unknown] = np.nan
    selection = made_up.selection_table(retrained[~lost])
    return replace(study, retrained=retrained, selection=selection), made_up.predictions()


def no_numbers() -> Hard:
    """No test loss and no prediction is finite."""
    study = made_up.study(("0.05",))
    made = made_up.predictions()
    made = replace(made, predicted=np.full_like(made.predicted, np.nan))
    return replace(study, retrained=study.retrained.assign(test_loss=np.nan)), made


def collapsed_outputs() -> Hard:
    """All networks predict a constant; one output does not vary at all."""
    study = with_losses(
        made_up.study(("0.05", "0.2")),
        lambda losses: made_up.CONSTANT * (1 + 1e-3 * losses),
    )
    searches = [
        replace(search, trials=search.trials.assign(collapsed_outputs=";".join(made_up.OUTPUTS)))
        for search in study.searches
    ]
    made = made_up.predictions(3, 3)
    true = made.true.copy()
    true[:, 2] = 7.0
    made = replace(made, true=true, predicted=np.broadcast_to(true.mean(axis=0), true.shape))
    return replace(study, searches=searches), made


def zero_inflated() -> Hard:
    """Outputs such as rain: mostly 0, else over many decades; the last one a logarithm's."""
    made = made_up.predictions(3, 3)
    random = np.random.default_rng(2)
    true = 10 ** random.uniform(-12, -3, made.true.shape)
    predicted = true * np.exp(0.3 * random.normal(size=true.shape))
    dry = random.random(true.shape) < 0.95
    dry[:, 2] = False
    true[dry], predicted[dry] = 0.0, np.abs(random.normal(0, 1e-9, int(dry.sum())))
    # What a network's logarithm may come to.
    predicted[:3, 2] = [0.0, np.inf, 1e-200]
    outputs = _renamed(made.outputs, ["rain", "snow", "rain_where_it_rains"], "kg m-2 s-1")
    outputs[2]["transform"] = "log10"
    made = replace(made, outputs=outputs, true=true, predicted=predicted)
    return with_outputs(made_up.study(("0.05",)), made)


def odd_names() -> Hard:
    """Names and units with letters that mean something to a drawing program."""
    made = made_up.predictions(10, 10)
    made = replace(
        made,
        inputs=_renamed(made.inputs, NAMES, "$m^2$ %"),
        outputs=_renamed(made.outputs, NAMES[::-1], "{µ_mol}\\%"),
    )
    return with_outputs(made_up.study(("0.05",)), made)


def odd_name() -> Hard:
    """A single output whose name is in the label of the loss."""
    made = made_up.predictions(3, 1)
    made = replace(made, outputs=_renamed(made.outputs, NAMES[5:6], "$%_\N{SNOWMAN}"))
    return with_outputs(made_up.study(("0.05",)), made)


def all_hyperparameters() -> Hard:
    """All hyperparameters vary, and there are many categories."""
    study = made_up.study(("0.05",))
    (search,) = study.searches
    random = np.random.default_rng(6)
    n = len(search.trials)
    trials = search.trials.assign(
        learning_rate=10 ** random.uniform(-5, -1, n),
        batch_size=random.choice([32, 128, 512, 2048, 8192], n),
        activation=random.choice(["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"], n),
        optimizer=random.choice(["adam", "adamw", "rmsprop", "sgd"], n),
        weight_decay=random.choice([0.0, 1e-6, 1e-4], n),
        dropout=random.choice([0.0, 0.1, 0.2], n),
    )
    return replace(study, searches=[replace(search, trials=trials)]), made_up.predictions()


def large_networks() -> Hard:
    """Networks of one hidden layer with up to a billion parameters, and of 60 thin ones."""
    study = made_up.study(("0.05",))
    depths = itertools.cycle([1, 2, 5, 20, 60])

    def grown(table: pd.DataFrame) -> pd.DataFrame:
        layers = [next(depths) for _ in range(len(table))]
        return table.assign(
            n_parameters=table["n_parameters"] * 2000,
            n_operations=table["n_operations"] * 2000,
            n_hidden_layers=layers,
            hidden_widths=["-".join(["4096"] * layer) for layer in layers],
        )

    (search,) = study.searches
    retrained = grown(study.retrained)
    return replace(
        study,
        searches=[replace(search, trials=grown(search.trials))],
        retrained=retrained,
        selection=made_up.selection_table(retrained),
    ), made_up.predictions()


def _of_probabilities(names: list[str], loss: str, *, sure: float = 1.0) -> Hard:
    """Return a study of classes or events with these names, whose model is more or less sure."""
    rng = np.random.default_rng(0)
    sums = 1.5 * rng.normal(size=(2000, len(names)))
    made = made_up.predictions(3, len(names), 2000)
    if loss == "cross_entropy":
        true = np.eye(len(names))[(sums + rng.gumbel(size=sums.shape)).argmax(axis=1)]
        predicted = softmax(sure * sums, axis=1)
    else:
        true = (rng.uniform(size=sums.shape) < expit(sums)).astype(float)
        predicted = expit(sure * sums)
    outputs = _renamed(made.outputs, [f"kind[{name}]" for name in names], "1")
    outputs = [output | {"long_name": name} for output, name in zip(outputs, names, strict=True)]
    made = replace(made, outputs=outputs, true=true, predicted=predicted)
    study, made = with_outputs(made_up.study(("0.05",)), made)
    training = study.config["training"] | {"loss": loss}
    return replace(study, config=study.config | {"training": training}), made


def two_classes() -> Hard:
    """Two classes, of which the model is too sure."""
    return _of_probabilities(["no", "yes"], "cross_entropy", sure=3.0)


def a_dozen_classes() -> Hard:
    """Twelve classes with odd names, two of which are nearly alike."""
    return _of_probabilities([*NAMES, "nearly_alike_1", "nearly_alike_2"], "cross_entropy")


def many_classes() -> Hard:
    """Forty classes, and a model that knows next to nothing."""
    return _of_probabilities([str(i) for i in range(40)], "cross_entropy", sure=0.01)


def events() -> Hard:
    """Ten events that do not exclude each other."""
    return _of_probabilities(NAMES, "binary_cross_entropy")


# Those whose losses or trials are hard, those whose features are, and those of probabilities.
OF_LOSSES: list[Callable[[], Hard]] = [
    normal,
    one_trial,
    two_rungs,
    three_fractions,
    twenty_fractions,
    many_trials,
    many_failures,
    tiny,
    huge,
    equal_losses,
    nearly_equal_losses,
    decades,
    zero_losses,
    all_hyperparameters,
    large_networks,
]
OF_FEATURES: list[Callable[[], Hard]] = [
    one_output,
    a_few_features,
    many_features,
    pixels,
    no_numbers,
    collapsed_outputs,
    zero_inflated,
    odd_names,
    odd_name,
]
OF_CLASSES: list[Callable[[], Hard]] = [two_classes, a_dozen_classes, many_classes, events]
STUDIES = {make.__name__: make for make in OF_LOSSES + OF_FEATURES + OF_CLASSES}
