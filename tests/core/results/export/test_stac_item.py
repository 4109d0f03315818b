import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.results.export.stac_item import (
    DataFile,
    Digest,
    footprint,
    stac_item,
)

FILES = [
    DataFile("netcdf/GWSA_2004.nc", "GWSA, 2004", month_range("2004-03", "2004-12")),
    DataFile("cog/GWSA_2004.tif", "GWSA, 2004", month_range("2004-03", "2004-12")),
]
TEXTS = {"README.md": ("Description", "text/markdown")}
DIGESTS = {path: Digest(12, "ab" * 32) for path in [*TEXTS, *(file.path for file in FILES)]}


@pytest.fixture
def item(product, description):
    return stac_item(description, product, FILES, TEXTS, DIGESTS)


def test_item_states_place_and_period(item):
    assert item["stac_version"] == "1.1.0"
    assert item["bbox"] == [70.0, 29.916666667, 74.166666667, 32.0]
    properties = item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2004-03-01T00:00:00Z"
    assert properties["end_datetime"] == "2005-12-31T23:59:59Z"
    assert properties["proj:code"] == "EPSG:4326"
    assert properties["sci:doi"] == "10.5072/example"
    assert json.loads(json.dumps(item)) == item


def test_assets_have_address_type_checksum_and_bands(item):
    assert list(item["assets"]) == [*(file.path for file in FILES), "README.md"]
    asset = item["assets"]["cog/GWSA_2004.tif"]
    assert asset["href"] == "./cog/GWSA_2004.tif"
    assert asset["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
    # A multihash: function 0x12 (SHA-256), 0x20 bytes.
    assert asset["file:checksum"] == "1220" + "ab" * 32 and asset["file:size"] == 12
    assert [band["name"] for band in asset["bands"]][::11] == ["2004-01", "2004-12"]
    assert asset["proj:shape"] == [250, 500]
    np.testing.assert_allclose(asset["proj:transform"], [1 / 120, 0, 70, 0, -1 / 120, 32])
    assert "bands" not in item["assets"]["netcdf/GWSA_2004.nc"]


def test_rasters_state_sampling_and_cell_size(item):
    assert "https://stac-extensions.github.io/raster/v2.0.0/schema.json" in item["stac_extensions"]
    for file in FILES:
        asset = item["assets"][file.path]
        assert asset["raster:sampling"] == "area"
        # 1/120 degree at 31 degrees north: 927 m by 927 m times the cosine.
        side = 6371007.2 * np.deg2rad(1 / 120) * np.sqrt(np.cos(np.deg2rad(30.958)))
        assert asset["raster:spatial_resolution"] == pytest.approx(side, rel=0.005)
    assert "raster:sampling" not in item["assets"]["README.md"]


@pytest.mark.parametrize(
    ("bounds", "box", "parts"),
    [
        ((70, 28, 74, 32), [70, 28, 74, 32], 1),
        ((177, -20, 182, -15), [177, -20, -178, -15], 2),
        ((-183, -20, -178, -15), [177, -20, -178, -15], 2),
        ((-180, -90, 180, 90), [-180, -90, 180, 90], 1),
        ((-180.125, -90.125, 179.875, 90.125), [-180, -90, 180, 90], 1),
    ],
)
def test_regions_across_180_degrees_are_cut(bounds, box, parts):
    geometry, found = footprint(bounds)
    assert found == box
    polygons = [geometry["coordinates"]] if parts == 1 else geometry["coordinates"]
    assert len(polygons) == parts
    assert geometry["type"] == ("Polygon" if parts == 1 else "MultiPolygon")


@given(st.floats(-180, 180), st.floats(0.1, 359), st.floats(-90, 80), st.floats(0.1, 10))
def test_footprint_has_the_area_of_the_region_and_valid_rings(west, width, south, height):
    geometry, box = footprint((west, south, west + width, south + height))
    single = geometry["type"] == "Polygon"
    area = 0.0
    for (ring,) in [geometry["coordinates"]] if single else geometry["coordinates"]:
        x, y = np.array(ring).T
        assert (np.abs(x) <= 180).all() and (np.abs(y) <= 90).all()
        assert ring[0] == ring[-1]
        # Counter-clockwise rings have a positive area.
        part = ((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2
        assert part >= -1e-9
        area += part
    assert area == pytest.approx(width * height, rel=1e-6, abs=1e-5)
    assert (box[0] > box[2]) == (not single)
