"""Dialog GWSA > Predictors: clicked as a user does, on the rasters of the sample world."""

import json
import shutil
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
)

from gwsa.gwsa_plugin.core.predictors.catalogue import read_catalogue
from gwsa.ui import predictors_dialog
from gwsa.ui.predictors_dialog import PredictorsDialog
from gwsa.ui.predictors_table import FILES, KIND, MONTHS, NAME, ROLE, SCALE, UNIT

PICTURES = Path(__file__).parents[2] / "build" / "pictures"


@pytest.fixture
def folder(sample_world, tmp_path):
    """The predictors of the sample world, in a folder that can be changed."""
    return Path(shutil.copytree(sample_world / "predictors", tmp_path / "predictors"))


@pytest.fixture
def dialog(qgis_processing):
    dialog = PredictorsDialog()
    dialog.show()
    yield dialog
    dialog.close()


@pytest.fixture
def answer(monkeypatch):
    """answer("getOpenFileName", path): the user chooses the path in the next file dialog."""

    def answer(method, path):
        result = str(path) if method == "getExistingDirectory" else (path, "")
        monkeypatch.setattr(QFileDialog, method, lambda *_: result)

    return answer


def click(dialog, text):
    button = next(one for one in dialog.findChildren(QPushButton) if one.text() == text)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def row_of(dialog, name):
    return [item.name for item in dialog.table.predictors].index(name)


