"""Dialog GWSA > Predictors: make and edit a predictor catalogue without writing JSON."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.gui import QgsFileWidget, QgsMessageBar
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.predictors.catalogue import Predictor, read_catalogue
from ..gwsa_plugin.core.predictors.paths import layer_file
from ..gwsa_plugin.core.predictors.predictor_facts import read_facts
from ..gwsa_plugin.core.predictors.recognise import (
    SUFFIXES,
    Recognised,
    find_land,
    raster_files,
    recognise,
)
from ..gwsa_plugin.core.predictors.write_catalogue import with_absolute_files, write_catalogue
from ..processing_provider.base import tr
from ..processing_provider.help_pages import page_url
from .dialogs import open_dialog
from .predictors_table import PredictorsTable

JSON = "JSON (*.json)"
LAG_TICKS = (0, 1, 2, 3, 4, 6, 9, 12)
MEAN_TICKS = (3, 6, 12, 24)


class PredictorsDialog(QDialog):
    """Table of predictors with buttons that add rasters and read and write catalogues.

    Parameters
    ----------
    parent : QWidget, optional
        The main window.
    """

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setWindowTitle(tr("Predictors"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1280, 640)
        self.messages = QgsMessageBar(self)
        self.table = PredictorsTable(self)
        self.land = QgsFileWidget(self)
        self.land.setDialogTitle(tr("Land mask"))
        self.ticks = {
            "lags": self._ticks("lags", LAG_TICKS),
            "means": self._ticks("means", MEAN_TICKS),
        }
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.summary = QLabel()
        self._path: Path | None = None
        layout = QVBoxLayout(self)
        layout.addWidget(self.messages)
        layout.addLayout(self._buttons())
        layout.addWidget(self.table, stretch=1)
        layout.addWidget(self.problem)
        layout.addWidget(self._features())
        layout.addLayout(self._land_row())
        layout.addLayout(self._end())
        self.table.edited.connect(self._show_summary)
        self.table.itemSelectionChanged.connect(self._show_ticks)
        self.table.itemSelectionChanged.connect(self._show_summary)
        self.table.set_items([])
        self._show_ticks()

    def add_files(self, paths: list[Path]) -> None:
        """Recognise predictors in files and add them to the table."""
        QgsApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            found = recognise(paths, self.table.predictors)
        finally:
            QgsApplication.restoreOverrideCursor()
        self.table.set_items([*self.table.items, *found])
        self._message(tr("{} predictors added.").format(len(found)))

    def add_folder(self, folder: Path) -> None:
        """Recognise predictors in the rasters of a folder, and its land mask."""
        try:
            paths = raster_files(folder)
        except InputError as error:
            self._message(str(error), is_error=True)
            return
        if not self.land.filePath():
            self.land.setFilePath(str(find_land(folder) or ""))
        self.add_files(paths)

    def read(self, path: Path) -> None:
        """Replace the table by a catalogue."""
        try:
            catalogue = read_catalogue(path)
        except InputError as error:
            self._message(str(error), is_error=True)
            return
        predictors = with_absolute_files(catalogue)
        self.table.set_items([Recognised(item, read_facts(item)) for item in predictors])
        self.land.setFilePath(str(catalogue.land or ""))
        self._path = path

    def write(self, path: Path) -> None:
        """Write the catalogue and offer to build the predictors."""
        land = self.land.filePath()
        try:
            write_catalogue(path, self.table.predictors, Path(land) if land else None)
        except (InputError, OSError) as error:
            self._message(str(error), is_error=True)
            return
        self._path = path
        item = self.messages.createMessage("", tr("{} was written.").format(path))
        button = QPushButton(tr("Build predictors…"))
        # The user has chosen the files, wherever they are.
        given = {"CATALOGUE": str(path), "OUTSIDE": True}
        button.clicked.connect(lambda: open_dialog("buildpredictors", given))
        item.layout().addWidget(button)
        self.messages.clearWidgets()
        self.messages.pushWidget(item)

    def _buttons(self) -> QHBoxLayout:
        layout = QHBoxLayout()
        self.layers = QMenu(self)
        self.layers.aboutToShow.connect(self._list_layers)
        add_layers = QPushButton(tr("Add layers"))
        add_layers.setMenu(self.layers)
        layout.addWidget(add_layers)
        for text, action in (
            ("Add files…", self._choose_files),
            ("Add folder…", self._choose_folder),
            ("Remove", self._remove),
        ):
            layout.addWidget(self._button(text, action))
        layout.addStretch()
        layout.addWidget(self._button("Open catalogue…", self._choose_catalogue))
        layout.addWidget(self._button("Save catalogue…", self._choose_target))
        return layout

    def _button(self, text: str, action) -> QPushButton:
        button = QPushButton(tr(text))
        button.setAutoDefault(False)
        button.clicked.connect(lambda: action())
        return button

    def _features(self) -> QGroupBox:
        box = QGroupBox(tr("Features of the selected monthly predictors, in months"))
        layout = QGridLayout(box)
        for row, (name, label) in enumerate((("lags", "Lags"), ("means", "Means over"))):
            layout.addWidget(QLabel(tr(label)), row, 0)
            for column, tick in enumerate(self.ticks[name].values(), start=1):
                layout.addWidget(tick, row, column)
        layout.setColumnStretch(len(LAG_TICKS) + 1, 1)
        return box

    def _ticks(self, name: str, months: tuple[int, ...]) -> dict[int, QCheckBox]:
        """Tick boxes of the lags or the means: number of months -> box."""
        ticks = {number: QCheckBox(str(number)) for number in months}
        for number, tick in ticks.items():
            tick.clicked.connect(partial(self._change_feature, name, number))
        return ticks

    def _land_row(self) -> QHBoxLayout:
        layout = QHBoxLayout()
        layout.addWidget(QLabel(tr("Land mask (optional)")))
        layout.addWidget(self.land, stretch=1)
        return layout

    def _end(self) -> QHBoxLayout:
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Help | QDialogButtonBox.StandardButton.Close
        )
        buttons.helpRequested.connect(show_help)
        buttons.rejected.connect(self.reject)
        layout = QHBoxLayout()
        layout.addWidget(self.summary, stretch=1)
        layout.addWidget(buttons)
        return layout

    def _list_layers(self) -> None:
        """Fill the menu with the raster layers of the project that are files."""
        self.layers.clear()
        layers = sorted(QgsProject.instance().mapLayers().values(), key=lambda one: one.name())
        for layer in layers:
            path = layer_file(layer.source())
            if isinstance(layer, QgsRasterLayer) and path.is_file():
                self.layers.addAction(layer.name(), lambda path=path: self.add_files([path]))
        if not self.layers.actions():
            self.layers.addAction(tr("The project has no raster files")).setEnabled(False)

    def _choose_files(self) -> None:
        types = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        filters = tr("Rasters ({});;All files (*)").format(types)
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Add files"), self._folder(), filters)
        if paths:
            self.add_files([Path(path) for path in paths])

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Add folder"), self._folder())
        if folder:
            self.add_folder(Path(folder))

    def _choose_catalogue(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Open catalogue"), self._folder(), JSON)
        if path:
            self.read(Path(path))

    def _choose_target(self) -> None:
        start = str(self._path or Path(self._folder(), "catalogue.json"))
        path, _ = QFileDialog.getSaveFileName(self, tr("Save catalogue"), start, JSON)
        if path:
            self.write(Path(path))

    def _folder(self) -> str:
        """The folder that file dialogs begin in."""
        return str(self.table.folder) if self.table.items else ""

    def _remove(self) -> None:
        rows = self.table.selected_rows
        kept = [item for row, item in enumerate(self.table.items) if row not in rows]
        self.table.set_items(kept)

    def _selected_monthly(self) -> dict[int, Predictor]:
        """Row -> predictor of the selected rows that are monthly."""
        rows = {row: self.table.predictors[row] for row in self.table.selected_rows}
        return {row: predictor for row, predictor in rows.items() if predictor.monthly}

    def _show_ticks(self) -> None:
        """Tick the lags and means that all selected monthly predictors have."""
        predictors = self._selected_monthly().values()
        for name, ticks in self.ticks.items():
            for number, tick in ticks.items():
                is_shared = all(number in getattr(item, name) for item in predictors)
                tick.setEnabled(bool(predictors))
                tick.setChecked(bool(predictors) and is_shared)

    def _change_feature(self, name: str, number: int, is_ticked: bool) -> None:
        """Add a lag or a mean to the selected monthly predictors, or remove it."""
        for row, predictor in self._selected_monthly().items():
            numbers = {*getattr(predictor, name)} - {number} | ({number} if is_ticked else set())
            if name == "lags" and not numbers:
                numbers = {0}
            self.table.set_predictor(row, replace(predictor, **{name: tuple(sorted(numbers))}))
        self._show_ticks()

    def _show_summary(self) -> None:
        features = sum(len(item.features) for item in self.table.predictors)
        problems = sum(bool(item.facts.problem) for item in self.table.items)
        text = tr("{} predictors, {} features").format(len(self.table.items), features)
        if problems:
            text += tr("; {} with a problem").format(problems)
        self.summary.setText(text)
        selected = [self.table.items[row].facts.problem for row in self.table.selected_rows]
        self.problem.setText("\n".join(filter(None, selected)))
        self.problem.setVisible(any(selected))

    def _message(self, text: str, is_error: bool = False) -> None:
        self.messages.clearWidgets()
        if is_error:
            self.messages.pushWarning("", text)
        else:
            self.messages.pushInfo("", text)


def show_help() -> None:
    """Open the page on catalogues in the default application."""
    QDesktopServices.openUrl(QUrl(page_url("stages/make_catalogue")))
