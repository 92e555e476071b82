"""The rising parcel: its equations and a Rosenbrock-W integrator for them, compiled.

The unknowns are the pressure, the temperature, the water vapour, the supersaturation S and the
radius of the droplets in each bin. A droplet knows of the others only through S, so that the stiff
part of the Jacobian is an arrowhead: a diagonal, the column and the row of S, and multiples of that
row. A step therefore costs a number of operations proportional to the number of bins.
"""

import math

from twostep.parcel.air import (
    HEAT_CAPACITY,
    LATENT_HEAT,
    MASS_RATIO,
    air_properties,
    bulk_rates,
    saturation_pressure,
)
from twostep.parcel.jit import inline
from twostep.parcel.koehler import koehler
from twostep.parcel.tableau import (
    A21,
    A31,
    A32,
    A41,
    A42,
    A43,
    C21,
    C31,
    C32,
    C41,
    C42,
    C43,
    E1,
    E2,
    E3,
    E4,
    GAMMA,
    M1,
    M2,
    M3,
    M4,
    P11,
    P12,
    P13,
    P14,
    P21,
    P22,
    P23,
    P24,
    P31,
    P32,
    P33,
    P34,
)

OK, NO_PEAK, STEP_LIMIT = 0, 1, 2

HIGHEST_RISE = 1000.0  # m
# By what share S must have fallen below its maximum for that to be the peak. The first local
# maximum may be noise of the integrator, so that the ascent ends after a fall that is far above its
# tolerance. At the highest rise, where a slow parcel's S changes little, less is enough.
PEAK_FALL = 0.02  # 1
PEAK_FALL_AT_HIGHEST_RISE = 0.001  # 1
MAX_STEPS = 5000
RELATIVE_TOLERANCE = 1e-4
S_TOLERANCE = 1e-8  # absolute, 1

# Rows of the work array, one number per bin: what stays fixed during an ascent ...
R_DRY, SOLUTE, WATER, RADIUS = 0, 1, 2, 3
# ... the growth rate and its derivatives at the start of a step, and what a step computes.
RATE, SELF, COLUMN, ROW, PIVOT, RIGHT = 4, 5, 6, 7, 8, 9
U1, U2, U3, U4 = 10, 11, 12, 13
N_ROWS = 14


@inline
def differentiate(work, kelvin, drag, floor, supersaturation):
    """Fill in the growth rates of the droplets and their derivatives.

    Returns the rate of condensation and its derivative by S, both times the dry density.
    """
    r_dry, solute, water, radius = work[R_DRY], work[SOLUTE], work[WATER], work[RADIUS]
    rate, itself, column, row = work[RATE], work[SELF], work[COLUMN], work[ROW]
    condensation = 0.0
    by_supersaturation = 0.0
    for i in range(work.shape[1]):
        r = radius[i]
        equilibrium, slope = koehler(r, r_dry[i], solute[i], kelvin)
        mobility = 1.0 / (drag * r + floor)
        growth = (supersaturation - equilibrium) * mobility
        diagonal = -(slope + growth * drag) * mobility
        surface = water[i] * r * r
        rate[i] = growth
        itself[i] = diagonal
        column[i] = mobility
        row[i] = surface * diagonal + 2.0 * water[i] * r * growth
        condensation += surface * growth
        by_supersaturation += surface * mobility
    return condensation, by_supersaturation


@inline
def factorise(work, per_step):
    """Fill in the pivots of the droplets, for per_step = 1 / (gamma h) in s-1.

    Returns the sums over the bins that elimination leaves in the row of S: for S, and for the
    right-hand side of the first stage.
    """
    itself, column, row = work[SELF], work[COLUMN], work[ROW]
    pivot, rate = work[PIVOT], work[RATE]
    coupling = 0.0
    first = 0.0
    for i in range(work.shape[1]):
        p = 1.0 / (per_step - itself[i])
        pivot[i] = p
        coupling += row[i] * p * column[i]
        first += row[i] * p * rate[i]
    return coupling, first


@inline
def stage(work, a1, a2, a3, c1, c2, c3, kelvin, drag, floor, supersaturation):
    """Fill in the right-hand side of a stage: the growth at its state, and the earlier stages.

    Returns the rate of condensation times the dry density, and the eliminated right-hand side.
    """
    r_dry, solute, water, radius = work[R_DRY], work[SOLUTE], work[WATER], work[RADIUS]
    u1, u2, u3 = work[U1], work[U2], work[U3]
    row, pivot, right = work[ROW], work[PIVOT], work[RIGHT]
    condensation = 0.0
    eliminated = 0.0
    for i in range(work.shape[1]):
        r = radius[i] + a1 * u1[i] + a2 * u2[i] + a3 * u3[i]
        equilibrium, _ = koehler(r, r_dry[i], solute[i], kelvin)
        growth = (supersaturation - equilibrium) / (drag * r + floor)
        value = growth + c1 * u1[i] + c2 * u2[i] + c3 * u3[i]
        right[i] = value
        condensation += water[i] * r * r * growth
        eliminated += row[i] * pivot[i] * value
    return condensation, eliminated


