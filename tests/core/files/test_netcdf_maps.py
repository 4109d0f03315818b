"""Monthly maps in NetCDF files, as those of G3P."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.netcdf_maps import NetCdfMaps
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.tests.core.predictors.netcdf_files import coordinates, write_classic, write_hdf5

GLOBE = Grid(0.0, 90.0, 10.0, 10.0, 18, 36)
MONTHS = month_range("2004-01", "2004-06")
LAYERS = ("time", "lat", "lon")


def write(path, variables, grid=GLOBE, months=MONTHS, writer=write_hdf5):
    times = months.astype("datetime64[D]") + 14
    return writer(path, coordinates(grid, times), variables)


def values(seed=0):
    return np.random.default_rng(seed).normal(0, 50, (6, 18, 36)).astype(np.float32)


@pytest.mark.parametrize("writer", [write_classic, write_hdf5])
def test_millimetres_from_0_to_360_become_centimetres_from_180_west(tmp_path, writer):
    data = values()
    path = write(tmp_path / "g3p.nc", {"gws": (LAYERS, data, {"units": "mm"})}, writer=writer)
    maps = NetCdfMaps.from_netcdf(path)
    assert maps.variable == "gws" and maps.grid.west == -180 and maps.grid.wraps
    assert (maps.months == MONTHS).all() and maps.source == (OBSERVED,) * 6
    with maps.opened() as read:
        window = read(MONTHS[2:4], (slice(1, 3), slice(18, 20)))
    assert window == pytest.approx(data[2:4, 1:3, :2] / 10, rel=1e-6)
    assert maps.tiles() is None
    assert maps.block() == ((1, 36) if writer is write_classic else (18, 36))


def test_the_variable_of_groundwater_is_found_among_others(tmp_path):
    variables = {
        "uncertainty": (LAYERS, values(1), {"units": "mm"}),
        "GWSA": (LAYERS, values(), {"units": "mm"}),
    }
    path = write(tmp_path / "two.nc", variables)
    assert NetCdfMaps.from_netcdf(path).variable == "GWSA"
    assert NetCdfMaps.from_netcdf(path, "uncertainty").variable == "uncertainty"


def test_several_variables_without_a_usual_name_are_refused(tmp_path):
    variables = {name: (LAYERS, values(), {"units": "mm"}) for name in ("one", "two")}
    path = write(tmp_path / "two.nc", variables)
    with pytest.raises(InputError, match="holds one, two; state which variable is meant"):
        NetCdfMaps.from_netcdf(path)


def test_several_solutions_in_a_month_are_named(tmp_path):
    """As in a file of GRACE solutions."""
    months = np.array(["2004-01", "2004-02", "2004-02", "2004-03", "2004-04", "2004-05"], "M8[M]")
    path = write(tmp_path / "grace.nc", {"lwe": (LAYERS, values(), {"units": "cm"})}, months=months)
    with pytest.raises(InputError, match="2 times in 2004-02"):
        NetCdfMaps.from_netcdf(path)


def test_an_unstated_unit_is_asked_for(tmp_path):
    path = write(tmp_path / "plain.nc", {"gwsa": (LAYERS, values(), {})})
    with pytest.raises(InputError, match="states no unit"):
        NetCdfMaps.from_netcdf(path)
    maps = NetCdfMaps.from_netcdf(path, unit="m")
    with maps.opened() as read, pytest.raises(InputError, match="outside the possible"):
        read(MONTHS)
    with pytest.raises(InputError, match="no known unit"):
        NetCdfMaps.from_netcdf(path, unit="furlong")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.nc").write_text("no NetCDF")
    with pytest.raises(InputError, match="text.nc is no NetCDF file"):
        NetCdfMaps.from_netcdf(tmp_path / "text.nc")
    with pytest.raises(InputError, match="absent.nc does not exist"):
        NetCdfMaps.from_netcdf(tmp_path / "absent.nc")


def test_some_months(tmp_path):
    path = write(tmp_path / "g3p.nc", {"gws": (LAYERS, values(), {"units": "mm"})})
    some = NetCdfMaps.from_netcdf(path).with_months(MONTHS[1:3])
    assert (some.months == MONTHS[1:3]).all() and len(some.source) == 2
    assert some.variable == "gws"
