"""gwsa:downscale through Processing: its outputs, and error messages for wrong inputs."""

import json
import sys
from dataclasses import replace

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

from gwsa.gwsa_plugin.core.downscaling.options import (
    FOOTPRINT,
    INTERPOLATION,
    METHODS,
    PUBLISHED,
)
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.files.stack_tags import FOOTPRINT_TAG
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.grace.footprint import Footprint
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, make_world
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation
from gwsa.processing_provider import downscale_parameters

FEW = {"TREES": 20, "DEPTH": 3, "BLOCK": 0.75, "BUFFER": 0.25}
# Predictors of the longer world: the drivers of the prior and two statics.
DRIVERS = ("precipitation", "actual_evapotranspiration", "runoff", "elevation", "clay")
WIDTH_KM = 200.0


@pytest.fixture(scope="module")
def inputs(sample_world, tmp_path_factory):
    """The true coarse GWSA of the sample world, its predictors and its aquifers.

    The width of its footprint is unknown, so that trees are mapped.
    """
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


@pytest.fixture(scope="module")
def four_years(tmp_path_factory) -> dict:
    """Coarse GWSA as GRACE would observe it without noise, and predictors, of 2008 to 2011.

    The region is too small for held-out blocks as wide as the footprint.
    """
    folder = tmp_path_factory.mktemp("four_years")
    make_world(
        folder,
        WorldOptions((77.0, 29.0, 79.0, 31.0), "2008-01", "2011-12", observation=CELL_BY_CELL),
    )
    catalogue = json.loads((folder / "predictors/catalogue.json").read_text())
    catalogue["predictors"] = [
        entry for entry in catalogue["predictors"] if entry["name"] in DRIVERS
    ]
    short = folder / "predictors/short.json"
    short.write_text(json.dumps(catalogue))
    truth = read_stack(folder / "truth/GWSA.tif")
    land = np.isfinite(truth.values).all(axis=0)
    seen = Footprint(truth.grid, land, WIDTH_KM).apply(truth.values)
    tags = {**truth.tags, FOOTPRINT_TAG: str(WIDTH_KM)}
    write_stack(folder / "gwsa.tif", replace(truth, values=seen, tags=tags))
    period = np.array(["2008-01", "2011-12"], dtype="datetime64[M]")
    build_predictors(Inputs(short, folder / "gwsa.tif"), folder / "set", period)
    return {"GWSA": folder / "gwsa.tif", "PREDICTORS": folder / "set"}


def number(method: str) -> int:
    """The value of METHOD."""
    return METHODS.index(method)


def interpolate(gwsa: MonthlyStack, predictors: PredictorSet, month) -> np.ndarray:
    """The mean-preserving interpolation of a month of coarse GWSA."""
    gwsa = gwsa.on(predictors.coarse_grid)
    mapped = gwsa.values[np.isin(gwsa.months, predictors.months)]
    cells = np.isfinite(mapped).all(axis=0)
    conservation = MassConservation(
        predictors.land(), predictors.coarse_grid, predictors.factor, cells
    )
    return conservation.mean_preserving(gwsa.values[gwsa.months == month][0].astype(float))


def tags_of(path) -> dict:
    with rasterio.open(path) as source:
        return source.tags()


