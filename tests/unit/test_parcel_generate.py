"""The embedded data set: where its samples come from, and how it describes itself."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from twostep.parcel.activation import OK
from twostep.parcel.generate import (
    MAX_DRY_VOLUME,
    MODES,
    PARCEL_RANGES,
    STATUS_MEANINGS,
    draw_inputs,
    dry_volume,
    generate,
)
from twostep.parcel.header import DIMENSIONS

FOUR_MODES = ["accumulation", "aitken", "coarse", "primary_carbon"]


@pytest.fixture(scope="module")
def data():
    return generate(0, 2000, seed=1, modes=FOUR_MODES)


def test_header_is_that_of_the_data(data):
    assert {name: data[name].dims for name in data.data_vars} == DIMENSIONS
    assert list(data["mode"].values) == FOUR_MODES
    one = generate(0, 2, seed=1, modes=["single"])
    assert {name: one[name].dims for name in one.data_vars} == DIMENSIONS


def test_header_is_known_without_loading_the_model():
    code = "import sys, twostep.parcel.header; print({'numba', 'xarray'} & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "set()"


@pytest.mark.parametrize(("first", "n_samples"), [(0, 1), (1, 30), (511, 3), (1993, 7)])
def test_a_sample_depends_on_its_index_alone(data, first, n_samples):
    part = generate(first, n_samples, seed=1, modes=FOUR_MODES)
    for name in DIMENSIONS:
        np.testing.assert_array_equal(
            part[name].values, data[name].values[first : first + n_samples]
        )


def test_another_seed_gives_other_samples():
    one, other = (draw_inputs(0, 100, seed=seed, modes=FOUR_MODES) for seed in (1, 2))
    assert not np.intersect1d(one["tair"], other["tair"]).size


@pytest.mark.parametrize("modes", [FOUR_MODES, ["single"], ["coarse", "aitken"]])
def test_inputs_fill_their_ranges(modes):
    inputs = draw_inputs(10**6, 4096, seed=1, modes=modes)
    ranges = {
        name: np.array([[getattr(MODES[mode], attribute) for mode in modes]])
        for name, attribute in (("num_aer", "log_number"), ("r_aer", "radius"), ("kappa", "kappa"))
    }
    ranges |= {name: np.array(bounds) for name, bounds in PARCEL_RANGES.items()}
    for name, values in inputs.items():
        drawn = np.log10(values) if name in ("wbar", "num_aer", "r_aer") else values
        bounds = np.log10(ranges[name]) if name == "r_aer" else ranges[name]
        place = (drawn - bounds[..., 0]) / (bounds[..., 1] - bounds[..., 0])
        assert place.min() >= -1e-12 and place.max() <= 1 + 1e-12
        np.testing.assert_allclose(place.mean(axis=0), 0.5, atol=1e-3)
        np.testing.assert_allclose(place.std(axis=0), 12**-0.5, atol=1e-3)


def test_failures_are_flagged_and_rare(data):
    status = data["status"].values
    bad = status != OK
    assert 0 < bad.mean() < 0.02
    np.testing.assert_array_equal(np.isnan(data["smax"]), bad)
    np.testing.assert_array_equal(np.isnan(data["fn"]).all("mode"), bad)
    np.testing.assert_array_equal(np.isnan(data["fn"]).any("mode"), bad)


def test_activated_fractions_are_a_worthwhile_target(data):
    fn = data["fn"]
    assert fn.min() >= 0 and fn.max() <= 1
    np.testing.assert_allclose(fn.mean("sample"), [0.61, 0.17, 0.94, 0.23], atol=0.02)
    np.testing.assert_allclose(fn.std("sample"), [0.34, 0.27, 0.15, 0.31], atol=0.02)


def test_a_single_mode_has_no_more_aerosol_than_is_of_interest():
    data = generate(0, 1000, seed=1, modes=["single"])
    # 1000 cm-3 of spheres of one size, 0.1 um: 1000 x 4/3 pi x 0.001 um3.
    assert dry_volume(np.array([[1000.0]]), np.array([[0.1]]), np.array([1.0])) == pytest.approx(
        4.18879
    )
    volume = dry_volume(data["num_aer"].values, data["r_aer"].values, np.array([1.8]))
    assert volume.max() <= MAX_DRY_VOLUME * (1 + 1e-9)
    # All radii that the limit leaves are drawn, down to the smallest, and hardly a row is lost.
    smallest, largest = MODES["single"].radius
    assert volume.max() > 0.9 * MAX_DRY_VOLUME
    assert smallest <= data["r_aer"].min() < 1.02 * smallest
    assert 0.98 * largest < data["r_aer"].max() <= largest * (1 + 1e-9)
    assert np.mean(data["status"].values != OK) < 0.005


def test_a_single_mode_is_drawn_as_the_others_where_its_number_is_low():
    data = generate(0, 1000, seed=1, modes=["single"])
    drawn = draw_inputs(0, 1000, seed=1, modes=["single"])
    few = drawn["num_aer"] < 90
    np.testing.assert_allclose(data["r_aer"].values[few], drawn["r_aer"][few], rtol=1e-9)
    np.testing.assert_array_equal(data["num_aer"].values, drawn["num_aer"])


def test_the_file_describes_itself(data, tmp_path):
    path = tmp_path / "parcels.nc"
    data.isel(sample=slice(5)).to_netcdf(path, engine="netcdf4")
    with xr.open_dataset(path) as read:
        for name in DIMENSIONS:
            assert read[name].attrs["units"] and read[name].attrs["long_name"]
        assert read["pressure"].attrs["units"] == "Pa"
        assert read["status"].dtype == np.int8
        assert list(read["status"].attrs["flag_values"]) == list(STATUS_MEANINGS)
        meanings = read["status"].attrs["flag_meanings"].split()
        assert meanings == list(STATUS_MEANINGS.values())
        assert read.attrs["seed"] == 1 and read.attrs["first_sample"] == 0
        assert "10.1175/JAS-D-15-0223.1" in read.attrs["references"]
