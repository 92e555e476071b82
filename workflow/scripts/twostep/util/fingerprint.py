"""Hashes of what a result depends on: the project's code and plain values."""

import ast
import functools
import hashlib
import json
from collections.abc import Set
from pathlib import Path

LIBRARY = Path(__file__).parents[1]


def hash_values(values: object) -> str:
    """Return a hash of a JSON-serialisable value, the same for any order of keys."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_code(source: str | Path) -> str:
    """Return a hash of the library modules that a Python file uses, itself excluded.

    Only the syntax trees count, without docstrings: a comment or another layout changes nothing,
    a semantic edit of any module that `source` imports, directly or through others, does. Modules
    are told apart by their paths in the library: two of one name may lie in different packages.
    """
    return _hash_places(used_modules(source))


def hash_script(path: str | Path) -> str:
    """Return the same, the file itself included."""
    return hash_values([_hash_file(Path(path)), hash_code(path)])


def hash_source(source: str) -> str:
    """Return the same for a text of Python by itself; SyntaxError if it is none."""
    return _analyse(source)[0]


def list_imports(source: str) -> set[tuple[int, str]]:
    """Return what a text of Python imports, (number of leading dots, dotted name) each.

    The name of what is imported from a module follows that of the module. SyntaxError if the text
    is no Python.
    """
    return _analyse(source)[1]


@functools.cache
def hash_module(name: str, *, without: tuple[str, ...] = ()) -> str:
    """Return the same for a module of the library, e.g. "training.train", itself included.

    The modules `without` do not count, nor those that only they import. Computed once per process:
    what counts is the code that the process has loaded.
    """
    path = _path_of(name)
    used = used_modules(path, without={_path_of(module) for module in without})
    return hash_values([_hash_file(path), _hash_places(used)])


@functools.cache
def hash_module_alone(name: str) -> str:
    """Return a hash of one module of the library alone, without those that it imports."""
    return _hash_file(_path_of(name))


def used_modules(source: str | Path, *, without: Set[Path] = frozenset()) -> list[Path]:
    """Return the files of all library modules that a Python file imports, transitively, sorted.

    Imports count wherever they stand, also in functions. A package that is imported from counts
    with its `__init__.py`, which runs at the import. Of the files `without` nothing is followed.
    """
    found: set[Path] = set()
    to_read = [Path(source)]
    while to_read:
        new = _imports(to_read.pop()) - found - without
        found |= new
        to_read += new
    return sorted(found, key=_place)


def _hash_places(modules: list[Path]) -> str:
    return hash_values({_place(module): _hash_file(module) for module in modules})


def _path_of(name: str) -> Path:
    return LIBRARY.joinpath(*name.split(".")).with_suffix(".py")


def _place(module: Path) -> str:
    return module.relative_to(LIBRARY).as_posix()


def _hash_file(path: Path) -> str:
    return _analyse(path.read_text(encoding="utf-8"))[0]


def _imports(path: Path) -> frozenset[Path]:
    """Return the library modules that a file imports itself."""
    return _resolve(path, path.read_text(encoding="utf-8"))


# Most rules use the same modules, and every start of Snakemake asks for all of them.
@functools.cache
def _resolve(path: Path, source: str) -> frozenset[Path]:
    """Return the library modules that a file with this text imports."""
    found: set[Path] = set()
    for level, name in _analyse(source)[1]:
        parts = name.split(".")
        if level:
            # Relative to the file's own package, or to one above it.
            package = path.relative_to(LIBRARY.parent).parts[:-level]
            parts = [*package, *parts]
        if parts[0] != LIBRARY.name:
            continue
        for end in range(1, len(parts) + 1):
            place = LIBRARY.joinpath(*parts[1:end])
            found |= {place / "__init__.py", place.with_suffix(".py")}
    return frozenset(module for module in found if module.is_file())


@functools.cache
def _analyse(source: str) -> tuple[str, set[tuple[int, str]]]:
    """Return a hash of the syntax tree without docstrings and positions, and what is imported.

    An import is the number of its leading dots with the dotted name of what may be a module.
    """
    tree = ast.parse(source)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {(0, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = f"{node.module}." if node.module else ""
            imported |= {(node.level, f"{module}{alias.name}") for alias in node.names}
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return hash_values(ast.dump(tree)), imported
