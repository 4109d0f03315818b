"""Fixtures that load the plugin into the simulated desktop of pytest-qgis."""

import pytest
from qgis.core import QgsApplication
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
def profile(qgis_app, tmp_path, monkeypatch):
    """Empty profile, in which libraries are installed."""
    folder = tmp_path / "profile with space"
    monkeypatch.setattr(QgsApplication, "qgisSettingsDirPath", lambda: f"{folder}/")
    return folder
