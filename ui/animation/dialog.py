"""Dialog GWSA > Export animation: frames, an animated GIF or a video of monthly maps."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize, Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...processing_provider.base import tr
from ...processing_provider.help_pages import page_url
from ..monthly_products import MonthlyProduct, monthly_products, product_of
from ..scale_bar import scale_bar
from .colour_scale import colour_scale
from .destination import Destination
from .export import AnimationExport
from .month_maps import MonthMaps
from .page import Page, map_rect, month_title, unit_length
from .preview import FramePreview

SIZES = {
    "960 × 540": (960, 540),
    "1280 × 720 (HD)": (1280, 720),
    "1920 × 1080 (full HD)": (1920, 1080),
    "1080 × 1080 (square)": (1080, 1080),
}
SMALLEST, LARGEST = 320, 3840
VIEW, ALL = "view", "all"
NO_MAPS = "The project has no layer whose bands are months; load monthly maps first."
NO_COLOURS = (
    "{} is not drawn in colours by value; choose Singleband pseudocolor in its properties, so that "
    "there is a legend."
)
# Time without a change of the settings before the preview is drawn.
REST_MS = 250


class AnimationDialog(QDialog):
    """Asks for maps, period, size and file, shows a preview, and exports.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """

    def __init__(self, iface):
        super().__init__(iface.mainWindow())
        self.setWindowTitle(tr("Export animation"))
        self._canvas = iface.mapCanvas()
        self._products = monthly_products()
        self._export: AnimationExport | None = None
        self._place: Path | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._added = QTimer(self, singleShot=True, interval=0)
        self._added.timeout.connect(self._reload)
        self._rest.timeout.connect(self._draw_preview)
        self._make_widgets()
        self._arrange()
        own = product_of(iface.activeLayer())
        names = [one.name for one in self._products]
        if own:
            self.maps.setCurrentIndex(names.index(own.name))
        self._show_months()
        self._connect()

    def _make_widgets(self):
        self.maps = QComboBox()
        self.maps.addItems([one.name for one in self._products])
        self.first, self.last = QComboBox(), QComboBox()
        self.area = QComboBox()
        self.area.addItem(tr("View of the map"), VIEW)
        self.area.addItem(tr("All of the maps"), ALL)
        self.sizes = QComboBox()
        for text, size in SIZES.items():
            self.sizes.addItem(text, size)
        self.sizes.addItem(tr("Other"), None)
        self.width_box, self.height_box = self._size_box(), self._size_box()
        self.sizes.setCurrentIndex(1)
        self.rate = QSpinBox(minimum=1, maximum=25, value=4, suffix=tr(" frames per second"))
        self.length = QLabel()
        self.destination = Destination(self)
        self.preview = FramePreview()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.bar = QProgressBar()
        self.text = QLabel(wordWrap=True, openExternalLinks=True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Help | QDialogButtonBox.StandardButton.Close
        )
        self.export_button = self.buttons.addButton(
            tr("Export"), QDialogButtonBox.ButtonRole.ActionRole
        )

    def _size_box(self) -> QSpinBox:
        # Videos have even widths and heights.
        return QSpinBox(minimum=SMALLEST, maximum=LARGEST, singleStep=2, suffix=" px")

    def _arrange(self):
        self.form = QWidget()
        form = QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Maps"), self.maps)
        form.addRow(tr("Months"), _row(self.first, QLabel(tr("to")), self.last))
        form.addRow(tr("Area"), self.area)
        form.addRow(tr("Size"), self.sizes)
        form.addRow("", _row(self.width_box, QLabel("×"), self.height_box))
        form.addRow(tr("Speed"), self.rate)
        form.addRow("", self.length)
        self.destination.add_to(form)
        self.form.setMinimumWidth(400)
        left = QVBoxLayout()
        left.addWidget(self.form)
        left.addStretch()
        right = QVBoxLayout()
        right.addWidget(self.preview, stretch=1)
        right.addWidget(self.slider)
        sides = QHBoxLayout()
        sides.addLayout(left)
        sides.addLayout(right, stretch=1)
        layout = QVBoxLayout(self)
        layout.addLayout(sides, stretch=1)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        layout.addWidget(self.buttons)
        self.bar.hide()
        self.resize(1120, 520)

    def _connect(self):
        self.maps.currentIndexChanged.connect(self._show_months)
        self.sizes.currentIndexChanged.connect(self._show_size)
        for one in (self.first, self.last, self.area):
            one.currentIndexChanged.connect(self._show)
        for one in (self.width_box, self.height_box, self.rate):
            one.valueChanged.connect(self._show)
        self.destination.changed.connect(self._show)
        self.slider.valueChanged.connect(lambda: self._rest.start())
        self.export_button.clicked.connect(self.start)
        self.buttons.rejected.connect(self.reject)
        self.buttons.helpRequested.connect(show_help)
        QgsProject.instance().layersAdded.connect(self._reload_soon)
        QgsProject.instance().layersRemoved.connect(self._reload)
        self._show_size()

    @property
    def product(self) -> MonthlyProduct | None:
        """The maps that are chosen."""
        return self._products[self.maps.currentIndex()] if self._products else None

    @property
    def months(self) -> list[str]:
        """The months of the period, YYYY-MM; empty if it ends before it begins."""
        first, last = self.first.currentData(), self.last.currentData()
        return [one for one in self.product.months if first <= one <= last] if self.product else []

    @property
    def size(self) -> QSize:
        """Size of the frames, even numbers of pixels."""
        return QSize(self.width_box.value() // 2 * 2, self.height_box.value() // 2 * 2)

    def _show_months(self):
        """Offer the months of the maps."""
        for box, place in ((self.first, 0), (self.last, -1)):
            box.blockSignals(True)
            box.clear()
            months = self.product.months if self.product else []
            for month in months:
                box.addItem(month_title(month), month)
            box.setCurrentIndex(len(months) - 1 if place else 0)
            box.blockSignals(False)
        self._show()

    def _show_size(self):
        """Show the pixels of a size."""
        size = self.sizes.currentData()
        for box, length in zip((self.width_box, self.height_box), size or ()):
            box.setValue(length)
        for box in (self.width_box, self.height_box):
            box.setEnabled(size is None)
        self._show()

    def _show(self):
        """Show the length, what is missing, and soon the preview."""
        count = len(self.months)
        seconds = count / self.rate.value()
        self.length.setText(tr("{} months, {:.3g} s").format(count, seconds))
        problem = self._problem()
        self.text.setText(problem)
        self.export_button.setEnabled(not problem)
        self.slider.setRange(0, max(0, count - 1))
        self._rest.start()

    def _problem(self) -> str:
        if self.product is None:
            return tr(NO_MAPS)
        if colour_scale(self.product.newest.renderer()) is None:
            return tr(NO_COLOURS).format(self.product.newest.name())
        if not self.months:
            return tr("The last month is before the first.")
        return self.destination.problem

    def _parts(self) -> tuple[MonthMaps, Page]:
        """Make what draws the maps and what draws the pages around them."""
        product = self.product
        place = map_rect(self.size).size().toSize()
        view = self._canvas.mapSettings()
        extent = view.extent()
        if self.area.currentData() == ALL or extent.isEmpty():
            extent = self._extent(product)
        maps = MonthMaps(product, view, extent, place, unit_length(self.size))
        shown = maps.settings(self.months[0])
        page = Page(
            self.size,
            product.title,
            product.verdict,
            product.unit,
            colour_scale(product.newest.renderer()),
            scale_bar(shown.visibleExtent(), shown.destinationCrs()),
            self.months,
        )
        return maps, page

    def _extent(self, product: MonthlyProduct) -> QgsRectangle:
        """Extent of the maps in the coordinates of the map, with a margin."""
        target = self._canvas.mapSettings().destinationCrs()
        extent = QgsRectangle()
        for layer in set(product.layers.values()):
            transform = QgsCoordinateTransform(layer.crs(), target, QgsProject.instance())
            try:
                extent.combineExtentWith(transform.transformBoundingBox(layer.extent()))
            except QgsCsException:
                return self._canvas.extent()
        extent.scale(1.04)
        return extent

    def _draw_preview(self):
        """Show the month of the slider."""
        if self._export or self._problem():
            self.preview.clear()
            return
        month = self.months[self.slider.value()]
        self.preview.draw(*self._parts(), month, self.product.sources.get(month, ""))

    def _stop_preview(self):
        self._rest.stop()
        self.preview.stop()

    def start(self):
        """Export."""
        self._stop_preview()
        if self._is_taken():
            return
        maps, page = self._parts()
        output = self.destination.output(self.rate.value())
        self._place = output.place
        self._export = AnimationExport(maps, page, self.product.sources, output, self)
        self._export.progressed.connect(self.bar.setValue)
        self._export.ended.connect(self._end)
        self._set_running(True)
        self.text.setText(tr("Drawing {} months…").format(len(self.months)))
        self._export.start()

    def _is_taken(self) -> bool:
        """Ask whether a file of the name may be replaced, as file dialogs do."""
        path = self.destination.output(self.rate.value()).path
        if path is None or not path.exists():
            return False
        answer = QMessageBox.question(
            self, self.windowTitle(), tr("{} exists. Replace it?").format(path.name)
        )
        return answer != QMessageBox.StandardButton.Yes

    def reject(self):
        """Cancel the export, or else close the dialog."""
        if self._export:
            self.text.setText(tr("Stopping…"))
            self._export.cancel()
            return
        self._stop_preview()
        super().reject()

    def _end(self, is_written: bool, problem: str):
        self._export.deleteLater()
        self._export = None
        self._set_running(False)
        self._reload()
        self._rest.start()
        if is_written:
            place = self._place
            link = f'<a href="{QUrl.fromLocalFile(str(place)).toString()}">{place}</a>'
            self.text.setText(tr("Written: {}").format(link))
        else:
            self.text.setText(problem or tr("Cancelled; nothing was written."))

    def _set_running(self, is_running: bool):
        self.form.setEnabled(not is_running)
        self.export_button.setEnabled(not is_running)
        self.slider.setEnabled(not is_running)
        self.bar.setVisible(is_running)
        self.bar.setValue(0)
        close = self.buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setText(tr("Cancel") if is_running else tr("Close"))

    def _reload_soon(self):
        # New layers are in the tree, which has their order, only after the signal.
        self._added.start()

    def _reload(self):
        """Offer the maps that the project has now."""
        if self._export:
            return
        chosen = self.maps.currentText()
        self._stop_preview()
        self._products = monthly_products()
        names = [one.name for one in self._products]
        self.maps.blockSignals(True)
        self.maps.clear()
        self.maps.addItems(names)
        self.maps.setCurrentIndex(names.index(chosen) if chosen in names else 0)
        self.maps.blockSignals(False)
        if chosen not in names:
            self._show_months()


def _row(*widgets: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    for widget in widgets:
        is_word = isinstance(widget, QLabel)
        layout.addWidget(widget, stretch=0 if is_word else 1)
    return layout


def show_help() -> None:
    """Open the page of animations in the default application."""
    QDesktopServices.openUrl(QUrl(page_url("animation_and_layout")))
