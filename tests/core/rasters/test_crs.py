"""Coordinate reference systems and transformations, on both settings of GDAL's exceptions."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.rasters.crs import (
    LONLAT,
    crs_name,
    is_geographic,
    is_lonlat,
    transform_bounds,
    transform_points,
    well_known_text,
)
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError

WEB = "EPSG:3857"
RADIUS = 6378137.0  # of the web Mercator sphere, in m


def test_systems_are_recognised_from_wkt():
    for crs, geographic, lonlat in (
        (LONLAT, True, True),
        ("EPSG:4269", True, False),
        (WEB, False, False),
    ):
        text = well_known_text(crs)
        assert (is_geographic(text), is_lonlat(text)) == (geographic, lonlat)
        assert crs_name(text) == crs
    assert crs_name("+proj=laea +lat_0=29 +lon_0=77") == "unknown"


def test_points_are_in_the_order_of_gis(gdal_habit):
    x, y = transform_points(LONLAT, WEB, [10.0, -20.0], [0.0, 45.0])
    np.testing.assert_allclose(x, RADIUS * np.radians([10, -20]))
    np.testing.assert_allclose(y, [0, RADIUS * np.log(np.tan(np.radians(67.5)))], atol=1e-6)
    back = transform_points(WEB, LONLAT, x, y)
    np.testing.assert_allclose(back, [[10, -20], [0, 45]], atol=1e-9)


def test_bounds_contain_the_bulge_of_a_side(gdal_habit):
    laea = "+proj=laea +lat_0=60 +lon_0=0"
    _, bottom, _, top = transform_bounds(LONLAT, laea, (-30, 50, 30, 70))
    corner = transform_points(LONLAT, laea, [-30.0], [70.0])[1][0]
    middle = transform_points(LONLAT, laea, [0.0], [50.0])[1][0]
    assert top == pytest.approx(corner)
    assert bottom == pytest.approx(middle)


def test_what_has_no_coordinates_raises_raster_error(gdal_habit, capfd):
    with pytest.raises(RasterError, match="cannot be transformed"):
        transform_points(LONLAT, "+proj=gnom +lat_0=90", [0.0], [-80.0])
    with pytest.raises(RasterError, match="EPSG:1 cannot be read"):
        well_known_text("EPSG:1")
    assert capfd.readouterr().err == ""
