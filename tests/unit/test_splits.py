"""How samples are divided, and that it depends on nothing but what it should."""

import tempfile

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from twostep.data.shuffle import Shuffler
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import Source, read_headers
from twostep.data.split_numbers import TEST, TRAINING, UNKNOWN, VALIDATION
from twostep.data.splits import column_of, plan_splits
from twostep.util.errors import UserError

SHARES = {"validation": 0.2, "test": 0.1, "variable": None, "n_blocks": 10}


def write(folder, variables, n_files=1):
    """Write variables of samples, {name: values}, to files; return the data set."""
    files = []
    n_rows = len(next(iter(variables.values())))
    for part, rows in enumerate(np.array_split(np.arange(n_rows), n_files)):
        files.append(str(folder / f"part_{part}.nc"))
        columns = {name: ("sample", np.asarray(x)[rows]) for name, x in variables.items()}
        xr.Dataset(columns).to_netcdf(files[-1])
    return read_headers(files, [], ["sample"])


def divide(source, max_rows=7, seed=1, **split):
    """Return the split of every row, read in slabs of `max_rows`."""
    assignment = plan_splits(source, SHARES | split, seed)
    names = [] if assignment.variable is None else [assignment.variable]
    with SlabReader(source, names) as reader:
        codes = [
            assignment.assign(slab, column_of(reader.read(slab), assignment.variable))[0]
            for slab in list_slabs(source, max_rows)
        ]
    return np.concatenate(codes)


def counts(codes):
    return {split: int((codes == split).sum()) for split in (TRAINING, VALIDATION, TEST)}


