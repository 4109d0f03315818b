"""Replace the values of a feature by bytes: the number of thresholds that are not above a value.

Float32 values are mapped to integers of the same order. The axis of these integers is divided into
sections of equal width, and a table gives the number of thresholds in lower sections. Only the
thresholds in the section of the value, mostly one or none, are compared with it. Features stored as
int16 have a table with the code of each stored number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ...predictors.stored_features import Feature, StoredFeature
from .segments import Coding

# The bits of a float32 without its sign.
MAGNITUDE = 0x7FFFFFFF
# A mark that is above the integer of every number.
BEYOND = 0x7FFFFFFF
# Bits of the number of a section. More bits are used until thresholds lie in different sections.
FINEST = 16
COARSEST = 8


class Coder:
    """Codes the values of one feature.

    Parameters
    ----------
    coding : Coding
        Thresholds of the feature and codes of missing values.
    """

    def __init__(self, coding: Coding):
        self.feature = coding.feature
        self.rows = coding.missing.size
        self._sections = _divide_axis(coding.thresholds)
        self._missing = coding.missing.tolist()
        # Tables of int16 features by scale, offset and nodata.
        self._tables: dict[tuple, np.ndarray] = {}

    def code(self, feature: Feature, codes: np.ndarray) -> None:
        """Fill in the codes of the values of the feature.

        Parameters
        ----------
        feature : Feature
            The values, shape (rows,).
        codes : numpy.ndarray of uint8, shape (codes of a missing value, rows)
            Receives the codes.
        """
        if isinstance(feature, StoredFeature):
            stored = np.ascontiguousarray(feature.stored).view(np.uint16)
            tables = self._stored_tables(feature.scale, feature.offset, feature.nodata)
            for row, table in zip(codes, tables):
                _look_up(stored, table, row)
        else:
            self._code_floats(feature, codes)

    def _stored_tables(self, scale: float, offset: float, nodata: int) -> np.ndarray:
        """The code of each 16-bit number, shape (codes of a missing value, 65536).

        Threads may compute the same tables at once; they are shared only when they are complete.
        """
        key = (scale, offset, nodata)
        if key not in self._tables:
            numbers = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
            tables = np.empty((self.rows, 1 << 16), dtype=np.uint8)
            self._code_floats(StoredFeature(numbers, *key).values(), tables)
            self._tables[key] = tables
        return self._tables[key]

    def _code_floats(self, values: np.ndarray, codes: np.ndarray) -> None:
        """Fill in the codes of float32 values."""
        bits = np.ascontiguousarray(values, dtype=np.float32).view(np.int32)
        _code_bits(bits, *self._sections, codes[0])
        codes[1:] = codes[0]
        # The kernel has given NaN a meaningless code, which is replaced in each row.
        absent = np.isnan(values)
        for row, missing in zip(codes, self._missing):
            _replace_missing(absent, missing, row)


class _Sections(NamedTuple):
    """The axis of ordered integers, divided into sections.

    Parameters
    ----------
    marks : numpy.ndarray of int32
        The thresholds as ordered integers, followed by marks that no number reaches.
    below : numpy.ndarray of uint8, shape (sections,)
        Number of thresholds in lower sections.
    low : int
        Start of the first section, below the smallest threshold.
    shift : int
        Sections are 2**shift wide.
    half : int
        First step of the binary search in a section, a power of two. A section holds fewer than
        twice as many thresholds.
    """

    marks: np.ndarray
    below: np.ndarray
    low: int
    shift: int
    half: int


def _divide_axis(thresholds: np.ndarray) -> _Sections:
    """Divide the axis into the fewest sections that separate all thresholds, if possible."""
    marks = _ordered_integers(thresholds)
    low = int(marks[0]) - 1
    span = int(marks[-1]) - low
    for bits in range(COARSEST, FINEST + 1):
        shift = max(0, span.bit_length() - bits)
        counts = np.bincount((marks - low) >> shift)
        if counts.max() == 1:
            break
    half = 1 << (int(counts.max()).bit_length() - 1)
    # The search may look at up to 2 * half - 1 marks beyond the last threshold.
    marks = np.append(marks, np.full(2 * half - 1, BEYOND)).astype(np.int32)
    return _Sections(marks, (np.cumsum(counts) - counts).astype(np.uint8), low, shift, half)


def _ordered_integers(values: np.ndarray) -> np.ndarray:
    """Map float32 to int64 of the same order; both zeros become 0."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & MAGNITUDE), bits)


@njit(nogil=True, cache=True)
def _code_bits(bits, marks, below, low, shift, half, codes):
    """Code float32 numbers, given by their ``bits``, without branches that depend on the data."""
    # The largest threshold: the table ends with its section, which all larger numbers use too.
    high = np.int64(marks[marks.size - 2 * half])
    for place in range(bits.size):
        # Sign and magnitude become an ordered integer: sign is -1 or 0, and the exclusive or
        # followed by the subtraction negates the magnitude if sign is -1.
        sign = np.int64(bits[place]) >> 63
        magnitude = np.int64(bits[place]) & MAGNITUDE
        number = (magnitude ^ sign) - sign
        # The table gives the thresholds in lower sections.
        code = np.int64(below[np.uint64(min(max(number, low), high) - low) >> np.uint64(shift)])
        # A binary search counts those in the same section that are not above the number. The first
        # step stands before the loop, which is rarely entered: this saves a fifth of the time.
        code += half & _reached(marks, code + half, number)
        step = half >> 1
        while step:
            code += step & _reached(marks, code + step, number)
            step >>= 1
        codes[place] = code


@njit
def _reached(marks, count, number):
    """All bits set if at least ``count`` marks are not above ``number``, otherwise 0."""
    return (marks[np.uint64(count - 1)] - number - 1) >> 63


@njit(nogil=True, cache=True)
def _look_up(stored, table, codes):
    """Take the code of each stored number from the table."""
    for place in range(stored.size):
        codes[place] = table[stored[place]]


@njit(nogil=True, cache=True)
def _replace_missing(absent, missing, codes):
    """Set the codes of missing values to ``missing``."""
    byte = np.uint8(missing)
    for place in range(absent.size):
        codes[place] = byte if absent[place] else codes[place]
