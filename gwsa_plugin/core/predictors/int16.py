"""How the numbers of a predictor are stored: as int16 with a scale where its steps tell the values apart, else float32.

Integers that are copied keep their own numbers. Other values are rounded to steps that are powers of two, so that
number x scale + offset is exact in float32 and half a step bounds the error. The range over the land settles the step;
float32 is kept where the middle 90 % of the pixels would have fewer than ``FEWEST`` steps to lie on, as those of a
variable with a long tail have, and where float32 has no finer steps itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .catalogue import NO_CLASS

NODATA, LARGEST = -32768, 32767  # of int16
STEPS = 60_000  # that a range has at most, and half as many at least
NOTCH = 4096  # steps between one possible offset and the next: with few of them, another year seldom moves it
FEWEST = 1000
THINNED = 8  # one pixel in 8 x 8 tells how the values are spread


class Encoding(NamedTuple):
    """float32 ``number * scale + offset`` is the value, which it may miss by ``error``, in the predictor's unit."""

    dtype: str = "float32"
    scale: float = 1.0
    offset: float = 0.0
    error: float = 0.0

    @property
    def nodata(self) -> float:
        return {"float32": np.nan, "int16": NODATA, "uint16": NO_CLASS}[self.dtype]

    @property
    def numbers(self) -> tuple[str, float, float]:
        """What a raster itself states."""
        return self.dtype, self.scale, self.offset

    @property
    def packed(self) -> bool:
        return self.dtype == "int16"


PLAIN, CODES = Encoding(), Encoding("uint16")


class ValueRange(NamedTuple):
    """What one raster holds on land, before any rounding: ``count`` values from ``low`` to ``high``, the middle 90 % of
    which are ``middle`` wide; ``integers``: scale and offset of the integers that are copied to it, None if others."""

    count: int
    low: float
    high: float
    middle: float
    integers: tuple[float, float] | None


class RangeFinder:
    """Finds the extent of a raster block by block."""

    def __init__(self):
        self._count, self._low, self._high, self._some = 0, np.inf, -np.inf, []

    def add(self, values: np.ndarray) -> None:
        """``values``: float32, a tile of the raster, NaN where there is none."""
        known = np.isfinite(values)
        if known.any():
            self._count += int(known.sum())
            self._low = min(self._low, float(values.min(where=known, initial=np.inf)))
            self._high = max(self._high, float(values.max(where=known, initial=-np.inf)))
            self._some.append(values[::THINNED, ::THINNED][known[::THINNED, ::THINNED]])

    def extent(self, integers: tuple[float, float] | None) -> ValueRange:
        some = np.concatenate([*self._some, np.empty(0, np.float32)])
        middle = float(np.subtract(*np.percentile(some, (95, 5)))) if some.size else 0.0
        return ValueRange(self._count, self._low, self._high, middle, integers)


def choose_encoding(extents: Sequence[ValueRange]) -> Encoding:
    """The one encoding of all rasters of a predictor."""
    held = [extent for extent in extents if extent.count]
    if not held:
        return PLAIN
    low, high = min(extent.low for extent in held), max(extent.high for extent in held)
    scalings = {extent.integers for extent in held}
    integers = scalings.pop() if len(scalings) == 1 else None
    if integers and _fit(*integers, low, high):
        return Encoding("int16", *integers)
    return _rounding(low, high, float(np.mean([extent.middle for extent in held])))


def encode(values: np.ndarray, encoding: Encoding) -> np.ndarray:
    """float32 ``values`` as int16; NaN, and what is beyond the range that the encoding was made for, is NODATA."""
    numbers = np.rint((values - np.float64(encoding.offset)) / encoding.scale)
    return np.where(np.abs(numbers) <= LARGEST, numbers, NODATA).astype(np.int16)


def _fit(scale: float, offset: float, low: float, high: float) -> bool:
    """Whether values are integers of int16 by this scale and offset, and float32 was fine enough to tell which."""
    largest = max(abs(low - offset), abs(high - offset))
    finest = np.spacing(np.float32(max(abs(low), abs(high), abs(offset))))
    return largest < (LARGEST + 0.5) * abs(scale) and finest <= abs(scale) / 4


def _rounding(low: float, high: float, middle: float) -> Encoding:
    if low == high:
        return PLAIN
    step = float(2 ** np.ceil(np.log2((high - low) / STEPS)))
    if middle < FEWEST * step or step < np.spacing(np.float32(max(abs(low), abs(high)))):
        return PLAIN
    notch = NOTCH * step
    return Encoding("int16", step, notch * round((low + high) / 2 / notch), step / 2)
