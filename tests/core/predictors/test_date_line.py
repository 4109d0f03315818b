"""Predictors of a region across 180°, whose longitudes go on beyond 180."""

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.tests.core.predictors.netcdf_files import coordinates, write_classic
from gwsa.tests.core.predictors.raster_files import FACTOR, build_set, write_raster

FIJI = Grid(177.0, -16.0, 0.25, 0.25, 8, 20)
MONTH = np.array(["2004-01"], dtype="datetime64[M]")


def plane(longitude, latitude):
    """Linear in the coordinates within the region, east of 0 as 0 to 360."""
    return 10 * (np.asarray(longitude) % 360 - 170) - 20 * (np.asarray(latitude) + 10)


def field(grid):
    return plane(*np.meshgrid(grid.longitudes, grid.latitudes)).astype(np.float32)


def require_plane(folder, entry, atol=0.02):
    built = build_set(folder, [entry], coarse=FIJI)
    assert built.grid.same_as(FIJI.refine(FACTOR))
    for scale, grid in (("fine", built.grid), ("coarse", built.coarse_grid)):
        np.testing.assert_allclose(read_features(built, scale, MONTH)[0, 0], field(grid), atol=atol)


ENTRY = {"name": "e", "files": "e.tif"}


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("west", [-180.0, 0.0, 90.0])
@pytest.mark.parametrize("cell", [1 / 24, 1 / 15], ids=["copied", "interpolated"])
def test_raster_around_the_globe(tmp_path, west, cell):
    globe = Grid(west, -15.5, cell, cell, round(3 / cell), round(360 / cell))
    write_raster(tmp_path / "e.tif", [field(globe)], globe)
    # The plane has a step of 3600 at longitude 0 only.
    require_plane(tmp_path, ENTRY)


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("crs", ["EPSG:3832", "EPSG:32701", "EPSG:32760", "EPSG:3460"])
def test_raster_in_metres(tmp_path, crs):
    corners = np.meshgrid([176.5, 179.9, -177.5], [-15.7, -18.3])
    x, y = transform("EPSG:4326", crs, corners[0].ravel(), corners[1].ravel())
    west, north = min(x) - 5000, max(y) + 5000
    columns, rows = int((max(x) - west) // 1500) + 5, int((north - min(y)) // 1500) + 5
    affine = rasterio.Affine(1500, 0, west, 0, -1500, north)
    xs, ys = affine * np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    longitude, latitude = transform(crs, "EPSG:4326", xs.ravel(), ys.ravel())
    values = plane(longitude, latitude).reshape(xs.shape)
    options = {"crs": crs, "transform": affine, "width": columns, "height": rows}
    write_raster(tmp_path / "e.tif", [values], **options)
    require_plane(tmp_path, ENTRY, atol=0.2)


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_netcdf_around_the_globe(tmp_path, west):
    globe = Grid(west, -15.5, 1 / 12, 1 / 12, 36, 4320)
    variables = {"e": (("time", "lat", "lon"), field(globe)[None], {})}
    write_classic(tmp_path / "e.nc", coordinates(globe, MONTH), variables)
    require_plane(tmp_path, {"name": "e", "files": "e.nc"})


def test_two_halves_on_either_side(tmp_path):
    """A raster of one side alone leaves the other without values."""
    east = Grid(-180.0, -15.5, 1 / 24, 1 / 24, 72, 72)
    write_raster(tmp_path / "e.tif", [field(east)], east)
    built = build_set(tmp_path, [ENTRY], coarse=FIJI)
    found = read_features(built, "fine", MONTH)[0, 0]
    beyond = built.grid.longitudes > 180
    assert np.isfinite(found[:, beyond]).all() and np.isnan(found[:, ~beyond]).all()