@settings(max_examples=30, deadline=None)
@given(st.integers(4, 400), st.integers(1, 50), st.integers(0, 99))
def test_random_shares_are_exact_and_do_not_depend_on_slabs(n_rows, max_rows, seed):
    source = Source(["one", "two"], ["sample"], [(n_rows // 3,), (n_rows - n_rows // 3,)], [])

    def divided(max_rows):
        assign = plan_splits(source, SHARES | {"method": "random"}, seed).assign
        return np.concatenate([assign(slab, None)[0] for slab in list_slabs(source, max_rows)])

    codes = divided(max_rows)
    n_validation, n_test = max(1, round(0.2 * n_rows)), max(1, round(0.1 * n_rows))
    assert counts(codes) == {
        TRAINING: n_rows - n_validation - n_test,
        VALIDATION: n_validation,
        TEST: n_test,
    }
    assert (codes == divided(1000)).all()


def test_a_random_split_is_random():
    source = Source(["one"], ["sample"], [(30_000,)], [])
    codes = next(
        plan_splits(source, SHARES | {"method": "random"}, 1).assign(slab, None)[0]
        for slab in list_slabs(source, 10**6)
    )
    # Each tenth of the rows has its share: 300 of 3000 are expected in the test split, +- 16.
    for part in np.split(codes, 10):
        assert abs((part == TEST).sum() - 300) < 80
    other = plan_splits(source, SHARES | {"method": "random"}, 2)
    assert (other.assign(next(list_slabs(source, 10**6)), None)[0] != codes).mean() > 0.3


def test_blocks_of_neighbouring_samples(tmp_path):
    codes = divide(write(tmp_path, {"x": np.zeros(100)}, n_files=3), method="blocks")
    assert counts(codes) == {TRAINING: 70, VALIDATION: 20, TEST: 10}
    assert all(len(set(block)) == 1 for block in np.split(codes, 10))


def test_blocks_along_a_coordinate(tmp_path):
    time = np.random.default_rng(0).permutation(1000) / 7.0
    time[3] = np.nan
    source = write(tmp_path, {"time": time}, n_files=2)
    codes = divide(source, method="blocks", variable="time")
    assert codes[3] == UNKNOWN
    known = np.flatnonzero(np.isfinite(time))
    ordered = codes[known[time[known].argsort()]]
    assert (np.diff(ordered) != 0).sum() <= 9
    assert counts(codes)[VALIDATION] == pytest.approx(200, abs=3)
    assert (codes == divide(source, max_rows=1000, method="blocks", variable="time")).all()


@pytest.mark.parametrize("kind", ["text", "integer", "float"])
def test_groups_stay_together(tmp_path, kind):
    station = np.random.default_rng(0).integers(0, 40, 500)
    names = {
        "text": np.array([f"station {number}" for number in station]),
        "integer": station,
        "float": np.where(station == 5, np.nan, station / 3),
    }[kind]
    source = write(tmp_path, {"station": names}, n_files=2)
    codes = divide(source, method="group", variable="station")
    of_group = [set(codes[station == number]) for number in range(40)]
    assert all(len(splits) == 1 for splits in of_group)
    sizes = {code: sum(splits == {code} for splits in of_group) for code in range(3)}
    assert sizes[VALIDATION] == 8 and sizes[TEST] == 4
    assert (codes == UNKNOWN).sum() == ((station == 5).sum() if kind == "float" else 0)
    assert (codes == divide(source, max_rows=1000, method="group", variable="station")).all()


@pytest.mark.parametrize(
    "labels",
    [["training", "test", "validation ", ""], [0.0, 2.0, 1.0, np.nan], np.array([0, 2, 1, -1])],
)
def test_the_split_that_the_file_says(tmp_path, labels):
    labels = labels[:3] if isinstance(labels, np.ndarray) else labels
    codes = divide(write(tmp_path, {"part": labels}), method="variable", variable="part")
    assert codes.tolist() == [TRAINING, TEST, VALIDATION, UNKNOWN][: len(labels)]


def test_numbers_mean_what_the_file_says_they_mean(tmp_path):
    source = write(tmp_path, {"part": np.array([0, 1, 2, 3], np.int8)})
    path = source.files[0]
    with netCDF4.Dataset(path, "a") as data:
        data["part"].flag_values = np.array([0, 1, 2], np.int8)
        data["part"].flag_meanings = "test validation training"
    with pytest.raises(
        UserError, match=r"'part' is 3.0 .* 0 \(test\), 1 \(validation\), 2 \(train"
    ):
        divide(source, method="variable", variable="part")
    with netCDF4.Dataset(path, "a") as data:
        data["part"][3] = 2
    codes = divide(source, method="variable", variable="part")
    assert codes.tolist() == [TEST, VALIDATION, TRAINING, TRAINING]


@pytest.mark.parametrize(
    ("variables", "split", "fragments"),
    [
        ({"x": [0.0, 1.0]}, {"method": "random"}, ["2 samples", "three splits"]),
        ({"x": [3.0] * 9}, {"method": "group", "variable": "x"}, ["1 groups by 'x'"]),
        ({"x": ["a"] * 9}, {"method": "blocks", "variable": "x"}, ["'x' is not numeric"]),
        ({"x": [np.nan] * 9}, {"method": "blocks", "variable": "x"}, ["'x' has no value"]),
        ({"x": [0.0, 3.0]}, {"method": "variable", "variable": "x"}, ["3.0", "sample index 1"]),
        ({"x": ["train"]}, {"method": "variable", "variable": "x"}, ["is 'train'", "training"]),
    ],
)
def test_what_cannot_be_divided_is_one_sentence(tmp_path, variables, split, fragments):
    with pytest.raises(UserError) as error:
        divide(write(tmp_path, variables), **split)
    for fragment in fragments:
        assert fragment in str(error.value)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_shuffling_keeps_every_row_and_does_not_depend_on_the_pieces(n_rows, one, other, seed):
    rows = np.arange(2 * n_rows, dtype=np.float32).reshape(n_rows, 2)
    splits = np.random.default_rng(seed).integers(-1, 3, n_rows).astype(np.int8)

    def shuffle(size):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            # Buckets of three rows or so, some of them of one or none, and a write every 100 bytes.
            patch.setattr("twostep.data.shuffle.BUCKET_BYTES", 24)
            patch.setattr("twostep.data.shuffle.WRITE_BYTES", 100)
            shuffler = Shuffler(folder, n_rows=n_rows, n_columns=2, n_splits=3, seed=seed)
            for start in range(0, n_rows, size):
                part = slice(start, start + size)
                shuffler.add(rows[part], splits[part])
            counts = [shuffler.count(split) for split in range(3)]
            read = [
                np.concatenate([piece.copy() for piece in shuffler.read(split)])
                for split in range(3)
            ]
            shuffler.close()
        assert counts == [len(piece) for piece in read]
        return read

    shuffled = shuffle(one)
    for piece, again in zip(shuffled, shuffle(other), strict=True):
        np.testing.assert_array_equal(piece, again)
    expected = [rows[splits == split] for split in range(3)]
    for piece, whole in zip(shuffled, expected, strict=True):
        np.testing.assert_array_equal(piece[piece[:, 0].argsort()], whole)


def test_shuffling_through_many_buckets_is_random(tmp_path, monkeypatch):
    monkeypatch.setattr("twostep.data.shuffle.BUCKET_BYTES", 4000)
    n_rows = 20_000
    shuffler = Shuffler(tmp_path, n_rows=n_rows, n_columns=1, n_splits=1, seed=1)
    for part in np.split(np.arange(n_rows, dtype=np.float32)[:, None], 8):
        shuffler.add(part, np.zeros(len(part), np.int8))
    assert shuffler.count(0) == n_rows
    order = np.concatenate([piece[:, 0].copy() for piece in shuffler.read(0)])
    shuffler.close()
    assert not list(tmp_path.iterdir())
    assert sorted(order) == list(range(n_rows))
    # Where a row comes from says nothing about where it goes: the correlation is about 0.007.
    assert abs(np.corrcoef(order, np.arange(n_rows))[0, 1]) < 0.03
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.03
