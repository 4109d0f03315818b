"""The action shows and hides the dock, and nothing is left behind."""

from qgis.core import (
    QgsApplication,
    QgsProject,
)
from qgis.PyQt.QtWidgets import QApplication

from gwsa.tests.gui.explorer.dock_steps import PLACE, pick, wait
from gwsa.ui.explorer.explorer import Explorer


def test_nothing_is_left_behind(qgis_iface, canvas, years):
    explorer = Explorer(qgis_iface)
    tool = canvas.mapTool()
    items = set(canvas.scene().items())
    explorer.show()
    wait(explorer.dock)
    explorer.dock.pick_button.click()
    explorer.dock.pick(PLACE)  # reading while the plugin is removed
    assert len(set(canvas.scene().items()) - items) >= 1
    explorer.remove()
    QApplication.processEvents()
    assert set(canvas.scene().items()) <= items
    assert canvas.mapTool() is tool
    assert explorer.dock is None
    assert not [
        task for task in QgsApplication.taskManager().activeTasks() if "GWSA" in task.description()
    ]
    years[0].renderer().setBand(1)
    QgsProject.instance().removeMapLayer(years[0].id())
    QApplication.processEvents()


def test_the_action_shows_and_hides_the_dock(explorer, canvas, years):
    explorer.action.trigger()
    wait(explorer.dock)
    assert explorer.action.isChecked() and explorer.dock.isVisible()
    pick(explorer.dock, PLACE)
    explorer.action.trigger()
    QApplication.processEvents()
    assert not explorer.action.isChecked() and not explorer.dock.isVisible()
    assert not any(mark.isVisible() for mark in explorer.dock.marks)
    explorer.action.trigger()
    assert explorer.dock.isVisible() and explorer.dock.marks[0].isVisible()
    explorer.dock.close()
    assert not explorer.action.isChecked()
