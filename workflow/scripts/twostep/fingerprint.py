"""Hashes of what a result depends on: the project's code and plain values."""

import ast
import functools
import hashlib
import json
from pathlib import Path

PACKAGE = Path(__file__).parent


def hash_values(values: object) -> str:
    """Return a hash of a JSON-serialisable value, the same for any order of keys."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def hash_code(source: str | Path) -> str:
    """Return a hash of the library modules that a Python file uses, itself excluded.

    Only the syntax trees count, without docstrings: a comment or another layout changes nothing,
    a semantic edit of any module that `source` imports, directly or through others, does.
    """
    modules = sorted(_used_modules(Path(source)))
    return hash_values({module.name: _look_at(module)[0] for module in modules})


@functools.cache
def hash_module(name: str) -> str:
    """Return the same for a module of the library, e.g. "training", itself included.

    Computed once per process: what counts is the code that the process has loaded.
    """
    path = PACKAGE / f"{name}.py"
    return hash_values([_look_at(path)[0], hash_code(path)])


@functools.cache
def hash_source(name: str) -> str:
    """Return a hash of one module of the library alone, without those that it imports."""
    return _look_at(PACKAGE / f"{name}.py")[0]


def _used_modules(path: Path) -> set[Path]:
    """Return the files of all library modules that `path` imports, transitively."""
    found: set[Path] = set()
    to_read = [path]
    while to_read:
        for module in _imports(to_read.pop()) - found:
            found.add(module)
            to_read.append(module)
    return found


def _imports(path: Path) -> set[Path]:
    """Return the library modules that a file imports, wherever in it the import stands."""
    parts = [name.split(".") for name in _look_at(path)[1] if name.split(".")[0] == PACKAGE.name]
    candidates = {PACKAGE / f"{part[1]}.py" for part in parts if len(part) > 1}
    return {candidate for candidate in candidates if candidate.exists()}


def _look_at(path: Path) -> tuple[str, set[str]]:
    return _analyse(path.read_text(encoding="utf-8"))


# Most rules use the same modules, and every start of Snakemake asks for all of them.
@functools.cache
def _analyse(source: str) -> tuple[str, set[str]]:
    """Return a hash of the syntax tree without docstrings and positions, and what is imported."""
    tree = ast.parse(source)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        is_documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if is_documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hash_values(ast.dump(tree)), imported
