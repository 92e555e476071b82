"""Folders of arrays, files that appear whole, and the baselines on them."""

import numpy as np
import pytest

from twostep.data import arrays
from twostep.data.arrays import Rows, load_split, write_folder
from twostep.model.baseline import baselines
from twostep.training.objective import PLAIN
from twostep.util.errors import UserError
from twostep.util.files import atomic_path, read_json

DESCRIPTION = {
    "inputs": [{"name": "a"}, {"name": "b"}],
    "outputs": [{"name": "y"}],
    "output_activation": "linear",
}


def write(folder, data, description=DESCRIPTION):
    rows = {split: Rows.first(len(pair[0]), *pair) for split, pair in data.items()}
    return write_folder(folder, rows, description)


def splits(rng, n=400):
    inputs = rng.normal(size=(n, 2)).astype(np.float32)
    targets = (3 * inputs[:, :1] - 2 * inputs[:, 1:] + 1).astype(np.float32)
    halves = {"training": slice(0, n // 2), "validation": slice(n // 2, None)}
    return {split: (inputs[rows], targets[rows]) for split, rows in halves.items()}


def test_the_data_hash_follows_arrays_and_description(tmp_path):
    data = splits(np.random.default_rng(0))
    first = write(tmp_path / "a", data)
    again = write(tmp_path / "b", data)
    assert first == again == read_json(tmp_path / "a" / "manifest.json")
    data["training"][1][5] += 1e-3
    assert write(tmp_path / "c", data)["data_hash"] != first["data_hash"]
    renamed = {**DESCRIPTION, "outputs": [{"name": "z"}]}
    assert write(tmp_path / "d", data, renamed)["data_hash"] != first["data_hash"]
    # Where the files were that these came from is of no importance.
    dropped = {**DESCRIPTION, "dropped": [{"first": "/elsewhere/data.nc at sample index 3"}]}
    moved = write(tmp_path / "e", splits(np.random.default_rng(0)), dropped)
    assert moved["data_hash"] == first["data_hash"]
    inputs, _ = load_split(tmp_path / "c" / "manifest.json", "training")
    np.testing.assert_array_equal(inputs, data["training"][0])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: np.save(path, np.zeros((3, 2))),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
    ],
)
def test_a_damaged_array_is_one_sentence(tmp_path, damage):
    write(tmp_path, splits(np.random.default_rng(0)))
    damage(tmp_path / "training_inputs.npy")
    with pytest.raises(UserError, match=r"training_inputs\.npy .*delete .*manifest\.json"):
        load_split(tmp_path / "manifest.json", "training")


def test_a_flipped_bit_is_found_in_the_rows_that_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 96)
    write(tmp_path, splits(np.random.default_rng(0)))
    path, manifest = tmp_path / "training_inputs.npy", tmp_path / "manifest.json"
    content = bytearray(path.read_bytes())
    header = len(content) - 200 * 8
    # The twelve rows of a block come after another twelve.
    content[header + 96 + 5] ^= 4
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"damaged between bytes {header + 96} and {header + 192}"):
        load_split(manifest, "training")
    with pytest.raises(UserError, match="is damaged"):
        load_split(manifest, "training", 13)
    inputs, _ = load_split(manifest, "training", 12)
    assert len(inputs) == 12


def test_each_flipped_bit_of_the_header_is_one_sentence_or_changes_nothing(tmp_path):
    """One of them turns the order of the values' bytes, whose checksums stay right."""
    data = splits(np.random.default_rng(0), n=40)
    write(tmp_path, data)
    path, manifest = tmp_path / "training_inputs.npy", tmp_path / "manifest.json"
    content, n_sentences = path.read_bytes(), 0
    n_bits = 8 * (len(content) - data["training"][0].nbytes)
    for bit in range(n_bits):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            inputs, _ = load_split(manifest, "training")
        except UserError:
            n_sentences += 1
        else:
            np.testing.assert_array_equal(inputs, data["training"][0])
    assert n_sentences > 0.9 * n_bits


def test_baselines_by_hand(tmp_path):
    data = splits(np.random.default_rng(0))
    write(tmp_path, data)
    constant, linear = baselines(tmp_path / "manifest.json", "all", PLAIN)
    mean = data["training"][1].mean()
    assert constant["val_loss"] == pytest.approx(np.mean((data["validation"][1] - mean) ** 2))
    assert linear["val_loss"] < 1e-10
    assert "test_loss" not in linear


def test_baselines_on_a_test_split_are_in_physical_units(tmp_path):
    data = splits(np.random.default_rng(0))
    data["test"] = data["validation"]
    scaling = {"mean": 5.0, "std": 10.0, "transform": "none"}
    write(tmp_path, data, {**DESCRIPTION, "outputs": [{"name": "y", **scaling}]})
    constant, linear = baselines(tmp_path / "manifest.json", "all", PLAIN)
    assert constant["test_rmse[y]"] == pytest.approx(10 * constant["test_loss"] ** 0.5)
    assert linear["test_r2"] == pytest.approx(1)


def test_pieces_may_be_empty_and_may_be_overwritten_by_the_next(tmp_path):
    buffer = np.zeros((3, 3), np.float32)

    def pieces():
        for start, n_rows in ((0, 0), (0, 1), (1, 1), (2, 0), (2, 3)):
            buffer[:n_rows] = np.arange(start, start + n_rows)[:, None] + [0, 0.25, 0.5]
            yield buffer[:n_rows, :2], buffer[:n_rows, 2:]

    write_folder(tmp_path, {"training": Rows(5, (2, 1), pieces())}, DESCRIPTION)
    inputs, targets = load_split(tmp_path / "manifest.json", "training")
    np.testing.assert_array_equal(inputs, np.arange(5)[:, None] + [0, 0.25])
    np.testing.assert_array_equal(targets[:, 0], np.arange(5) + 0.5)


def test_the_rows_that_are_announced_must_come(tmp_path):
    data = splits(np.random.default_rng(0))["training"]
    with pytest.raises(ValueError, match="200 rows of training came where 201"):
        write_folder(tmp_path, {"training": Rows(201, (2, 1), [data])}, DESCRIPTION)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