@inline
def substitute(work, right, target, by_supersaturation):
    """Fill in a stage's increments of the radii from that of S."""
    column, pivot = work[COLUMN], work[PIVOT]
    source, increment = work[right], work[target]
    for i in range(work.shape[1]):
        increment[i] = (source[i] + column[i] * by_supersaturation) * pivot[i]


@inline
def radius_error(work):
    """Return the root mean square of the radii's estimated relative error over the tolerance."""
    radius = work[RADIUS]
    u1, u2, u3, u4 = work[U1], work[U2], work[U3], work[U4]
    total = 0.0
    for i in range(work.shape[1]):
        error = E1 * u1[i] + E2 * u2[i] + E3 * u3[i] + E4 * u4[i]
        total += (error / radius[i]) ** 2
    return math.sqrt(total / work.shape[1]) / RELATIVE_TOLERANCE


@inline
def advance(work):
    """Add the step's increments to the radii."""
    radius = work[RADIUS]
    u1, u2, u3, u4 = work[U1], work[U2], work[U3], work[U4]
    for i in range(work.shape[1]):
        radius[i] += M1 * u1[i] + M2 * u2[i] + M3 * u3[i] + M4 * u4[i]


@inline
def highest(start, linear, square, cube):
    """Return the maximum of a cubic polynomial on 0 ... 1, and its place."""
    value, place = start, 0.0
    if start + linear + square + cube > value:
        value, place = start + linear + square + cube, 1.0
    discriminant = square * square - 3.0 * linear * cube
    if discriminant > 0.0:
        # Of the two forms of the root with negative curvature, this one does not cancel where
        # the polynomial is nearly a parabola.
        below = math.sqrt(discriminant) - square
        x = linear / below if below > 0.0 else 0.0
        inside = start + x * (linear + x * (square + x * cube))
        if 0.0 < x < 1.0 and inside > value:
            value, place = inside, x
    return value, place


@inline
def solve_bulk(right, eliminated, coupling, per_step, per_dry, sink):
    """Return a stage's increments of pressure, temperature, vapour and S.

    All depend on the droplets through the change of the condensation rate alone.
    """
    pivot = per_step + sink * per_dry * coupling
    by_supersaturation = (right[3] - sink * per_dry * eliminated) / pivot
    condensed = per_dry * (eliminated + coupling * by_supersaturation)
    return (
        right[0] / per_step,
        (right[1] + LATENT_HEAT / HEAT_CAPACITY * condensed) / per_step,
        (right[2] - condensed) / per_step,
        by_supersaturation,
    )


@inline
def combine(base, a1, u1, a2, u2, a3, u3):
    """Return base + a1 u1 + a2 u2 + a3 u3 for the four unknowns of the air."""
    return (
        base[0] + a1 * u1[0] + a2 * u2[0] + a3 * u3[0],
        base[1] + a1 * u1[1] + a2 * u2[1] + a3 * u3[1],
        base[2] + a1 * u1[2] + a2 * u2[2] + a3 * u3[2],
        base[3] + a1 * u1[3] + a2 * u2[3] + a3 * u3[3],
    )


@inline
def later_stage(work, air, increments, a, c, updraft, target, system):
    """Return the air's increments of stage 2, 3 or 4, and fill in those of the radii.

    Parameters
    ----------
    work : (N_ROWS, n_bins)
    air : pressure, temperature, vapour and S at the start of the step
    increments : those of the three stages before; of later ones any finite numbers
    a, c : the stage's coefficients, the latter over the step, zero for later stages
    target : the row of the radii's increments
    system : coupling, 1 / (gamma h), 1 / dry density and sink at the start of the step
    """
    (u1, u2, u3), (a1, a2, a3), (c1, c2, c3) = increments, a, c
    coupling, per_step, per_dry, sink = system
    now = combine(air, a1, u1, a2, u2, a3, u3)
    kelvin, drag, floor, per_dry_now, density, lift, sink_now = air_properties(*now)
    condensation, eliminated = stage(work, a1, a2, a3, c1, c2, c3, kelvin, drag, floor, now[3])
    rates = bulk_rates(updraft, condensation, per_dry_now, density, lift, sink_now)
    right = combine(rates, c1, u1, c2, u2, c3, u3)
    solved = solve_bulk(right, eliminated, coupling, per_step, per_dry, sink)
    substitute(work, RIGHT, target, solved[3])
    return solved


