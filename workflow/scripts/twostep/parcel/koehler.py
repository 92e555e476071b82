"""Kappa-Koehler theory of the droplets that form on aerosol particles, compiled.

Petters and Kreidenweis (2007), doi 10.5194/acp-7-1961-2007.
"""

import math

from twostep.parcel.jit import inline


@inline
def expm1_small(x):
    """Return exp(x) - 1 without a branch, for 0 <= x < 2, to a relative 1e-11.

    A Taylor series at x / 8, then exp(2 y) - 1 = (exp(y) - 1) (exp(y) + 1) three times. The
    library's function has branches, which keep the loop over the bins from being vectorised.
    """
    y = 0.125 * x
    series = 1.0 + y * (1 / 9)
    series = 1.0 + y * (1 / 8) * series
    series = 1.0 + y * (1 / 7) * series
    series = 1.0 + y * (1 / 6) * series
    series = 1.0 + y * (1 / 5) * series
    series = 1.0 + y * (1 / 4) * series
    series = 1.0 + y * (1 / 3) * series
    series = 1.0 + y * (1 / 2) * series
    value = y * series
    value = value * (value + 2.0)
    value = value * (value + 2.0)
    return value * (value + 2.0)


@inline
def koehler(radius, r_dry, solute, kelvin):
    """Return the supersaturation over a droplet and its derivative by the radius (1, um-1).

    Petters and Kreidenweis (2007), doi 10.5194/acp-7-1961-2007, equation 6, written without the
    cancellation of r**3 - r_dry**3.

    Parameters
    ----------
    radius, r_dry : radius of the droplet and of the dry particle, um
    solute : kappa * r_dry**3, um3
    kelvin : the Kelvin parameter, um
    """
    per_radius = 1.0 / radius
    water = (radius - r_dry) * (radius * radius + radius * r_dry + r_dry * r_dry)
    per_volume = 1.0 / (water + solute)
    activity = water * per_volume
    activity_less_one = -solute * per_volume
    curvature = expm1_small(kelvin * per_radius)
    activity_slope = 3.0 * solute * (radius * per_volume) ** 2
    curvature_slope = -kelvin * per_radius * per_radius * (curvature + 1.0)
    supersaturation = activity * curvature + activity_less_one
    return supersaturation, activity_slope * (1.0 + curvature) + activity * curvature_slope


@inline
def equilibrium_radius(r_dry, kappa, supersaturation, kelvin):
    """Return the radius (um) of a haze droplet in equilibrium with `supersaturation` <= 0 (1).

    Newton's method from below, with bisection wherever it would leave the bracket. A radius
    with too low a vapour pressure lies below the root, since beyond the critical radius the
    pressure stays above saturation.
    """
    solute = kappa * r_dry**3
    activity = (1.0 + supersaturation) * math.exp(-kelvin / r_dry)
    low = r_dry
    high = 1e4 * r_dry
    radius = r_dry * (1.0 + kappa * activity / (1.0 - activity)) ** (1.0 / 3.0)
    for _ in range(200):
        value, slope = koehler(radius, r_dry, solute, kelvin)
        value -= supersaturation
        if value < 0.0:
            low = radius
        else:
            high = radius
        step = value / slope
        new = radius - step
        if slope <= 0.0 or not low < new < high:
            new = math.sqrt(low * high)
        if abs(new - radius) <= 1e-13 * radius:
            return new
        radius = new
    return radius


@inline
def critical_dry_radius(supersaturation, kappa, kelvin):
    """Return the dry radius (um) of the particle that activates exactly at `supersaturation` (1).

    Exact in kappa-Koehler theory, for any kappa > 0. With p = (r / r_dry)**3 - 1 at the top of the
    Koehler curve, setting the slope of Petters and Kreidenweis (2007), doi
    10.5194/acp-7-1961-2007, equation 6 to zero gives

        r_dry = A p (p + kappa) / (3 kappa (p + 1)**(4/3)),
        ln(1 + S) = 3 kappa (p + 1) / (p (p + kappa)) - ln(1 + kappa / p),

    the second of which is solved for ln p by Newton's method; it falls monotonically.
    """
    target = math.log(math.log1p(supersaturation))
    log_p = math.log(2.0 * kappa) - target
    for _ in range(100):
        p = math.exp(log_p)
        barrier = 3.0 * kappa * (p + 1.0) / (p * (p + kappa))
        value = barrier - math.log1p(kappa / p)
        # d value / d ln p
        slope = barrier * (p / (p + 1.0) - 1.0 - p / (p + kappa)) + kappa / (p + kappa)
        step = (math.log(value) - target) * value / slope
        log_p -= max(-2.0, min(2.0, step))
        if abs(step) < 1e-13:
            break
    p = math.exp(log_p)
    return kelvin * p * (p + kappa) / (3.0 * kappa * (p + 1.0) ** (4.0 / 3.0))
