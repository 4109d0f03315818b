"""Identifiers of two tables that do not meet, and wells on both sides of 180°."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells, unmatched

PAIRS = [
    ("W0004", "w0004", "they differ in upper and lower case"),
    ("0004", "4", "zeros at the beginning are missing in one table"),
    ("14", "14.0", "numbers end in .0 in one table"),
    ("AB-12/3", "ab 12_3", "they differ in spaces or signs"),
    ("382205075221401", "3.82E+14", "a spreadsheet has shortened long numbers"),
]


@pytest.mark.parametrize(("listed", "read", "cause"), PAIRS)
def test_identifiers_that_do_not_meet_are_shown_with_the_cause(listed, read, cause):
    wells = Wells.from_columns([listed], 76.0, 29.0)
    with pytest.raises(InputError, match=f"“{listed}”.*“.*”.*{cause}"):
        Readings.from_columns(wells, [read], ["2004-01-01"], [1.0])


def test_some_identifiers_that_do_not_meet_are_described():
    wells = Wells.from_columns(["12", "003", "004"], 76.0, 29.0)
    assert unmatched(wells, ["12", "3", "4", 4]) == (
        "2 wells of readings are not listed (“3”, “4”), and 2 listed wells have no readings "
        "(“003”, “004”): zeros at the beginning are missing in one table"
    )
    assert unmatched(wells, ["12", "99"]).endswith("2 listed wells have no readings (“003”, “004”)")
    assert unmatched(wells, ["12", "003"]) == ""


def test_readings_without_identifier_belong_to_no_well():
    wells = Wells.from_columns(["12", None, ""], 76.0, 29.0)
    days = ["2004-01-01"] * 4
    readings = Readings.from_columns(wells, ["12", None, "", " "], days, [1.0, 2.0, 3.0, 4.0])
    assert readings.well.tolist() == [0]
    assert readings.unlisted == 3
    assert unmatched(wells, ["12", None]) == ""


@pytest.mark.parametrize(
    ("west", "columns", "moved"),
    [(177.0, 20, [178, 181]), (-180.0, 20, [178, -179]), (0.0, 1440, [178, 181])],
)
def test_wells_are_moved_to_the_side_of_the_grid(west, columns, moved):
    grid = Grid(west, -15.0, 0.25, 0.25, 16, columns)
    wells = Wells.from_columns("ab", [178, -179], -17.0)
    np.testing.assert_array_equal(wells.near(grid).longitude, moved)
    assert Wells.from_columns("a", [181], -17.0).near(grid).longitude == moved[1]
