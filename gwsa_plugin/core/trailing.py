"""Means over the last months of a monthly variable: storage remembers what fell long ago."""

from __future__ import annotations

import numpy as np


class TrailingMeans:
    """Means of a variable over the last months of each of ``months``, from one band a month, the newest band first.

    ``means``: float32, shape (months, windows, rows, columns), NaN, filled in place. A window of n months is the month
    itself and the n - 1 before it, none of them before ``first``; its mean is over those that have a value. Every sum
    runs from its own month backwards, so that it has the same bits whichever other months are asked for.
    """

    def __init__(self, means: np.ndarray, months: np.ndarray, windows: tuple[int, ...], first: np.datetime64):
        self._means, self._months = means, months
        self._oldest = [np.maximum(months - (window - 1), first) for window in windows]
        self._start = np.maximum(months - (max(windows, default=0) - 1), first)
        self._running = {}  # place in months -> sum (float64) and count, held while bands of its windows are to come

    def take(self, month: np.datetime64, band: np.ndarray) -> None:
        """Add a month's values, NaN where it has none: float32 (rows, columns)."""
        open_places = np.flatnonzero((self._start <= month) & (month <= self._months))
        known = np.isfinite(band)
        values = np.where(known, band, 0)
        for place in open_places:
            if month == self._months[place]:
                self._running[place] = np.zeros(band.shape), np.zeros(band.shape, dtype=np.uint16)
            total, count = self._running[place]
            total += values
            count += known
            for window, oldest in enumerate(self._oldest):
                if month == oldest[place]:
                    self._means[place, window] = _ratio(total, count)
            if month == self._start[place]:
                del self._running[place]


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted."""
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
