"""Preview of a frame, rendered without blocking the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qgis.core import QgsMapRendererParallelJob
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QImage, QPixmap
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy

from .month_maps import MonthMaps
from .page import Page

SMALLEST = QSize(640, 360)


class FramePreview(QLabel):
    """Shows a frame, fitted into the widget.

    Attributes
    ----------
    frame : QImage
        The frame in its own size; null if there is none.
    """

    def __init__(self):
        super().__init__(alignment=Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(SMALLEST)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.frame = QImage()
        self._job: QgsMapRendererParallelJob | None = None
        self._maps: MonthMaps | None = None
        self._paint: Callable[[QImage], QImage] | None = None

    @property
    def is_drawing(self) -> bool:
        """Whether a frame is on its way."""
        return self._job is not None

    def draw(self, maps: MonthMaps, page: Page, month: str, source: str) -> None:
        """Render a month and show it when it is ready; one that is on its way is given up.

        Parameters
        ----------
        maps : MonthMaps
        page : Page
        month : str
            YYYY-MM.
        source : str
            Observed, filled or missing.
        """
        self.stop()
        # The copies of the layers live as long as the job needs them.
        self._maps = maps
        self._job = QgsMapRendererParallelJob(maps.settings(month))
        self._paint = partial(page.paint, month=month, source=source)
        # A method is disconnected when the widget is deleted.
        self._job.finished.connect(self._finish)
        self._job.start()

    def stop(self) -> None:
        """Give up the frame that is on its way."""
        if self._job:
            self._job.finished.disconnect(self._finish)
            self._job.cancel()
        self._job = None
        self._maps = None

    def clear(self) -> None:
        """Show nothing."""
        self.stop()
        self.frame = QImage()
        super().clear()

    def resizeEvent(self, event):
        """Fit the frame to the new size."""
        super().resizeEvent(event)
        self._fit()

    def _finish(self) -> None:
        self.frame = self._paint(self._job.renderedImage())
        self._job = None
        self._maps = None
        self._fit()

    def _fit(self) -> None:
        if self.frame.isNull():
            return
        ratio = self.devicePixelRatioF()
        image = self.frame.scaled(
            self.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        image.setDevicePixelRatio(ratio)
        self.setPixmap(QPixmap.fromImage(image))
