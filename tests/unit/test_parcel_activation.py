"""The cloud-parcel model: hand-computed values, physical properties, and pyrcel's results."""

import csv
import json
import math
import shutil
from pathlib import Path

import numba
import numpy as np
import pytest

from twostep.parcel import jit as parcel_jit
from twostep.parcel.activation import (
    NO_PEAK,
    OK,
    STEP_LIMIT,
    activate,
    default_bins,
    lognormal_bins,
)
from twostep.parcel.air import kelvin_radius, saturation_pressure
from twostep.parcel.generate import MODES, draw_inputs
from twostep.parcel.koehler import critical_dry_radius, equilibrium_radius, expm1_small, koehler
from twostep.util import fingerprint

FIXTURE = Path(__file__).parents[1] / "fixtures" / "pyrcel"
FOUR_MODES = ["accumulation", "aitken", "coarse", "primary_carbon"]


@pytest.fixture(scope="module")
def pyrcel():
    """pyrcel's frozen results as {modes: {column: (n_cases, 1) or (n_cases, n_modes)}}."""
    tables = {}
    with (FIXTURE / "cases.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            columns = tables.setdefault(tuple(row.pop("modes").split(";")), {})
            for name, text in row.items():
                columns.setdefault(name, []).append([float(number) for number in text.split(";")])
    return {
        modes: {name: np.array(values) for name, values in columns.items()}
        for modes, columns in tables.items()
    }


def run(inputs, modes, n_bins=None):
    scalars = (np.ravel(inputs[name]) for name in ("tair", "pressure", "rh", "wbar"))
    aerosol = (inputs[name] for name in ("num_aer", "r_aer", "kappa"))
    sigma = [MODES[mode].sigma for mode in modes]
    return activate(*scalars, *aerosol, sigma=sigma, n_bins=n_bins)


def one_parcel(*, wbar=0.5, num_aer=500.0, r_aer=0.05, kappa=0.6, rh=0.95):
    """A parcel with one mode of width 1.8, as the arguments of `activate`."""
    mode = [np.atleast_2d(value) for value in (num_aer, r_aer, kappa)]
    fn, smax, status = activate(283.0, 85000.0, rh, [wbar], *mode, sigma=[1.8])
    return fn[0, 0], smax[0], status[0]


def test_saturation_pressure_by_hand():
    assert saturation_pressure(273.15) == pytest.approx(611.2)
    # 611.2 exp(17.67 x 20 / 263.5)
    assert saturation_pressure(293.15) == pytest.approx(2336.9, abs=0.2)


def test_expm1_is_accurate_where_it_is_used():
    x = np.geomspace(1e-7, 2.0, 200)
    values = np.array([expm1_small(value) for value in x])
    np.testing.assert_allclose(values, np.expm1(x), rtol=1e-11)


def test_critical_supersaturation_of_ammonium_sulphate_by_hand():
    # A = 2 x 0.018 x 0.072225 / (8.314 x 298.15 x 1000) m = 1.0489e-3 um; for a particle of
    # 50 nm with kappa 0.61 then sqrt(4 A**3 / (27 kappa r**3)) = 0.1497 %.
    kelvin = kelvin_radius(298.15)
    assert kelvin == pytest.approx(1.0489e-3, rel=1e-4)
    assert critical_dry_radius(0.001497, 0.61, kelvin) == pytest.approx(0.05, rel=0.003)


@pytest.mark.parametrize(("r_dry", "kappa"), [(0.03, 0.001), (0.005, 0.05), (0.5, 1.2)])
def test_critical_dry_radius_is_that_of_the_koehler_curves_top(r_dry, kappa):
    kelvin = kelvin_radius(270.0)
    radii = np.linspace(r_dry * (1 + 1e-9), 60 * r_dry, 400_000)
    activity = (radii**3 - r_dry**3) / (radii**3 - r_dry**3 * (1 - kappa))
    top = np.max(activity * np.exp(kelvin / radii)) - 1
    assert critical_dry_radius(top, kappa, kelvin) == pytest.approx(r_dry, rel=1e-6)


def test_koehler_slope_is_the_derivative():
    kelvin, step = kelvin_radius(283.0), 1e-6
    for radius in (0.051, 0.1, 1.0):
        low, high = (
            koehler(radius + shift, 0.05, 0.3 * 0.05**3, kelvin)[0] for shift in (-step, step)
        )
        slope = koehler(radius, 0.05, 0.3 * 0.05**3, kelvin)[1]
        assert slope == pytest.approx((high - low) / (2 * step), rel=1e-5)


def test_equilibrium_radius():
    # Without curvature (r / r_dry)**3 = 1 + kappa RH / (1 - RH) = 10.
    assert equilibrium_radius(0.1, 1.0, -0.1, 0.0) == pytest.approx(0.1 * 10 ** (1 / 3))
    kelvin = kelvin_radius(283.0)
    for r_dry, kappa, supersaturation in [(0.001, 0.001, -0.1), (0.01, 0.5, 0.0), (5, 1.2, 0.0)]:
        radius = equilibrium_radius(r_dry, kappa, supersaturation, kelvin)
        value, slope = koehler(radius, r_dry, kappa * r_dry**3, kelvin)
        assert value == pytest.approx(supersaturation, abs=1e-9)
        assert slope > 0


def test_bins_hold_the_whole_mode():
    radii, numbers = lognormal_bins(200.0, 0.05, 1.8, 40)
    assert numbers.sum() == pytest.approx(200.0, rel=1e-4)
    mean_log = np.average(np.log(radii), weights=numbers)
    assert mean_log == pytest.approx(math.log(0.05))
    spread = math.sqrt(np.average((np.log(radii) - mean_log) ** 2, weights=numbers))
    assert spread == pytest.approx(math.log(1.8), rel=1e-3)


def test_supersaturation_and_activation_respond_as_they_should():
    fn, smax, status = one_parcel()
    assert status == OK and 0 < fn < 1 and 0 < smax < 0.1
    faster = one_parcel(wbar=1.0)
    assert faster[0] > fn and faster[1] > smax
    polluted = one_parcel(num_aer=2000.0)
    assert polluted[0] < fn and polluted[1] < smax
    soluble = one_parcel(kappa=1.2)
    assert soluble[0] > fn and soluble[1] < smax


def test_a_mode_split_in_two_activates_as_one():
    whole = activate(283.0, 85000.0, 0.95, [0.5], [[500]], [[0.05]], [[0.6]], sigma=[1.8])
    halves = activate(
        283.0, 85000.0, 0.95, [0.5], [[300, 200]], [[0.05] * 2], [[0.6] * 2], sigma=[1.8] * 2,
        n_bins=60,
    )  # fmt: skip
    assert halves[1][0] == pytest.approx(whole[1][0], rel=1e-6)
    np.testing.assert_allclose(halves[0][0], whole[0][0, 0], rtol=1e-5)


def test_modes_compete_for_the_vapour():
    parcel = (283.0, 85000.0, 0.95, [0.3])
    alone = activate(*parcel, [[300.0, 1e-6]], [[0.04, 0.15]], [[0.5, 0.5]], sigma=[1.8, 1.6])
    shared = activate(*parcel, [[300.0, 300.0]], [[0.04, 0.15]], [[0.5, 0.5]], sigma=[1.8, 1.6])
    assert shared[1][0] < 0.8 * alone[1][0]
    assert shared[0][0, 0] < alone[0][0, 0] - 0.1


def test_a_parcel_without_a_peak_is_flagged():
    fn, smax, status = one_parcel(wbar=0.01, num_aer=9000.0, r_aer=0.2, kappa=1.0, rh=0.9)
    assert status == NO_PEAK
    assert math.isnan(fn) and math.isnan(smax)


def test_what_cannot_be_integrated_is_flagged():
    fn, smax, status = one_parcel(wbar=math.nan)
    assert status == STEP_LIMIT
    assert math.isnan(fn) and math.isnan(smax)


@pytest.mark.parametrize("argument", [{"rh": 1.01}, {"kappa": 0.0}, {"wbar": -0.5}])
def test_impossible_arguments_are_refused(argument):
    with pytest.raises(ValueError, match="positive"):
        one_parcel(**argument)


def test_the_same_bits_every_time_and_in_any_company():
    inputs = draw_inputs(0, 20, seed=3, modes=FOUR_MODES)
    together = run(inputs, FOUR_MODES)
    for first in (0, 7, 19):
        alone = run({name: values[first:] for name, values in inputs.items()}, FOUR_MODES)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, other[first:])


