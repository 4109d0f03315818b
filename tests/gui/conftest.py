"""Fixtures that load the plugin into the simulated desktop of pytest-qgis."""

import pytest
from qgis.core import QgsApplication, QgsLayerTreeModel, QgsProject
from qgis.gui import QgsBrowserGuiModel, QgsLayerTreeView
from qgis.PyQt.QtWidgets import QMenu

from gwsa import classFactory


@pytest.fixture
def plugins_menu(qgis_iface, monkeypatch):
    """The Plugins menu, which the simulated desktop does not have."""
    menu = QMenu("Plugins")
    monkeypatch.setattr(qgis_iface, "pluginMenu", lambda: menu, raising=False)
    return menu


@pytest.fixture
def plugin(qgis_processing, qgis_iface, plugins_menu):
    plugin = classFactory(qgis_iface)
    plugin.initGui()
    yield plugin
    plugin.unload()


@pytest.fixture
def panels(qgis_iface, qgis_new_project, monkeypatch):
    """Browser and layers of an empty project, which dialogs of algorithms read."""
    browser = QgsBrowserGuiModel()
    tree = QgsLayerTreeView()
    tree.setModel(QgsLayerTreeModel(QgsProject.instance().layerTreeRoot()))
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: browser, raising=False)
    monkeypatch.setattr(qgis_iface, "layerTreeView", lambda: tree, raising=False)


@pytest.fixture
def profile(qgis_app, tmp_path, monkeypatch):
    """Empty profile, in which libraries are installed."""
    folder = tmp_path / "profile with space"
    monkeypatch.setattr(QgsApplication, "qgisSettingsDirPath", lambda: f"{folder}/")
    return folder