@inline
def try_step(work, air, rates, by_supersaturation, per_dry, sink, updraft, step):
    """Compute the increments of one step; the radii are left as they are.

    Returns the air's new state, the estimated error over the tolerance, and the coefficients of
    the cubic polynomial that S follows.
    """
    per_step = 1.0 / (GAMMA * step)
    coupling, eliminated = factorise(work, per_step)
    coupling += by_supersaturation
    system = (coupling, per_step, per_dry, sink)
    u1 = solve_bulk(rates, eliminated, coupling, per_step, per_dry, sink)
    substitute(work, RATE, U1, u1[3])
    c = 1.0 / step
    before, a, coefficients = (u1, u1, u1), (A21, 0.0, 0.0), (C21 * c, 0.0, 0.0)
    u2 = later_stage(work, air, before, a, coefficients, updraft, U2, system)
    before, a, coefficients = (u1, u2, u2), (A31, A32, 0.0), (C31 * c, C32 * c, 0.0)
    u3 = later_stage(work, air, before, a, coefficients, updraft, U3, system)
    before, a, coefficients = (u1, u2, u3), (A41, A42, A43), (C41 * c, C42 * c, C43 * c)
    u4 = later_stage(work, air, before, a, coefficients, updraft, U4, system)
    new = combine(combine(air, M1, u1, M2, u2, M3, u3), M4, u4, 0.0, u4, 0.0, u4)
    error = E1 * u1[3] + E2 * u2[3] + E3 * u3[3] + E4 * u4[3]
    error = abs(error) / (S_TOLERANCE + RELATIVE_TOLERANCE * max(abs(air[3]), abs(new[3])))
    linear = P11 * u1[3] + P12 * u2[3] + P13 * u3[3] + P14 * u4[3]
    square = P21 * u1[3] + P22 * u2[3] + P23 * u3[3] + P24 * u4[3]
    cube = P31 * u1[3] + P32 * u2[3] + P33 * u3[3] + P34 * u4[3]
    return new, max(error, radius_error(work)), (air[3], linear, square, cube)


@inline
def ascend(work, pressure, tair, supersaturation, updraft):
    """Let a parcel rise until the supersaturation has passed its peak.

    Parameters
    ----------
    work : (N_ROWS, n_bins), of which the rows R_DRY, SOLUTE and WATER are given
    pressure, tair, supersaturation : the start, Pa, K and 1
    updraft : m s-1

    Returns
    -------
    smax : the highest supersaturation, 1
    tair : the temperature there, K
    status : OK, NO_PEAK or STEP_LIMIT; without OK the two others mean nothing
    """
    saturated = saturation_pressure(tair)
    vapour = (1.0 + supersaturation) * MASS_RATIO * saturated / (pressure - saturated)
    air = (pressure, tair, vapour, supersaturation)
    smax, tair_peak, height, step = 0.0, tair, 0.0, 1.0 / updraft
    work[U1:] = 0.0
    accepted = True
    for _ in range(MAX_STEPS):
        if accepted:
            kelvin, drag, floor, per_dry, density, lift, sink = air_properties(*air)
            condensation, by_supersaturation = differentiate(work, kelvin, drag, floor, air[3])
            rates = bulk_rates(updraft, condensation, per_dry, density, lift, sink)
        new, error, course = try_step(
            work, air, rates, by_supersaturation, per_dry, sink, updraft, step
        )
        accepted = error <= 1.0
        if accepted:
            advance(work)
            height += step * updraft
            peak, place = highest(*course)
            if peak > smax:
                smax, tair_peak = peak, air[1] + place * (new[1] - air[1])
            air = new
            at_top = height >= HIGHEST_RISE
            fall = PEAK_FALL_AT_HIGHEST_RISE if at_top else PEAK_FALL
            if smax > 0.0 and air[3] < (1.0 - fall) * smax:
                return smax, tair_peak, OK
            if at_top:
                return smax, tair_peak, NO_PEAK
        elif not math.isfinite(error):
            work[U1:] = 0.0
            error = 1e3
        step *= min(5.0, max(0.2, 0.9 * max(error, 1e-9) ** (-1.0 / 3.0)))
    return smax, tair_peak, STEP_LIMIT
