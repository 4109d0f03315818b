"""What a user does in the dialog, and what it shows."""

import time
from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from gwsa.tests.servers.faults import DRIP, Fault
from gwsa.ui.fetch_inputs.sources_tree import STATE

PICTURES = Path(__file__).parents[3] / "build" / "pictures"
CSR = "download.csr.utexas.edu"
GLDAS = "opendap.earthdata.nasa.gov"
MASCONS = "mascons/CSR_GRACE_GRACE-FO_RL0603_Mascons_all-corrections.nc"
# Months of GLDAS that the servers have.
MONTHS = 4
TOKEN = "secret-token-of-a-user"


def wait_until(condition, seconds=60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.005)
        assert time.monotonic() < end


def click(dialog, button):
    """Click a button and wait until the work has ended."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    wait_until(lambda: not dialog.is_running)


def plan(dialog):
    click(dialog, dialog.plan_button)


def fetch(dialog):
    click(dialog, dialog.fetch_button)


def picture(dialog, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    QApplication.processEvents()
    dialog.grab().save(str(PICTURES / f"{name}.png"))


def state(dialog, source, column=STATE):
    return dialog.sources._items[source].text(column)


def shown(dialog):
    return dialog.text.toPlainText()


def downloads(server):
    """The files that were asked for, without questions about them."""
    hosts = (CSR, GLDAS)
    return [one for one in server.log if one.method == "GET" and one.host in hosts]


def run_slowly(dialog, server):
    """Begin a run that lasts until the fault is taken away."""
    server.faults.append(Fault(CSR, kind=DRIP, detail=0.1))
    dialog.sources.choose(["csr_mascons"])
    plan(dialog)
    QTest.mouseClick(dialog.fetch_button, Qt.MouseButton.LeftButton)
    wait_until(lambda: dialog._outcome is not None)
