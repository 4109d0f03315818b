"""Unit and quantity of readings, from the names of their fields."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.wells.reading_kind import (
    DEPTH,
    ELEVATION,
    FEET,
    METRES,
    ReadingKind,
    recognise_reading,
)


@pytest.mark.parametrize(
    ("field", "unit", "quantity"),
    [
        ("depth_to_water", METRES, DEPTH),
        ("dtw_ft", FEET, DEPTH),
        ("Depth (feet)", FEET, DEPTH),
        ("lev_va", FEET, DEPTH),
        ("sl_lev_va", FEET, ELEVATION),
        ("WTE", METRES, ELEVATION),
        ("water_level_masl", METRES, ELEVATION),
        ("wl_elev_ft", FEET, ELEVATION),
        ("level_navd88_ft", FEET, ELEVATION),
        ("mbgl", METRES, DEPTH),
        ("value", METRES, DEPTH),
    ],
)
def test_names_are_recognised(field, unit, quantity):
    assert recognise_reading(field) == ReadingKind(unit, quantity)


def test_choices_take_precedence_over_names():
    assert recognise_reading("wte_ft", METRES, DEPTH) == ReadingKind(METRES, DEPTH)
    assert recognise_reading("wte_ft", METRES) == ReadingKind(METRES, ELEVATION)


def test_feet_are_converted():
    """Placeholders stay, so that they are recognised later."""
    levels = ReadingKind(FEET, DEPTH).in_metres(np.array([100.0, np.nan, -999.0]), "dtw")
    np.testing.assert_allclose(levels, [30.48, np.nan, -999.0])


def test_depths_that_are_elevations_are_refused():
    levels = np.array([1234.5, 1240.0, np.nan, 3.0])
    with pytest.raises(InputError, match="dtw has values around 1,234 m"):
        ReadingKind().in_metres(levels, "dtw")
    assert ReadingKind(METRES, ELEVATION).in_metres(levels, "wte")[0] == 1234.5


def test_depths_that_are_mostly_negative_are_refused():
    levels = np.array([-5.0, -4.8, -5.2, 0.3, np.nan, -999])
    with pytest.raises(InputError, match="wl is mostly negative, around -4.9.*VALUE"):
        ReadingKind().in_metres(levels, "wl")
    heights = ReadingKind(METRES, ELEVATION).in_metres(levels, "wl")
    np.testing.assert_array_equal(heights, levels)
    np.testing.assert_array_equal(ReadingKind().in_metres(-levels, "wl"), -levels)


def test_a_field_without_numbers_is_refused():
    with pytest.raises(InputError, match="remarks has no numbers other.*VALUE_FIELD"):
        ReadingKind().in_metres(np.array([np.nan, -999]), "remarks")
