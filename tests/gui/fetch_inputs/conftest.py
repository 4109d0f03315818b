"""The dialog, and the servers that it asks."""

import pytest
from qgis.gui import QgsMapCanvas, QgsMessageBar

from gwsa.gwsa_plugin.core.fetching.servers import VARIABLE
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_world import BOUNDS, FIRST, LAST, write_small_world
from gwsa.tests.servers.world import all_hosts
from gwsa.ui.fetch_inputs.dialog import FetchDialog

from .steps import TOKEN


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def server(world, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    with Loopback(all_hosts(world)) as loopback:
        monkeypatch.setenv(VARIABLE, loopback.address)
        yield loopback


@pytest.fixture
def iface(qgis_iface, monkeypatch):
    bar, canvas = QgsMessageBar(), QgsMapCanvas()
    monkeypatch.setattr(qgis_iface, "messageBar", lambda: bar)
    monkeypatch.setattr(qgis_iface, "mapCanvas", lambda: canvas)
    return qgis_iface


@pytest.fixture
def dialog(plugin, iface, server, tmp_path):
    dialog = FetchDialog(iface)
    dialog.form.folder.setFilePath(str(tmp_path / "inputs"))
    dialog.form.set_region(*BOUNDS)
    dialog.form.set_months(FIRST, LAST)
    dialog.sources.choose(["csr_mascons", "csr_land_mask", "gldas_noah"])
    dialog.show()
    yield dialog
    dialog.end()
    dialog.close()
    dialog.deleteLater()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "inputs"
