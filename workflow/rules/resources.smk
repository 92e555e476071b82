# What jobs ask for, in one place. A rule says how much memory (MB) and how much time (minutes) it
# needs. Both are estimates, and grow with each attempt where a run has `--retries`, as in the profile
# for clusters.
#
# Memory is asked for twice. `mem_mb` is what a cluster is asked for. Snakemake would add it up over
# all jobs of a run if it were limited, also over jobs that run on other machines. `machine_mb` has
# the scope "local": only jobs of this machine are added up, and profiles/default limits them to the
# memory that it has. `gpu` and `machine_gpu` are the same for GPUs, the latter in percent.
from twostep.running.resources import (
    BASE_MB,
    OWN_MB,
    largest_configuration,
    listed_configuration,
    listed_networks,
    middle_configuration,
    own_training_mb,
    own_training_minutes,
    training_mb,
    training_minutes,
)

# No job asks for more time than a day, which is what many clusters grant: one that is not done by
# then goes on in its next attempt from where it was.
MOST_MINUTES = 1440


resource_scopes:
    machine_mb="local",
    machine_gpu="local",


def growing(amount):
    """An amount that a rule always needs, times the attempt."""
    return lambda wildcards, attempt: attempt * amount


def memory(megabytes):
    """The resources of a job that needs so much memory; a function, as `growing` returns it."""
    return {"mem_mb": megabytes, "machine_mb": megabytes}


def gpus():
    """The resources of a job that trains; of this machine's GPUs in percent of one."""
    n_gpus, jobs = config["training"]["gpu"], config["training"]["jobs_per_gpu"]
    return {"gpu": n_gpus, "machine_gpu": n_gpus * (100 // jobs)}


def limited(minutes, attempt):
    """A time in minutes that grows with the attempt, up to a day."""
    return min(MOST_MINUTES, attempt * minutes)


# Memory in MB


def generate_mb(wildcards, attempt):
    """A part of the embedded data: up to 1 kB a sample."""
    return attempt * (BASE_MB + config["generate"]["samples_per_file"] // 1000)


def run_mb():
    """What a network of the user's own may compute when it runs, whatever its size."""
    return OWN_MB if NETWORK else 0


def draw_mb(wildcards, attempt):
    """The list of configurations: a trial takes between 1 and 2 kB."""
    return attempt * (BASE_MB + run_mb() + int(wildcards.size) // 500)


def generation_mb(wildcards, input, attempt):
    """What TPE holds: some copies of all records."""
    return attempt * int(BASE_MB + run_mb() + 20 * input.size_mb)


def search_mb(wildcards, input, attempt):
    """A shard: its data and the largest network that it may train."""
    return attempt * largest_mb(input.manifest, input.configurations, trials_of(wildcards))


def forecast_mb(wildcards, input, attempt):
    """The timing of the largest network, too."""
    trials = known_trials(config["search"])
    return attempt * largest_mb(input.subsets[0], input.configurations, trials)


def trials_of(wildcards):
    """The trials that a job trains: one, those of a shard, or any, as a rung may have."""
    if "trial" in wildcards.keys():
        return range(int(wildcards.trial), int(wildcards.trial) + 1)
    if "rung" in wildcards.keys():
        return range(config["search"]["n_trials"])
    if "pilot" in wildcards.keys():
        return range(*trials_of_pilot(wildcards))
    return range(*SHARDS[int(wildcards.shard)])


def largest_mb(manifest, configurations, trials):
    """The training of the largest network that may be drawn, or of those that were."""
    if NETWORK:
        sizes = [size for _, size in listed_networks(configurations, trials)]
        return own_training_mb(manifest, sizes)
    search = config["search"]
    largest = largest_configuration(search["space"])
    return training_mb(
        manifest, largest, constraints=search["constraints"], precision=search["precision"]
    )


def retrain_mb(wildcards, input, attempt):
    """The training of one network, with its checkpoints: its errors take less."""
    if NETWORK:
        [(_, size)] = listed_networks(input.configurations, trials_of(wildcards))
        return attempt * own_training_mb(input.manifest, [size], checkpoints=True)
    configuration = listed_configuration(input.configurations, int(wildcards.trial))
    return attempt * training_mb(input.manifest, configuration, checkpoints=True)


def models_mb(wildcards, input, attempt, *, copies):
    """Some copies of the largest of the models that a job reads, one at a time."""
    # There are none among what stands for the files that are not known yet.
    models = [Path(path) for path in input if path.endswith(".pt")]
    largest = max((model.stat().st_size for model in models), default=0)
    return attempt * int(BASE_MB + run_mb() + 1e-6 * copies * largest)


def file_mb(wildcards, input, attempt, *, copies):
    """Some copies of what a job's input files hold."""
    return attempt * int(BASE_MB + copies * input.size_mb)


def trials_mb(wildcards, attempt, *, base):
    """A look at all trials: up to 10 kB for each, in figures."""
    n_trials = config["search"]["n_trials"] * len(FRACTIONS)
    return attempt * (base + n_trials // 100)


# Time in minutes


def generate_minutes(wildcards, attempt):
    """A part of the embedded data, at a fifth of the usual speed."""
    return limited(30 + config["generate"]["samples_per_file"] // 40_000, attempt)


def prepare_minutes(wildcards, input, attempt):
    """The preparation: an hour, and a minute for each GB."""
    return attempt * (60 + int(input.size_mb / 1000))


def search_minutes(wildcards, input, attempt):
    """A shard of average networks, or of those that it has."""
    search = config["search"]
    if NETWORK:
        networks = listed_networks(input.configurations, trials_of(wildcards))
        return limited(own_training_minutes(input.manifest, networks, search["budget"]), attempt)
    middle = middle_configuration(search["space"])
    minutes = training_minutes(
        input.manifest,
        middle,
        search["budget"],
        search["shard_size"],
        constraints=search["constraints"],
    )
    return limited(minutes, attempt)


def pilot_minutes(wildcards, input, attempt):
    """A shard of a pilot."""
    trials, budget = trials_of(wildcards), pilot_of(wildcards)["budget"]
    if NETWORK:
        networks = listed_networks(input.configurations, trials)
        return limited(own_training_minutes(input.manifest, networks, budget), attempt)
    search = config["search"]
    minutes = training_minutes(
        input.manifest,
        middle_configuration(search["space"]),
        budget,
        len(trials),
        constraints=search["constraints"],
    )
    return limited(minutes, attempt)


def rung_minutes(wildcards, input, attempt):
    """A shard of a rung, whose networks are larger than average: for twice as many trials."""
    search = config["search"]
    if NETWORK:
        networks = listed_networks(input.configurations, trials_of(wildcards))
        minutes = own_training_minutes(input.manifest, networks, rung_of(wildcards)["budget"])
        return limited(10 + 2 * minutes * search["shard_size"] // len(networks), attempt)
    minutes = training_minutes(
        input.manifest,
        middle_configuration(search["space"]),
        rung_of(wildcards)["budget"],
        2 * search["shard_size"],
        constraints=search["constraints"],
    )
    return limited(minutes, attempt)


def retrain_minutes(wildcards, input, attempt):
    """The training of one network, and its errors."""
    budget = config["retrain"]["budget"]
    if NETWORK:
        networks = listed_networks(input.configurations, trials_of(wildcards))
        return limited(own_training_minutes(input.manifest, networks, budget), attempt)
    configuration = listed_configuration(input.configurations, int(wildcards.trial))
    minutes = training_minutes(input.manifest, configuration, budget)
    return limited(minutes, attempt)
