"""Rasters in degrees, north-up and from -180 to 180 whatever their order in the file."""

from dataclasses import dataclass

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.reading import open_lonlat, open_raster, read_bands

pytestmark = pytest.mark.usefixtures("gdal_backend")


@dataclass
class Placed:
    """Corner and cell sizes of a raster in degrees."""

    west: float
    north: float
    dx: float
    dy: float


def write(path, values, at):
    """A GeoTIFF of two bands, of which the second is the first plus 1000."""
    rows, columns = values.shape
    file = gdal.GetDriverByName("GTiff").Create(str(path), columns, rows, 2, gdal.GDT_Float32)
    file.SetGeoTransform((at.west, at.dx, 0, at.north, 0, at.dy))
    file.SetProjection(WGS84)
    for number in (1, 2):
        file.GetRasterBand(number).WriteArray(values + 1000 * (number - 1))
    return path


WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)


def place_values(longitudes, latitudes):
    """A value that states its own place."""
    return np.add.outer(latitudes, (longitudes + 180) % 360 / 1000).astype(np.float32)


def check(path, grid, window=None):
    with open_lonlat(path) as source:
        assert Grid.from_transform(source.transform, source.shape).same_as(grid)
        values = read_bands(source, [2], window)[0]
    expected = 1000 + place_values(grid.longitudes, grid.latitudes)
    np.testing.assert_allclose(values, expected[window] if window else expected, atol=1e-4)


def test_south_up_is_turned(tmp_path):
    grid = Grid(76.0, 31.0, 0.25, 0.25, 12, 10)
    upward = place_values(grid.longitudes, grid.latitudes)[::-1]
    path = write(tmp_path / "x.tif", upward, Placed(76.0, 28.0, 0.25, 0.25))
    check(path, grid)
    check(path, grid, (slice(1, 4), slice(2, 9)))


@pytest.mark.parametrize("shift", [360, -360])
def test_longitudes_are_from_minus_180_to_180(tmp_path, shift):
    grid = Grid(-104.0, 31.0, 0.5, 0.5, 4, 6)
    values = place_values(grid.longitudes, grid.latitudes)
    check(write(tmp_path / "x.tif", values, Placed(-104 + shift, 31.0, 0.5, -0.5)), grid)


@pytest.mark.parametrize("dy", [-5.0, 5.0])
@pytest.mark.parametrize("west", [0.0, -180.0, 20.0, -2.5])
def test_the_globe_is_cut_at_180(tmp_path, west, dy):
    longitudes = west + (np.arange(72) + 0.5) * 5
    latitudes = (90 if dy < 0 else -90) + (np.arange(36) + 0.5) * dy
    path = write(
        tmp_path / "x.tif",
        place_values(longitudes, latitudes),
        Placed(west, 90.0 if dy < 0 else -90.0, 5.0, dy),
    )
    grid = Grid(-177.5 if west == -2.5 else -180.0, 90.0, 5.0, 5.0, 36, 72)
    check(path, grid)
    for window in ((slice(3, 7), slice(30, 50)), (slice(0, 36), slice(0, 3)),
                   (slice(5, 6), slice(60, 72))):  # fmt: skip
        check(path, grid, window)


def test_a_region_across_180_stays(tmp_path):
    grid = Grid(170.0, 31.0, 0.5, 0.5, 4, 40)
    values = place_values(grid.longitudes, grid.latitudes)
    check(write(tmp_path / "x.tif", values, Placed(170.0, 31.0, 0.5, -0.5)), grid)


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (Placed(8460281, 3503549, 27829, -27829), "no longitudes and latitudes"),
        (Placed(76, 95, 0.25, -0.25), "to 95 in y, which are no longitudes and latitudes"),
        (Placed(76, 31, 1e-12, -1e-12), "cells of 1e-12° x 1e-12°"),
        (Placed(78, 31, -0.25, -0.25), "is rotated"),
    ],
)
def test_what_is_not_in_degrees_is_refused(tmp_path, at, sentence):
    path = write(tmp_path / "x.tif", np.ones((4, 6), np.float32), at)
    with pytest.raises(InputError, match=rf"^x\.tif .*{sentence}"), open_lonlat(path):
        pass
    # Rasters of any projection are opened as they are.
    with open_raster(path) as source:
        assert source.shape == (4, 6)


def test_a_globe_from_minus_180_stays_exactly_as_it_is(tmp_path):
    """The width of a column has rounding errors, and the tiles of a file belong to its pixels."""
    at = Placed(-180.0, 90.0, 360 / 1081, -180 / 540)
    path = write(tmp_path / "x.tif", np.ones((540, 1081), np.float32), at)
    with open_lonlat(path) as source, open_raster(path) as plain:
        assert source.transform == plain.transform
        assert type(source) is type(plain)
