"""Values of a feature to their places among a forest's thresholds, a byte each.

Numbers become integers of the same order, and those an address in a table that says how many thresholds lie in lower
sections of the axis; what lies in the same section, mostly one threshold or none, is compared. Values stored in 16 bits
have a table of their own, with the answer of each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ...predictors.stored_features import StoredFeature
from .segments import Coding

MAGNITUDE = 0x7FFFFFFF  # the bits of a float32 without its sign
BEYOND = 0x7FFFFFFF  # a mark that no number reaches
FINEST, COARSEST = 16, 8  # bits of an address in the table of sections


class Coder:
    """Codes one feature."""

    def __init__(self, coding: Coding):
        self.feature, self.rows = coding.feature, coding.missing.size
        self._ruler, self._missing, self._tables = (
            _ruler(coding.thresholds),
            coding.missing.tolist(),
            {},
        )

    def code(self, feature, codes: np.ndarray) -> None:
        """Fill ``codes``, uint8, a row for each code that a missing value has."""
        if isinstance(feature, StoredFeature):
            stored = np.ascontiguousarray(feature.stored).view(np.uint16)
            for row, table in zip(codes, self._tables_of(*feature[1:])):
                _look_up(stored, table, row)
        else:
            self._measure(feature, codes)

    def _tables_of(self, *scaling) -> np.ndarray:
        """The codes of all that can be stored. Threads may each make them at the same time; they are shared when
        whole."""
        if scaling not in self._tables:
            everything = StoredFeature(np.arange(1 << 16, dtype=np.uint16).view(np.int16), *scaling)
            tables = np.empty((self.rows, 1 << 16), dtype=np.uint8)
            self._measure(everything.values(), tables)
            self._tables[scaling] = tables
        return self._tables[scaling]

    def _measure(self, values: np.ndarray, codes: np.ndarray) -> None:
        _measure(
            np.ascontiguousarray(values, dtype=np.float32).view(np.int32), *self._ruler, codes[0]
        )
        codes[1:] = codes[0]
        absent = np.isnan(values)
        for row, missing in zip(codes, self._missing):
            _mark(absent, missing, row)


class _Ruler(NamedTuple):
    """``marks``: the thresholds as ordered integers, then some that nothing reaches. ``below``: uint8, of each section
    of the axis the thresholds in lower ones. Sections begin at ``low``, below the least, and are 2^``shift`` wide.
    ``half``: the first step of a search within a section, a power of two: below twice as many thresholds lie in it."""

    marks: np.ndarray
    below: np.ndarray
    low: int
    shift: int
    half: int


def _ruler(thresholds: np.ndarray) -> _Ruler:
    """As few sections as keep the thresholds apart, as far as ``FINEST`` can."""
    marks = _ordered(thresholds)
    low = int(marks[0]) - 1
    span = int(marks[-1]) - low
    for bits in range(COARSEST, FINEST + 1):
        shift = max(0, span.bit_length() - bits)
        crowds = np.bincount((marks - low) >> shift)
        if crowds.max() == 1:
            break
    half = 1 << (int(crowds.max()).bit_length() - 1)
    marks = np.append(marks, np.full(2 * half - 1, BEYOND)).astype(np.int32)
    return _Ruler(marks, (np.cumsum(crowds) - crowds).astype(np.uint8), low, shift, half)


def _ordered(values: np.ndarray) -> np.ndarray:
    """Sign and magnitude to int64 of the same order; both zeros become 0."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & MAGNITUDE), bits)


@njit(nogil=True, cache=True)
def _measure(bits, marks, below, low, shift, half, codes):
    """The codes of float32 numbers, by their ``bits``; written so that no processor has to guess at a branch."""
    high = np.int64(marks[marks.size - 2 * half])
    for place in range(bits.size):
        sign, magnitude = np.int64(bits[place]) >> 63, np.int64(bits[place]) & MAGNITUDE
        number = (magnitude ^ sign) - sign
        code = np.int64(below[np.uint64(min(max(number, low), high) - low) >> np.uint64(shift)])
        code += half & _reached(marks, code + half, number)
        step = half >> 1
        while step:  # hardly ever: left out of it, the first step costs a fifth less
            code += step & _reached(marks, code + step, number)
            step >>= 1
        codes[place] = code


@njit
def _reached(marks, count, number):
    """All bits, where ``number`` is not below so many marks, else none."""
    return (marks[np.uint64(count - 1)] - number - 1) >> 63


@njit(nogil=True, cache=True)
def _look_up(stored, table, codes):
    for place in range(stored.size):
        codes[place] = table[stored[place]]


@njit(nogil=True, cache=True)
def _mark(absent, missing, codes):
    byte = np.uint8(missing)
    for place in range(absent.size):
        codes[place] = byte if absent[place] else codes[place]
