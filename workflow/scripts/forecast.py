"""Predict what a study will cost, from the time of a few updates."""

import itertools
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from twostep.running.forecast import Sizes, measure_speed
from twostep.running.forecast_report import Plan, describe_forecast
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.data import load_training_data
from twostep.training.device import choose_device, use_threads
from twostep.training.objective import Objective
from twostep.training.precision import fully_connected
from twostep.training.train import FULLY_CONNECTED
from twostep.training.warm_up import warm_up
from twostep.trials.configurations import read_networks
from twostep.trials.samplers import known_trials
from twostep.trials.trainer import planned_networks
from twostep.util.files import read_json, write_text
from twostep.util.job import job
from twostep.util.processor import processor_name

log = logging.getLogger(__name__)


def main(
    *,
    manifest: str,
    subsets: list[str],
    arrays: list[str],
    configurations: str,
    config: str,
    network: dict | None,
    output: str,
    gpu_percent: int,
    threads: int,
    say: Callable[[str], None],
) -> None:
    """Write the forecast and say it; a subset lies in the folder named after its fraction."""
    resolved = json.loads(config)
    use_threads(threads)
    device = choose_device(resolved["training"]["gpu"], gpu_percent)
    warm_up(device)
    in_step_1 = fully_connected(resolved["search"]["precision"])
    n_trials, known = resolved["search"]["n_trials"], known_trials(resolved["search"])
    listed = read_networks(configurations, known)
    drawn = [configuration for configuration, _ in listed]
    # ASSUME: later generations of an adaptive search are about as costly as the first.
    planned = list(itertools.islice(itertools.cycle(drawn), n_trials))
    own = {configuration: size for configuration, size in listed if size is not None}
    by_fraction = {Path(path).parent.name: path for path in subsets}
    plan = Plan(
        config=resolved,
        configurations=planned,
        manifest=manifest,
        subsets=by_fraction,
        sizes=read_sizes(manifest, own),
        subset_sizes={name: read_sizes(path, own) for name, path in by_fraction.items()},
        data_bytes=sum(Path(path).stat().st_size for path in arrays),
    )
    data = load_training_data(subsets[0], Objective.of(resolved))
    measure = partial(
        measure_speed,
        drawn,
        data.tensors,
        output_activation=resolved["training"]["output_activation"],
        loss=data.loss,
        device=device,
        progress=lambda done, of: log.info("%d of %d configurations timed", done, of),
        own=own,
    )
    searching = measure(networks=planned_networks(network, read_json(manifest)) or in_step_1)
    retraining = searching if in_step_1 is FULLY_CONNECTED else measure(networks=FULLY_CONNECTED)
    name = processor_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
    text = describe_forecast(plan, searching, retraining, name)
    write_text(output, text)
    say(text)


def read_sizes(manifest: str, own: dict[Configuration, NetworkSize]) -> Sizes:
    """Return the sizes that a folder's manifest tells, with those of networks of the user's own."""
    description = read_json(manifest)
    return Sizes(
        len(description["inputs"]),
        len(description["outputs"]),
        description["splits"]["training"],
        description["splits"]["validation"],
        own,
    )


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            manifest=snakemake.input.manifest,
            subsets=snakemake.input.subsets,
            arrays=snakemake.input.arrays,
            configurations=snakemake.input.configurations,
            config=snakemake.params.config,
            network=json.loads(snakemake.params.network),
            output=snakemake.output[0],
            gpu_percent=snakemake.resources.get("machine_gpu", 100),
            threads=snakemake.threads,
            say=note.leave,
        )
