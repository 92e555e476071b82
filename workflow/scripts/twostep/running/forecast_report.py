"""The forecast of a study's cost in words and tables."""

import math
from dataclasses import dataclass

import numpy as np

from twostep.data.sizes import fraction_name
from twostep.running import resources
from twostep.running.forecast import Sizes, Speed
from twostep.running.needed import CORRELATIONS, count_needed
from twostep.training.configuration import Configuration
from twostep.trials.rounds import RISK, round_sizes
from twostep.trials.rungs import count_controls, count_survivors, cut_sizes
from twostep.trials.samplers import has_chosen, known_trials
from twostep.util.wording import duration, number, percent, table

# ASSUME: the best trials are among the largest quarter of the networks, as they mostly are; an
# average network would be too cheap an estimate.
FINALISTS = 0.25
# Bytes of a trial in its shard, the journal and the ranking, and of an epoch's losses and of an
# output's loss in these.
BYTES_PER_TRIAL, BYTES_PER_EPOCH, BYTES_PER_OUTPUT = 4000, 100, 150
# The records of a retrained model and its evaluation, and what they say of an output.
BYTES_PER_MODEL, ERRORS_PER_OUTPUT = 20_000, 500
ASSUMPTIONS = (
    "Each trial is taken to use its whole budget. So these times are too high where patience ends "
    "trials earlier. Finalists are taken to be as costly as the mean of the largest quarter of the "
    "networks, or of the `top_k` largest if these are more. In brackets are the mean of all "
    "networks and the largest ones. Where all cores of a machine are busy, each is often slower "
    "than in these measurements. The start of a job adds some 4 seconds."
)

NO_SAVING = (
    "**The steps cost no less than the same search on all data.** Take a smaller fraction or a "
    "smaller `retrain.top_k`."
)


@dataclass(frozen=True)
class Plan:
    """What is to be trained: the resolved config, the trials' configurations and the data.

    `manifest` and `subsets` (by fraction) are the paths of the manifests of the data, `sizes` and
    `subset_sizes` what they say; `data_bytes` is what all these arrays take on the disk.
    """

    config: dict
    configurations: list[Configuration]
    manifest: str
    subsets: dict[str, str]
    sizes: Sizes
    subset_sizes: dict[str, Sizes]
    data_bytes: int

    @property
    def fractions(self) -> list[str]:
        """The names of the fractions that are searched on; rungs may have others."""
        return [fraction_name(value) for value in self.config["search"]["fractions"]]


def describe_forecast(plan: Plan, searching: Speed, retraining: Speed, processor: str) -> str:
    """Return the forecast as Markdown.

    `searching` is the speed of step 1 and of rungs, `retraining` that of step 2, and `processor` is
    what they were measured on.
    """
    unit = "GPU" if plan.config["training"]["gpu"] else "processor"
    rows, costs_more = _cost_rows(plan, searching, retraining)
    return (
        "\n\n".join(
            [
                f"# Forecast of study {plan.config['study']}",
                f"From training some of its configurations for about a second each on {processor}."
                + _precision(plan.config["search"]),
                table([["", f"{unit} time"], *rows]),
                *([NO_SAVING] if costs_more else []),
                ASSUMPTIONS + _generations(plan.config["search"]),
                table([["", ""], *_need_rows(plan)]),
                *_cuts(plan),
            ]
        )
        + "\n"
    )


def _precision(search: dict) -> str:
    """Return what is not computed in float32, as a sentence after a blank; "" if all is."""
    if search["precision"] == "float32":
        return ""
    return (
        f" Step 1 and rungs are taken in {search['precision']} (`search.precision`), all trainings "
        "on all data in float32."
    )


def _generations(search: dict) -> str:
    """Return what is not known of an adaptive search, after a blank; "" for others."""
    if not has_chosen(search):
        return ""
    return (
        f" Only the first {len(known_trials(search)):,} configurations are known: those of later "
        "generations are taken to be as costly. Each generation waits for the one before it, so "
        "that some cores are idle at its end."
    )


