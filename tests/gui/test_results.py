"""What the dialogs of the stages load: renderer, band, range, name and place of each layer."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsRuleBasedRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QEventLoop, QTimer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.downscaling.options import INTERPOLATION, METHODS
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

PATIENCE_MS = 300_000
# The sample world. Its files cover the globe.
REGION = "77,79,29,31 [EPSG:4326]"


class Loaded(NamedTuple):
    """A raster layer as a user sees it after a run."""

    renderer: str
    band: str
    low: float
    high: float
    group: str
    visible: bool


@pytest.fixture
def run_dialog(plugin, panels):
    """Function that fills in the dialog of an algorithm, presses Run and returns the results."""

    def run_dialog(algorithm: str, **parameters) -> dict:
        from processing import createAlgorithmDialog

        texts = {
            name: str(value) if hasattr(value, "__fspath__") else value
            for name, value in parameters.items()
        }
        dialog = createAlgorithmDialog(f"gwsa:{algorithm}", texts)
        loop = QEventLoop()
        dialog.algorithmFinished.connect(loop.quit)
        QTimer.singleShot(PATIENCE_MS, loop.quit)
        dialog.show()
        dialog.runButton().click()
        loop.exec()
        # The group takes its place after all layers are loaded.
        QgsApplication.processEvents()
        dialog.close()
        return dialog.results()

    return run_dialog


@pytest.fixture
def run_batch(plugin, panels, monkeypatch):
    """Function that runs an algorithm as a batch and waits for one layer of each row."""

    def run_batch(algorithm: str, rows: list[dict]) -> None:
        from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
        from processing.gui.BatchPanel import BatchPanel

        def parameters_of_row(panel, row, *arguments, **options):
            output = QgsProcessingOutputLayerDefinition(rows[row]["OUTPUT"], QgsProject.instance())
            return {**rows[row], "OUTPUT": output}, True

        monkeypatch.setattr(BatchPanel, "parametersForRow", parameters_of_row)
        monkeypatch.setattr(BatchPanel, "batchRowCount", lambda panel: len(rows))
        registry = QgsApplication.processingRegistry()
        dialog = BatchAlgorithmDialog(registry.createAlgorithmById(f"gwsa:{algorithm}"))
        dialog.show()
        dialog.runButton().click()
        loop = QEventLoop()
        QTimer.singleShot(PATIENCE_MS, loop.quit)
        poll = QTimer()
        poll.timeout.connect(lambda: len(rasters()) == len(rows) and loop.quit())
        poll.start(50)
        loop.exec()
        dialog.close()

    return run_batch


@pytest.fixture(scope="module")
def predictors(sample_world, tmp_path_factory):
    """Predictors of the sample world."""
    folder = tmp_path_factory.mktemp("predictors") / "set"
    period = np.array(["2010-01", "2010-12"], dtype="datetime64[M]")
    catalogue = sample_world / PARTS["CATALOGUE"]
    build_predictors(Inputs(catalogue, sample_world / "truth/GWSA.tif"), folder, period)
    return folder


def rasters() -> dict[str, Loaded]:
    """Name -> state of the raster layers of the project."""
    root = QgsProject.instance().layerTreeRoot()
    found = {}
    for node in root.findLayers():
        layer = node.layer()
        if isinstance(layer, QgsRasterLayer):
            renderer = layer.renderer()
            band = renderer.usesBands()[0]
            has_range = hasattr(renderer, "classificationMin")
            found[layer.name()] = Loaded(
                renderer.type(),
                layer.bandName(band).partition(": ")[2],
                renderer.classificationMin() if has_range else np.nan,
                renderer.classificationMax() if has_range else np.nan,
                node.parent().name(),
                node.isVisible(),
            )
    return found


def test_twsa_opens_in_colours_that_are_centred_on_zero(run_dialog, sample_world, tmp_path):
    files = {"INPUT": sample_world / PARTS["TWSA"], "OUTPUT": tmp_path / "t.tif"}
    run_dialog("importtwsa", **files, EXTENT=REGION)
    ((name, twsa),) = rasters().items()
    assert name == "TWSA 2002-04 to 2020-12"
    assert (twsa.renderer, twsa.band) == ("singlebandpseudocolor", "2020-12")
    assert twsa.low == -twsa.high < 0


def test_maps_open_as_a_group_with_the_newest_year_on_top(
    run_dialog, sample_world, predictors, tmp_path
):
    gwsa = sample_world / "truth/GWSA.tif"
    sigma = tmp_path / "sigma.tif"
    stack = read_stack(gwsa)
    write_stack(sigma, replace(stack, values=abs(stack.values), variable="GWSA_SIGMA"))
    results = run_dialog(
        "downscale",
        GWSA=gwsa,
        GWSA_SIGMA=sigma,
        PREDICTORS=predictors,
        METHOD=METHODS.index(INTERPOLATION),
        OUTPUT=tmp_path / "maps",
    )
    from processing.core.ProcessingResults import resultsList

    found = rasters()
    assert list(found)[0] == "GWSA 2010"
    assert {name for name, one in found.items() if one.visible} == {"GWSA 2010"}
    assert set(found) == {"GWSA 2010", "Sigma of GWSA 2010", "Area of applicability"}
    assert {one.group for one in found.values()} == {"GWSA 1 km"}
    assert {one.renderer for one in found.values()} == {"singlebandpseudocolor"}
    assert found["GWSA 2010"].band == "2010-12"
    assert found["GWSA 2010"].low == -found["GWSA 2010"].high < 0
    assert found["Sigma of GWSA 2010"].low == 0
    assert results["REPORT"] in [result.filename for result in resultsList.getResults()]


def test_filled_stack_and_flags_open_in_their_colours(run_dialog, sample_world, tmp_path):
    """A stack without gaps: its sigma has no values."""
    run_dialog("fillgaps", INPUT=sample_world / "truth/TWSA.tif", METHOD=0)
    found = {name.partition(" 20")[0]: one for name, one in rasters().items()}
    assert set(found) == {"TWSA", "Sigma of TWSA", "Observed or filled"}
    assert found["Observed or filled"].renderer == "paletted"
    assert found["TWSA"].low == -found["TWSA"].high < 0
    assert found["Sigma of TWSA"].renderer == "singlebandpseudocolor"


def test_stores_of_gldas_open_with_ranges_of_their_own(run_dialog, sample_world):
    run_dialog("gldasanomaly", INPUT=sample_world / PARTS["GLDAS"], EXTENT=REGION)
    found = {name.partition(" ")[0]: one for name, one in rasters().items()}
    assert set(found) == {"SMS", "SWES", "CWS", "SMS+SWES+CWS"}
    assert {one.renderer for one in found.values()} == {"singlebandpseudocolor"}
    assert {one.band for one in found.values()} == {"2020-12"}
    assert 0 < found["CWS"].high < 0.5 < found["SMS"].high


def test_coarse_gwsa_opens_in_colours(run_dialog, sample_world):
    stacks = {name: sample_world / f"truth/{name}.tif" for name in ("TWSA", "SMS", "SWES", "CWS")}
    run_dialog("gwsabalance", **stacks, MODE=1)
    ((name, gwsa),) = rasters().items()
    assert name.startswith("GWSA 20")
    assert gwsa.renderer == "singlebandpseudocolor"
    assert gwsa.low == -gwsa.high < 0


def test_a_batch_opens_every_result_in_colours(run_batch, sample_world, tmp_path):
    common = {"INPUT": str(sample_world / PARTS["TWSA"]), "EXTENT": REGION}
    periods = {"early": ("2010-01", "2010-06"), "late": ("2010-05", "2010-12")}
    run_batch(
        "importtwsa",
        [
            {**common, "START": start, "END": end, "OUTPUT": str(tmp_path / f"{name}.tif")}
            for name, (start, end) in periods.items()
        ],
    )
    found = rasters()
    assert set(found) == {"TWSA 2010-01 to 2010-06", "TWSA 2010-05 to 2010-12"}
    assert {one.renderer for one in found.values()} == {"singlebandpseudocolor"}
    assert {one.band for one in found.values()} == {"2010-06", "2010-12"}
    assert all(one.low == -one.high < 0 for one in found.values())


@pytest.fixture
def falling_wells(tmp_path):
    """Folder with a stack that falls by 5 cm a year and a table of wells that follow it."""
    months = month_range("2004-01", "2007-12")
    grid = Grid.covering((76, 29, 77, 30), 0.25)
    storage = -5 * np.arange(months.size) / 12
    season = 3 * np.sin(2 * np.pi * np.arange(months.size) / 12)
    fields = np.broadcast_to((storage + season)[:, None, None], (months.size, *grid.shape))
    write_stack(tmp_path / "gwsa.tif", MonthlyStack.on_calendar(grid, months, fields, "GWSA"))
    rows = [
        f"{well},{76.1 + 0.1 * well},29.5,{month}-15,{10 - value / 10:.4f}"
        for well in range(4)
        for month, value in zip(months, storage + season)
    ]
    text = "\n".join(["well,lon,lat,date,depth_to_water", *rows])
    (tmp_path / "wells.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_comparisons_open_named_after_both_products(run_dialog, tmp_path):
    grid = Grid(76.0, 30.0, 0.5, 0.5, 4, 4)
    months = month_range("2004-01", "2012-12")
    noise = np.random.default_rng(0).normal(size=(2, months.size, 4, 4))
    trend = 0.05 * np.arange(months.size)[:, None, None]
    for name, values in (("ours", noise[0] + trend), ("theirs", noise[1])):
        write_stack(
            tmp_path / f"{name}.tif", MonthlyStack.on_calendar(grid, months, values, "GWSA")
        )
    run_dialog(
        "compare",
        LAYERS=[str(tmp_path / "ours.tif")],
        OTHER_LAYERS=[str(tmp_path / "theirs.tif")],
        **{name: tmp_path / f"{name}.tif" for name in ("BIAS", "CORRELATION", "RMSE", "TREND")},
    )
    loaded = rasters()
    both = "ours against theirs"
    bias, r = loaded[f"Bias: {both}"], loaded[f"Correlation: {both}"]
    error, slope = loaded[f"RMSE: {both}"], loaded[f"Trend difference: {both}"]
    assert bias.low == -bias.high and (r.low, r.high) == (-1, 1)
    assert error.low == 0 and slope.low == -slope.high
    assert {one.renderer for one in loaded.values()} == {"singlebandpseudocolor"}


def test_wells_open_coloured_by_their_trend(run_dialog, falling_wells):
    results = run_dialog(
        "validatewells",
        LAYERS=[str(falling_wells / "gwsa.tif")],
        COARSE=falling_wells / "gwsa.tif",
        WELLS=falling_wells / "wells.csv",
        SPECIFIC_YIELD=0.1,
        MIN_YEARS=3,
    )
    from processing.core.ProcessingResults import resultsList

    (wells,) = (
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer)
    )
    assert wells.name() == "Wells with scores 2004-01 to 2007-12"
    assert isinstance(wells.renderer(), QgsRuleBasedRenderer)
    colours = {
        rule.label()
        for rule in wells.renderer().rootRule().children()
        for well in wells.getFeatures(rule.filterExpression())
    }
    assert colours == {"falls faster than 4 cm/yr"}
    assert wells.mapTipTemplate()
    assert results["REPORT"] in [result.filename for result in resultsList.getResults()]


def test_a_sample_world_opens_as_a_group(run_dialog, short_record, tmp_path):
    run_dialog(
        "sampledata",
        EXTENT="77,78.5,29,30.5 [EPSG:4326]",
        START="2010-01",
        END="2010-12",
        OUTPUT=tmp_path / "world",
    )
    layers = {
        node.layer().name(): (node.parent().name(), node.isVisible())
        for node in QgsProject.instance().layerTreeRoot().findLayers()
    }
    assert list(layers) == ["Wells", "Aquifers", "True GWSA 2010"]
    assert set(layers.values()) == {("Sample world", True)}
    assert rasters()["True GWSA 2010"].low < 0
