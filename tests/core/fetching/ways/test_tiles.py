"""Tiles of a terrain model: which there are, their sizes, and what is made of them."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching.remote_file import Wanted
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.gwsa_plugin.core.fetching.ways.tiles import list_files, slope_of
from gwsa.gwsa_plugin.core.rasters.netcdf_raster import NetCdfRaster
from gwsa.tests.core.fetching.ways.conftest import fetch_all, final_files, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import NOT_THERE, Reply

HOST = "copernicus-dem-90m.s3.eu-central-1.amazonaws.com"
SOURCE = read_sources()["copernicus_dem"]
NO_MONTHS = np.array([], "datetime64[M]")


def test_the_announced_size_is_that_of_the_tiles(archives, client, steps, tmp_path):
    plan, outcome = fetch_all(order_of("copernicus_dem"), tmp_path, client, steps)
    tiles = archives.visits(r"_DEM\.tif")
    assert plan.bytes == (sum(visit.sent for visit in tiles),) * 2 and len(tiles) == 4
    assert outcome.failed == [] and final_files(tmp_path) == ["predictors/topography.nc"]
    assert [path.name for path in (tmp_path / "predictors").iterdir()] == ["topography.nc"]


def test_a_run_goes_on_with_the_tiles_that_have_come(archives, client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "N29_00_E077", kinds.CUT, detail=5000))
    archives.faults.append(Fault(HOST, "N29_00_E077", kinds.UNAVAILABLE, after=1))
    assert len(fetch_all(order_of("copernicus_dem"), tmp_path, client, steps)[1].failed) == 1
    archives.clear()
    assert fetch_all(order_of("copernicus_dem"), tmp_path, client, steps)[1].failed == []
    (visit,) = archives.visits(r"_DEM\.tif")
    assert visit.status == 206 and "N29_00_E077" in visit.path


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ((10.2, 45.1, 10.8, 45.9), ["N45_00_E010"]),
        ((-70.5, -33.5, -69.5, -32.5), ["S34_00_W071", "S34_00_W070", "S33_00_W071",
                                        "S33_00_W070"]),
        ((179.5, 0.5, 180.5, 0.9), ["N00_00_E179", "N00_00_W180"]),
        ((-0.5, -0.5, 0.0, 0.0), ["S01_00_W001"]),
    ],
)  # fmt: skip
def test_tiles_are_named_by_their_south_west_corner(archives, client, bounds, names):
    every = [f"Copernicus_DSM_COG_30_{name}_00_DEM" for name in [*names, "N88_00_E000"]]
    listed = Reply(200, {}, "\n".join(every).encode())
    archives.hosts[HOST] = lambda asked: listed if asked.path == "/tileList.txt" else NOT_THERE
    archives.faults.append(Fault(HOST, "_DEM", kinds.SERVER_ERROR, methods=("HEAD",)))
    (file,) = list_files(SOURCE, Wanted(bounds, NO_MONTHS), client)
    assert [tile.path for tile in file.settings["tiles"]] == [f"{n}.tif" for n in every[:-1]]


def test_the_sea_has_the_elevation_zero(archives, client, steps, tmp_path):
    names = ["Copernicus_DSM_COG_30_N29_00_E077_00_DEM"]
    host = archives.hosts[HOST]
    listed = Reply(200, {}, "\n".join(names).encode())
    archives.hosts[HOST] = lambda asked: listed if asked.path == "/tileList.txt" else host(asked)
    fetch_all(order_of("copernicus_dem"), tmp_path, client, steps)
    source = NetCdfRaster(tmp_path / "predictors/topography.nc", "elevation")
    values = source.read_floats([1])[0]
    assert (values[:, 0] == 0).all() and (values[-1] == 0).all()
    assert values[1:-1, 1:].min() > 300


def test_slope_follows_the_latitude():
    grid = Grid(10.0, 61.0, 0.01, 0.01, 100, 100)
    east = np.broadcast_to(grid.longitudes * 1000, grid.shape).astype(np.float32)
    metres = 111_195 * np.cos(np.radians(grid.latitudes))
    truth = np.degrees(np.arctan(1000 / metres))
    np.testing.assert_allclose(slope_of(east, grid)[:, 50], truth, rtol=2e-3)
    north = np.broadcast_to(grid.latitudes[:, None] * 1000, grid.shape).astype(np.float32)
    truth = np.degrees(np.arctan(1000 / 111_195))
    np.testing.assert_allclose(slope_of(north, grid), truth, rtol=2e-2)


def test_slope_has_no_value_beside_a_pixel_without_one():
    grid = Grid(10.0, 1.0, 0.01, 0.01, 5, 5)
    elevation = np.zeros(grid.shape, np.float32)
    elevation[2, 2] = np.nan
    assert np.isnan(slope_of(elevation, grid)).sum() == 4
