"""From months and centimetres to positions in a chart, and the ticks of both axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
from qgis.PyQt.QtCore import QRectF

# Pixels that a label of an axis needs at least.
MONTH_SPACING = 64.0
VALUE_SPACING = 34.0
STEPS_IN_MONTHS = (1, 3, 6, 12, 24, 60, 120)
# Free space above and below the values, as a fraction of their range.
MARGIN = 0.06


@dataclass(frozen=True)
class Scale:
    """Place of months and values in a rectangle.

    Parameters
    ----------
    area : QRectF
    first, last : datetime64[M]
        First and last month of the axis.
    low, high : float
        Values at the lower and the upper edge, cm.
    """

    area: QRectF
    first: np.datetime64
    last: np.datetime64
    low: float
    high: float

    @classmethod
    def around(cls, area: QRectF, months: np.ndarray, values: np.ndarray) -> Scale:
        """Make a scale that shows all months and all finite values.

        Parameters
        ----------
        area : QRectF
        months : ndarray of datetime64[M], shape (n,)
            At least one.
        values : ndarray of float
        """
        values = values[np.isfinite(values)]
        low, high = (values.min(), values.max()) if values.size else (-1.0, 1.0)
        margin = MARGIN * (high - low) or 1.0
        return cls(area, months.min(), months.max(), float(low - margin), float(high + margin))

    @property
    def months(self) -> int:
        """Number of months of the axis."""
        return int((self.last - self.first).astype(int)) + 1

    def x(self, month: np.datetime64, part: float = 0.5) -> float:
        """Return the position of a part of a month, 0 for its beginning and 1 for its end."""
        steps = int((month - self.first).astype(int)) + part
        return self.area.left() + steps / self.months * self.area.width()

    def y(self, value: float) -> float:
        """Return the position of a value in cm."""
        share = (value - self.low) / (self.high - self.low)
        return self.area.bottom() - share * self.area.height()

    def month_at(self, x: float) -> np.datetime64:
        """Return the month at a position, or the first or the last one outside the axis."""
        step = floor((x - self.area.left()) / self.area.width() * self.months)
        return self.first + min(max(step, 0), self.months - 1)

    def month_ticks(self) -> list[tuple[np.datetime64, str]]:
        """Return the months with a label; they begin at January, or at quarters of a year."""
        room = max(self.area.width() / MONTH_SPACING, 1)
        step = next(
            (step for step in STEPS_IN_MONTHS if self.months / step <= room), STEPS_IN_MONTHS[-1]
        )
        number = int(self.first.astype(int))  # months since January 1970
        ticks = range(ceil(number / step) * step, number + self.months, step)
        months = [np.datetime64(tick, "M") for tick in ticks]
        return [(month, str(month) if step < 12 else str(month)[:4]) for month in months]

    def value_ticks(self) -> list[tuple[float, str]]:
        """Return round values with their labels."""
        room = max(self.area.height() / VALUE_SPACING, 1)
        least = (self.high - self.low) / room
        power = 10.0 ** floor(log10(least))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
        count = range(ceil(self.low / step), floor(self.high / step) + 1)
        digits = max(0, -floor(log10(step) + 1e-9))
        return [(number * step, number_text(number * step, digits)) for number in count]


def number_text(value: float, digits: int) -> str:
    """Return a number with a minus sign; "-" for NaN and no minus at 0.

    Parameters
    ----------
    value : float
    digits : int
        Digits after the decimal point.
    """
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")
