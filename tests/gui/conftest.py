"""The plugin as the desktop loads it, in pytest-qgis's stand-in for the desktop."""

import pytest
from qgis.PyQt.QtWidgets import QMenu

from gwsa import classFactory


@pytest.fixture
def plugins_menu(qgis_iface, monkeypatch):
    """QGIS's Plugins menu, which the stand-in lacks."""
    menu = QMenu("Plugins")
    monkeypatch.setattr(qgis_iface, "pluginMenu", lambda: menu, raising=False)
    return menu


@pytest.fixture
def plugin(qgis_processing, qgis_iface, plugins_menu):
    plugin = classFactory(qgis_iface)
    plugin.initGui()
    yield plugin
    plugin.unload()
