"""Cropped and rewritten mascon files: lost metadata give a warning, the values are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.rasters import netcdf_writer as sample_netcdf
from gwsa.gwsa_plugin.core.sample_world.grace_files import MISSING, solved_months, time_bounds
from gwsa.tests.core.grace.mascon_layouts import (
    CSR,
    CSR_CROP,
    RECORD,
    Layout,
    Log,
    expected,
    truth,
    write_classic,
    write_mascons,
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"latitudes": CSR_CROP.latitudes[::-1]},
        {"longitudes": CSR_CROP.longitudes - 80},
        {"longitudes": CSR_CROP.longitudes + 280},
        {"longitudes": (CSR_CROP.longitudes + 289) % 360},
        {"units": "units"},
        {"chunks": (12, 2, 5)},
    ],
    ids=[
        "as CSR",
        "north-up",
        "western",
        "western in 0-360",
        "across Greenwich",
        "lower-case units",
        "compressed",
    ],
)
def test_each_value_is_in_its_cell_and_month(tmp_path, change):
    layout = replace(CSR_CROP, **change)
    stack = import_twsa(write_mascons(tmp_path / "f.nc", layout)).twsa
    assert stack.grid.shape == (6, 8)
    assert stack.grid.latitudes[0] == layout.latitudes.max()
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)
    assert stack.tags["GWSA_BASELINE"] == "2004-01..2009-12"


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(2, 3), slice(None)), (slice(None), slice(4, 5))],
    ids=["a row", "a column"],
)
def test_a_single_row_or_column_has_square_cells(tmp_path, rows, columns):
    layout = replace(
        CSR_CROP, latitudes=CSR_CROP.latitudes[rows], longitudes=CSR_CROP.longitudes[columns]
    )
    stack = import_twsa(write_mascons(tmp_path / "f.nc", layout)).twsa
    assert stack.grid.shape == (layout.latitudes.size, layout.longitudes.size)
    assert stack.grid.dx == stack.grid.dy == 0.25
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)


def test_a_single_cell_is_refused(tmp_path):
    layout = replace(CSR_CROP, latitudes=CSR_CROP.latitudes[:1], longitudes=CSR_CROP.longitudes[:1])
    with pytest.raises(InputError, match="f.nc holds a single cell, whose size cannot be"):
        import_twsa(write_mascons(tmp_path / "f.nc", layout))


def test_half_a_degree_is_copied_into_quarter_degrees(tmp_path):
    layout = replace(
        CSR_CROP, longitudes=np.arange(10.25, 13, 0.5), latitudes=np.arange(40.25, 42, 0.5)
    )
    stack = import_twsa(write_mascons(tmp_path / "f.nc", layout)).twsa
    assert stack.grid.dx == 0.25
    np.testing.assert_array_equal(stack.values[:, ::2, ::2], stack.values[:, 1::2, 1::2])
    half = import_twsa(tmp_path / "f.nc", TwsaOptions(cell=0.5)).twsa
    np.testing.assert_allclose(half.values, expected(half), atol=2e-5)
    np.testing.assert_array_equal(half.values, stack.values[:, ::2, ::2])


# Units and packing


@pytest.mark.parametrize(("unit", "factor"), [("mm", 10), ("m", 0.01), ("kg m-2", 10)])
def test_other_units_become_centimetres(tmp_path, unit, factor):
    values = truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD) * factor
    stack = import_twsa(write_mascons(tmp_path / "f.nc", replace(CSR_CROP, unit=unit), values)).twsa
    np.testing.assert_allclose(stack.values, expected(stack), atol=1e-4)


def test_an_unknown_unit_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", replace(CSR_CROP, unit="inch"))
    with pytest.raises(
        InputError,
        match="lwe_thickness in f.nc has the unit “inch”; it must be cm, mm, kg m-2 or m",
    ):
        import_twsa(tmp_path / "f.nc")


def test_values_without_a_unit_need_one(tmp_path):
    values = truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD) * 10
    write_mascons(tmp_path / "f.nc", replace(CSR_CROP, unit=""), values)
    with pytest.raises(InputError, match="no unit; give it in UNIT .* the record is 514"):
        import_twsa(tmp_path / "f.nc")
    stack = import_twsa(tmp_path / "f.nc", TwsaOptions(unit="mm")).twsa
    np.testing.assert_allclose(stack.values, expected(stack), atol=1e-4)


def test_a_given_unit_is_used_and_that_is_a_warning(tmp_path):
    values = truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD) * 10
    write_mascons(tmp_path / "f.nc", CSR_CROP, values)
    log = Log()
    stack = import_twsa(tmp_path / "f.nc", TwsaOptions(unit="mm"), log).twsa
    np.testing.assert_allclose(stack.values, expected(stack), atol=1e-4)
    assert any("taken in mm, as UNIT states; f.nc itself states cm" in one for one in log.warnings)


def test_packed_values_are_unpacked_and_their_fill_is_nan(tmp_path):
    packed = np.rint((truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD) - 2) / 0.01)
    packed[:, 0, 0] = packed[0, 1, 1] = -32768
    attributes = {"scale_factor": 0.01, "add_offset": 2.0, "_FillValue": np.int16(-32768)}
    layout = replace(CSR_CROP, kind="i2", thickness=attributes)
    stack = import_twsa(write_classic(tmp_path / "f.nc", layout, packed)).twsa
    finite = np.isfinite(stack.values)
    assert not finite[:, -1, 0].any()
    assert (~finite).sum() == RECORD.size + 1
    np.testing.assert_allclose(stack.values[finite], expected(stack)[finite], atol=0.011)


@pytest.mark.parametrize("fill", [-99999.0, None], ids=["stated", "not stated"])
def test_fill_values_are_nan(tmp_path, fill):
    values = truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD)
    values[:, 0, 0] = values[5, 1, 1] = -99999
    stack = import_twsa(write_mascons(tmp_path / "f.nc", replace(CSR_CROP, fill=fill), values)).twsa
    assert np.isnan(stack.values[:, -1, 0]).all()
    assert np.isnan(stack.values[:, -2, 1]).sum() == 1
    assert np.nanmin(stack.values) > -100


# Times


@pytest.mark.parametrize(
    "clock",
    [
        ("i8", "hours since 2003-11-16 00:00:00"),
        ("f8", "days since 2003-11-15 12:00:00"),
        ("f8", "days since 1970-01-01"),
    ],
)
def test_time_in_another_encoding_is_the_same_time(tmp_path, clock, monkeypatch):
    # The type exists in this process alone, which therefore writes the file itself.
    monkeypatch.setitem(sample_netcdf._TYPES, "i8", gdal.GDT_Int64)
    monkeypatch.setattr(sample_netcdf, "trouble", lambda: "not used")
    stack = import_twsa(
        write_mascons(tmp_path / "f.nc", replace(CSR_CROP, clock=clock, units="units"))
    ).twsa
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)


def test_time_in_no_unit_is_refused(tmp_path):
    layout = replace(CSR_CROP, units="was_units")
    with pytest.raises(InputError, match="time in f.nc has no unit; it must be days since a date"):
        import_twsa(write_mascons(tmp_path / "f.nc", layout))


class NoDate(Layout):
    times = property(lambda self: self.days.mean(axis=1))


@pytest.mark.parametrize(
    "unit", ["days since 2002-01-00", "months since 2002-01-01", "days since 2002-13-01"]
)
def test_time_since_no_date_is_refused(tmp_path, unit):
    write_mascons(tmp_path / "f.nc", NoDate(**{**vars(CSR_CROP), "clock": ("f4", unit)}))
    with pytest.raises(
        InputError, match=f"time in f.nc has the unit “{unit}”; it must be days since a date"
    ):
        import_twsa(tmp_path / "f.nc")


@pytest.mark.parametrize("value", [np.nan, 9.96921e36], ids=["NaN", "NetCDF's fill"])
def test_an_empty_time_is_refused(tmp_path, value):
    write_mascons(
        tmp_path / "f.nc", replace(CSR_CROP, bounds=False, spans=np.full((RECORD.size, 2), value))
    )
    with pytest.raises(InputError, match="time in f.nc has an empty entry"):
        import_twsa(tmp_path / "f.nc")


def mission(**change):
    """The solutions of the mission on a few cells; two months have two solutions each."""
    attributes = {**CSR, "months_missing": ";".join(MISSING)}
    layout = replace(CSR_CROP, months=solved_months(), spans=time_bounds(), attributes=attributes)
    return replace(
        layout, latitudes=CSR_CROP.latitudes[:2], longitudes=CSR_CROP.longitudes[:2], **change
    )


def test_without_time_bounds_the_months_of_the_mission_are_the_same(tmp_path):
    log = Log()
    write_mascons(tmp_path / "f.nc", mission(bounds=False))
    found = import_twsa(tmp_path / "f.nc", progress=log).solutions
    np.testing.assert_array_equal([one.month for one in found], solved_months())
    assert {str(one.month) for one in found if one.moved_from} == {"2011-11", "2015-05"}
    assert not any(one.stated for one in found)
    assert any(
        "has no time_bounds, so each solution is taken to cover half a month" in line
        for line in log.warnings
    )


def test_without_time_bounds_the_list_of_missing_months_is_still_checked(tmp_path):
    layout = mission(bounds=False)
    wrong = replace(layout, attributes={**CSR, "months_missing": ";".join(MISSING[1:])})
    with pytest.raises(
        InputError, match="disagree with its own months_missing .*not listed: 2002-06"
    ):
        import_twsa(write_mascons(tmp_path / "f.nc", wrong))


def test_without_attributes_the_centre_is_unknown_and_that_is_a_warning(tmp_path):
    log = Log()
    stack = import_twsa(
        write_mascons(tmp_path / "f.nc", replace(CSR_CROP, attributes={}, bounds=False)),
        progress=log,
    ).twsa
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)
    assert stack.tags["GWSA_CENTRE"] == "unknown"
    assert "f.nc does not state its processing centre; it is read by its variables." in log.warnings
