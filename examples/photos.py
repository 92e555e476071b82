"""Write patches of photographs (pip install scikit-image==0.26.0) to a NetCDF file."""

import argparse
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.lib.stride_tricks import sliding_window_view
from skimage import data
from skimage.color import rgb2gray
from skimage.util import img_as_float

# Those of at least 512 pixels a side that the package itself holds; others would be downloaded.
PHOTOS = ("astronaut", "brick", "camera", "grass", "gravel", "hubble_deep_field", "moon")
SIDE, PLACE, PATCH, STEP = 512, 64, 8, 4  # pixels
FLATTEST = 0.01  # standard deviation of the brightness, which is within 0 and 1


def read_photo(name: str) -> np.ndarray:
    """Return the brightness of a photo's upper left part, (y, x), within 0 and 1."""
    photo = img_as_float(getattr(data, name)())
    return (rgb2gray(photo) if photo.ndim == 3 else photo)[:SIDE, :SIDE]


def cut(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return patches, (n_patches, y, x), and the number of the place that each lies in.

    A patch lies within one place, so that patches of two places have no pixel in common. Patches
    without any contrast, such as the black sky, are left out.
    """
    n_places = SIDE // PLACE
    places = photo.reshape(n_places, PLACE, n_places, PLACE).swapaxes(1, 2)
    places = places.reshape(-1, PLACE, PLACE)
    patches = sliding_window_view(places, (PATCH, PATCH), axis=(1, 2))[:, ::STEP, ::STEP]
    numbers = np.repeat(np.arange(len(places)), patches.shape[1] * patches.shape[2])
    patches = patches.reshape(-1, PATCH, PATCH)
    kept = patches.std(axis=(1, 2)) > FLATTEST
    return patches[kept], numbers[kept]


def normalise(patches: np.ndarray) -> np.ndarray:
    """Return patches of mean 0 and standard deviation 1: else brightness tells the photo."""
    centred = patches - patches.mean(axis=(1, 2), keepdims=True)
    return centred / patches.std(axis=(1, 2), keepdims=True)


def make_patches() -> xr.Dataset:
    """Return the patches of all photos, with the photo and the place of each."""
    found = [cut(read_photo(name)) for name in PHOTOS]
    photos = np.repeat(np.arange(len(PHOTOS)), [len(patches) for patches, _ in found])
    places = np.concatenate([numbers for _, numbers in found]) + photos * (SIDE // PLACE) ** 2
    patches = normalise(np.concatenate([patches for patches, _ in found])).astype(np.float32)
    classes = {
        "flag_values": np.arange(len(PHOTOS), dtype=np.int8),
        "flag_meanings": " ".join(PHOTOS),
    }
    return xr.Dataset(
        {
            "brightness": (
                ("patch", "y", "x"),
                patches,
                {"units": "1", "long_name": "brightness, less the patch's mean, over its spread"},
            ),
            "photo": (
                "patch",
                photos.astype(np.int8),
                {"long_name": "photo that the patch is from"} | classes,
            ),
            "place": (
                "patch",
                places.astype(np.int16),
                {"units": "1", "long_name": "number of the square of the photo"},
            ),
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default="data/photos.nc")
    path, patches = parser.parse_args().path, make_patches()
    path.parent.mkdir(parents=True, exist_ok=True)
    patches.to_netcdf(path, engine="netcdf4")
    print(f"{path}: {patches.sizes['patch']:,} patches")
