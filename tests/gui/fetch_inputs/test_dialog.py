"""Dialog GWSA > Fetch inputs: clicked as a user does, against the servers of this machine."""

import re
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingContext
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.gwsa_plugin.core.fetching.servers import VARIABLE
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.servers.faults import CHANGED, NOT_FOUND, Fault
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_world import BOUNDS, FIRST, LAST
from gwsa.tests.servers.world import all_hosts
from gwsa.ui.fetch_inputs import dialog as dialog_module
from gwsa.ui.fetch_inputs.dialog import FetchDialog
from gwsa.ui.fetch_inputs.sources_tree import (
    FILES,
    LICENCE,
    PAGE,
    RESOLUTION,
    SIZE,
    VERSION,
)

from .steps import (
    CSR,
    GLDAS,
    MASCONS,
    MONTHS,
    TOKEN,
    downloads,
    fetch,
    picture,
    plan,
    shown,
    state,
)


def test_nothing_can_be_planned_without_region_and_sources(plugin, iface, server):
    dialog = FetchDialog(iface)
    assert not dialog.plan_button.isEnabled()
    assert "Choose a region" in dialog.status.text()
    dialog.form.set_region(*BOUNDS)
    assert dialog.plan_button.isEnabled() and not dialog.status.text()
    dialog.form.set_months("2011-01", LAST)
    assert not dialog.plan_button.isEnabled()
    assert "before the first" in dialog.status.text()
    dialog.form.set_months(FIRST, LAST)
    dialog.sources.choose([])
    assert "Tick what to fetch" in dialog.status.text()
    assert "None of the ticked sources needs it" in dialog.login.state.text()
    dialog.deleteLater()


def test_each_source_has_its_facts_and_a_page(plugin, iface, server):
    dialog = FetchDialog(iface)
    for name, source in read_sources().items():
        texts = [state(dialog, name, column) for column in (VERSION, RESOLUTION, LICENCE)]
        assert texts == [source.version, source.resolution, source.licence]
        link = dialog.sources.itemWidget(dialog.sources._items[name], PAGE).text()
        own, page = re.findall("href='(.*?)'", link)
        assert Path(QUrl(own).toLocalFile()).is_file()
        assert page == source.page.replace("&", "&amp;")
    dialog.deleteLater()


def test_a_plan_lists_files_and_bytes_and_downloads_nothing(dialog, server, folder, world):
    picture(dialog, "Fetch inputs")
    plan(dialog)
    assert downloads(server) == [] and not folder.exists()
    assert state(dialog, "csr_mascons") == state(dialog, "gldas_noah") == "to fetch"
    assert state(dialog, "gldas_noah", FILES) == str(MONTHS)
    assert state(dialog, "gldas_noah", SIZE).endswith("kB")
    assert f"{MONTHS + 2} files to fetch" in shown(dialog)
    assert "at 2 MB/s" in shown(dialog) and "a login is there" in shown(dialog)
    assert dialog.fetch_button.isEnabled() and not dialog.maps_button.isEnabled()
    picture(dialog, "Fetch inputs, planned")
    dialog.form.set_months(FIRST, "2010-03")
    assert not dialog.fetch_button.isEnabled() and state(dialog, "gldas_noah") == ""


def test_what_is_planned_comes_and_is_recorded(dialog, server, folder, world):
    plan(dialog)
    fetch(dialog)
    served = next((world / "grace").glob("*all-corrections.nc"))
    assert (folder / MASCONS).read_bytes() == served.read_bytes()
    assert len(Record.read(folder).entries) == MONTHS + 2
    assert state(dialog, "gldas_noah") == "fetched"
    assert f"All is there: {MONTHS + 2} files" in shown(dialog)
    # The chain needs a catalogue of predictors too.
    assert "the chain also needs: predictors" in shown(dialog)
    assert not dialog.maps_button.isEnabled() and not dialog.fetch_button.isEnabled()
    server.log.clear()
    plan(dialog)
    assert "Nothing is missing" in shown(dialog) or "All is there" in shown(dialog)
    assert state(dialog, "csr_mascons") == "there" and downloads(server) == []


def test_what_came_since_the_plan_is_not_fetched_again(dialog, server, iface, folder):
    plan(dialog)
    other = FetchDialog(iface)
    other.form.folder.setFilePath(str(folder))
    other.form.set_region(*BOUNDS)
    other.form.set_months(FIRST, LAST)
    other.sources.choose(["csr_land_mask"])
    plan(other)
    fetch(other)
    other.deleteLater()
    server.log.clear()
    fetch(dialog)
    assert not [one for one in downloads(server) if "LandMask" in one.path]
    assert state(dialog, "csr_land_mask") == "there"
    assert state(dialog, "csr_mascons") == "fetched" and "All is there" in shown(dialog)


def test_months_that_a_source_does_not_have_are_named(dialog):
    plan(dialog)
    assert "has no file of 2002-04..2009-12" in shown(dialog)


def test_they_are_named_until_the_end(dialog):
    plan(dialog)
    fetch(dialog)
    assert "All is there" in shown(dialog) and "has no file of 2002-04" in shown(dialog)


def test_a_long_line_does_not_widen_the_dialog(dialog):
    width = dialog.width()
    dialog.status.setText(300 * "long ")
    QApplication.processEvents()
    assert dialog.width() == width


