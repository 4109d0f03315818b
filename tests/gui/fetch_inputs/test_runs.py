"""Runs of the dialog Fetch inputs: stopped, in the background, and behind a closed dialog."""

import time

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QWidget

from gwsa.tests.servers.faults import DRIP, Fault
from gwsa.tests.servers.small_world import BOUNDS
from gwsa.ui.fetch_inputs.dialog import BACK, KEEP, STOP
from gwsa.ui.fetch_inputs.rate import Rate

from .steps import (
    CSR,
    MASCONS,
    click,
    downloads,
    fetch,
    picture,
    plan,
    run_slowly,
    shown,
    wait_until,
)


def test_rate_and_time_left_are_those_of_the_run():
    seconds = [100.0]
    rate = Rate(lambda: seconds[0])
    assert rate.bytes_per_s == 0 and rate.time_left(0.5) == ""
    for _ in range(20):
        seconds[0] += 1
        rate.add(int(1000 * (seconds[0] - 100)))
    assert rate.bytes_per_s == pytest.approx(1000)
    assert rate.time_left(0.25) == "60 seconds"
    # A server that has stopped sending.
    for _ in range(20):
        seconds[0] += 1
        rate.add(20_000)
    assert rate.bytes_per_s == 0
    assert rate.time_left(1) == ""


def test_stop_ends_within_half_a_second_and_keeps_what_came(dialog, server, folder):
    server.faults.append(Fault(CSR, kind=DRIP, detail=0.1))
    dialog.sources.choose(["csr_mascons"])
    plan(dialog)
    QTest.mouseClick(dialog.fetch_button, Qt.MouseButton.LeftButton)
    wait_until(lambda: "came" in dialog.status.text() and dialog._outcome.bytes)
    assert "/s" in dialog.status.text() and "0 of 1 files" in dialog.status.text()
    assert shown(dialog).startswith("Fetching.")
    assert not dialog.form.isEnabled() and not dialog.plan_button.isEnabled()
    picture(dialog, "Fetch inputs, running")
    started = time.monotonic()
    click(dialog, dialog.stop_button)
    assert time.monotonic() - started < 0.5
    assert "Stopped." in shown(dialog) and "Missing: 1 file." in shown(dialog)
    assert not (folder / MASCONS).exists()
    server.faults.clear()
    fetch(dialog)
    assert (folder / MASCONS).exists()
    (resumed,) = [one for one in downloads(server) if one.headers.get("range")]
    assert resumed.status == 206


@pytest.mark.parametrize("answer", [KEEP, STOP, BACK])
def test_closing_asks_what_happens_to_the_run(dialog, server, monkeypatch, answer):
    run_slowly(dialog, server)
    monkeypatch.setattr(dialog, "ask_about_run", lambda: answer)
    dialog.close()
    assert dialog.isVisible() == (answer == BACK)
    assert dialog.is_running
    if answer != STOP:
        dialog.stop()
    wait_until(lambda: not dialog.is_running)
    # Closing without a run does not ask.
    monkeypatch.setattr(dialog, "ask_about_run", lambda: pytest.fail("asked"))
    dialog.show()
    dialog.close()
    assert not dialog.isVisible()


def test_a_run_that_ends_behind_a_closed_dialog_is_announced(dialog, iface, monkeypatch):
    monkeypatch.setattr(dialog, "ask_about_run", lambda: KEEP)
    dialog.sources.choose(["csr_land_mask"])
    plan(dialog)
    QTest.mouseClick(dialog.fetch_button, Qt.MouseButton.LeftButton)
    dialog.close()
    wait_until(lambda: not dialog.is_running)
    (item,) = iface.messageBar().items()
    assert "All inputs are fetched" in item.text()
    show = next(one for one in item.findChildren(QWidget) if getattr(one, "text", str)() == "Show")
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert dialog.isVisible() and "All is there" in shown(dialog)


def test_the_plugin_can_be_unloaded_during_a_run(plugin, iface, server, tmp_path):
    plugin.menu.show_fetch()
    dialog = plugin.menu._fetch_dialog
    plugin.menu.show_fetch()
    assert plugin.menu._fetch_dialog is dialog
    dialog.form.folder.setFilePath(str(tmp_path / "inputs"))
    dialog.form.set_region(*BOUNDS)
    run_slowly(dialog, server)
    started = time.monotonic()
    plugin.unload()
    assert time.monotonic() - started < 2
    QApplication.processEvents()


def test_the_dialog_steps_aside_while_a_region_is_drawn(dialog, iface):
    dialog.form.region.toggleDialogVisibility.emit(False)
    assert not dialog.isVisible()
    assert "Drag a rectangle" in iface.messageBar().currentItem().text()
    dialog.form.region.toggleDialogVisibility.emit(True)
    assert dialog.isVisible()
