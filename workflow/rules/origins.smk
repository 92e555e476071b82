# Whether results are what the config says, also where Snakemake has forgotten what they were made
# from: each has its origin beside it. What is outdated is done again, wherever a run needs it.
from types import SimpleNamespace

from twostep.util.checked_json import write_checked
from twostep.util.origin import OWN_SETTINGS, PLAN, find_outdated, portable

RULES = [
    *(getattr(rules, name) for name in RULES_OF_RESULTS),
    rules.forecast,
    rules.pilot_shard,
    rules.advise,
    rules.reproduce,
    rules.reproduce_rung,
    rules.export_trial,
    rules.choose_portfolio,
    rules.portfolio,
    rules.provenance,
    rules.report_pages,
]

# What no full run makes, and the rule that it is made for.
ASIDE = {
    rules.forecast: rules.forecast,
    rules.pilot_shard: rules.advise,
    rules.advise: rules.advise,
    rules.reproduce: rules.reproduce,
    rules.reproduce_rung: rules.reproduce_rung,
    rules.export_trial: rules.portfolio,
    rules.choose_portfolio: rules.portfolio,
    rules.portfolio: rules.portfolio,
}


def settings_of(maker, wildcards, without=()):
    """The parameters of a job as its origin has them, some of them left out."""
    settings = {
        name: value(wildcards) if callable(value) else value
        for name, value in maker.params.items()
        if name not in without
    }
    return portable(settings, Path(RESULTS))


def maker_of(origin):
    """The rule that makes what an origin tells of; None if there is none."""
    outputs = {f"{RESULTS}/{path}" for path in origin.outputs}
    for maker in RULES:
        try:
            if maker.output[0].format(**origin.wildcards) in outputs:
                return maker
        except KeyError:
            # The rule has other wildcards.
            pass
    return None


def expected_settings(origin):
    """The settings of the job of an origin by this config; None if it has no such job."""
    maker = maker_of(origin)
    if maker is None:
        return None
    try:
        return settings_of(maker, SimpleNamespace(**origin.wildcards))
    except (WorkflowError, KeyError, IndexError):
        # A trial, shard or fraction of another config, to which nobody looks now.
        return None


def is_asked_for(origin):
    """Whether this run may need what an origin tells of."""
    asker = ASIDE.get(maker_of(origin))
    if asker is None:
        return True
    dag = workflow.dag
    files = {f"{RESULTS}/{path}" for path in origin.outputs} | set(asker.output)
    return asker.rule in dag.targetrules or not files.isdisjoint(dag.targetfiles)


def write_plan():
    """Note the settings that all jobs of a rule share, for a job to compare what it reads.

    Where jobs run on other machines, files take a while until all see them.
    """
    is_local = workflow.executor_plugin.common_settings.local_exec
    plan = {
        "patience_seconds": 0 if is_local else workflow.execution_settings.latency_wait,
        "rules": {
            maker.rule.name: settings_of(maker, None, without=OWN_SETTINGS) for maker in RULES
        },
    }
    write_checked(f"{RESULTS}/{PLAN}", plan)


@cache
@one_sentence()
def redo_outdated():
    """Let Snakemake do again what is outdated, and note the plan; no file, as an input.

    To be asked for while Snakemake plans: what was forced before that would become a target.
    """
    if workflow.is_main_process:
        if Path(RESULTS).exists():
            outdated, sentence = find_outdated(Path(RESULTS), expected_settings, is_asked_for)
            workflow.dag.forcefiles.update(outdated)
            if sentence:
                logger.warning(
                    f"{sentence}: it is made again once it is needed, and what depends on it."
                )
        if workflow.executor_plugin and not workflow.dryrun and not workflow.touch:
            write_plan()
    return []
