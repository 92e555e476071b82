"""What the embedded data set looks like, for checks that must not load numba or xarray."""

# Each variable's dimensions.
DIMENSIONS = {
    "tair": ("sample",),
    "pressure": ("sample",),
    "rh": ("sample",),
    "wbar": ("sample",),
    "num_aer": ("sample", "mode"),
    "r_aer": ("sample", "mode"),
    "kappa": ("sample", "mode"),
    "fn": ("sample", "mode"),
    "smax": ("sample",),
    "status": ("sample",),
}
