"""Hashes of code: edits that mean something count, all others do not."""

import pytest

from twostep import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in which a script uses module a, which uses b, and nothing uses c."""
    folder = tmp_path / "twostep"
    folder.mkdir()
    files = {
        "a": '"""Doc."""\nfrom twostep import b\n\ndef f(x):\n    """Doc."""\n    return b.g(x)\n',
        "b": "def g(x):\n    return x + 1\n",
        "c": "VALUE = 1\n",
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (tmp_path / "script.py").write_text("from twostep.a import f\n\nprint(f(1))\n")
    monkeypatch.setattr(fingerprint, "PACKAGE", folder)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "old", "new", "changes"),
    [
        ("b", "x + 1", "x + 2", True),
        ("a", "b.g(x)", "b.g(x) * 2", True),
        ("b", "return", "# why\n    return", False),
        ("b", "x + 1", "(x  +  1)", False),
        ("a", '"""Doc."""', '"""Another."""', False),
        ("c", "1", "2", False),
    ],
)
def test_what_changes_the_hash(package, module, old, new, changes):
    before = fingerprint.hash_code(package / "script.py")
    path = package / "twostep" / f"{module}.py"
    path.write_text(path.read_text().replace(old, new))
    assert (fingerprint.hash_code(package / "script.py") != before) is changes


def test_values_hash_alike_in_any_order():
    assert fingerprint.hash_values({"a": 1, "b": [2]}) == fingerprint.hash_values(
        {"b": [2], "a": 1}
    )
    assert fingerprint.hash_values({"a": 1}) != fingerprint.hash_values({"a": 2})
