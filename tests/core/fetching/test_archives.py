"""Zipped polygons: their content is checked, OGR reads them, and they are for their region only."""

from zipfile import ZipFile

import numpy as np
import pytest
from osgeo import ogr, osr

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.content import find_damage
from gwsa.gwsa_plugin.core.fetching.plan import Order, make_plan
from gwsa.gwsa_plugin.core.fetching.remote_file import ZIP
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.conftest import fetch_all
from gwsa.tests.servers.messages import Reply

MONTHS = (np.datetime64("2010-01", "M"), np.datetime64("2010-02", "M"))
VALLEY = (-121.0, 36.0, -119.0, 38.0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A zipped shapefile of one aquifer."""
    folder = tmp_path_factory.mktemp("shape")
    source = ogr.GetDriverByName("ESRI Shapefile").CreateDataSource(str(folder / "us_aquifers.shp"))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(4269)
    layer = source.CreateLayer("us_aquifers", crs, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("AQ_NAME", ogr.OFTString))
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetField("AQ_NAME", "Central Valley aquifer system")
    feature.SetGeometry(ogr.CreateGeometryFromWkt("POLYGON((-121 36,-119 36,-119 38,-121 36))"))
    layer.CreateFeature(feature)
    del feature, layer, source
    path = folder / "aquifers.zip"
    with ZipFile(path, "w") as zipped:
        for file in sorted(folder.glob("us_aquifers.*")):
            zipped.write(file, file.name)
    return path


def test_the_polygons_can_be_opened_as_they_come(loopback, client, steps, archive, tmp_path):
    loopback.hosts["www.sciencebase.gov"] = lambda asked: Reply(200, {}, archive)
    outcome = fetch_all(Order(("usgs_aquifers",), VALLEY, *MONTHS), tmp_path, client, steps)
    assert outcome.failed == []
    source = ogr.Open(str(tmp_path / "aquifers/aquifers_us.shp.zip"))
    assert source.GetLayer(0).GetNextFeature()["AQ_NAME"] == "Central Valley aquifer system"


def test_a_region_elsewhere_is_refused_before_anything_is_asked(loopback, client, steps, tmp_path):
    order = Order(("usgs_aquifers",), (77.0, 29.0, 79.0, 31.0), *MONTHS)
    with pytest.raises(InputError, match="Principal aquifers of the United States covers -161"):
        make_plan(order, tmp_path, client, steps)
    assert loopback.log == []


def test_no_storage_on_land_is_asked_for_in_antarctica(loopback, client, steps, tmp_path):
    """The rows of GLDAS begin at 60 degrees south."""
    order = Order(("gldas_noah",), (0.0, -85.0, 10.0, -61.0), *MONTHS)
    with pytest.raises(InputError, match="GLDAS Noah 2.1.* covers -180, -60, 180, 90.*leave this"):
        make_plan(order, tmp_path, client, steps)
    assert loopback.log == []


def test_a_flipped_bit_in_a_zip_is_noticed(archive, tmp_path):
    content = bytearray(archive.read_bytes())
    assert find_damage(archive, ZIP, "aquifers.zip") == ""
    content[len(content) // 3] ^= 4
    (tmp_path / "x.zip").write_bytes(content)
    assert find_damage(tmp_path / "x.zip", ZIP, "aquifers.zip").startswith(
        "aquifers.zip came damaged"
    )
    (tmp_path / "x.zip").write_bytes(content[:200])
    assert "cannot be read" in find_damage(tmp_path / "x.zip", ZIP, "aquifers.zip")


def test_these_sources_have_a_limited_region():
    limited = {name for name, source in read_sources().items() if source.covers}
    assert limited == {"gldas_noah", "usgs_aquifers"}
