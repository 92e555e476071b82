"""The Python file of a network of the user's own: read and looked at, never run.

Without torch, because it is asked for while Snakemake plans.
"""

import functools
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from twostep.util.errors import UserError
from twostep.util.fingerprint import hash_source, list_imports

# Their versions are in the key of every trial.
OF_ALL = ("torch", "numpy")


@dataclass(frozen=True)
class NetworkFile:
    """The text of a file that defines `build`, and its path, for sentences."""

    path: str
    source: str

    def identity(self) -> dict:
        """Return what decides its networks: a hash of the code, and versions of what it imports.

        Comments, docstrings and layout are not in the hash.
        """
        packages = [name for name in imported_packages(self.source) if name not in OF_ALL]
        return {
            "code": hash_source(self.source),
            "packages": {name: _version(name) for name in packages},
        }


def read_network_file(path: str | Path) -> NetworkFile:
    """Read a file and check its text.

    Raises UserError if it cannot be read, is no Python, or imports a file beside it: only the one
    file would travel with a model.
    """
    try:
        file = NetworkFile(str(path), Path(path).read_text(encoding="utf-8"))
        list_imports(file.source)
    except FileNotFoundError:
        raise UserError(
            f"network.file: there is no file {path} (relative paths start at {Path.cwd()})"
        ) from None
    except OSError as error:
        raise UserError(f"network.file: {path} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise UserError(
            f"network.file: {path} is no valid Python, line {error.lineno}: {error.msg}"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"network.file: {path} is no text in UTF-8: save it as such") from error
    except ValueError as error:
        # What Python says of a character 0 before 3.11.4.
        raise UserError(f"network.file: {path} is no valid Python: {error}") from error
    _check_imports(file)
    return file


def plan_network(path: str | None) -> dict | None:
    """Return path and identity of a file, for the parameters of jobs; None if there is none.

    Raises UserError as `read_network_file` does.
    """
    return None if path is None else {"path": path, "identity": read_network_file(path).identity()}


def read_unchanged(path: str, identity: dict) -> NetworkFile:
    """Read the file that Snakemake has planned with; UserError if it is another one by now."""
    file = read_network_file(path)
    if file.identity()["code"] != identity["code"]:
        raise UserError(
            f"network.file: {path} has changed since this run began: run the same command again"
        )
    return file


def imported_packages(source: str) -> list[str]:
    """Return the names of the packages that a text imports, without Python's own."""
    names = {name.partition(".")[0] for level, name in list_imports(source) if not level}
    return sorted(names - sys.stdlib_module_names)


def _check_imports(file: NetworkFile) -> None:
    """Raise UserError if a file imports another one beside it."""
    folder = Path(file.path).parent
    beside = [
        name.partition(".")[0]
        for level, name in sorted(list_imports(file.source))
        if level or _is_beside(folder, name.partition(".")[0])
    ]
    if beside:
        raise UserError(
            f"network.file: {file.path} imports {beside[0]!r}, a file beside it, and may import "
            "installed packages only: put all of the network's code into the one file"
        )


def _is_beside(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()


@functools.cache
def _version(name: str) -> str:
    """Return the version of the installed package that a name is imported from; "" if unknown."""
    try:
        return version(packages_distributions()[name][0])
    except (KeyError, PackageNotFoundError):
        return ""
