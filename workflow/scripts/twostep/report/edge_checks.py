"""Whether the finalists crowd at an edge of the search space."""

from dataclasses import dataclass

from twostep.analysis.edges import Edge, crowded, find_edges
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.trials.ranking import select_top
from twostep.trials.samplers import has_chosen
from twostep.trials.settings import USED_WITH
from twostep.util.wording import share, short

# ASSUME: so few finalists may all have something in common.
FEWEST = 6
TOPIC = "the finalists are at an edge of the space"
# Of random trials, the best part that stands for the finalists.
BEST_PART = 5


@dataclass(frozen=True)
class EdgeWords:
    """What is compared with what: the `best` among `all`, and where there would be more of them.

    `basis` is a sentence on what this rests on, after a blank.
    """

    best: str
    all: str
    advice: str
    basis: str = ""


FINALIST_WORDS = EdgeWords("finalists", "trials", f"a `retrain.top_k` of at least {FEWEST}")
RANDOM_WORDS = EdgeWords(
    "best random trials",
    "random trials",
    f"a `search.generation_size` of at least {FEWEST * BEST_PART}",
    " Only the random trials are compared, because the sampler tpe crowds where losses are low.",
)


def check_edges(study: Study) -> list[Finding]:
    """Return the edges of the search space at which more finalists are than chance explains."""
    space, constraints = (study.config["search"][name] for name in ("space", "constraints"))
    top_k = study.top_k
    # All fractions share the configurations.
    trials = study.random_sample(study.searches[0])
    trials = trials[trials["status"] == "ok"]
    if has_chosen(study.config["search"]):
        # What was chosen by earlier losses crowds where these were low, by itself.
        n_best = min(top_k, len(trials) // BEST_PART)
        chosen = set(trials.nsmallest(n_best, "rank")["trial"])
        words = RANDOM_WORDS
    else:
        chosen = {trial for level in study.choosing for trial in select_top(level.trials, top_k)}
        words = FINALIST_WORDS
    edges = find_edges(trials, trials["trial"].isin(chosen), space, constraints)
    return describe_edges(edges, words)


def describe_edges(edges: list[Edge], words: EdgeWords = FINALIST_WORDS) -> list[Finding]:
    """Return a doubt for each edge at which the best crowd, or what else is known of them."""
    if not edges:
        return [Finding("The search space has no edge that a wider one could go beyond.")]
    n_finalists = max(edge.n_finalists for edge in edges)
    if n_finalists < FEWEST:
        text = (
            f"{n_finalists} {words.best} are too few to tell if they crowd at an edge of the "
            f"search space: consider {words.advice}."
        )
        return [Finding(text, UNKNOWN, f"if the {words.best} are at an edge of the space")]
    found = crowded(edges)
    if found:
        topic = f"the {words.best} are at an edge of the space"
        return [Finding(_describe(edge, words), DOUBT, topic) for edge in found]
    text = f"No edge of the search space has more {words.best} than chance explains."
    return [Finding(text + words.basis, GOOD)]


def _describe(edge: Edge, words: EdgeWords) -> str:
    word = "largest" if edge.end == "upper" else "smallest"
    _, users = USED_WITH.get(edge.dimension, ("", ()))
    among = f" with {' or '.join(users)}" if users else ""
    at = share(edge.n_finalists_at, edge.n_finalists, f"{words.best}{among}")
    return (
        f"{at} are at the {word} {edge.what} that `search.{edge.section}.{edge.dimension}` allows "
        f"({edge.value:,g}). In the search it is "
        f"{share(edge.n_trials_at, edge.n_trials, words.all)}{among}. By chance that has a "
        f"probability of {short(edge.probability)}. A wider range may hold better models."
        f"{words.basis}"
    )
