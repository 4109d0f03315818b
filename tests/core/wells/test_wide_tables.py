"""Tables with one column for each month."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.wells.wide_tables import melt, month_columns, season_columns


@pytest.mark.parametrize(
    "names",
    [
        ("2004-01", "2004-02", "2004-03", "2004-12"),
        ("X2004.01", "X2004.02", "X2004.03", "X2004.12"),
        ("wl_2004_1", "wl_2004_2", "wl_2004_3", "wl_2004_12"),
        ("200401", "200402", "200403", "200412"),
        ("2004-01-15", "2004-02-15", "2004-03-15", "2004-12-15"),
        ("01/2004", "02/2004", "03/2004", "12/2004"),
        ("Jan-2004", "Feb-2004", "March 2004", "December_2004"),
        ("2004 Jan", "2004-feb", "2004_March", "2004Dec"),
        ("Jan-04", "Feb-04", "Mar-04", "Dec-04"),
    ],
)
def test_columns_named_after_months_are_found(names):
    found = month_columns(["well", "lon", *names, "remarks"])
    assert list(found) == list(names)
    assert [str(month) for month in found.values()] == ["2004-01", "2004-02", "2004-03", "2004-12"]


def test_other_columns_are_no_months():
    assert month_columns(["well", "depth", "q25", "zone4", "sensor_2004", "2004-13"]) == {}
    assert month_columns(["well", "2004-01", "2004-02"]) == {}


def test_columns_of_calendar_months_need_a_year():
    months = {"Jan": 1, "February": 2, "MAR": 3, "Dec": 12}
    assert season_columns(["Well", "Year", *months, "Marker"]) == ("Year", {**months, "Marker": 3})
    assert season_columns(["Well", *months]) == ("", {})
    assert season_columns(["Well", "Year", "May"]) == ("", {})


def test_cells_become_readings_and_empty_cells_none():
    january, march = np.array(["2004-01", "2004-03"], dtype="datetime64[M]")
    ids, days, levels = melt(["a", "b"], [(january, ["1.5", ""]), (march, [None, "dry"])])
    assert (ids, levels) == (["a", "b"], ["1.5", "dry"])
    assert days.astype(str).tolist() == ["2004-01-15", "2004-03-15"]