def test_files_that_failed_are_listed_and_fetched_again(dialog, server, folder):
    server.faults.append(Fault(GLDAS, "A201003", NOT_FOUND))
    plan(dialog)
    fetch(dialog)
    assert state(dialog, "gldas_noah") == f"1 failed, {MONTHS - 1} fetched"
    assert "Not fetched: 1 file." in shown(dialog)
    assert "is not there (status 404)" in shown(dialog)
    assert dialog.fetch_button.text() == "Fetch what is missing"
    picture(dialog, "Fetch inputs, a file failed")
    server.faults.clear()
    server.log.clear()
    fetch(dialog)
    assert len(downloads(server)) == 1
    assert "All is there" in shown(dialog)


def test_a_source_that_does_not_answer_does_not_stop_the_others(dialog, server):
    server.faults.append(Fault(CSR, "all-corrections", NOT_FOUND, methods=("HEAD",)))
    plan(dialog)
    assert "Left out of the plan" in shown(dialog)
    assert state(dialog, "csr_mascons") == "does not answer as it should"
    assert state(dialog, "gldas_noah") == "to fetch"
    fetch(dialog)
    assert "Left out of the plan" in shown(dialog)
    assert not dialog.maps_button.isEnabled()


def test_a_newer_version_is_kept_until_it_is_wanted(dialog, server, folder, world):
    dialog.sources.choose(["csr_land_mask"])
    plan(dialog)
    fetch(dialog)
    newer = next((world / "grace").glob("*LandMask.nc")).read_bytes() + b"\0"
    for methods in (("GET",), ("HEAD",)):
        server.faults.append(Fault(CSR, "LandMask", CHANGED, detail=newer, methods=methods))
    plan(dialog)
    assert state(dialog, "csr_land_mask") == "newer version"
    assert "Newer versions: 1 file." in shown(dialog)
    assert dialog.replace_newer.isVisible() and not dialog.fetch_button.isEnabled()
    dialog.replace_newer.setChecked(True)
    assert "1 file to fetch" in shown(dialog)
    fetch(dialog)
    (path,) = folder.glob("mascons/*LandMask.nc")
    assert path.read_bytes() == newer
    assert state(dialog, "csr_land_mask") == "fetched"


def test_the_settings_of_an_earlier_run_are_taken_from_the_folder(dialog, iface, folder):
    dialog.sources.choose(["csr_land_mask"])
    plan(dialog)
    fetch(dialog)
    other = FetchDialog(iface)
    other.form.folder.setFilePath(str(folder))
    assert "The folder has 1 files for 77 to 79° east" in shown(other)
    other.text.anchorClicked.emit(QUrl("take"))
    assert other.form.parameters == dialog.form.parameters
    assert other.sources.chosen == ["csr_land_mask"]
    other.deleteLater()


def test_make_the_maps_opens_the_chain_filled_in(dialog, monkeypatch, folder):
    opened = []
    monkeypatch.setattr(dialog_module, "open_dialog", lambda *given: opened.append(given))
    inputs = {"TWSA": folder / MASCONS, "GLDAS": folder / "gldas", "CATALOGUE": folder / "c.json"}
    dialog._inputs = inputs
    dialog._show()
    QTest.mouseClick(dialog.maps_button, Qt.MouseButton.LeftButton)
    ((name, parameters),) = opened
    assert name == "fullchain"
    chain = QgsApplication.processingRegistry().createAlgorithmById("gwsa:fullchain")
    assert set(parameters) <= {one.name() for one in chain.parameterDefinitions()}
    assert parameters["TWSA"] == str(folder / MASCONS)
    assert parameters["EXTENT"] == "77,79,29,31 [EPSG:4326]"
    assert (parameters["START"], parameters["END"]) == (FIRST, LAST)
    assert parameters["downscale:MAPS"] == str(folder / "results" / "gwsa_1km")


@pytest.mark.slow
def test_the_sources_that_are_ticked_at_first_are_enough_for_the_chain(
    plugin, iface, sample_world, monkeypatch, folder
):
    opened = []
    monkeypatch.setattr(dialog_module, "open_dialog", lambda *given: opened.append(given))
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    with Loopback(all_hosts(sample_world)) as loopback:
        monkeypatch.setenv(VARIABLE, loopback.address)
        dialog = FetchDialog(iface)
        dialog.form.folder.setFilePath(str(folder))
        dialog.form.set_region(77, 29, 79, 31)
        dialog.form.set_months("2010-01", "2010-12")
        dialog.show()
        plan(dialog)
        # The folder has the name that a user would see.
        dialog.form.folder.blockSignals(True)
        dialog.form.folder.setFilePath("/data/punjab/inputs")
        picture(dialog, "fetch_inputs")
        dialog.form.folder.setFilePath(str(folder))
        dialog.form.folder.blockSignals(False)
        least, most = dialog._plan.bytes
        fetch(dialog)
    assert "All is there" in shown(dialog)
    assert least <= dialog._outcome.bytes <= most
    QTest.mouseClick(dialog.maps_button, Qt.MouseButton.LeftButton)
    ((name, parameters),) = opened
    chain = QgsApplication.processingRegistry().createAlgorithmById(f"gwsa:{name}")
    assert chain.checkParameterValues(parameters, QgsProcessingContext()) == (True, "")
    for part in ("TWSA", "LAND_MASK", "GLDAS", "CATALOGUE"):
        assert Path(parameters[part]).exists()
    dialog.deleteLater()


def test_a_folder_that_cannot_be_written_is_one_sentence(dialog, folder):
    plan(dialog)
    folder.write_text("a file")
    fetch(dialog)
    assert "inputs" in shown(dialog) and "Traceback" not in shown(dialog)
    assert dialog.fetch_button.isEnabled()
