"""Files as tools and people write them: names, orders, axes and times, with the same values."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pytest
from scipy.io import netcdf_file

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.tests.core.grace.mascon_layouts import CSR_CROP, RECORD, Log, expected, truth

MIDDLES = RECORD.astype("M8[D]") + 14


class Content(NamedTuple):
    """A classic NetCDF file: the names of its dimensions and the order of those of the values."""

    names: tuple[str, str, str] = ("time", "lat", "lon")
    order: tuple[int, ...] = (0, 1, 2)
    latitudes: np.ndarray = CSR_CROP.latitudes
    longitudes: np.ndarray = CSR_CROP.longitudes
    units: tuple[str, str] = ("degrees_north", "degrees_east")
    times: np.ndarray = (MIDDLES - np.datetime64("2002-01-01")).astype(float)
    clock: str = "days since 2002-01-01"
    calendar: str = "standard"
    variable: str = "lwe_thickness"
    unit: str = "cm"
    factor: float = 1.0


def write(path, content, others=()):
    """Write the truth; ``others`` are further variables over the same dimensions."""
    values = truth(content.latitudes, content.longitudes, RECORD) * content.factor
    axes = (content.times, content.latitudes, content.longitudes)
    units = (content.clock, *content.units)
    with netcdf_file(path, "w") as file:
        for name, axis, unit in zip(content.names, axes, units):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f8", (name,))[:] = axis
            if unit:
                file.variables[name].units = unit
        file.variables[content.names[0]].calendar = content.calendar
        dimensions = tuple(content.names[place] for place in content.order)
        for name in (content.variable, *others):
            variable = file.createVariable(name, "f8", dimensions)
            variable[:] = values.transpose(content.order)
            if content.unit:
                variable.units = content.unit
    return path


def check(path, **options):
    stack = import_twsa(path, TwsaOptions(**options)).twsa
    np.testing.assert_array_equal(stack.months, RECORD)
    assert set(stack.source) == {"observed"}
    np.testing.assert_allclose(stack.values, expected(stack), atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"names": ("time", "y", "x")},
        {"names": ("time", "y", "x"), "units": ("", "")},
        {"names": ("t", "latitude", "longitude")},
        {"names": ("T", "row", "column")},
        {"order": (2, 1, 0)},
        {"order": (1, 2, 0), "latitudes": CSR_CROP.latitudes[::-1]},
        {"longitudes": CSR_CROP.longitudes - 360},
        {"longitudes": CSR_CROP.longitudes - 80},
    ],
    ids=["y, x", "without units", "T", "by units", "MATLAB", "R", "to -180", "west"],
)
def test_dimensions_in_any_order_and_under_any_name(tmp_path, change):
    check(write(tmp_path / "f.nc", Content(**change)))


@pytest.mark.parametrize(
    ("clock", "times"),
    [
        ("nanoseconds since 1970-01-01", MIDDLES.astype("M8[ns]").astype(float)),
        ("milliseconds since 1970-01-01 00:00:00", MIDDLES.astype("M8[ms]").astype(float)),
        ("seconds since 1970-01-01T00:00:00Z", MIDDLES.astype("M8[s]").astype(float)),
        ("hours since 1970-01-01 00:00:00.0", MIDDLES.astype("M8[h]").astype(float)),
        ("months since 2003-11-01", np.arange(RECORD.size)),
        ("months since 2003-11-01 00:00:00", np.arange(RECORD.size) + 0.5),
        ("day as %Y%m%d.%f", np.char.replace(MIDDLES.astype(str), "-", "").astype(float) + 0.25),
        ("", np.char.replace(RECORD.astype(str), "-", "").astype(float)),
    ],
    ids=["ns", "ms", "s", "h", "months", "half months", "CDO", "YYYYMM"],
)
def test_times_in_any_unit(tmp_path, clock, times):
    check(write(tmp_path / "f.nc", Content(clock=clock, times=times)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clock": "months since 2003-11-01", "times": np.arange(RECORD.size) * 1.01}, "months si"),
        ({"clock": "years since 2003-11-01"}, "the unit “years since 2003-11-01”; it must be days"),
        ({"clock": "months since 2003-11-05", "times": np.arange(RECORD.size)}, "unit “months"),
        ({"clock": ""}, "time in f.nc has no unit"),
        ({"calendar": "360_day"}, "time in f.nc is in the calendar 360_day, which has other days"),
        ({"calendar": "noleap"}, "calendar noleap"),
    ],
)
def test_times_that_are_not_certain_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        import_twsa(write(tmp_path / "f.nc", Content(**change)))


@pytest.mark.parametrize(
    "name", ["twsa", "TWSA", "lwe", "TWS", "tws_anomaly", "lwe_thickness_csr", "GRACE_TWSA"]
)
def test_names_of_water_thickness_are_known(tmp_path, name):
    check(write(tmp_path / "f.nc", Content(variable=name)))


@pytest.mark.parametrize(
    ("unit", "factor"), [("CM", 1), ("centimeters", 1), ("mm w.e.", 10), ("kg m**-2", 10)]
)
def test_spellings_of_units(tmp_path, unit, factor):
    check(write(tmp_path / "f.nc", Content(unit=unit, factor=factor)))


def test_a_variable_and_its_unit_can_be_given(tmp_path):
    content = Content(variable="water", unit="", factor=10)
    path = write(tmp_path / "f.nc", content)
    with pytest.raises(InputError, match=r"no variable that is known .*\(it has water\); name one"):
        import_twsa(path)
    check(path, variable="Water", unit="mm")
    with pytest.raises(InputError, match=r"f.nc has no variable snow \(it has water\)"):
        import_twsa(path, TwsaOptions(variable="snow"))


def test_two_possible_variables_need_a_choice(tmp_path):
    path = write(tmp_path / "f.nc", Content(variable="tws_a"), ["tws_b"])
    with pytest.raises(InputError, match=r"\(it has tws_a, tws_b\); name one in VARIABLE"):
        import_twsa(path)
    check(path, variable="tws_b")


def test_the_log_has_one_line_of_what_was_understood(tmp_path):
    log = Log()
    content = Content(variable="twsa", unit="mm", factor=10, latitudes=CSR_CROP.latitudes + 0.05)
    import_twsa(write(tmp_path / "f.nc", content), progress=log)
    assert (
        "Read 76 months 2003-11..2010-02 from variable twsa in mm, none of them filled by others; "
        "cells of 0.25°, offset 0.05°." in log.lines
    )


@pytest.mark.parametrize("fill", [-9999.0, 1e20, 32767.0])
def test_fill_values_that_are_not_declared_are_refused(tmp_path, fill):
    path = write(tmp_path / "f.nc", Content())
    with netcdf_file(path, "a", mmap=False) as file:
        file.variables["lwe_thickness"][:, :2] = fill
    with pytest.raises(
        InputError, match=re.escape(f"lwe_thickness in f.nc has the value {fill:.6g} (")
    ):
        import_twsa(path)


def test_a_value_that_never_changes_is_no_value(tmp_path):
    path = write(tmp_path / "f.nc", Content())
    with netcdf_file(path, "a", mmap=False) as file:
        file.variables["lwe_thickness"][:, :2] = 55.5
    with pytest.raises(InputError, match=r"f.nc has the value 55.5 cm in all months in 16 cells"):
        import_twsa(path)


def test_values_in_other_places_than_cells_are_refused(tmp_path):
    projected = Content(
        names=("time", "y", "x"),
        units=("m", "m"),
        latitudes=np.arange(6) * 1e4,
        longitudes=np.arange(8) * 1e4,
    )
    with pytest.raises(InputError, match="y in f.nc is not in degrees"):
        import_twsa(write(tmp_path / "f.nc", projected))
