"""Stored numbers in physical units, by the conventions of NetCDF and CF."""

import numpy as np
import pytest

from twostep.data.decoding import decode
from twostep.util.errors import UserError

NAN = np.nan


@pytest.mark.parametrize(
    ("stored", "attributes", "expected"),
    [
        # The attributes of packed numbers are often in single precision.
        (np.array([100, -32767], "i2"), {"scale_factor": np.float32(0.01)}, [1.0, NAN]),
        (
            np.array([0, 100, 101], "i2"),
            {"scale_factor": np.float32(0.01), "valid_range": np.array([0, 100], "i2")},
            [0.0, 1.0, NAN],
        ),
        # Limits of the unpacked type are in physical units.
        (
            np.array([0, 49, 51], "i2"),
            {"scale_factor": np.float32(0.01), "valid_min": np.float32(0.5)},
            [NAN, NAN, 0.51],
        ),
        # Limits are compared in the precision of the data.
        (np.array([0.3, 0.31], "f4"), {"valid_range": np.array([0, 0.3])}, [0.3, NAN]),
        (np.array([1, 40000], "i4"), {"valid_max": np.int64(30000)}, [1, NAN]),
        # Text that spells a number, as some tools write it.
        (np.array([1, -999], "f4"), {"missing_value": "-999"}, [1, NAN]),
        (
            np.array([1, -999, -99], "f4"),
            {"missing_value": np.array([-999.0, -99.0])},
            [1, NAN, NAN],
        ),
        (np.array([2, 4], "i2"), {"scale_factor": "0.5"}, [1, 2]),
        # Unsigned bytes in a format that has none.
        (
            np.array([-1, 1], "i1"),
            {"_Unsigned": "true", "valid_range": np.array([0, -1], "i1")},
            [255, 1],
        ),
        (np.array([-1, 1], "i1"), {"_Unsigned": "true", "_FillValue": np.int8(-1)}, [NAN, 1]),
        (np.array([-1, 1], "i1"), {"_Unsigned": "true", "_FillValue": np.uint8(255)}, [NAN, 1]),
        (np.array([2**62, 5]), {"_FillValue": np.int64(2**62)}, [NAN, 5]),
        (np.array([5, 7], "i2"), {"missing_value": np.int32(70000)}, [5, 7]),
        (np.array([True, False]), {}, [1, 0]),
    ],
)
def test_attributes_are_taken_as_their_conventions_have_it(stored, attributes, expected):
    np.testing.assert_allclose(decode(stored, attributes, "x"), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "fragments"),
    [
        ({"missing_value": "none"}, ["missing_value 'none'", "no number"]),
        ({"scale_factor": np.array([1.0, 2.0])}, ["scale_factor of 2 numbers"]),
        ({"valid_range": np.array([1.0])}, ["valid_range of 1 numbers"]),
        ({"valid_min": np.array([1.0, 2.0])}, ["valid_min of 2 numbers"]),
    ],
)
def test_attributes_that_make_no_sense(attributes, fragments):
    with pytest.raises(UserError) as error:
        decode(np.zeros(3), attributes, "data.nc: variable 'x'")
    for fragment in ["data.nc: variable 'x'", *fragments]:
        assert fragment in str(error.value)
