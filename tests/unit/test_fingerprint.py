"""Hashes of code: edits that mean something count, all others do not."""

import pytest

from twostep.util import fingerprint

FILES = {
    "__init__.py": "",
    "upper/__init__.py": "",
    "upper/a.py": '''"""Doc."""
from twostep.lower import cost

def f(x):
    """Doc."""
    return cost.g(x)
''',
    "upper/cost.py": "VALUE = 1\n",
    "lower/__init__.py": "",
    "lower/cost.py": "import twostep.lower.deep.b\n\ndef g(x):\n    return x + 1\n",
    "lower/lazy.py": "def h(x):\n    from .deep.c import VALUE\n    return x + VALUE\n",
    "lower/unused.py": "VALUE = 1\n",
    "lower/deep/__init__.py": "",
    "lower/deep/b.py": "from twostep.lower.lazy import h\n\nVALUE = 1\n",
    "lower/deep/c.py": "from ..cost import g\nfrom . import d\n\nVALUE = 1\n",
    "lower/deep/d.py": "VALUE = 1\n",
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of nested packages, and a script beside it that uses a part of it."""
    folder = tmp_path / "twostep"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "script.py").write_text("from twostep.upper.a import f\n\nprint(f(1))\n")
    monkeypatch.setattr(fingerprint, "LIBRARY", folder)
    return folder


def hash_script(library) -> str:
    return fingerprint.hash_code(library.parent / "script.py")


@pytest.mark.parametrize(
    ("module", "old", "new", "changes"),
    [
        ("upper/a.py", "cost.g(x)", "cost.g(x) * 2", True),
        ("lower/cost.py", "x + 1", "x + 2", True),
        ("lower/cost.py", "return", "# why\n    return", False),
        ("lower/cost.py", "x + 1", "(x  +  1)", False),
        ("upper/a.py", '"""Doc."""', '"""Another."""', False),
        # Two folders down, by `import a.b.c`; within a function; relative, to one and two levels.
        ("lower/deep/b.py", "VALUE = 1", "VALUE = 2", True),
        ("lower/lazy.py", "x + VALUE", "x - VALUE", True),
        ("lower/deep/c.py", "VALUE = 1", "VALUE = 2", True),
        ("lower/deep/d.py", "VALUE = 1", "VALUE = 2", True),
        # Whatever an import runs counts, also where it is empty so far.
        ("lower/deep/__init__.py", "", "VALUE = 1\n", True),
        # Not used: a module of the same name as one that is, in another package.
        ("upper/cost.py", "1", "2", False),
        ("lower/unused.py", "1", "2", False),
    ],
)
def test_what_changes_the_hash(library, module, old, new, changes):
    before = hash_script(library)
    path = library / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old else new)
    assert (hash_script(library) != before) is changes


def test_two_modules_of_one_name_do_not_stand_for_each_other(library):
    script = library.parent / "script.py"
    script.write_text("from twostep.upper import cost\nfrom twostep.lower import unused as other\n")
    (library / "upper/cost.py").write_text("A = 1\n")
    (library / "lower/unused.py").write_text("B = 1\n")
    (library / "lower/unused.py").rename(library / "lower/cost.py")
    script.write_text("from twostep.upper import cost\nfrom twostep.lower import cost as other\n")
    before = hash_script(library)
    (library / "upper/cost.py").write_text("B = 1\n")
    (library / "lower/cost.py").write_text("A = 1\n")
    assert hash_script(library) != before


def test_the_modules_that_a_script_uses_are_found_each_once(library):
    used = fingerprint.used_modules(library.parent / "script.py")
    names = [path.relative_to(library).as_posix() for path in used]
    assert names == sorted(set(names))
    assert set(names) == set(FILES) - {"upper/cost.py", "lower/unused.py"}


def test_values_hash_alike_in_any_order():
    assert fingerprint.hash_values({"a": 1, "b": [2]}) == fingerprint.hash_values(
        {"b": [2], "a": 1}
    )
    assert fingerprint.hash_values({"a": 1}) != fingerprint.hash_values({"a": 2})
