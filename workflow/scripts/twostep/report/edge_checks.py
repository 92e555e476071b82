"""Whether the finalists crowd at an edge of the search space."""

from twostep.analysis.edges import Edge, crowded, find_edges
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.trials.ranking import select_top
from twostep.trials.settings import USED_WITH
from twostep.util.wording import share, short

# ASSUME: so few finalists may all have something in common.
FEWEST = 6
TOPIC = "the finalists are at an edge of the space"


def check_edges(study: Study) -> list[Finding]:
    """Return the edges of the search space at which more finalists are than chance explains."""
    space, constraints = (study.config["search"][name] for name in ("space", "constraints"))
    top_k = study.top_k
    chosen = {trial for level in study.choosing for trial in select_top(level.trials, top_k)}
    # All fractions share the configurations.
    trials = study.searches[0].trials
    trials = trials[trials["status"] == "ok"]
    return describe_edges(find_edges(trials, trials["trial"].isin(chosen), space, constraints))


def describe_edges(edges: list[Edge]) -> list[Finding]:
    """Return a doubt for each edge at which the finalists crowd, or what else is known of them."""
    if not edges:
        return [Finding("The search space has no edge that a wider one could go beyond.")]
    n_finalists = max(edge.n_finalists for edge in edges)
    if n_finalists < FEWEST:
        text = (
            f"{n_finalists} finalists are too few to tell if they crowd at an edge of the "
            f"search space: consider a `retrain.top_k` of at least {FEWEST}."
        )
        return [Finding(text, UNKNOWN, "if the finalists are at an edge of the space")]
    found = crowded(edges)
    if found:
        return [Finding(_describe(edge), DOUBT, TOPIC) for edge in found]
    return [Finding("No edge of the search space has more finalists than chance explains.", GOOD)]


def _describe(edge: Edge) -> str:
    word = "largest" if edge.end == "upper" else "smallest"
    _, users = USED_WITH.get(edge.dimension, ("", ()))
    among = f" with {' or '.join(users)}" if users else ""
    at = share(edge.n_finalists_at, edge.n_finalists, f"finalists{among}")
    return (
        f"{at} are at the {word} {edge.what} that `search.{edge.section}.{edge.dimension}` allows "
        f"({edge.value:,g}), as against {share(edge.n_trials_at, edge.n_trials, 'trials')}"
        f"{among} of the search; by chance that has a probability of {short(edge.probability)}. A "
        "wider range may hold better models."
    )
