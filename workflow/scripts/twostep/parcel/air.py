"""Thermodynamics of moist air and of the growth of droplets in it, compiled.

The formulas and constants are those of pyrcel 2.0.0 (https://github.com/darothen/pyrcel), described
by Rothenberg and Wang (2016), doi 10.1175/JAS-D-15-0223.1, so that the two models can be compared
to the precision of their integrators. SI units, except that radii of droplets are in um.
"""

import math

from twostep.parcel.jit import inline

GRAVITY = 9.81  # m s-2
HEAT_CAPACITY = 1004.0  # of dry air at constant pressure, J kg-1 K-1
LATENT_HEAT = 2.25e6  # of condensation, J kg-1
WATER_DENSITY = 1000.0  # kg m-3
GAS_CONSTANT = 8.314  # J mol-1 K-1
WATER_MOLAR_MASS = 0.018  # kg mol-1
AIR_MOLAR_MASS = 0.0289  # kg mol-1
AIR_GAS_CONSTANT = GAS_CONSTANT / AIR_MOLAR_MASS  # J kg-1 K-1
MASS_RATIO = 0.622  # water to dry air, 1
FREEZING_POINT = 273.15  # K
ACCOMMODATION = 1.0  # condensation coefficient, 1
THERMAL_ACCOMMODATION = 0.96  # 1


@inline
def saturation_pressure(tair):
    """Return the saturation vapour pressure over water (Pa) at `tair` (K).

    Bolton (1980), doi 10.1175/1520-0493(1980)108<1046:TCOEPT>2.0.CO;2, equation 10.
    """
    celsius = tair - FREEZING_POINT
    return 611.2 * math.exp(17.67 * celsius / (celsius + 243.5))


@inline
def kelvin_radius(tair):
    """Return the Kelvin parameter A (um) at `tair` (K): the vapour pressure grows by exp(A / r).

    Petters and Kreidenweis (2007), doi 10.5194/acp-7-1961-2007, equation 6, with a surface tension
    linear in temperature.
    """
    surface_tension = 0.0761 - 1.55e-4 * (tair - FREEZING_POINT)  # J m-2
    factor = 2e6 * WATER_MOLAR_MASS / (GAS_CONSTANT * WATER_DENSITY)
    return factor * surface_tension / tair


@inline
def air_properties(pressure, tair, vapour, supersaturation):
    """Return what the growth of all droplets depends on.

    Pruppacher and Klett (1997), Microphysics of Clouds and Precipitation, chapter 13; S as in
    Ghan et al. (2011), doi 10.1029/2011MS000074.

    Parameters
    ----------
    pressure : Pa
    tair : K
    vapour : mixing ratio of water vapour, kg kg-1
    supersaturation : 1

    Returns
    -------
    kelvin : the Kelvin parameter, um
    drag, floor : dr/dt = (S - S_eq) / (drag r + floor), s um-2 and s um-1
    per_dry_density : m3 kg-1
    density : of moist air, kg m-3
    lift, sink : dS/dt = lift w - sink dq/dt, m-1 and 1
    """
    vapour_saturated = saturation_pressure(tair)
    density = pressure / (AIR_GAS_CONSTANT * tair * (1.0 + 0.61 * vapour))
    vapour_pressure = (1.0 + supersaturation) * vapour_saturated
    per_dry_density = AIR_GAS_CONSTANT * tair / (pressure - vapour_pressure)
    per_molar_energy = 1.0 / (GAS_CONSTANT * tair)  # mol J-1

    diffusivity = 0.211e-4 / (pressure * 1.01325e-5) * (tair / 273.0) ** 1.94  # m2 s-1
    conductivity = 1e-3 * (4.39 + 0.071 * tair)  # J m-1 s-1 K-1
    vapour_speed = math.sqrt(2.0 * math.pi * WATER_MOLAR_MASS * per_molar_energy)  # s m-1
    heat_speed = math.sqrt(2.0 * math.pi * AIR_MOLAR_MASS * per_molar_energy)  # s m-1
    by_vapour = WATER_DENSITY / (vapour_saturated * WATER_MOLAR_MASS * per_molar_energy)
    latent_ratio = LATENT_HEAT * WATER_MOLAR_MASS * per_molar_energy
    by_heat = LATENT_HEAT * WATER_DENSITY * (latent_ratio - 1.0) / tair
    drag = 1e-12 * (by_vapour / diffusivity + by_heat / conductivity)
    # The kinetic corrections of both coefficients are linear in 1 / r, so that r times them is
    # a constant.
    jump = THERMAL_ACCOMMODATION * density * HEAT_CAPACITY
    floor = 1e-6 * (by_vapour * vapour_speed / ACCOMMODATION + by_heat * heat_speed / jump)

    warming = WATER_MOLAR_MASS * LATENT_HEAT / (HEAT_CAPACITY * tair)  # kg mol-1
    lift = GRAVITY * per_molar_energy * (warming - AIR_MOLAR_MASS)
    sink = pressure * AIR_MOLAR_MASS / (WATER_MOLAR_MASS * vapour_saturated)
    sink += latent_ratio * LATENT_HEAT / (HEAT_CAPACITY * tair)
    return kelvin_radius(tair), drag, floor, per_dry_density, density, lift, sink


@inline
def bulk_rates(updraft, condensation, per_dry, density, lift, sink):
    """Return the rates of pressure (Pa s-1), temperature (K s-1), vapour and S (s-1)."""
    condensed = condensation * per_dry
    cooling = GRAVITY * updraft / HEAT_CAPACITY
    return (
        -density * GRAVITY * updraft,
        LATENT_HEAT / HEAT_CAPACITY * condensed - cooling,
        -condensed,
        lift * updraft - sink * condensed,
    )
