"""gwsa:downscale through Processing: its outputs, and error messages for wrong inputs."""

import json
import sys

import numpy as np
import pytest
import rasterio
from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors

FEW = {"TREES": 20, "DEPTH": 3, "BLOCK": 0.75, "BUFFER": 0.25}


@pytest.fixture(scope="module")
def inputs(sample_world, tmp_path_factory):
    """The true coarse GWSA of the sample world, its predictors and its aquifers."""
    gwsa = sample_world / "truth/GWSA.tif"
    folder = tmp_path_factory.mktemp("downscale") / "predictors"
    period = np.array(["2010-01", "2010-12"], dtype="datetime64[M]")
    build_predictors(Inputs(sample_world / "predictors/catalogue.json", gwsa), folder, period)
    return {
        "GWSA": gwsa,
        "PREDICTORS": folder,
        "AQUIFERS": sample_world / "aquifers.geojson",
        "ID_FIELD": "name",
    }


def test_all_outputs_are_written(run, inputs, tmp_path):
    files = {
        "MODELS": "models",
        "HELD_OUT": "held_out",
        "REGIONS": "r.gpkg",
        "SCORES": "s.json",
        "REPORT": "r.html",
    }
    files = {name: tmp_path / file for name, file in files.items()}
    outputs = run(
        "downscale",
        **inputs,
        GWSA_SIGMA=inputs["GWSA"],
        LEAST_AREA=3000,
        OUTPUT=tmp_path / "maps",
        **files,
        **FEW,
    )
    assert outputs["LAYERS"] == [str(tmp_path / "maps/GWSA_2010.tif")]
    layer = QgsRasterLayer(outputs["LAYERS"][0])
    assert layer.bandName(3).endswith("2010-03")
    assert layer.renderer().type() == "singlebandpseudocolor"
    with rasterio.open(tmp_path / "maps/sigma/GWSA_SIGMA_2010.tif") as source:
        assert source.count == 12
    regions = QgsVectorLayer(str(files["REGIONS"]))
    assert regions.isValid()
    assert regions.crs().authid() == "EPSG:4326"
    with_polygon = {
        feature["name"] for feature in regions.getFeatures() if not feature.geometry().isEmpty()
    }
    assert with_polygon
    assert "background" not in with_polygon
    cells = json.loads(files["SCORES"].read_text())["cells"]
    assert sum(feature["cells"] for feature in regions.getFeatures()) == cells
    assert (files["MODELS"] / "model_0.ubj").exists()
    assert (files["HELD_OUT"] / "GWSA_2010.tif").exists()
    report = files["REPORT"].read_text()
    assert "data:image/png" in report
    assert "Where it is not reliable" in report
    assert "1 km detail: not testable with these inputs." in report
    record = json.loads((tmp_path / "maps/run.json").read_text())
    assert record["results"]["detail"]["verdict"] == "untested"
    assert record["stage"] == "downscale"
    assert record["parameters"]["boosting"]["trees"] == 20


def test_one_model_without_aquifers_and_a_shorter_period(run, inputs, tmp_path):
    given = {name: inputs[name] for name in ("GWSA", "PREDICTORS")}
    period = {"START": "2010-04", "END": "2010-06"}
    outputs = run(
        "downscale", **given, **period, OUTPUT=tmp_path / "maps", MODELS=tmp_path / "models", **FEW
    )
    assert [path.name for path in (tmp_path / "models").glob("*.ubj")] == ["model_0.ubj"]
    with rasterio.open(outputs["LAYERS"][0]) as source:
        words = [source.tags(band)["GWSA_SOURCE"] for band in source.indexes]
    assert words == ["missing"] * 3 + ["observed"] * 3 + ["missing"] * 6


class LogFeedback(QgsProcessingFeedback):
    """Keeps the lines of the log."""

    def __init__(self):
        super().__init__(False)
        self.lines = []

    def pushInfo(self, info):
        self.lines.append(info)

    def pushWarning(self, warning):
        self.lines.append(warning)