@pytest.mark.slow
def test_all_outputs_are_written(run, inputs, tmp_path):
    files = {
        "MODELS": "models",
        "HELD_OUT": "held_out",
        "REGIONS": "r.gpkg",
        "SCORES": "s.json",
        "REPORT": "r.html",
    }
    files = {name: tmp_path / file for name, file in files.items()}
    sigma = tmp_path / "sigma.tif"
    gwsa = read_stack(inputs["GWSA"])
    write_stack(sigma, replace(gwsa, values=abs(gwsa.values), variable="GWSA_SIGMA"))
    outputs = run(
        "downscale",
        **inputs,
        GWSA_SIGMA=sigma,
        METHOD=number(PUBLISHED),
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
    for name in ("GWSA", "PREDICTORS", "AQUIFERS", "ID_FIELD"):
        assert record["inputs"][name]


def test_one_model_without_aquifers_and_a_shorter_period(run, inputs, tmp_path):
    given = {name: inputs[name] for name in ("GWSA", "PREDICTORS")}
    period = {"START": "2010-04", "END": "2010-06"}
    outputs = run(
        "downscale",
        **given,
        **period,
        METHOD=number(PUBLISHED),
        OUTPUT=tmp_path / "maps",
        MODELS=tmp_path / "models",
        **FEW,
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
        "gwsa:downscale",
        {**parameters, **FEW, "MIN_YEARS": 2, "VALIDATION": 1},
        feedback=feedback,
    )
    record = json.loads((tmp_path / "maps/run.json").read_text())
    verdict = record["results"]["verdict"]
    # QGIS adds a line with the outputs.
    assert [line for line in feedback.lines if not line.startswith("Results:")][-1] == verdict
    assert "1 km detail: " in verdict and "Skill for unseen footprints: " in verdict
    assert record["inputs"]["WELLS"].endswith("wells.geojson")
    assert record["inputs"]["OBSERVATIONS"].endswith("observations.csv")
    assert record["inputs"]["GWSA"].endswith(".tif")
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


def test_methods_are_those_of_the_core(provider):
    assert tuple(downscale_parameters.METHODS) == METHODS
    definition = provider.algorithm("downscale").parameterDefinition("METHOD")
    assert definition.options() == list(downscale_parameters.METHODS.values())
    assert METHODS[definition.defaultValue()] == FOOTPRINT
    assert not definition.flags() & definition.Flag.FlagAdvanced


@pytest.mark.slow
def test_the_prior_is_mapped_and_corrects_leakage(provider, four_years, tmp_path):
    import processing

    feedback = LogFeedback()
    files = {
        **four_years,
        "OUTPUT": tmp_path / "maps",
        "CORRECTED": tmp_path / "corrected.tif",
        "MODELS": tmp_path / "models",
        "SCORES": tmp_path / "scores.json",
    }
    outputs = processing.run(
        "gwsa:downscale",
        {**{name: str(path) for name, path in files.items()}, **FEW},
        feedback=feedback,
    )
    record = json.loads((tmp_path / "maps/run.json").read_text())
    assert record["parameters"]["method"] == FOOTPRINT
    evidence = record["results"]["evidence"]
    assert evidence.startswith("Mapped is the prior (untested: ")
    assert record["results"]["verdict"].startswith(evidence)
    lines = [line for line in feedback.lines if not line.startswith("Results:")]
    assert lines[-1] == record["results"]["verdict"]
    for path in outputs["LAYERS"]:
        tags = tags_of(path)
        assert tags["GWSA_EVIDENCE"] == evidence
        assert "GWSA_LEAKAGE" in tags
        assert "interpolation" not in tags["TIFFTAG_IMAGEDESCRIPTION"]
    assert json.loads((tmp_path / "models/models.json").read_text())["prior"]["terms"]
    assert json.loads((tmp_path / "scores.json").read_text())["evidence"]["verdict"] == "untested"

    path = tmp_path / "corrected.tif"
    corrected = read_stack(path)
    gwsa = read_stack(four_years["GWSA"]).select(*corrected.months[[0, -1]])
    predictors = PredictorSet.open(four_years["PREDICTORS"])
    assert corrected.variable == "GWSA"
    np.testing.assert_array_equal(corrected.months, predictors.months)
    assert np.nanmax(np.abs(corrected.values - gwsa.values)) > 0.1
    conservation = MassConservation(
        predictors.land(),
        predictors.coarse_grid,
        predictors.factor,
        np.isfinite(corrected.values).all(axis=0),
    )
    maps = YearlyMaps.in_folder(tmp_path / "maps")
    for month in maps.months[::13]:
        means = conservation.block_mean(maps.read(month))
        difference = means - corrected.values[corrected.months == month][0]
        assert np.abs(difference[conservation.cells]).max() < 0.006
    layer = QgsRasterLayer(str(path))
    layer.loadDefaultMetadata()
    assert layer.metadata().title() == "Leakage-corrected coarse GWSA (prior untested)"
    assert layer.renderer().type() == "singlebandpseudocolor"
    record = json.loads(path.with_suffix(".run.json").read_text())
    assert record["stage"] == "downscale" and record["results"]["evidence"] == evidence


@pytest.mark.slow
@pytest.mark.parametrize("method", [PUBLISHED, INTERPOLATION])
def test_other_methods_have_no_prior_and_no_evidence(run, four_years, tmp_path, method):
    outputs = run(
        "downscale",
        **four_years,
        METHOD=number(method),
        VALIDATION=0,
        STOPPING=False,
        OUTPUT=tmp_path / "maps",
        CORRECTED=tmp_path / "corrected.tif",
        MODELS=tmp_path / "models",
        **FEW,
    )
    record = json.loads((tmp_path / "maps/run.json").read_text())
    assert record["parameters"]["method"] == method
    assert record["results"]["evidence"] is None
    assert json.loads((tmp_path / "models/models.json").read_text())["prior"] is None
    given = read_stack(four_years["GWSA"])
    written = read_stack(outputs["CORRECTED"])
    mapped = given.select(*written.months[[0, -1]])
    np.testing.assert_array_equal(written.values, mapped.values)
    title = (tmp_path / "corrected.qmd").read_text()
    assert "Coarse GWSA, not corrected for leakage" in title
    tags = tags_of(outputs["LAYERS"][0])
    assert "GWSA_EVIDENCE" not in tags and "GWSA_LEAKAGE" not in tags
    interpolated = "mean-preserving interpolation" in tags["TIFFTAG_IMAGEDESCRIPTION"]
    assert interpolated == (method == INTERPOLATION)
    maps = YearlyMaps.in_folder(tmp_path / "maps")
    predictors = PredictorSet.open(four_years["PREDICTORS"])
    found = maps.read(maps.months[5])
    difference = found - interpolate(given, predictors, maps.months[5])
    # Values are rounded within 0.005 cm.
    assert (np.nanmax(np.abs(difference)) < 0.006) == (method == INTERPOLATION)


@pytest.mark.slow
def test_refuted_drivers_are_not_mapped(run, four_years, tmp_path):
    given = read_stack(four_years["GWSA"])
    shuffled = np.random.default_rng(1).permutation(given.values)
    write_stack(tmp_path / "gwsa.tif", replace(given, values=shuffled))
    files = {**four_years, "GWSA": tmp_path / "gwsa.tif", "OUTPUT": tmp_path / "maps"}
    outputs = run("downscale", **files, **FEW)
    record = json.loads((tmp_path / "maps/run.json").read_text())
    evidence = record["results"]["evidence"]
    assert evidence.startswith("Mapped is the mean-preserving interpolation (refuted: ")
    tags = tags_of(outputs["LAYERS"][0])
    assert tags["GWSA_EVIDENCE"] == evidence and "GWSA_LEAKAGE" not in tags
    layer = QgsRasterLayer(outputs["LAYERS"][0])
    layer.loadDefaultMetadata()
    assert layer.metadata().title() == (
        "GWSA 2008 (mean-preserving interpolation, 1 km detail untested)"
    )
    maps = YearlyMaps.in_folder(tmp_path / "maps")
    predictors = PredictorSet.open(four_years["PREDICTORS"])
    month = maps.months[5]
    expected = interpolate(read_stack(tmp_path / "gwsa.tif"), predictors, month)
    assert np.nanmax(np.abs(maps.read(month) - expected)) < 0.006


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
    with pytest.raises(QgsProcessingException, match="Install with: .*distributed"):
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
    with pytest.raises(QgsProcessingException, match="Install with: .*xgboost"):
        run("downscale", **inputs, OUTPUT=tmp_path / "maps", **FEW)
    assert not (tmp_path / "maps").exists()
