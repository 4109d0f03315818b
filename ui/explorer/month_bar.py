"""Slider of months with a button that plays them."""

from __future__ import annotations

import numpy as np
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSlider, QStyle, QToolButton, QWidget

from ...gwsa_plugin.core.base.months import month_range
from ...processing_provider.base import tr

INTERVAL_MS = 400


class MonthBar(QWidget):
    """Emits ``moved`` with the datetime64[M] that the user or the player chose.

    Parameters
    ----------
    parent : QWidget, optional
    """

    moved = pyqtSignal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._months = np.empty(0, dtype="datetime64[M]")
        self.play_button = QToolButton(autoRaise=True, checkable=True)
        self.play_button.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_MediaPlay))
        self.play_button.setToolTip(tr("Play the months"))
        self.play_button.toggled.connect(self._play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(12)
        self.slider.setToolTip(tr("Month that the map shows; page keys move by a year"))
        self.slider.valueChanged.connect(self._move)
        self.label = QLabel()
        self.label.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000-00 "))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        for widget in (self.play_button, self.slider, self.label):
            layout.addWidget(widget)
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.step)
        self.setEnabled(False)

    @property
    def month(self) -> np.datetime64 | None:
        """Month of the slider; None without months."""
        return self._months[self.slider.value()] if self._months.size else None

    def set_range(self, first: np.datetime64 | None, last: np.datetime64 | None) -> None:
        """Set the first and the last month and keep the chosen one if it is between them."""
        before = self.month
        months = self._months[:0] if first is None else month_range(first, last)
        self._months = months
        self.setEnabled(bool(months.size))
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(months.size - 1, 0))
        self.slider.blockSignals(False)
        if not months.size:
            self.play_button.setChecked(False)
            self.label.clear()
        else:
            self.set_month(before if before in months else months[-1])

    def set_month(self, month: np.datetime64) -> None:
        """Move the slider without emitting ``moved``; a month outside is ignored."""
        if self._months.size and self._months[0] <= month <= self._months[-1]:
            self.slider.blockSignals(True)
            self.slider.setValue(int((month - self._months[0]).astype(int)))
            self.slider.blockSignals(False)
            self.label.setText(str(self.month))

    def step(self) -> None:
        """Go to the next month, after the last one to the first."""
        self.slider.setValue((self.slider.value() + 1) % self._months.size)

    def stop(self) -> None:
        """Stop playing."""
        self.play_button.setChecked(False)

    def _move(self) -> None:
        self.label.setText(str(self.month))
        self.moved.emit(self.month)

    def _play(self, is_playing: bool) -> None:
        pixmap = QStyle.StandardPixmap
        icon = pixmap.SP_MediaPause if is_playing else pixmap.SP_MediaPlay
        self.play_button.setIcon(self.style().standardIcon(icon))
        if is_playing:
            self._timer.start()
        else:
            self._timer.stop()
