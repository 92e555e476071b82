"""The embedded data set: aerosol activation in parcels drawn over wide ranges."""

import logging
import math
from dataclasses import dataclass

import numba
import numpy as np
import scipy
import xarray as xr
from scipy.stats import qmc

from twostep.parcel.activation import NO_PEAK, OK, STEP_LIMIT, activate, default_bins
from twostep.parcel.header import DIMENSIONS
from twostep.util.seeds import derive_seed

log = logging.getLogger(__name__)

# ASSUME: a single mode of more than this dry volume is of no interest: nearly all parcels without a
# peak would lie above it.
MAX_DRY_VOLUME = 30.0  # um3 cm-3

# Ranges of temperature (K), pressure (Pa), relative humidity (1) and log10 of the updraft (m s-1),
# after Silva et al. (2021), doi 10.5194/gmd-14-3067-2021; the humidity is ours.
PARCEL_RANGES = {
    "tair": (248.0, 310.0),
    "pressure": (50000.0, 105000.0),
    "rh": (0.9, 1.0),
    "wbar": (-2.0, 1.0),
}


@dataclass(frozen=True)
class Mode:
    """A lognormal aerosol mode: its width, and the ranges from which its parameters are drawn.

    Attributes
    ----------
    sigma : geometric standard deviation, 1
    log_number : of log10 of the number concentration in cm-3
    radius : of the median dry radius by number, um; its logarithm is drawn uniformly
    kappa : of the hygroscopicity, 1
    """

    sigma: float
    log_number: tuple[float, float]
    radius: tuple[float, float]
    kappa: tuple[float, float]


# The widths are those of the four-mode modal aerosol module, Liu et al. (2016),
# doi 10.5194/gmd-9-505-2016, as in the climate model E3SM.
# ASSUME: the ranges of number, radius and kappa are ours, typical of such modes. The coarse mode
# reaches down to 0.1 um, since nearly all larger particles activate in every parcel.
MODES = {
    "accumulation": Mode(1.8, (1.0, 3.5), (0.03, 0.15), (0.05, 1.2)),
    "aitken": Mode(1.6, (1.0, 4.0), (0.008, 0.04), (0.05, 1.2)),
    "coarse": Mode(1.8, (-1.0, 1.0), (0.1, 1.0), (0.05, 1.2)),
    "primary_carbon": Mode(1.6, (0.0, 3.0), (0.02, 0.08), (0.001, 0.2)),
    # After Silva et al. (2021), with a smaller largest radius: 10**-0.6 um.
    "single": Mode(1.8, (1.0, 4.0), (0.01, 10**-0.6), (0.05, 1.2)),
}

ATTRIBUTES = {
    "tair": ("K", "air temperature at the start of the ascent"),
    "pressure": ("Pa", "air pressure at the start of the ascent"),
    "rh": ("1", "relative humidity at the start of the ascent"),
    "wbar": ("m s-1", "updraft velocity"),
    "num_aer": ("cm-3", "aerosol number concentration at the start of the ascent"),
    "r_aer": ("um", "median dry aerosol radius by number"),
    "kappa": ("1", "aerosol hygroscopicity"),
    "fn": ("1", "activated number fraction of the aerosol"),
    "smax": ("1", "maximum supersaturation over water"),
    "status": ("1", "outcome of the parcel simulation"),
}
STATUS_MEANINGS = {
    OK: "ok",
    NO_PEAK: "no_supersaturation_peak_within_rise_limit",
    STEP_LIMIT: "step_limit_of_integrator_reached",
}


def generate(first: int, n_samples: int, *, seed: int, modes: list[str]) -> xr.Dataset:
    """Return the samples first ... first + n_samples - 1 of the embedded data set.

    A sample depends on its index, the seed and the modes alone. Where the status is not 0, fn and
    smax are NaN: no parcel is drawn anew, so that what failed can be counted.

    Parameters
    ----------
    first : index of the first sample
    n_samples : their number
    seed : of the whole data set
    modes : names from MODES, in the order of the dimension `mode`

    Returns
    -------
    Dataset with tair, pressure, rh, wbar, smax, status (sample) and num_aer, r_aer, kappa, fn
    (sample, mode), in the units given by their attributes.
    """
    inputs = draw_inputs(first, n_samples, seed=seed, modes=modes)
    sigma = np.array([MODES[mode].sigma for mode in modes])
    status = np.zeros(n_samples, dtype=np.int8)
    if modes == ["single"]:
        inputs["r_aer"] = limit_radius(inputs["num_aer"], inputs["r_aer"], MODES["single"])
    fn, smax = np.full((n_samples, len(modes)), np.nan), np.full(n_samples, np.nan)
    for run in np.array_split(np.arange(n_samples), math.ceil(n_samples / 10_000)):
        fn[run], smax[run], status[run] = activate(
            *(values[run] for values in inputs.values()), sigma=sigma
        )
        log.info("%d of %d parcels done", run[-1] + 1, n_samples)
    counts = {text: int((status == code).sum()) for code, text in STATUS_MEANINGS.items()}
    log.info("outcomes: %s", counts)
    values = inputs | {"fn": fn, "smax": smax, "status": status}
    data = xr.Dataset(
        {
            name: (DIMENSIONS[name], values[name], {"units": text[0], "long_name": text[1]})
            for name, text in ATTRIBUTES.items()
        },
        coords={"mode": ("mode", list(modes), {"long_name": "aerosol mode"})},
        attrs=_provenance(first, seed, modes),
    )
    data["status"].attrs["flag_values"] = np.array(list(STATUS_MEANINGS), dtype=np.int8)
    data["status"].attrs["flag_meanings"] = " ".join(STATUS_MEANINGS.values())
    return data


