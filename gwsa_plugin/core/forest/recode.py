"""Values of a feature to their places among a forest's thresholds: a byte each, and 255 for a missing one.

Numbers become integers of the same order, and those an address in a table that says how many thresholds lie in lower
sections of the axis; what lies in the same section, mostly one threshold or none, is compared. Values stored in 16 bits
have a table of their own, with the answer of each.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
from numba import njit

from .features import Scaled

MISSING = np.uint8(255)
INFINITY = 0x7F800000  # as bits; what is NaN has more
FINEST, COARSEST = 16, 8  # bits of an address in the table of sections

# numba's cache finds this module by its name, and QGIS imports it under another one than a script does.
sys.modules["gwsa_forest_recode"] = sys.modules[__name__]
__name__ = "gwsa_forest_recode"


class Coder:
    """Codes one feature by its thresholds: float32, ascending, up to 254 of them."""

    def __init__(self, thresholds: np.ndarray):
        self._ruler, self._tables = _ruler(thresholds), {}

    def code(self, feature, codes: np.ndarray) -> None:
        """Into ``codes``, uint8, how many thresholds are not above each value; 255 for missing ones."""
        if isinstance(feature, Scaled):
            _look_up(np.ascontiguousarray(feature.stored).view(np.uint16), self._table(*feature[1:]), codes)
        else:
            _measure(np.ascontiguousarray(feature, dtype=np.float32).view(np.int32), *self._ruler, codes)

    def _table(self, *scaling) -> np.ndarray:
        """The codes of all that can be stored; threads that ask at the same time may each make it."""
        if scaling not in self._tables:
            table = np.empty(1 << 16, dtype=np.uint8)
            self.code(Scaled(np.arange(1 << 16, dtype=np.uint16).view(np.int16), *scaling).values(), table)
            self._tables[scaling] = table
        return self._tables[scaling]


class _Ruler(NamedTuple):
    """``marks``: the thresholds as ordered integers, then some that nothing reaches. ``below``: uint8, of each section
    of the axis the thresholds in lower ones. The sections begin at ``low`` and are 2^``shift`` wide; ``most`` thresholds
    lie in one, or up to 2^n - 1."""

    marks: np.ndarray
    below: np.ndarray
    low: int
    shift: int
    most: int


def _ruler(thresholds: np.ndarray) -> _Ruler:
    """Of up to 254 ascending thresholds, float32: as few sections as keep them apart, as far as 16 bits can."""
    marks = _ordered(thresholds).astype(np.int64)
    low, span = int(marks[0]), int(marks[-1] - marks[0])
    for bits in range(COARSEST, FINEST + 1):
        shift = max(0, span.bit_length() - bits)
        section = (marks - low) >> shift
        crowd = np.bincount(section)
        if crowd.max() == 1:
            break
    below = np.cumsum(crowd) - crowd
    most = (1 << int(crowd.max()).bit_length()) - 1
    marks = np.append(marks, np.full(most, np.iinfo(np.int32).max)).astype(np.int32)
    return _Ruler(marks, below.astype(np.uint8), low, shift, most)


def _ordered(values: np.ndarray) -> np.ndarray:
    """Sign and magnitude to two's complement: both zeros become the same."""
    bits = values.view(np.int32)
    magnitude = bits & np.int32(0x7FFFFFFF)
    return np.where(bits < 0, -magnitude, magnitude)


@njit(nogil=True, cache=True)
def _measure(bits, marks, below, low, shift, most, codes):
    high = low + (np.int64(below.size) << shift) - 1
    for place in range(bits.size):
        magnitude = np.int64(bits[place] & 0x7FFFFFFF)
        number = -magnitude if bits[place] < 0 else magnitude
        code = np.int64(below[(min(max(number, low), high) - low) >> shift])
        step = (most + 1) >> 1
        while step:
            code += step if marks[code + step - 1] <= number else 0
            step >>= 1
        codes[place] = MISSING if magnitude > INFINITY else code


@njit(nogil=True, cache=True)
def _look_up(stored, table, codes):
    """Into ``codes`` the answers in ``table``, uint8, (65536,), for ``stored``, uint16."""
    for place in range(stored.size):
        codes[place] = table[stored[place]]