def test_the_verdict_goes_with_the_maps(provider, inputs, sample_world, tmp_path):
    import processing

    feedback = LogFeedback()
    files = {
        **inputs,
        "WELLS": sample_world / "wells.geojson",
        "OBSERVATIONS": sample_world / "observations.csv",
        "OUTPUT": tmp_path / "maps",
    }
    parameters = {name: str(value) for name, value in files.items()}
    outputs = processing.run(
        "gwsa:downscale", {**parameters, **FEW, "MIN_YEARS": 2}, feedback=feedback
    )
    record = json.loads((tmp_path / "maps/run.json").read_text())
    verdict = record["results"]["verdict"]
    # QGIS adds a line with the outputs.
    assert [line for line in feedback.lines if not line.startswith("Results:")][-1] == verdict
    assert verdict.startswith("1 km detail: ") and "Skill for unseen footprints: " in verdict
    assert record["inputs"]["WELLS"].endswith("wells.geojson")
    assert record["parameters"]["wells"]["min_years"] == 2
    detail = record["results"]["detail"]
    path = outputs["LAYERS"][0]
    with rasterio.open(path) as source:
        tags = source.tags()
    assert tags["GWSA_DETAIL"] == detail["verdict"]
    title = tags["TIFFTAG_IMAGEDESCRIPTION"]
    assert title.startswith(f"GWSA 2010 (1 km detail {detail['verdict']}")
    layer = QgsRasterLayer(path)
    layer.loadDefaultMetadata()
    assert layer.metadata().title() == title
    assert layer.renderer().type() == "singlebandpseudocolor"


def test_regions_load_styled(run, inputs, tmp_path):
    from qgis.core import QgsProcessingContext

    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    import processing

    parameters = {name: str(value) for name, value in inputs.items()}
    outputs = processing.run(
        "gwsa:downscale",
        {**parameters, **FEW, "OUTPUT": str(tmp_path / "maps"), "REGIONS": "memory:"},
        context=context,
        feedback=QgsProcessingFeedback(),
    )
    layer = outputs["REGIONS"]
    if isinstance(layer, str):
        layer = QgsProcessingUtils.mapLayerFromString(layer, context)
    assert layer.isValid()


@pytest.mark.cluster
def test_a_cluster_makes_the_same_maps(run, inputs, tmp_path):
    distributed = pytest.importorskip(
        "dask.distributed", reason="dask.distributed is not installed"
    )
    local = {
        "n_workers": 1,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": ":0",
    }
    period = {"START": "2010-04", "END": "2010-06"}
    with distributed.LocalCluster(processes=True, **local) as cluster:
        schedulers = {"here": "", "there": cluster.scheduler_address}
        for name, scheduler in schedulers.items():
            run("downscale", **inputs, **period, OUTPUT=tmp_path / name, SCHEDULER=scheduler, **FEW)
    here, there = (list((tmp_path / name).glob("*.tif")) for name in schedulers)
    assert here
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


def test_without_distributed_the_message_has_the_install_command(
    run, inputs, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(QgsProcessingException, match="install it with: .*distributed"):
        run(
            "downscale", **inputs, OUTPUT=tmp_path / "maps", SCHEDULER="tcp://127.0.0.1:8786", **FEW
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PREDICTORS": "nowhere"}, "has no predictors.json"),
        ({"START": "2030-01"}, "nothing from|no month is in both"),
        ({"START": "January"}, "YYYY-MM"),
    ],
)
def test_wrong_inputs_are_refused_and_leave_no_file(run, inputs, tmp_path, change, message):
    change = {name: tmp_path if value == "nowhere" else value for name, value in change.items()}
    with pytest.raises(QgsProcessingException, match=message):
        run("downscale", **{**inputs, **change}, OUTPUT=tmp_path / "maps", **FEW)
    assert not list(tmp_path.iterdir())


def test_a_polygon_layer_without_crs_is_named(run, inputs, real_data, tmp_path):
    polygons = real_data / "aquifers/central_valley/cvws.shp"
    with pytest.raises(QgsProcessingException, match="cvws has no coordinate reference system"):
        run(
            "downscale",
            **{**inputs, "AQUIFERS": polygons, "ID_FIELD": ""},
            OUTPUT=tmp_path / "maps",
            **FEW,
        )


def test_without_xgboost_the_message_has_the_install_command(run, inputs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(QgsProcessingException, match="install it with: .*xgboost"):
        run("downscale", **inputs, OUTPUT=tmp_path / "maps", **FEW)
    assert not (tmp_path / "maps").exists()
