"""Every stage once through the real qgis_process; without xgboost, but for the one that learns."""

import pytest
import rasterio
from qgis.core import QgsRasterLayer, QgsVectorLayer

from .stages import STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_and_writes_what_it_was_asked_for(chain, stage):
    run = chain.runs[stage]
    assert run.code == 0, run.errors
    for output in STAGES[stage].outputs.values():
        assert (chain.folder / output).exists(), output


def test_nothing_unfinished_is_left(chain):
    assert [path.name for path in chain.folder.rglob("*.part")] == []


@pytest.mark.parametrize(
    "name", ["twsa", "filled", "filled_sigma", "flags", "sms", "gwsa", "gwsa_1km/GWSA_2009"]
)
def test_plain_gdal_reads_the_months(chain, name):
    with rasterio.open(chain.folder / f"{name}.tif") as source:
        months = source.descriptions
        assert source.crs.to_epsg() == 4326
    assert "2009-01" in months
    assert list(months) == sorted(months)


@pytest.mark.parametrize(
    ("name", "renderer"),
    [
        ("twsa.tif", "singlebandpseudocolor"),
        ("filled_sigma.tif", "singlebandpseudocolor"),
        ("flags.tif", "paletted"),
        ("land_water.tif", "singlebandpseudocolor"),
        ("gwsa.tif", "singlebandpseudocolor"),
        ("gwsa_1km/GWSA_2009.tif", "singlebandpseudocolor"),
        ("regions.gpkg", "singleSymbol"),
        ("wells.gpkg", "RuleRenderer"),
    ],
)
def test_qgis_opens_it_styled(chain, name, renderer):
    path = chain.folder / name
    layer = QgsRasterLayer(str(path)) if path.suffix == ".tif" else QgsVectorLayer(str(path))
    assert layer.isValid()
    assert layer.renderer().type() == renderer
    assert layer.styleURI() == str(path.with_suffix(".qml"))
    assert path.with_suffix(".qml").exists()
