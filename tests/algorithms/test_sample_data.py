"""gwsa:sampledata through the Processing registry."""

import json
from pathlib import Path

import pytest
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer


def test_every_file_of_the_world_is_an_output(run, tmp_path):
    outputs = run(
        "sampledata",
        EXTENT="10,11,45,46 [EPSG:4326]",
        START="2010-01",
        END="2010-12",
        OUTPUT=tmp_path / "w",
    )
    for name in ("TWSA", "LAND_MASK", "CATALOGUE", "OBSERVATIONS", "TRUTH"):
        assert Path(outputs[name]).is_file()
    assert len(list(Path(outputs["GLDAS"]).glob("*.nc4"))) == 225
    assert QgsRasterLayer(outputs["LAND"]).isValid()
    for name in ("AQUIFERS", "WELLS"):
        layer = QgsVectorLayer(outputs[name])
        assert layer.isValid() and layer.crs().authid() in ("EPSG:4326", "OGC:CRS84")
    facts = json.loads(Path(outputs["TRUTH"]).read_text())
    assert outputs["RMSE_ORACLE"] == facts["rmse_oracle_cm"]
    assert outputs["RMSE_ORACLE"] < outputs["RMSE_NO_MODEL"]


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"START": "2010"}, "YYYY-MM"),
        ({"START": "2012-01"}, "not before"),
        ({"EXTENT": "10,10.2,45,45.2 [EPSG:4326]"}, "at least 1° a side"),
    ],
)
def test_invalid_input_is_refused_and_no_file_is_written(run, tmp_path, wrong, message):
    parameters = {
        "EXTENT": "10,11,45,46 [EPSG:4326]",
        "START": "2010-01",
        "END": "2010-12",
        **wrong,
    }
    with pytest.raises(QgsProcessingException, match=message):
        run("sampledata", **parameters, OUTPUT=tmp_path / "world")
    assert not list(tmp_path.iterdir())
