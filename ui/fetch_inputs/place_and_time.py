"""Region, months and folder of the inputs."""

from __future__ import annotations

from math import cos, radians
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle
from qgis.gui import QgsExtentWidget, QgsFileWidget
from qgis.PyQt.QtCore import QDate, QStandardPaths, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDateEdit,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...processing_provider.base import tr

DEGREES = "EPSG:4326"
KM_PER_DEGREE = 111.2
# First month of GRACE.
EARLIEST = QDate(2002, 4, 1)
# Months after the end of a year in which its files have appeared in most archives.
DELAY = 6


class PlaceAndTime(QWidget):
    """Asks for region, first and last month, and folder.

    Parameters
    ----------
    canvas : QgsMapCanvas
        Map on which a region can be drawn.
    parent : QWidget
    """

    # Emitted when the region, a month or the folder is another.
    changed = pyqtSignal()
    # Emitted with False while a region is drawn on the map, and with True afterwards.
    drawing_ended = pyqtSignal(bool)

    def __init__(self, canvas, parent):
        super().__init__(parent)
        self.region = QgsExtentWidget(self, QgsExtentWidget.WidgetStyle.ExpandedStyle)
        self.region.setOutputCrs(QgsCoordinateReferenceSystem(DEGREES))
        if canvas is not None:
            view = canvas.mapSettings()
            self.region.setCurrentExtent(view.visibleExtent(), view.destinationCrs())
            self.region.setMapCanvas(canvas, True)
        self.region.clear()
        for button in self.region.findChildren(QPushButton):
            button.setMinimumWidth(button.sizeHint().width())
        self.size = QLabel()
        end = QDate.currentDate().addMonths(-DELAY).year() - 1
        self.first, self.last = _month_box(EARLIEST), _month_box(QDate(end, 12, 1))
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setDialogTitle(tr("Folder of the inputs"))
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        start = Path(QStandardPaths.writableLocation(documents)) / "GWSA inputs"
        self.folder.setFilePath(str(start))
        self._arrange()
        self.region.extentChanged.connect(self._show_size)
        self.region.toggleDialogVisibility.connect(self.drawing_ended)
        self.first.dateChanged.connect(self.changed)
        self.last.dateChanged.connect(self.changed)
        self.folder.fileChanged.connect(self.changed)
        self._show_size()

    def _arrange(self):
        region = QGroupBox(tr("Region"))
        inside = QVBoxLayout(region)
        inside.addWidget(self.region)
        inside.addWidget(self.size)
        months = QHBoxLayout()
        for widget in (QLabel(tr("Months")), self.first, QLabel(tr("to")), self.last):
            months.addWidget(widget)
        months.addStretch()
        folder = QHBoxLayout()
        folder.addWidget(QLabel(tr("Folder")))
        folder.addWidget(self.folder, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(region)
        layout.addLayout(months)
        layout.addLayout(folder)

    @property
    def place(self) -> Path:
        """The folder."""
        return Path(self.folder.filePath().strip())

    @property
    def problem(self) -> str:
        """What is missing; empty if nothing is."""
        extent = self.region.outputExtent()
        if not self.region.isValid():
            return tr("Choose a region: draw it on the map, or take the extent of a layer.")
        if extent.width() <= 0 or extent.height() <= 0:
            return tr("The region has no area; draw it on the map, or correct its sides.")
        if self.last.date() < self.first.date():
            return tr("The last month is before the first.")
        if not self.folder.filePath().strip():
            return tr("Choose a folder for the inputs.")
        return ""

    @property
    def parameters(self) -> dict:
        """Region and months as parameters of algorithms."""
        box = self.region.outputExtent()
        sides = (box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum())
        return {
            "EXTENT": f"{','.join(f'{side:.10g}' for side in sides)} [{DEGREES}]",
            "START": self.first.date().toString("yyyy-MM"),
            "END": self.last.date().toString("yyyy-MM"),
        }

    def set_region(self, west: float, south: float, east: float, north: float) -> None:
        """Fill in a region in degrees."""
        crs = QgsCoordinateReferenceSystem(DEGREES)
        self.region.setOutputExtentFromUser(QgsRectangle(west, south, east, north), crs)

    def set_months(self, first: str, last: str) -> None:
        """Fill in the months, YYYY-MM."""
        for box, month in ((self.first, first), (self.last, last)):
            box.setDate(QDate.fromString(f"{month}-01", "yyyy-MM-dd"))

    def _show_size(self):
        if self.region.isValid():
            box = self.region.outputExtent()
            width = box.width() * KM_PER_DEGREE * cos(radians(box.center().y()))
            height = box.height() * KM_PER_DEGREE
            self.size.setText(
                tr("{:.3g}° × {:.3g}°, about {:,.0f} × {:,.0f} km").format(
                    box.width(), box.height(), width, height
                )
            )
        else:
            self.size.setText(tr("Degrees. Not chosen yet."))
        self.changed.emit()


def _month_box(date: QDate) -> QDateEdit:
    box = QDateEdit(date)
    box.setDisplayFormat("yyyy-MM")
    box.setMinimumDate(EARLIEST)
    box.setMaximumDate(QDate.currentDate())
    box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return box
