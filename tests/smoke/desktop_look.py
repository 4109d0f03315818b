"""Runs inside QGIS (--code): writes what a user sees of GWSA to $GWSA_SEEN, pictures to $GWSA_PICTURES, and quits."""

import json
import os
from pathlib import Path

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget, QLabel, QTreeView
from qgis.utils import iface

PICTURES = Path(os.environ["GWSA_PICTURES"])


def look():
    entry = next(action for action in iface.pluginMenu().actions() if action.text() == "GWSA")
    seen = {
        "messages": [
            item.text() for item in iface.messageBar().items() if "gwsa" in item.text().lower()
        ],
        "menu": [action.text() for action in entry.menu().actions()],
        "menu_has_icon": not entry.icon().isNull(),
        "toolbox": toolbox_group(),
        "dialogs": [
            open_dialog(action) for action in entry.menu().actions() if action.text().endswith("…")
        ],
    }
    Path(os.environ["GWSA_SEEN"]).write_text(json.dumps(seen))
    entry.menu().popup(iface.mainWindow().geometry().center())
    QTimer.singleShot(500, lambda: take_picture_and_quit(0))


def toolbox_group():
    """The names under GWSA in the toolbox, which it opens."""
    dock = iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox")
    dock.show()
    tree = dock.findChild(QTreeView, "algorithmTree")
    model = tree.model()
    groups = [model.index(row, 0) for row in range(model.rowCount())]
    group = next(index for index in groups if index.data() == "GWSA")
    tree.expand(group)
    return [model.index(row, 0, group).data() for row in range(model.rowCount(group))]


def open_dialog(action):
    """The title and the labels of the dialog that a menu entry opens; keeps a picture of it."""
    action.trigger()
    dialog = next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()
    )
    title, labels = dialog.windowTitle(), [label.text() for label in dialog.findChildren(QLabel)]
    dialog.resize(1000, 800)
    QApplication.processEvents()
    dialog.grab().save(str(PICTURES / f"{title}.png"))
    dialog.close()
    return {"title": title, "labels": labels}


def take_picture_and_quit(code):
    iface.mainWindow().screen().grabWindow(0).save(str(PICTURES / "desktop.png"))
    # An orderly exit would ask about unsaved settings and wait.
    os._exit(code)


QTimer.singleShot(1500, look)
# Whatever stopped it, an error in a window for one, is then in the picture.
QTimer.singleShot(60_000, lambda: take_picture_and_quit(1))
