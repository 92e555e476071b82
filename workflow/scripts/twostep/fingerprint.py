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
    return hash_values({module.name: _normalised(module) for module in modules})


@functools.cache
def hash_module(name: str) -> str:
    """Return the same for a module of the library, e.g. "training", itself included.

    Computed once per process: what counts is the code that the process has loaded.
    """
    path = PACKAGE / f"{name}.py"
    return hash_values([_normalised(path), hash_code(path)])


@functools.cache
def hash_source(name: str) -> str:
    """Return a hash of one module of the library alone, without those that it imports."""
    return hash_values(_normalised(PACKAGE / f"{name}.py"))


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
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names if name.split(".")[0] == PACKAGE.name]
    candidates = {PACKAGE / f"{part[1]}.py" for part in parts if len(part) > 1}
    return {candidate for candidate in candidates if candidate.exists()}


def _normalised(path: Path) -> str:
    """Return a file's syntax tree as text, without docstrings and positions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        is_documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if is_documented and ast.get_docstring(node, clean=False) is not None:
            node.body = body[1:]
    return ast.dump(tree)
