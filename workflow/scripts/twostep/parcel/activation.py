"""Aerosol activation in a rising cloud parcel: several lognormal modes compete for the vapour.

A detailed adiabatic parcel model with kappa-Koehler theory, after pyrcel: Rothenberg and Wang
(2016), doi 10.1175/JAS-D-15-0223.1. What it leaves out: entrainment, collision and coalescence,
sedimentation, ice. The activated fraction is that of equilibrium activation: a particle counts as
activated if its critical supersaturation lies below the parcel's peak, whether or not it has had
the time to grow (no kinetic limitation).
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from twostep.parcel.air import WATER_DENSITY, kelvin_radius
from twostep.parcel.integrator import (
    N_ROWS,
    NO_PEAK,
    OK,
    R_DRY,
    RADIUS,
    SOLUTE,
    STEP_LIMIT,
    WATER,
    ascend,
)
from twostep.parcel.jit import compiled, inline
from twostep.parcel.koehler import critical_dry_radius, equilibrium_radius

__all__ = ["NO_PEAK", "OK", "STEP_LIMIT", "activate", "default_bins", "lognormal_bins"]

HALF_WIDTH = 4.0  # of the bins of a mode, in standard deviations of ln r


def activate(
    tair: ArrayLike,
    pressure: ArrayLike,
    rh: ArrayLike,
    wbar: ArrayLike,
    num_aer: ArrayLike,
    r_aer: ArrayLike,
    kappa: ArrayLike,
    *,
    sigma: ArrayLike,
    n_bins: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the activated fraction of each aerosol mode in adiabatic parcels.

    Parameters
    ----------
    tair : (n_samples,), air temperature at the start, K
    pressure : (n_samples,), at the start, Pa
    rh : (n_samples,), relative humidity at the start, 1 (at most 1)
    wbar : (n_samples,), updraft, constant, m s-1
    num_aer : (n_samples, n_modes), number concentration, cm-3
    r_aer : (n_samples, n_modes), median dry radius by number, um
    kappa : (n_samples, n_modes), hygroscopicity, 1, greater than 0
    sigma : (n_modes,), geometric standard deviation, 1
    n_bins : bins per mode; None for the number of `default_bins`

    Returns
    -------
    fn : (n_samples, n_modes), activated number fraction, 1
    smax : (n_samples,), highest supersaturation, 1
    status : (n_samples,), int8: OK; NO_PEAK, no peak within a rise of 1000 m; STEP_LIMIT, the
        integrator gave up. Where it is not OK, fn and smax are NaN.

    Raises ValueError if an argument is not positive or rh is above 1.
    """
    scalars = np.array(np.broadcast_arrays(tair, pressure, rh, wbar), dtype=np.float64)
    modes = np.array(np.broadcast_arrays(num_aer, r_aer, kappa), dtype=np.float64)
    _, n_samples, n_modes = modes.shape
    if (scalars[2] > 1).any() or (scalars <= 0).any() or (modes <= 0).any():
        raise ValueError("all arguments must be positive, and rh at most 1")
    fn = np.full((n_samples, n_modes), np.nan)
    smax = np.full(n_samples, np.nan)
    status = np.zeros(n_samples, dtype=np.int8)
    log_sigma = np.log(np.asarray(sigma, dtype=np.float64))
    _activate(scalars, modes, log_sigma, n_bins or default_bins(n_modes), fn, smax, status)
    return fn, smax, status


def default_bins(n_modes: int) -> int:
    """Return the number of bins per mode that keeps the error of fn below about 0.003."""
    return 60 if n_modes == 1 else 40


def lognormal_bins(
    number: float, radius: float, sigma: float, n_bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return dry radii (n_bins,) and number concentrations (n_bins,) of a lognormal mode.

    The bins have the same width in ln r. `number` and `radius` (the median) are in any unit,
    which is that of the result; `sigma` is the geometric standard deviation.
    """
    radii, numbers = np.empty(n_bins), np.empty(n_bins)
    _fill_bins(number, radius, math.log(sigma), radii, numbers)
    return radii, numbers


@inline
def _fill_bins(number, radius, log_sigma, radii, numbers):
    n_bins = len(radii)
    width = 2.0 * HALF_WIDTH / n_bins
    for i in range(n_bins):
        x = (i + 0.5) * width - HALF_WIDTH
        radii[i] = radius * math.exp(x * log_sigma)
        numbers[i] = number * width * math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


@compiled
def _activate(scalars, modes, log_sigma, n_bins, fn, smax, status):
    """Fill in fn, smax and status; `scalars` is (4, n_samples), `modes` (3, n_samples, n_modes)."""
    n_modes = len(log_sigma)
    work = np.empty((N_ROWS, n_modes * n_bins))
    for k in range(len(smax)):
        tair, pressure, rh, wbar = scalars[0, k], scalars[1, k], scalars[2, k], scalars[3, k]
        supersaturation = rh - 1.0
        for j in range(n_modes):
            number, radius, kappa = modes[0, k, j], modes[1, k, j], modes[2, k, j]
            bins = work[:, j * n_bins : (j + 1) * n_bins]
            _fill_bins(number, radius, log_sigma[j], bins[R_DRY], bins[WATER])
            _equilibrate(bins, kappa, supersaturation, kelvin_radius(tair))
        peak, tair_peak, status[k] = ascend(work, pressure, tair, supersaturation, wbar)
        if status[k] != OK:
            continue
        smax[k] = peak
        kelvin = kelvin_radius(tair_peak)
        for j in range(n_modes):
            smallest = critical_dry_radius(peak, modes[2, k, j], kelvin)
            distance = math.log(smallest / modes[1, k, j]) / log_sigma[j]
            fn[k, j] = 0.5 * math.erfc(distance / math.sqrt(2.0))


@inline
def _equilibrate(bins, kappa, supersaturation, kelvin):
    """Fill in a mode's solute and first radii; turn number (cm-3) into a factor of condensation."""
    for i in range(bins.shape[1]):
        r_dry = bins[R_DRY, i]
        bins[SOLUTE, i] = kappa * r_dry**3
        bins[RADIUS, i] = equilibrium_radius(r_dry, kappa, supersaturation, kelvin)
        # 4 pi rho_w N, for radii in um and the number in cm-3.
        bins[WATER, i] *= 4e-12 * math.pi * WATER_DENSITY
