"""The dock: what is picked and read, the chart, the months of the map, and what is saved."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from qgis.core import QgsApplication, QgsMapLayerProxyModel, QgsSettings
from qgis.gui import QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.results.place_series import WELL
from ...gwsa_plugin.core.results.place_table import wide_table, write_csv
from ...processing_provider.base import tr
from .chart import Chart
from .curves import curves_of, letter, place_colour
from .month_bar import MonthBar
from .month_layers import month_of, show_month, shown_month
from .picking import Mark, PlaceTool, is_well_layer, spot_at
from .places import Places
from .products import Loaded, Products
from .wells import READINGS_PROPERTY

ENDINGS = ("csv", "png", "svg")
FOLDER_SETTING = "gwsa/explorer/folder"
PROBLEM_LENGTH = 60  # characters of a sentence in the menu
NO_PRODUCT = (
    "No monthly maps are loaded. Add yearly maps GWSA_YYYY.tif or any raster whose bands are "
    "named YYYY-MM, in cm, mm, m or kg m-2."
)


class ExplorerDock(QgsDockWidget):
    """Shows the monthly series at the places that are picked on a map.

    Parameters
    ----------
    canvas : QgsMapCanvas
    parent : QWidget, optional
    """

    def __init__(self, canvas, parent=None):
        super().__init__(tr("GWSA Explorer"), parent)
        self.setObjectName("GwsaExplorer")
        self.canvas = canvas
        self.products = Products(self)
        self.places = Places(self)
        self.tool = PlaceTool(canvas)
        self.marks: list[Mark] = []
        self._chosen: dict[str, bool] = {}
        self._earlier_tool = None
        self._place_widgets()
        self.tool.picked.connect(self.pick)
        self.tool.activated.connect(lambda: self.pick_button.setChecked(True))
        self.tool.deactivated.connect(lambda: self.pick_button.setChecked(False))
        self.products.changed.connect(self._update_products)
        self.places.changed.connect(self._update_places)
        self.places.problem.connect(self.status.setText)
        self.bar.moved.connect(self.go_to)
        self.chart.month_clicked.connect(self.bar.stop)
        self.chart.month_clicked.connect(self.go_to)
        self.visibilityChanged.connect(self._show_or_hide)
        canvas.temporalRangeChanged.connect(self._follow_controller)

    def _place_widgets(self) -> None:
        self.chart = Chart()
        self.bar = MonthBar()
        self.status = QLabel(wordWrap=True)
        self.pick_button = QToolButton(checkable=True)
        self.pick_button.setText(tr("Pick"))
        self.pick_button.setIcon(QgsApplication.getThemeIcon("/mActionIdentify.svg"))
        self.pick_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.pick_button.setToolTip(tr("Click on the map; Ctrl-click adds a place"))
        self.pick_button.toggled.connect(self._use_tool)
        self.layer_box = QgsMapLayerComboBox()
        kinds = QgsMapLayerProxyModel.Filter
        self.layer_box.setFilters(kinds.PolygonLayer | kinds.PointLayer)
        self.layer_box.setAllowEmptyLayer(True, tr("the point clicked"))
        self.layer_box.setCurrentIndex(0)
        self.layer_box.setMinimumContentsLength(18)
        self.layer_box.setToolTip(tr("What a click picks: the point, or a feature of this layer"))
        self.series_button, self.series_menu = _menu_button(tr("Series"))
        self.series_menu.setToolTipsVisible(True)
        self.save_button, menu = _menu_button(tr("Save"))
        menu.addAction(tr("Copy as table"), self.copy)
        for ending in ENDINGS:
            menu.addAction(f"{tr('Save')} {ending.upper()}…", partial(self._ask_and_save, ending))
        self.clear_button = QToolButton()
        self.clear_button.setText(tr("Clear"))
        self.clear_button.clicked.connect(self.places.clear)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self.chart)
        top = QHBoxLayout()
        for widget in (
            self.pick_button,
            self.layer_box,
            self.series_button,
            self.save_button,
            self.clear_button,
        ):
            top.addWidget(widget)
        top.addWidget(self.status, 1)
        contents = QWidget()
        layout = QVBoxLayout(contents)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.bar)
        self.setWidget(contents)

    @property
    def shown(self) -> list[Loaded]:
        """The products that are shown."""
        return [one for one in self.products.loaded if self._chosen.get(one.key, one.is_shown)]

    @property
    def keys(self) -> list[str]:
        """Keys of what is shown, in the order of the legend."""
        return [*(one.key for one in self.shown), WELL]

    def pick(self, point, is_added: bool = False) -> None:
        """Read the series at a point of the map.

        Parameters
        ----------
        point : QgsPointXY
            In the coordinate reference system of the map.
        is_added : bool
            Whether the places so far stay.
        """
        self.status.clear()
        try:
            spot = spot_at(point, self.canvas, self.layer_box.currentLayer())
        except InputError as error:
            self.status.setText(str(error))
            return
        self.places.pick(spot, is_added, self.shown)

    def go_to(self, month: np.datetime64) -> None:
        """Show a month on the map and in the chart."""
        show_month(month, self.products.loaded, self.canvas)
        self.bar.set_month(month)
        self.chart.set_month(month)

    def copy(self) -> None:
        """Copy the series as a table with one row a month."""
        QApplication.clipboard().setText(wide_table(self.places.places, self.keys))

    def save(self, path: Path) -> None:
        """Save the series as CSV, or the chart as PNG or SVG, by the ending of the name.

        Parameters
        ----------
        path : Path
            Ends in one of ENDINGS.
        """
        ending = path.suffix.lower().lstrip(".")
        try:
            if ending == "csv":
                write_csv(path, self.places.places, self.keys)
            else:
                getattr(self.chart, f"save_{ending}")(path)
        except OSError as error:
            reason = error.strerror or str(error)
            self.status.setText(f"{path.name} {tr('is not saved')}: {reason}.")
            return
        self.status.setText(f"{tr('Saved')}: {path}")

    def remove(self) -> None:
        """Leave canvas and project as they were, and end the work in the background."""
        self.bar.stop()
        self.places.clear()
        self.products.remove()
        self.canvas.temporalRangeChanged.disconnect(self._follow_controller)
        self._use_tool(False)

    def _ask_and_save(self, ending: str) -> None:
        settings = QgsSettings()
        folder = settings.value(FOLDER_SETTING, str(Path.home()))
        kinds = f"{ending.upper()} (*.{ending})"
        start = str(Path(folder) / f"storage.{ending}")
        name, _ = QFileDialog.getSaveFileName(self, tr("Save"), start, kinds)
        if name:
            path = Path(name)
            settings.setValue(FOLDER_SETTING, str(path.parent))
            has_ending = path.suffix.lower() == f".{ending}"
            self.save(path if has_ending else path.with_name(f"{path.name}.{ending}"))

    def _use_tool(self, is_used: bool) -> None:
        if is_used:
            # Files may have been replaced, and the reference system of a layer set.
            self.products.find()
        if is_used and self.canvas.mapTool() is not self.tool:
            self._earlier_tool = self.canvas.mapTool()
            self.canvas.setMapTool(self.tool)
        elif not is_used and self.canvas.mapTool() is self.tool:
            self.canvas.unsetMapTool(self.tool)
            if self._earlier_tool is not None and not sip.isdeleted(self._earlier_tool):
                self.canvas.setMapTool(self._earlier_tool)

    def _show_or_hide(self, is_visible: bool) -> None:
        """Marks and the tool are there with the dock only."""
        for mark in self.marks:
            mark.show_all(is_visible)
        if not is_visible:
            self.bar.stop()
            self._use_tool(False)

    def _follow_controller(self) -> None:
        month = month_of(self.canvas.temporalRange())
        if month is not None:
            self.bar.set_month(month)
            self.chart.set_month(self.bar.month)

    def _update_products(self) -> None:
        loaded = self.products.loaded
        self.series_menu.clear()
        for one in loaded:
            action = self.series_menu.addAction(one.product.name)
            action.setCheckable(True)
            action.setChecked(one in self.shown)
            action.toggled.connect(partial(self._choose, one.key))
        for problem in self.products.problems:
            action = self.series_menu.addAction(f"{problem[:PROBLEM_LENGTH]}…")
            action.setToolTip(problem)
            action.setEnabled(False)
        self.series_menu.addSeparator()
        self.series_menu.addAction(f"{tr('Readings of wells')}…", self._ask_for_readings)
        months = [one.product.maps.months for one in loaded]
        ends = (min(m[0] for m in months), max(m[-1] for m in months)) if months else (None, None)
        self.bar.set_range(*ends)
        shown = shown_month(loaded)
        if shown is not None:
            self.bar.set_month(shown)
        self.chart.set_month(self.bar.month)
        self.places.forget(loaded)
        self.places.read(self.shown)

    def _choose(self, key: str, is_shown: bool) -> None:
        self._chosen[key] = is_shown
        self._update_places()
        self.places.read(self.shown)

    def _ask_for_readings(self) -> None:
        layer = self.layer_box.currentLayer()
        if not is_well_layer(layer):
            self.status.setText(tr("Choose a layer of wells beside “Pick” first."))
            return
        kinds = tr("Tables (*.csv *.txt *.rdb *.gpkg *.xlsx)")
        name, _ = QFileDialog.getOpenFileName(self, tr("Readings of wells"), "", kinds)
        if name:
            layer.setCustomProperty(READINGS_PROPERTY, name)
            self.places.forget_wells()
            self.places.read(self.shown)

    def _update_places(self) -> None:
        places = self.places.places
        curves = curves_of(places, self.keys)
        self.chart.show_curves(curves, self._message())
        for mark in self.marks:
            mark.remove()
        self.marks = [
            Mark(self.canvas, spot, letter(number), place_colour(number))
            for number, spot in enumerate(self.places.spots)
        ]
        for mark in self.marks:
            mark.show_all(self.isVisible())
        self.save_button.setEnabled(bool(curves))
        self.clear_button.setEnabled(bool(places))

    def _message(self) -> str:
        """What an empty chart states."""
        if not self.products.loaded and not self.products.is_busy:
            return " ".join([tr(NO_PRODUCT), *self.products.problems])
        if not self.places.places:
            return ""
        if self.places.is_busy:
            return tr("Reading…")
        return tr("The products that are shown have no values there: it is sea, ice or outside.")


def _menu_button(text: str) -> tuple[QToolButton, QMenu]:
    button = QToolButton()
    button.setText(text)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(button)
    button.setMenu(menu)
    return button, menu
