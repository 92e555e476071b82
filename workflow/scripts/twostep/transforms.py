"""The transforms that a variable may undergo before standardisation."""

import numpy as np

TRANSFORMS = {"none": lambda values: values, "log10": np.log10, "log1p": np.log1p}
# Values must lie above these.
LOWER_BOUNDS = {"log10": 0.0, "log1p": -1.0}
