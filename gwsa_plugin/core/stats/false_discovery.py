"""The false discovery rate of very many tests, whose p-values do not fit into memory."""

from __future__ import annotations

import numpy as np

from .trends import benjamini_hochberg

# Bits of the mantissa of a float32 that are kept, of 23: five significant digits.
KEPT_BITS = 16
DROPPED_BITS = 23 - KEPT_BITS
# Smaller p-values are set to it.
LEAST = np.float32(2.0**-40)


def round_p(p: np.ndarray) -> np.ndarray:
    """Round p-values to five significant digits, and those below 1e-12 up to it.

    Parameters
    ----------
    p : ndarray of float
        From 0 to 1, or NaN.

    Returns
    -------
    ndarray of float32, same shape
        One of 2.6 million numbers from 2**-40 to 1, or NaN.
    """
    bits = np.maximum(p.astype(np.float32), LEAST).view(np.uint32)
    half = np.uint32(1 << (DROPPED_BITS - 1))
    rounded = (bits + half) >> DROPPED_BITS << DROPPED_BITS
    return np.where(np.isnan(p), np.float32(np.nan), rounded.view(np.float32))


class PValueCounts:
    """Counts of rounded p-values, from which the adjusted ones of all tests follow exactly."""

    def __init__(self):
        self._first = int(LEAST.view(np.uint32)) >> DROPPED_BITS
        last = int(np.float32(1).view(np.uint32)) >> DROPPED_BITS
        self._counts = np.zeros(last - self._first + 1, dtype=np.int64)

    @property
    def total(self) -> int:
        """Number of tests."""
        return int(self._counts.sum())

    def add(self, p: np.ndarray) -> None:
        """Count p-values.

        Parameters
        ----------
        p : ndarray of float32
            As ``round_p`` returns them; NaN is not counted.
        """
        places = self._places(p[np.isfinite(p)])
        self._counts += np.bincount(places, minlength=self._counts.size)

    def adjusted(self) -> np.ndarray:
        """Adjust every p-value that occurs for the false discovery rate; NaN for the others."""
        table = np.full(self._counts.size, np.nan, dtype=np.float32)
        present = np.flatnonzero(self._counts)
        bits = ((present + self._first) << DROPPED_BITS).astype(np.uint32)
        table[present] = benjamini_hochberg(bits.view(np.float32), self._counts[present])
        return table

    def look_up(self, table: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Take the adjusted values of p-values from the table of ``adjusted``; NaN stays NaN."""
        known = np.isfinite(p)
        result = np.full(p.shape, np.nan, dtype=np.float32)
        result[known] = table[self._places(p[known])]
        return result

    def _places(self, p: np.ndarray) -> np.ndarray:
        return (p.view(np.uint32) >> DROPPED_BITS).astype(np.int64) - self._first