def _cost_rows(plan: Plan, searching: Speed, retraining: Speed) -> tuple[list[list[str]], bool]:
    """Return the rows, and whether both steps cost no less than the same search on all data.

    Of several fractions the cheapest counts, without controls, as in the summary's saving.
    """
    search, retrain = plan.config["search"], plan.config["retrain"]
    as_searched = _seconds(plan, retraining, search["budget"], plan.sizes)
    rows, total, longest = [], 0.0, 0.0
    cheapest = math.inf
    for fraction in plan.fractions:
        sizes = plan.subset_sizes[fraction]
        seconds = _seconds(plan, searching, search["budget"], sizes)
        total, longest = total + seconds.sum(), max(longest, seconds.max())
        cheapest = min(cheapest, seconds.sum())
        shard = seconds.mean() * search["shard_size"]
        rows += [
            [f"step 1 on fraction {fraction}, {len(seconds):,} trials", duration(seconds.sum())],
            [f"a typical shard of {search['shard_size']:,} trials", duration(shard)],
            ["the longest single trial", duration(seconds.max())],
        ]
    for i, rung in enumerate(search["rungs"]):
        label, cost = _rung_cost(plan, searching, i + 1, rung)
        rows.append([label, duration(cost)])
        total, cheapest = total + cost, cheapest + cost
    second = np.sort(_seconds(plan, retraining, retrain["budget"], plan.sizes))
    n_models = retrain["top_k"] * retrain["seeds"]
    # With `retrain.until` one round may be enough.
    n_fewest = round_sizes(retrain)[0] * retrain["seeds"]
    # Never fewer than `top_k`, so that the estimate lies within its bounds.
    n_large = max(math.ceil(FINALISTS * len(second)), retrain["top_k"])
    step_2 = n_models * second[-n_large:].mean()
    bounds = n_fewest * second.mean(), n_models * second[-retrain["top_k"] :].mean()
    models = number(n_models, "model")
    if n_fewest < n_models:
        models = f"{n_fewest:,} to {models}, as `retrain.until` decides; all of them"
    if len(plan.fractions) > 1:
        models += " for each fraction, those that they share once"
    rows.append(
        [
            f"step 2, {models}",
            f"{duration(step_2)} ({duration(bounds[0])} to {duration(bounds[1])})",
        ]
    )
    # Drawn at random, they are average networks.
    n_controls = _n_controls(plan) * retrain["seeds"]
    controls = n_controls * second.mean()
    if n_controls:
        rows.append([f"controls, {number(n_controls, 'model')}", duration(controls)])
    everything = total + len(plan.fractions) * step_2 + controls
    with_controls = (", the rungs" if search["rungs"] else "") + (
        " and the controls" if n_controls else ""
    )
    total_text = duration(everything)
    if n_fewest < n_models:
        fewest = everything - len(plan.fractions) * step_2 * (1 - n_fewest / n_models)
        total_text = f"{duration(fewest)} to {total_text}"
    rows += [
        ["the longest single retraining", f"up to {duration(second[-1])}"],
        [f"**both steps{with_controls}**", f"**{total_text}**"],
        ["the same search on all data, with step 2's budget", duration(second.sum())],
        ["the same, with step 1's budget", duration(as_searched.sum())],
    ]
    return rows, bool(cheapest + step_2 >= second.sum())


def _need_rows(plan: Plan) -> list[list[str]]:
    largest = max(
        plan.configurations,
        key=lambda configuration: _weights_bytes(plan, configuration),
    )
    # What the jobs ask for: a shard for the largest network that the space may yield.
    search = plan.config["search"]
    search_mb = [_search_mb(plan, path) for path in plan.subsets.values()]
    if largest.hyperparameters is None:
        retrain_mb = resources.training_mb(plan.manifest, largest, checkpoints=True)
    else:
        size = plan.sizes.network(largest)
        retrain_mb = resources.own_training_mb(plan.manifest, [size], checkpoints=True)
    retrain = plan.config["retrain"]
    n_models = len(plan.fractions) * retrain["top_k"] + _n_controls(plan)
    epochs = sum(
        resources.updates_and_epochs(
            configuration, search["budget"], plan.subset_sizes[fraction].n_train
        )[1]
        for fraction in plan.fractions
        for configuration in plan.configurations
    )
    n_trials = len(plan.configurations) * len(plan.fractions)
    n_trials += sum(count_survivors(search, retrain, i + 1) for i in range(len(search["rungs"])))
    n_outputs = plan.sizes.n_outputs
    results = n_trials * (BYTES_PER_TRIAL + n_outputs * BYTES_PER_OUTPUT)
    results += epochs * BYTES_PER_EPOCH
    # A model is in the journal, too.
    model = 2 * _weights_bytes(plan, largest) + BYTES_PER_MODEL + n_outputs * ERRORS_PER_OUTPUT
    models = n_models * retrain["seeds"] * model
    return [
        ["memory of a job of step 1, at most", _gigabytes(max(search_mb) * 1e6)],
        ["memory of a job of step 2, at most", _gigabytes(retrain_mb * 1e6)],
        ["disk: prepared data and subsets", _gigabytes(plan.data_bytes)],
        ["disk: records of step 1", _gigabytes(results)],
        ["disk: models of step 2, at most", _gigabytes(models)],
    ]


