import re

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.plausible import LIMITS, Limits, require_plausible

MONTHS = [f"2004-{number:02}" for number in range(1, 13)] + [f"2005-{n:02}" for n in range(1, 13)]


def field(low=-40.0, high=40.0):
    """Two years of 6 x 5 cells that vary, the first row without a value."""
    values = np.random.default_rng(2).uniform(low, high, (24, 6, 5)).astype(np.float32)
    values[:, 0] = np.nan
    return values


def refusal(values, variable="TWSA", **more):
    with pytest.raises(InputError) as found:
        require_plausible(values, LIMITS.get(variable), "twsa.tif", MONTHS, **more)
    text = str(found.value)
    assert text.startswith("twsa.tif has ") and text.endswith(".")
    return text


@pytest.mark.parametrize(
    "low_high", [(-500, 40), (-2500, 100), (-5999, 5999), (-99, -98), (-1e-6, 0)]
)
def test_values_of_depletion_and_of_ice_sheets_pass(low_high):
    for variable in ("TWSA", "GWSA", "SWES"):
        require_plausible(field(*low_high), LIMITS[variable], "x.tif", MONTHS)


def test_no_value_at_all_passes():
    require_plausible(np.full((2, 3, 3), np.nan), LIMITS["TWSA"], "x.tif")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused(value):
    values = field()
    values[4, 2, 3] = value
    assert f"the value {value} (1 value in band 2004-05)" in refusal(values)
    # Also where nothing is known of the variable.
    assert "which is no number" in refusal(values, "NDVI")


@pytest.mark.parametrize(
    "value",
    [-9999, -3000, 1e20, 32767, -32768, 65535, 255, -3.4028235e38, 9.96921e36, -999, -99999],
)
def test_undeclared_fill_values_are_named_with_their_count(value):
    values = field()
    values[np.isnan(values)] = value
    text = refusal(values)
    assert "a fill value that the file does not declare" in text
    assert "(120 values in 24 bands, the first of them 2004-01)" in text
    stored = float(re.search(r"-a_nodata (\S+)\.$", text)[1])
    assert np.float32(stored) == np.float32(value)


def test_a_single_fill_value_outside_the_limits_is_named():
    values = field()
    values[7, 3, 2] = -9999
    assert "the value -9999 (1 value in band 2004-08), a fill value" in refusal(values)


@pytest.mark.parametrize(("scale", "offset"), [(0.1, 0.0), (0.01, 5.0), (100.0, 0.0)])
def test_fill_values_are_found_as_stored_numbers(scale, offset):
    values = field()
    values[np.isnan(values)] = np.float32(-9999) * np.float32(scale) + np.float32(offset)
    assert "-a_nodata -9999." in refusal(values, scaling=(scale, offset))


def test_values_outside_the_limits_are_counted():
    values = field() * 1000
    outside = np.count_nonzero(np.abs(values) > 6000)
    text = refusal(values)
    assert f"{outside} values in 24 bands" in text and "-6000 to 6000 cm" in text
    assert "correct its unit, scale or nodata value" in text


def test_a_negative_sigma_or_precipitation_is_refused():
    for variable, value in (("SIGMA_TWSA", -0.5), ("precipitation", -60.0)):
        values = field(1, 5)
        values[0, 3, 3] = value
        assert f"the value {value:g} " in refusal(values, variable)
        require_plausible(np.abs(values), LIMITS[variable], "x.tif", MONTHS)


def test_small_negative_sums_of_an_interpolation_pass():
    values = field(0, 900)
    values[:, 3, 3] = -2.4
    require_plausible(values, LIMITS["precipitation"], "x.tif", MONTHS)


def test_permanent_ice_as_a_store_passes():
    require_plausible(field(0, 11_255), LIMITS["SWES"], "x.tif", MONTHS)


@pytest.mark.parametrize("value", [0, 7.5])
def test_a_cell_of_one_value_in_all_months_is_no_twsa(value):
    values = field()
    values[:, 0] = value
    assert f"the value {value:g} in all months in 5 of 30 cells" in refusal(values)
    # Snow is zero in the tropics, and a record of a year can be steady.
    require_plausible(values, LIMITS["SWES"], "x.tif")
    require_plausible(values[:12], LIMITS["TWSA"], "x.tif")


def test_a_number_among_its_neighbours_is_no_fill_value():
    """All codes from 0 to 255 occur; 255 is repeated, but is one of them."""
    codes = np.tile(np.arange(256, dtype=np.float32), 4).reshape(4, 16, 16)
    require_plausible(codes, Limits(0, 255, ""), "x.tif")
    require_plausible(codes, None, "x.tif")
