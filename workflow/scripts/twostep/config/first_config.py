"""The text of a first config for the files of a user, with comments that tell why."""

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from twostep.config.first_look import Candidate
from twostep.config.suggestions import Suggestions
from twostep.util.text import list_names

HEAD = """\
# A first config for {files}, from a look at some of its {n_samples:,} samples.
# Read it, change what you know better, and run it:
#
#   snakemake --cores all --configfile {path}
#
# config/README.md explains every key."""

DATASET = """\
dataset:
  files: {files}
{group}  sample_dimension: {dimensions}
{inputs}
{left_out}{outputs}
  # The largest share of the samples that may lack a value{why_dropped}.
  max_dropped: {max_dropped:g}
  # What to do with features that do not vary: refuse or drop them.
  constant_features: {constant_features}

{about_split}
split: {split}

# What is minimised, and the last layer{why_training}.
training: {training}"""

SEARCH = """\
# Step 1: many configurations, few data.
search:
  n_trials: 200
  # Of the training split. A few thousand samples are often enough; try two fractions if unsure.
  fractions: [{fraction:g}]
  budget: {{max_epochs: 40}}
  # Numbers may also be lists or ranges such as {{min: 0.001, max: 0.01}}.
  space:
    n_hidden_layers: {{min: 1, max: 4}}
    width: [8, 16, 32, 64, 128, 256]
    # The highest rate of the schedule.
    learning_rate: 0.003
    learning_rate_schedule: one_cycle
    batch_size: {batch_size}

# Step 2: few configurations, all data.
retrain:
  top_k: 16
  # Drawn at random, to tell if a better trial is left.
  controls: 12
  budget: {{max_epochs: 25}}

select:
  # The cheapest model whose validation loss is at most 10 % above the best one is handed over.
  tolerance: 0.1"""


# As the schema has it.
LONGEST_STUDY = 100


def name_study(path: str) -> str:
    """Return the name of a config file as that of its study: my_study for my-study.yaml."""
    name = re.sub(r"[^A-Za-z0-9.]+", "_", Path(path).stem).strip("._")
    return name[:LONGEST_STUDY] or "my_study"


def write_first_config(
    *,
    study: str,
    path: str,
    files: Sequence[str],
    inputs: Sequence[Candidate],
    outputs: Sequence[Candidate],
    left_out: dict[str, str],
    dimensions: Sequence[str],
    suggestions: Suggestions,
    group: str | None = None,
) -> str:
    """Return the text of a config.

    Parameters
    ----------
    study : its name
    path : where the config will be, for the command in its first lines
    files : what `dataset.files` holds
    inputs, outputs : the variables, of which the suggestions may leave some inputs out
    left_out : {name: reason} of variables that are no inputs
    dimensions : the sample dimensions
    suggestions : what the values suggest
    group : that of the files in which the variables lie, if it is not the file itself
    """
    why = {f"why_{name}": f": {note}" if note else "" for name, note in suggestions.notes.items()}
    used = [each for each in inputs if each.name in suggestions.variables]
    left_out = left_out | suggestions.left_out
    parts = [
        HEAD.format(
            files=files[0] if len(files) == 1 else f"{len(files)} files",
            n_samples=suggestions.n_samples,
            path=path,
        ),
        f"study: {_value(study)}\nseed: 1",
        DATASET.format(
            files=_value(_one_or_all(files)),
            group=f"  group: {_value(group)}\n" if group else "",
            dimensions=_value(_one_or_all(dimensions)),
            inputs=_roles("inputs", used, suggestions, dimensions),
            left_out="".join(f"  # Left out: {name}, {why}.\n" for name, why in left_out.items()),
            outputs=_roles("outputs", outputs, suggestions, dimensions),
            max_dropped=suggestions.max_dropped,
            constant_features=suggestions.constant_features,
            about_split=_comment(
                f"How validation and test samples are chosen{why.pop('why_split', '')}."
            ),
            split=_value(suggestions.split),
            training=_value(suggestions.training),
            **why,
        ),
        SEARCH.format(fraction=suggestions.fraction, batch_size=suggestions.batch_size),
    ]
    return "\n\n".join(parts) + "\n"


def _comment(text: str) -> str:
    """Return a text as comment lines of a usual width."""
    lines = textwrap.wrap(text, 98, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in lines)


def _one_or_all(items: Sequence[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else list(items)


def _roles(
    role: str,
    variables: Sequence[Candidate],
    suggestions: Suggestions,
    dimensions: Sequence[str],
) -> str:
    """Return the lines of the inputs or the outputs, each with a comment on what it is."""
    lines = [f"  {role}:", *_units_hint(role, variables, suggestions)]
    for each in variables:
        found = suggestions.variables[each.name]
        entry = {"name": each.name}
        if found.transform != "none":
            entry["transform"] = found.transform
        comment = ", ".join(filter(None, [each.long_name, each.shape(dimensions), found.note]))
        lines.append(f"    - {_value(entry)} # {comment}")
    return "\n".join(lines)


def _units_hint(role: str, variables: Sequence[Candidate], suggestions: Suggestions) -> list[str]:
    """Return comments on the variables without units; none if all have some, or need none."""
    names = [_value(each.name) for each in variables if not each.units]
    # Classes and probabilities have no units.
    if not names or (role == "outputs" and "loss" in suggestions.training):
        return []
    return [
        f"    # The files have no units of {list_names(names)}.",
        f'    # If you know them, add them to the entry: {{name: {names[0]}, units: "..."}}.',
    ]


def _value(value: object) -> str:
    """Return a value as YAML in one line, as JSON is, too; keys need no quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_value(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
