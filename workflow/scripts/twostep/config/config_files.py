"""What can be wrong with a config file itself, whatever its values are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from twostep.util.errors import UserError

# The key by which a config file becomes a template.
TEMPLATE = "__use_yte__"
# The tag of the key `<<`, which may be there several times.
MERGE = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.FullLoader):
    """Reads YAML as Snakemake does, but refuses a key that is repeated."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # What merge keys bring in comes later: such a key is overwritten on purpose.
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                raise UserError(
                    f"{self.name} has the key {key.value} twice, in line "
                    f"{lines[key.tag, key.value]} and in line {line}, and only the last one would "
                    "count: make them one"
                )
            lines[key.tag, key.value] = line
        return node


def check_no_repeats(paths: Iterable[str | Path]) -> None:
    """Raise UserError if a mapping in a config file has a key twice, of which YAML drops one."""
    for path in paths:
        _load(path, _StrictLoader)


def check_no_template(paths: Iterable[str | Path]) -> None:
    """Raise UserError if a config file is a template, whose Python code Snakemake runs.

    It has done so by the time that it reads the Snakefile; all that is left is to say so, and to
    run nothing else.
    """
    for path in paths:
        content = _load(path, yaml.FullLoader)
        if isinstance(content, dict) and TEMPLATE in content:
            raise UserError(
                f"{path} has the key {TEMPLATE}, which makes Snakemake run Python code in it, "
                "unchecked: take the key out and write plain values"
            )


def _load(path: str | Path, loader: type[yaml.FullLoader]) -> object:
    """Return what a file holds; None for a stream, which can be read once, and for no YAML."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        try:
            return yaml.load(file, Loader=loader)
        except yaml.YAMLError:
            # JSON with tabs, for instance. What is neither, Snakemake refuses itself.
            return None
