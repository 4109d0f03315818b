"""Script that runs inside QGIS (option --code) and records the user interface of GWSA.

It writes menu, toolbox and dialogs to $GWSA_SEEN and screenshots to $GWSA_PICTURES, and quits.
"""

import json
import os
from pathlib import Path

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget, QLabel, QTreeView
from qgis.utils import iface

PICTURES = Path(os.environ["GWSA_PICTURES"])


def record_interface():
    """Write the menu, the toolbox group and the dialogs to $GWSA_SEEN."""
    entry = next(action for action in iface.pluginMenu().actions() if action.text() == "GWSA")
    actions = entry.menu().actions()
    messages = [item.text() for item in iface.messageBar().items()]
    recorded = {
        "messages": [text for text in messages if "gwsa" in text.lower()],
        "menu": [action.text() for action in actions],
        "menu_has_icon": not entry.icon().isNull(),
        "toolbox": toolbox_group(),
        "dialogs": [open_dialog(action) for action in actions if action.text().endswith("…")],
    }
    recorded["left_open"] = [dialog.windowTitle() for dialog in visible_dialogs()]
    Path(os.environ["GWSA_SEEN"]).write_text(json.dumps(recorded))
    entry.menu().popup(iface.mainWindow().geometry().center())
    QTimer.singleShot(500, lambda: take_picture_and_quit(0))


def toolbox_group():
    """Open the toolbox and return the names of the algorithms of GWSA in the order shown."""
    dock = iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox")
    dock.show()
    tree = dock.findChild(QTreeView, "algorithmTree")
    model = tree.model()
    groups = [model.index(row, 0) for row in range(model.rowCount())]
    group = next(index for index in groups if index.data() == "GWSA")
    tree.expandRecursively(group)
    tree.scrollTo(group, tree.ScrollHint.PositionAtTop)
    return leaves(model, group)


def leaves(model, parent):
    """Return the texts of all items below a parent that have no children."""
    children = [model.index(row, 0, parent) for row in range(model.rowCount(parent))]
    return [
        text
        for child in children
        for text in (leaves(model, child) if model.rowCount(child) else [child.data()])
    ]


def open_dialog(action):
    """Open the dialog of a menu entry, save a screenshot and return title, labels and class."""
    action.trigger()
    dialog = visible_dialogs()[0]
    # Later versions of QGIS put the group before the name of the algorithm.
    title = dialog.windowTitle().rpartition(" - ")[2]
    labels = [label.text() for label in dialog.findChildren(QLabel)]
    dialog.resize(1000, 800)
    QApplication.processEvents()
    dialog.grab().save(str(PICTURES / f"{title}.png"))
    dialog.close()
    return {"title": title, "labels": labels, "class": type(dialog).__name__}


def visible_dialogs():
    """Return the dialogs on the screen, among them messages about errors."""
    widgets = QApplication.topLevelWidgets()
    return [item for item in widgets if isinstance(item, QDialog) and item.isVisible()]


def take_picture_and_quit(code):
    """Save a screenshot of the desktop and end QGIS."""
    iface.mainWindow().screen().grabWindow(0).save(str(PICTURES / "desktop.png"))
    # A normal exit would wait for an answer about unsaved settings.
    os._exit(code)


QTimer.singleShot(1500, record_interface)
# After a minute without a result, the screenshot shows the cause, such as an error dialog.
QTimer.singleShot(60_000, lambda: take_picture_and_quit(1))
