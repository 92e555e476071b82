"""Make a small data set of vertical profiles, for the example of a convolution over levels.

    python examples/networks/make_profiles.py profiles.nc

Temperature and humidity on 16 levels with two scalars, the surface pressure and the angle of the
sun; what is to be learned depends on gradients between neighbouring levels. The data are made up.
"""

import sys

import numpy as np
import xarray as xr

N_SAMPLES, N_LEVELS = 4000, 16


def make_profiles(path: str, n_samples: int = N_SAMPLES) -> None:
    """Write the data set as NetCDF."""
    rng = np.random.default_rng(1)
    height = np.linspace(0, 1, N_LEVELS)
    smooth = np.cumsum(rng.normal(size=(2, n_samples, N_LEVELS)), axis=2) / np.sqrt(N_LEVELS)
    temperature = 295 - 60 * height + 5 * smooth[0]
    humidity = np.exp(-4 * height + 0.5 * smooth[1])
    pressure = rng.uniform(960, 1040, n_samples)
    sun = rng.uniform(0, 1, n_samples)
    steepest = np.diff(temperature, axis=1).max(axis=1)
    moistest = (humidity * sun[:, None]).max(axis=1)
    instability = 0.1 * steepest + moistest + (pressure - 1000) / 100
    heating = np.gradient(humidity, axis=1)[:, ::4] * sun[:, None]
    profile = ("sample", "level")
    xr.Dataset(
        {
            "temperature": (profile, temperature, {"units": "K"}),
            "humidity": (profile, humidity, {"units": "g kg-1"}),
            "pressure": ("sample", pressure, {"units": "hPa"}),
            "sun": ("sample", sun, {"units": "1", "long_name": "cosine of the zenith angle"}),
            "instability": ("sample", instability, {"units": "1"}),
            "heating": (("sample", "layer"), heating, {"units": "K day-1"}),
        }
    ).to_netcdf(path)


if __name__ == "__main__":
    make_profiles(sys.argv[1])
