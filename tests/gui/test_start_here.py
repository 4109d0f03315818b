"""Start here: the sample world is made, loaded, and the chain is filled in with it."""

import time
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProject
from qgis.gui import QgsBrowserGuiModel, QgsLayerTreeView
from qgis.PyQt.QtWidgets import QApplication

from gwsa.gwsa_plugin.core.sample_world.world import PARTS
from gwsa.processing_provider.full_chain import MAIN_OUTPUTS
from gwsa.ui import start_here
from gwsa.ui.start_here import StartHere, chain_parameters

SMALL = {"EXTENT": "77,78,29,30 [EPSG:4326]", "START": "2010-01", "END": "2010-12"}


@pytest.fixture
def opened(monkeypatch):
    """The dialogs that were opened, as name and parameters."""
    opened = []
    monkeypatch.setattr(start_here, "open_dialog", lambda *given: opened.append(given))
    return opened


@pytest.fixture
def dialog(plugin, tmp_path, monkeypatch, opened, qgis_new_project, qgis_iface, short_record):
    tree = QgsLayerTreeView()
    monkeypatch.setattr(qgis_iface, "layerTreeView", lambda: tree, raising=False)
    monkeypatch.setattr(start_here, "WORLD", SMALL)
    dialog = StartHere()
    dialog.folder.setFilePath(str(tmp_path / "first steps"))
    yield dialog
    dialog.close()


def wait_until(condition) -> None:
    end = time.monotonic() + 300
    while not condition():
        QApplication.processEvents()
        time.sleep(0.01)
        assert time.monotonic() < end


def test_the_world_is_made_and_loaded_and_the_chain_is_filled_in(dialog, opened, tmp_path):
    dialog.show()
    dialog.start_button.click()
    assert not dialog.start_button.isEnabled()
    wait_until(lambda: opened)
    assert not dialog.isVisible()
    sources = {layer.source() for layer in QgsProject.instance().mapLayers().values()}
    world = tmp_path / "first steps" / "world"
    for part in ("LAND", "AQUIFERS", "WELLS"):
        assert any(source.startswith(str(world / PARTS[part])) for source in sources)
    ((name, parameters),) = opened
    assert name == "fullchain"
    chain = QgsApplication.processingRegistry().createAlgorithmById("gwsa:fullchain")
    assert set(parameters) <= {one.name() for one in chain.parameterDefinitions()}
    assert set(MAIN_OUTPUTS) < set(parameters)
    assert chain.checkParameterValues(parameters, QgsProcessingContext()) == (True, "")
    for part in ("TWSA", "GLDAS", "CATALOGUE", "WELLS", "OBSERVATIONS"):
        assert Path(parameters[part]).exists()


def test_cancel_stops_the_task_before_the_dialog_closes(dialog, opened, tmp_path):
    dialog.show()
    dialog.start_button.click()
    dialog.reject()
    wait_until(lambda: not dialog.isVisible())
    assert not opened
    assert not (tmp_path / "first steps" / "world").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(dialog, opened, tmp_path):
    (tmp_path / "first steps").write_text("a file")
    dialog.start_button.click()
    wait_until(dialog.start_button.isEnabled)
    assert "is not a folder); choose another name or folder" in dialog.text.text()
    assert not opened


def test_the_dialog_of_the_chain_takes_the_values(plugin, tmp_path, qgis_iface, monkeypatch):
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    browser = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: browser, raising=False)
    world = {name: str(tmp_path / part) for name, part in PARTS.items()}
    parameters = chain_parameters(world, tmp_path)
    chain = QgsApplication.processingRegistry().createAlgorithmById("gwsa:fullchain")
    dialog = AlgorithmDialog(chain)
    dialog.setParameters(parameters)
    shown = dialog.mainWidget().createProcessingParameters()
    for name in ("TWSA", "GLDAS", "START", "END", "SIGMA_TWSA", "downscale:MAPS"):
        assert shown[name] == parameters[name], name
    dialog.close()