def test_peak_supersaturation_is_pyrcels(pyrcel):
    single, several = [], []
    for modes, cases in pyrcel.items():
        fn, smax, status = run(cases, modes)
        assert (status == OK).all()
        (single if len(modes) == 1 else several).extend(np.abs(smax / cases["smax"][:, 0] - 1))
        assert np.abs(fn - cases["fn"]).max() < 1e-3
    assert len(single) >= 100 and len(several) >= 40
    for errors in (single, several):
        assert np.median(errors) <= 1e-4
        assert np.percentile(errors, 95) <= 1e-3


def test_the_fixture_is_the_one_that_its_manifest_describes(pyrcel):
    manifest = json.loads((FIXTURE / "manifest.json").read_text())
    assert manifest["n_cases"] == sum(len(cases["index"]) for cases in pyrcel.values())
    assert manifest["geometric_standard_deviation"] == {
        name: mode.sigma for name, mode in MODES.items()
    }
    bins = manifest["settings"]["bins_per_mode"]
    assert bins == {"one mode": default_bins(1), "several modes": default_bins(4)}
    inputs = draw_inputs(0, 16, seed=manifest["settings"]["seed"], modes=["accumulation", "aitken"])
    cases = pyrcel["accumulation", "aitken"]
    np.testing.assert_array_equal(cases["index"][:, 0], np.arange(16))
    np.testing.assert_allclose(cases["r_aer"], inputs["r_aer"], rtol=1e-12)