def type_into(dialog, name, column, text):
    """Double-click a cell and type."""
    table = dialog.table
    table.scrollToItem(table.item(row_of(dialog, name), column))
    place = table.visualItemRect(table.item(row_of(dialog, name), column)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    # Editors that are closed are deleted later.
    editor = table.viewport().findChildren(QLineEdit)[-1]
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    # The editor commits its text when control returns to the event loop.
    QApplication.processEvents()


def choose(dialog, name, column, text):
    """Choose an entry of a combo box in the table with the keyboard."""
    box = dialog.table.cellWidget(row_of(dialog, name), column)
    assert isinstance(box, QComboBox) and box.isEnabled()
    index = box.findText(text)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def tick(dialog, name, feature, months):
    dialog.table.selectRow(row_of(dialog, name))
    box = dialog.ticks[feature][months]
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def cell(dialog, name, column):
    return dialog.table.item(row_of(dialog, name), column)


def picture(dialog, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    QApplication.processEvents()
    dialog.grab().save(str(PICTURES / f"{name}.png"))


def test_catalogue_is_made_edited_and_read_back(dialog, folder, answer):
    answer("getExistingDirectory", folder)
    click(dialog, "Add folder…")
    assert len(dialog.table.items) == 20
    assert cell(dialog, "precipitation", MONTHS).text() == "2008-01 to 2010-12"
    assert cell(dialog, "precipitation", UNIT).text() == "mm"
    assert cell(dialog, "ndvi", SCALE).text() == "0.0001"
    assert Path(dialog.land.filePath()) == folder / "land.tif"

    type_into(dialog, "lai", NAME, "leaf_area")
    type_into(dialog, "leaf_area", UNIT, "1")
    type_into(dialog, "leaf_area", SCALE, "0.5")
    choose(dialog, "runoff", ROLE, "")
    tick(dialog, "ndvi", "lags", 1)
    tick(dialog, "ndvi", "means", 24)
    picture(dialog, "Predictors")

    path = folder / "mine.json"
    answer("getSaveFileName", path)
    click(dialog, "Save catalogue…")
    written = {item.name: item for item in read_catalogue(path).predictors}
    assert (written["leaf_area"].scale, written["leaf_area"].unit) == (0.5, "1")
    assert written["leaf_area"].files == "lai_{YYYY}.tif"
    assert written["runoff"].role == ""
    assert (written["ndvi"].lags, written["ndvi"].means) == ((0, 1), (3, 6, 12))
    assert json.loads(path.read_text())["land"] == "land.tif"

    other = PredictorsDialog()
    answer("getOpenFileName", path)
    click(other, "Open catalogue…")
    assert other.table.predictors == dialog.table.predictors
    assert Path(other.land.filePath()) == folder / "land.tif"
    other.close()


def test_missing_files_are_red_and_stated(dialog, folder, answer):
    (folder / "elevation.tif").unlink()
    for path in folder.glob("runoff_*.tif"):
        path.unlink()
    answer("getOpenFileName", folder / "catalogue.json")
    click(dialog, "Open catalogue…")
    table = dialog.table
    red = {
        table.predictors[row].name
        for row in range(table.rowCount())
        if table.item(row, FILES).foreground().color().name() == "#d1242f"
    }
    assert red == {"elevation", "runoff"}
    assert "There is no file" in cell(dialog, "runoff", MONTHS).text()
    assert "2 with a problem" in dialog.summary.text()
    picture(dialog, "Predictors with missing files")
    dialog.table.selectRow(row_of(dialog, "elevation"))
    assert dialog.problem.isVisible() and "elevation.tif" in dialog.problem.text()
    # A path that exists is no longer red.
    type_into(dialog, "elevation", FILES, "slope.tif")
    assert "1 with a problem" in dialog.summary.text()


def test_kind_is_changed_and_features_follow(dialog, folder):
    dialog.add_files([folder / "ndvi_2009.tif"])
    choose(dialog, "ndvi", KIND, "static")
    assert dialog.table.predictors[0].features == ("ndvi",)
    assert "There is no file" in dialog.table.items[0].facts.problem
    type_into(dialog, "ndvi", FILES, str(folder / "slope.tif"))
    assert not dialog.table.items[0].facts.problem


def test_ticks_apply_to_all_selected_monthly_predictors(dialog, folder):
    dialog.add_files([folder / f"{name}_2009.tif" for name in ("ndvi", "lai", "temperature")])
    tick(dialog, "ndvi", "lags", 3)
    dialog.table.selectAll()
    assert dialog.ticks["lags"][0].isChecked() and not dialog.ticks["lags"][3].isChecked()
    box = dialog.ticks["lags"][12]
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert [item.lags[-1] for item in dialog.table.predictors] == [12, 12, 12]
    # Lags that are not shared are kept.
    assert dialog.table.predictors[0].lags == (0, 3, 12)


def test_rows_are_removed(dialog, folder):
    dialog.add_files([folder / "slope.tif", folder / "elevation.tif"])
    dialog.table.selectRow(0)
    click(dialog, "Remove")
    assert [item.name for item in dialog.table.predictors] == ["elevation"]


def test_layers_of_the_project_are_offered(dialog, folder, qgis_new_project):
    layer = QgsRasterLayer(str(folder / "slope.tif"), "My slope")
    QgsProject.instance().addMapLayer(layer)
    dialog.layers.aboutToShow.emit()
    (action,) = dialog.layers.actions()
    assert action.text() == "My slope"
    action.trigger()
    assert [item.name for item in dialog.table.predictors] == ["slope"]


def test_problems_are_messages(dialog, folder, answer, tmp_path):
    (tmp_path / "empty").mkdir()
    dialog.add_folder(tmp_path / "empty")
    assert "contains no raster" in dialog.messages.items()[0].text()
    dialog.read(folder / "land.tif")
    assert "not readable as JSON" in dialog.messages.items()[0].text()
    dialog.add_files([folder / "slope.tif", folder / "elevation.tif"])
    type_into(dialog, "elevation", NAME, "slope")
    dialog.write(tmp_path / "twice.json")
    assert "twice" in dialog.messages.items()[0].text()
    assert not (tmp_path / "twice.json").exists()


def test_saved_catalogue_leads_to_build_predictors_and_help_to_its_page(
    dialog, folder, monkeypatch, tmp_path
):
    opened = []
    monkeypatch.setattr(predictors_dialog, "open_dialog", lambda *call: opened.extend(call))
    monkeypatch.setattr(
        predictors_dialog.QDesktopServices, "openUrl", lambda url: opened.append(url.fileName())
    )
    dialog.add_files([folder / "slope.tif"])
    dialog.write(tmp_path / "made.json")
    click(dialog, "Build predictors…")
    buttons = dialog.findChild(QDialogButtonBox)
    QTest.mouseClick(
        buttons.button(QDialogButtonBox.StandardButton.Help), Qt.MouseButton.LeftButton
    )
    catalogue = {"CATALOGUE": str(tmp_path / "made.json"), "OUTSIDE": True}
    assert opened == ["buildpredictors", catalogue, "make_catalogue.md"]
