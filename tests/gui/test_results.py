"""What the dialogs of the stages load: renderer, band, range, name and place of each layer."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QEventLoop, QTimer

from gwsa.gwsa_plugin.core.downscaling.options import INTERPOLATION, METHODS
from gwsa.gwsa_plugin.core.files.stack import read_stack, write_stack
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

PATIENCE_MS = 300_000


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
    run_dialog("importtwsa", INPUT=sample_world / PARTS["TWSA"], OUTPUT=tmp_path / "t.tif")
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
    run_dialog("gldasanomaly", INPUT=sample_world / PARTS["GLDAS"])
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


def test_a_sample_world_opens_as_a_group(run_dialog, tmp_path):
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