@pytest.mark.parametrize(("modes", "n_bins"), [(["single"], 250), (FOUR_MODES, 150)])
def test_the_number_of_bins_suffices(modes, n_bins):
    inputs = draw_inputs(0, 1000, seed=5, modes=modes)
    shipped, _, status = run(inputs, modes)
    converged, _, _ = run(inputs, modes, n_bins)
    ok = status == OK
    assert shipped[ok].min() >= 0 and shipped[ok].max() <= 1
    error = np.abs(shipped - converged)[ok]
    assert np.nanpercentile(error, 99) <= 3e-3
    assert np.isnan(error).mean() < 0.005


def test_compiled_code_goes_where_it_can_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "given"))
    assert parcel_jit._cache_folder("key").parent == tmp_path / "given"
    (tmp_path / "file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(parcel_jit, "__file__", str(tmp_path / "file" / "jit.py"))
    monkeypatch.setattr(parcel_jit.Path, "home", lambda: tmp_path / "home")
    assert parcel_jit._cache_folder("key").is_relative_to(tmp_path / "home")
    monkeypatch.setattr(parcel_jit.Path, "home", lambda: tmp_path / "file")
    assert parcel_jit._cache_folder("key") is None


@pytest.mark.parametrize("edited", ["koehler", "tableau", "activation"])
def test_edited_code_is_compiled_anew(monkeypatch, tmp_path, edited):
    library = tmp_path / "twostep"
    shutil.copytree(fingerprint.LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "LIBRARY", library)
    source = library / "parcel" / "activation.py"
    before = parcel_jit._cache_key(source)
    path = library / "parcel" / f"{edited}.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert parcel_jit._cache_key(source) != before


def test_the_cache_sees_every_module_that_is_compiled():
    used = fingerprint.used_modules(Path(activate.__code__.co_filename))
    compiled = {"air", "integrator", "koehler", "tableau", "jit"}
    assert compiled <= {path.stem for path in used if path.parent.name == "parcel"}