def draw_inputs(
    first: int, n_samples: int, *, seed: int, modes: list[str]
) -> dict[str, np.ndarray]:
    """Return the inputs of some samples, in the order and the units of `activate`.

    The points of a scrambled Sobol sequence (Matousek 1998, doi 10.1006/jcom.1998.0489): they fill
    the ranges evenly, and unlike a Latin hypercube's they stay where they are when more follow.
    """
    points = _sobol(first, n_samples, len(PARCEL_RANGES) + 3 * len(modes), seed)
    parcel, aerosol = points[:, :4], points[:, 4:].reshape(n_samples, len(modes), 3)
    inputs = {
        name: _scale(parcel[:, i], bounds) for i, (name, bounds) in enumerate(PARCEL_RANGES.items())
    }
    inputs["wbar"] = 10.0 ** inputs["wbar"]
    numbers = np.array([MODES[mode].log_number for mode in modes])
    radii = np.log10([MODES[mode].radius for mode in modes])
    kappas = np.array([MODES[mode].kappa for mode in modes])
    inputs["num_aer"] = 10.0 ** _scale(aerosol[:, :, 0], numbers.T)
    inputs["r_aer"] = 10.0 ** _scale(aerosol[:, :, 1], radii.T)
    inputs["kappa"] = _scale(aerosol[:, :, 2], kappas.T)
    return inputs


def limit_radius(num_aer: np.ndarray, r_aer: np.ndarray, mode: Mode) -> np.ndarray:
    """Return radii, um, drawn anew up to where the dry volume reaches MAX_DRY_VOLUME.

    Each keeps its place in the logarithm of the range, which ends earlier the more particles there
    are: no sample is lost, and the space that is left is filled evenly along the radius.

    Parameters
    ----------
    num_aer : number concentrations, cm-3, (n_samples, 1)
    r_aer : median dry radii drawn from the mode's range, um, (n_samples, 1)
    """
    smallest, largest = mode.radius
    volume = dry_volume(num_aer, np.ones_like(r_aer), np.array([mode.sigma]))[:, None]
    highest = np.minimum(largest, np.cbrt(MAX_DRY_VOLUME / volume))
    place = np.log(r_aer / smallest) / math.log(largest / smallest)
    return smallest * (highest / smallest) ** place


def dry_volume(num_aer: np.ndarray, r_aer: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the volume (um3 cm-3) of all modes, (n_samples,).

    Parameters
    ----------
    num_aer, r_aer : (n_samples, n_modes), cm-3 and um
    sigma : (n_modes,), geometric standard deviation, 1
    """
    return (4 / 3 * math.pi * num_aer * r_aer**3 * np.exp(4.5 * np.log(sigma) ** 2)).sum(axis=1)


def _sobol(first: int, n_samples: int, n_dimensions: int, seed: int) -> np.ndarray:
    """Return the points first ... first + n_samples - 1, (n_samples, n_dimensions), in 0 ... 1."""
    engine = qmc.Sobol(n_dimensions, rng=derive_seed(seed, "parcels"))
    # Always past the first point, where the engine behaves differently (and warns of sizes that
    # are no power of two); it is point 0 of the sequence that is left out.
    engine.fast_forward(first + 1)
    return engine.random(n_samples)


def _scale(points: np.ndarray, bounds: tuple[float, float] | np.ndarray) -> np.ndarray:
    low, high = bounds
    return low + points * (np.asarray(high) - low)


def _provenance(first: int, seed: int, modes: list[str]) -> dict:
    """Return the global attributes: no clock and no host, so that the file can be reproduced."""
    limit = ""
    if modes == ["single"]:
        limit = f", but for the radius, which ends at a dry volume of {MAX_DRY_VOLUME:g} um3 cm-3"
    return {
        "Conventions": "CF-1.11",
        "title": "Aerosol activation in adiabatic cloud parcels",
        "source": (
            "Detailed adiabatic cloud-parcel model with kappa-Koehler theory; "
            f"{default_bins(len(modes))} size bins in each of {len(modes)} lognormal modes"
        ),
        "references": (
            "Equations: Rothenberg and Wang (2016), doi 10.1175/JAS-D-15-0223.1; "
            "Koehler theory: Petters and Kreidenweis (2007), doi 10.5194/acp-7-1961-2007; "
            "modes: Liu et al. (2016), doi 10.5194/gmd-9-505-2016; "
            "ranges: Silva et al. (2021), doi 10.5194/gmd-14-3067-2021"
        ),
        "comment": (
            "Equilibrium activation: fn counts the particles whose critical supersaturation is "
            "below smax, with no kinetic limitation. Adiabatic ascent at a constant updraft: no "
            "entrainment, no collision and coalescence, no sedimentation, no ice. Inputs are drawn "
            f"independently of each other and are no climatology{limit}. fn and smax are missing "
            "where status is not 0."
        ),
        "seed": seed,
        "first_sample": first,
        "geometric_standard_deviation": [MODES[mode].sigma for mode in modes],
        "software": f"numba {numba.__version__}, numpy {np.__version__}, scipy {scipy.__version__}",
    }
