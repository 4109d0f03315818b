"""Choice between int16, with a scale and an offset, and float32 for storing a predictor.

Integers that are copied keep their numbers. Other values are rounded to multiples of a step that is
a power of two, so that ``stored * scale`` is exact in float32. The rounding error is at most half a
step, apart from the rounding of float32 itself. The step follows from the range of the values on
land. Values stay float32 if their middle 90 % would lie on fewer than ``MIN_MIDDLE_STEPS`` steps,
as for a variable with a long tail, or if the spacing of float32 is wider than the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .catalogue import NO_CLASS

# Numbers of int16: the one for no value, and the largest that is used.
NODATA = -32768
LARGEST = 32767
# The range of the values is at most this many steps, and at least half as many.
STEPS = 60_000
# An offset is a multiple of this many steps, so that a further year of data rarely changes it.
OFFSET_STEPS = 4096
MIN_MIDDLE_STEPS = 1000
# The middle 90 % are estimated from every 8th pixel of every 8th row.
THINNING = 8


class Encoding(NamedTuple):
    """How the values of a predictor are stored.

    Parameters
    ----------
    dtype : str
        float32, int16 or, for class codes, uint16.
    scale, offset : float
        ``stored * scale + offset``, in float32, is the value.
    error : float
        Largest rounding error in the predictor's unit, apart from the rounding of float32; 0 for
        values that are not rounded.
    """

    dtype: str = "float32"
    scale: float = 1.0
    offset: float = 0.0
    error: float = 0.0

    @property
    def nodata(self) -> float:
        """Stored number of pixels without a value."""
        return {"float32": np.nan, "int16": NODATA, "uint16": NO_CLASS}[self.dtype]

    @property
    def stored_as(self) -> tuple[str, float, float]:
        """Data type, scale and offset, which the raster itself states."""
        return self.dtype, self.scale, self.offset

    @property
    def is_int16(self) -> bool:
        """Whether values must be converted with ``encode``."""
        return self.dtype == "int16"


FLOAT32 = Encoding()
CLASS_CODES = Encoding("uint16")


class ValueRange(NamedTuple):
    """Range of the values of one raster on land, before any rounding.

    Parameters
    ----------
    pixels : int
        Number of values, over all bands.
    low, high : float
        Smallest and largest value.
    middle : float
        Width of the range of the middle 90 %.
    integers : (float, float) or None
        Scale and offset of the integers that the raster copies; None for other values.
    """

    pixels: int
    low: float
    high: float
    middle: float
    integers: tuple[float, float] | None


class RangeFinder:
    """Find the range of the values of a raster window by window."""

    def __init__(self) -> None:
        self._pixels = 0
        self._low = np.inf
        self._high = -np.inf
        self._sample: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        """Add a window of the raster: float32, shape (rows, columns), NaN for no value."""
        known = np.isfinite(values)
        if known.any():
            self._pixels += int(known.sum())
            self._low = min(self._low, float(values.min(where=known, initial=np.inf)))
            self._high = max(self._high, float(values.max(where=known, initial=-np.inf)))
            every = np.s_[::THINNING, ::THINNING]
            self._sample.append(values[every][known[every]])

    def value_range(self, integers: tuple[float, float] | None) -> ValueRange:
        """Return the range of all windows; ``integers`` as in ``ValueRange``."""
        sample = np.concatenate([*self._sample, np.empty(0, np.float32)])
        middle = float(np.subtract(*np.percentile(sample, (95, 5)))) if sample.size else 0.0
        return ValueRange(self._pixels, self._low, self._high, middle, integers)


def choose_encoding(value_ranges: Sequence[ValueRange]) -> Encoding:
    """Choose the encoding that all rasters of a predictor share, given the range of each."""
    known = [value_range for value_range in value_ranges if value_range.pixels]
    if not known:
        return FLOAT32
    low = min(value_range.low for value_range in known)
    high = max(value_range.high for value_range in known)
    scalings = {value_range.integers for value_range in known}
    integers = scalings.pop() if len(scalings) == 1 else None
    if integers and _fits_int16(*integers, low, high):
        return Encoding("int16", *integers)
    return _choose_step(low, high, float(np.mean([value_range.middle for value_range in known])))


def encode(values: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Convert values to int16.

    Parameters
    ----------
    values : numpy.ndarray
        float32, NaN for no value.
    encoding : Encoding
        An encoding as int16.

    Returns
    -------
    numpy.ndarray of int16
        NODATA for NaN and for values outside the range of the encoding.
    """
    numbers = np.rint((values - np.float64(encoding.offset)) / encoding.scale)
    return np.where(np.abs(numbers) <= LARGEST, numbers, NODATA).astype(np.int16)


def _fits_int16(scale: float, offset: float, low: float, high: float) -> bool:
    """Whether scaled integers are in the range of int16 and were resolved by float32."""
    largest = max(abs(low - offset), abs(high - offset))
    spacing = np.spacing(np.float32(max(abs(low), abs(high), abs(offset))))
    return bool(largest < (LARGEST + 0.5) * abs(scale) and spacing <= abs(scale) / 4)


def _choose_step(low: float, high: float, middle: float) -> Encoding:
    """Encoding that rounds values to int16, or float32 where the steps would be unsuitable."""
    if low == high:
        return FLOAT32
    step = float(2 ** np.ceil(np.log2((high - low) / STEPS)))
    spacing = np.spacing(np.float32(max(abs(low), abs(high))))
    if middle < MIN_MIDDLE_STEPS * step or step < spacing:
        return FLOAT32
    offset_step = OFFSET_STEPS * step
    offset = offset_step * round((low + high) / 2 / offset_step)
    return Encoding("int16", step, offset, step / 2)
