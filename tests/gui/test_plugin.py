"""Provider and menu of the plugin."""

import pytest
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtWidgets import QDialog

from gwsa import classFactory
from gwsa.gwsa_plugin.dependencies import MissingLibrary
from gwsa.ui import menu


def registered():
    return QgsApplication.processingRegistry().providerById("gwsa")


def test_provider_has_a_name_an_icon_and_algorithms(plugin):
    provider = registered()
    assert provider.name() == "GWSA"
    assert not provider.icon().isNull()
    assert provider.algorithms()


def test_every_algorithm_has_an_icon_a_name_and_help(plugin):
    for algorithm in registered().algorithms():
        assert not algorithm.icon().isNull()
        assert algorithm.shortHelpString()
        assert algorithm.displayName()


def test_the_menu_has_an_entry_for_each_algorithm(plugin, plugins_menu):
    (entry,) = plugins_menu.actions()
    assert entry.text() == "GWSA"
    assert not entry.icon().isNull()
    entries = [action.text().rstrip("…") for action in entry.menu().actions() if action.text()]
    stages = [
        algorithm.displayName()
        for algorithm in registered().algorithms()
        if algorithm.name() != "fullchain"
    ]
    assert sorted(entries) == sorted(["The whole chain", *stages, "Predictors", "Help"])


def test_menu_entries_open_the_dialog_of_their_algorithm(plugin, plugins_menu, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "processing.createAlgorithmDialog",
        lambda algorithm, parameters: opened.append(algorithm) or QDialog(),
    )
    (entry,) = plugins_menu.actions()
    for action in entry.menu().actions():
        if action.text().endswith("…") and action.text() != "Predictors…":
            action.trigger()
    assert sorted(opened) == sorted(algorithm.id() for algorithm in registered().algorithms())


@pytest.fixture
def predictors_action(plugin, plugins_menu):
    (entry,) = plugins_menu.actions()
    return next(action for action in entry.menu().actions() if action.text() == "Predictors…")


def test_predictors_opens_its_dialog(predictors_action, qgis_iface):
    predictors_action.trigger()
    (dialog,) = qgis_iface.mainWindow().findChildren(QDialog)
    assert dialog.isVisible() and dialog.windowTitle() == "Predictors"
    dialog.close()


def test_missing_library_is_a_message(predictors_action, qgis_iface, monkeypatch):
    def fail(*libraries):
        raise MissingLibrary("rasterio is required.")

    monkeypatch.setattr(menu, "require", fail)
    predictors_action.trigger()
    assert not qgis_iface.mainWindow().findChildren(QDialog)
    messages = qgis_iface.messageBar().get_messages(Qgis.MessageLevel.Warning)
    assert messages == ["GWSA:rasterio is required."]


def test_unload_removes_provider_and_menu(plugin, plugins_menu):
    plugin.unload()
    assert registered() is None
    assert plugins_menu.actions() == []


def test_plugin_loads_without_desktop(qgis_processing):
    plugin = classFactory(None)
    plugin.initProcessing()
    assert registered() is not None
    plugin.unload()