def _search_mb(plan: Plan, manifest: str) -> int:
    """Return the most memory that a job of step 1 asks for on some data."""
    search = plan.config["search"]
    if plan.sizes.own:
        return resources.own_training_mb(manifest, list(plan.sizes.own.values()))
    possible = resources.largest_configuration(search["space"])
    return resources.training_mb(
        manifest, possible, constraints=search["constraints"], precision=search["precision"]
    )


def _n_controls(plan: Plan) -> int:
    """Return how many controls there will be: no more than the trials that are cut off."""
    search, retrain = plan.config["search"], plan.config["retrain"]
    return count_controls(search, retrain, len(search["rungs"]) + 1)


def _rung_cost(plan: Plan, speed: Speed, i: int, rung: dict) -> tuple[str, float]:
    """Return what a rung is called in the table, and its processor seconds with its controls."""
    search, retrain = plan.config["search"], plan.config["retrain"]
    fraction = fraction_name(rung["fraction"])
    seconds = np.sort(_seconds(plan, speed, rung["budget"], plan.subset_sizes[fraction]))
    # As finalists are, what passes a cut is larger than the average.
    n_large = max(math.ceil(FINALISTS * len(seconds)), rung["top_k"])
    n_controls = count_survivors(search, retrain, i) - rung["top_k"]
    cost = rung["top_k"] * seconds[-n_large:].mean() + n_controls * seconds.mean()
    label = f"rung {i} on fraction {fraction}, {rung['top_k']:,} trials"
    return label + (f" and {number(n_controls, 'control')}" if n_controls else ""), float(cost)


def _cuts(plan: Plan) -> list[str]:
    """Return how many trials would have to pass each cut; nothing for the plain two steps."""
    search, retrain = plan.config["search"], plan.config["retrain"]
    wanted = retrain["until"]["probability"]
    if not search["rungs"] and wanted is None:
        return []
    risk = RISK if wanted is None else wanted
    rows = [["would have to pass", *(f"correlation {value:g}" for value in CORRELATIONS)]]
    sizes = cut_sizes(search, retrain)
    names = ["the search", *(f"rung {i + 1}" for i in range(len(search["rungs"])))]
    for name, before, after in zip(names, sizes, sizes[1:], strict=False):
        needed = [count_needed(before, value, risk) for value in CORRELATIONS]
        rows.append([f"after {name}: {after:,} of {before:,} do", *(f"{k:,}" for k in needed)])
    return [
        "## How many will have to be trained again?",
        f"So that a better trial is cut off with a probability of at most {percent(risk)}:",
        table(rows),
        "The columns are correlations, over all trials before a cut, of the logarithms of the "
        "losses before it and after it. Nobody knows them before the study. The numbers rest on "
        "normal scatter alone. Any better trial counts, however little better. The summary tells "
        "the same from the losses and the controls of the study itself.",
    ]


def _seconds(plan: Plan, speed: Speed, budget: dict, sizes: Sizes) -> np.ndarray:
    return np.array([speed.trial_seconds(c, budget, sizes) for c in plan.configurations])


def _weights_bytes(plan: Plan, configuration: Configuration) -> int:
    return 4 * plan.sizes.network(configuration).n_parameters


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2g} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.2g} MB"
