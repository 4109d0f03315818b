"""Every stage once through the real qgis_process; without xgboost, but for the one that learns."""

import pytest
import rasterio

from .stages import STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_and_writes_what_it_was_asked_for(chain, stage):
    run = chain.runs[stage]
    assert run.code == 0, run.errors
    for output in STAGES[stage].outputs.values():
        assert (chain.folder / output).exists(), output


def test_nothing_unfinished_is_left(chain):
    assert [path.name for path in chain.folder.rglob("*.part")] == []


@pytest.mark.parametrize("name", ["twsa", "filled", "filled_sigma", "flags", "sms", "gwsa", "gwsa_1km/GWSA_2009"])
def test_plain_gdal_reads_the_months_and_qgis_finds_a_style(chain, name):
    with rasterio.open(chain.folder / f"{name}.tif") as source:
        months = source.descriptions
        assert source.crs.to_epsg() == 4326
    assert "2009-01" in months
    assert list(months) == sorted(months)
    assert (chain.folder / f"{name}.qml").exists()
