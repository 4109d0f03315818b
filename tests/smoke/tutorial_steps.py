"""Script that runs inside QGIS (option --code), does the steps of docs/tutorial.md and explores.

$GWSA_STEPS is a JSON file with the values of the dialogs: menu entry -> label -> text. The script
writes pictures to $GWSA_PICTURES and what it saw to $GWSA_SEEN, and quits.
"""

import json
import os
import time
import traceback
from pathlib import Path

from qgis.core import (
    QgsMarkerSymbol,
    QgsProcessingParameterEnum,
    QgsProject,
    QgsSingleSymbolRenderer,
)
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget
from qgis.utils import iface

PICTURES = Path(os.environ["GWSA_PICTURES"])
STEPS = json.loads(Path(os.environ["GWSA_STEPS"]).read_text())
SECONDS = 900
PATIENCE = 60


def do_steps():
    """Do all steps, record what was seen, and end QGIS."""
    try:
        recorded = {"seconds": {}}
        iface.mainWindow().resize(1280, 860)
        save_menu()
        for entry, values in STEPS["dialogs"].items():
            started = time.monotonic()
            recorded[entry] = run_dialog(entry, values)
            recorded["seconds"][entry] = round(time.monotonic() - started)
        recorded["map"] = show_map(STEPS["map"])
        recorded["explorer"] = show_explorer(Path(STEPS["wells"]))
        recorded["predictors"] = show_predictors(Path(STEPS["predictors"]))
    except Exception:
        recorded["error"] = traceback.format_exc()
        save(iface.mainWindow(), "tutorial_error")
    Path(os.environ["GWSA_SEEN"]).write_text(json.dumps(recorded))
    # A normal exit would wait for an answer about unsaved settings.
    os._exit(0)


def menu():
    return next(one for one in iface.pluginMenu().actions() if one.text() == "GWSA").menu()


def save_menu():
    menu().popup(iface.mainWindow().geometry().topLeft())
    wait(0.5)
    save(menu(), "tutorial_menu")
    menu().close()


def run_dialog(entry, values):
    """Open the dialog of a menu entry, fill it in, run it and return its outputs."""
    action = next(one for one in menu().actions() if one.text().rstrip("…") == entry)
    action.trigger()
    wait(0.5)
    dialogs = [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog)]
    dialog = next(one for one in dialogs if one.isVisible() and hasattr(one, "runButton"))
    dialog.resize(1000, 760)
    dialog.setParameters(dict(parameter(dialog, *value) for value in values.items()))
    name = "tutorial_" + ("chain" if "chain" in entry else entry.lower().replace(" ", "_"))
    wait(0.5)
    save(dialog, name)
    dialog.runButton().click()
    deadline = time.monotonic() + SECONDS
    while not dialog.wasExecuted() and time.monotonic() < deadline:
        wait(0.2)
    dialog.showLog()
    wait(0.5)
    save(dialog, f"{name}_log")
    results = {key: value for key, value in dialog.results().items() if isinstance(value, str)}
    dialog.close()
    return results


def parameter(dialog, label, text):
    """Name and value of the parameter with a label; the text of an enumeration is its value."""
    definitions = dialog.algorithm().parameterDefinitions()
    definition = next(one for one in definitions if one.description() == label)
    if isinstance(definition, QgsProcessingParameterEnum):
        return definition.name(), definition.options().index(text)
    return definition.name(), text


def show_map(path):
    """Show only a raster, which is added unless the project has it, and return how it is drawn."""
    layers = QgsProject.instance().mapLayers().values()
    layer = next((one for one in layers if same(one.source(), path)), None)
    layer = layer or iface.addRasterLayer(path, Path(path).stem)
    for node in QgsProject.instance().layerTreeRoot().findLayers():
        node.setItemVisibilityChecked(node.layerId() == layer.id())
    iface.setActiveLayer(layer)
    iface.zoomToActiveLayer()
    wait(1)
    iface.mapCanvas().waitWhileRendering()
    wait(1)
    save(iface.mainWindow(), "tutorial_map")
    return {"renderer": layer.renderer().type(), "bands": layer.bandCount()}


def show_explorer(path):
    """Pick a well in the Explorer and return the kinds of the series that are drawn."""
    layer = iface.addVectorLayer(str(path), "Wells", "ogr")
    layer.setRenderer(QgsSingleSymbolRenderer(QgsMarkerSymbol.createSimple({"color": "#0072b2"})))
    next(one for one in menu().actions() if one.text() == "Explorer").trigger()
    dock = iface.mainWindow().findChild(QDockWidget, "GwsaExplorer")
    dock.layer_box.setLayer(layer)
    wait_until(lambda: not dock.products.is_busy)
    extent = iface.mapCanvas().extent()
    inside = (one.geometry().asPoint() for one in layer.getFeatures() if not one["confined"])
    dock.pick(next(point for point in inside if extent.contains(point)))
    wait_until(lambda: not dock.places.is_busy)
    (months,) = {tuple(one.product.maps.months) for one in dock.shown if not one.product.is_coarse}
    dock.go_to(months[len(months) // 2])
    for other in iface.mainWindow().findChildren(QDockWidget):
        other.setVisible(other is dock)
    iface.mainWindow().resizeDocks([dock], [320], Qt.Orientation.Vertical)
    iface.zoomToActiveLayer()
    wait(1)
    iface.mapCanvas().waitWhileRendering()
    wait(1)
    save(iface.mainWindow(), "explorer")
    kinds = [curve.series.kind for curve in dock.chart.curves]
    dock.close()
    return kinds


def show_predictors(folder):
    """Add a folder to the dialog Predictors and return the names and problems in its table."""
    next(one for one in menu().actions() if one.text() == "Predictors…").trigger()
    dialogs = iface.mainWindow().findChildren(QDialog)
    dialog = next(one for one in dialogs if one.windowTitle() == "Predictors")
    dialog.add_folder(folder)
    names = [item.predictor.name for item in dialog.table.items]
    dialog.table.selectRow(names.index("ndvi"))
    wait(0.5)
    save(dialog, "tutorial_predictors")
    return {item.predictor.name: item.facts.problem for item in dialog.table.items}


def same(one, other):
    return Path(one.split("|")[0]) == Path(other)


def wait(seconds):
    """Let QGIS work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.02)


def wait_until(is_done):
    """Let QGIS work until something is done."""
    end = time.monotonic() + PATIENCE
    while not is_done():
        assert time.monotonic() < end
        wait(0.1)


def save(widget, name):
    widget.grab().save(str(PICTURES / f"{name}.png"))


QTimer.singleShot(1500, do_steps)
