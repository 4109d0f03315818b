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

from ...predictors.stored_features import StoredFeature, TileFeature
from .arranged_forest import MISSING, Coding
from .recode_by_permuting import FEWEST, code_rows, tree

# The bits of a float32 without its sign.
MAGNITUDE = 0x7FFFFFFF
# The magnitude of infinity; that of NaN is above it.
INFINITY = 0x7F800000
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
        Thresholds of the feature.
    permuting : bool
        Whether the processor has the instructions of ``recode_by_permuting``.
    """

    def __init__(self, coding: Coding, permuting: bool):
        self.feature = coding.feature
        self._sections = _divide_axis(coding.thresholds)
        marks = _ordered_integers(coding.thresholds).astype(np.int32)
        self._tree = tree(marks) if permuting else None
        # Codes of int16 features by scale, offset and nodata.
        self._stored: dict[tuple, _StoredCodes] = {}

    def code(self, feature: TileFeature, rows: slice, codes: np.ndarray) -> None:
        """Fill in the codes of the values of the feature.

        Parameters
        ----------
        feature : TileFeature
            The values.
        rows : slice
            The rows that are coded.
        codes : numpy.ndarray of uint8, shape (bands of the feature, at least the rows)
            Receives the codes.
        """
        first, count = rows.start, rows.stop - rows.start
        columns = None if feature.columns is None else feature.columns[rows]
        if columns is not None and count and columns[-1] - columns[0] == count - 1:
            # Consecutive columns need no list.
            first, columns = int(columns[0]), None
        values, bands = feature.values, feature.bands
        if isinstance(values, StoredFeature):
            own = self._stored_codes(*values[1:])
            if own.tree is None or columns is not None or count < FEWEST:
                stored = values.stored.view(np.uint16)
                _look_up(stored, bands, columns, first, count, own.table, codes)
            else:
                ordered = own.tree, own.thresholds, values.nodata
                code_rows(values.stored, bands, first, count, *ordered, codes)
            return
        bits = values.view(np.int32)
        if columns is not None:
            bits, bands, first = bits[np.ix_(bands, columns)], np.arange(bands.size), 0
        if self._tree is None or count < FEWEST:
            _code_bits(bits, bands, first, count, *self._sections, codes)
        else:
            code_rows(bits, bands, first, count, self._tree, MISSING, 0, codes)

    def _stored_codes(self, scale: float, offset: float, nodata: int) -> _StoredCodes:
        """The codes of 16-bit numbers.

        Threads may compute the same codes at once; they are shared only when they are complete.
        """
        key = (scale, offset, nodata)
        if key not in self._stored:
            numbers = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
            bits = StoredFeature(numbers, *key).values().view(np.int32)[None]
            table = np.empty((1, numbers.size), dtype=np.uint8)
            _code_bits(bits, np.zeros(1, int), 0, numbers.size, *self._sections, table)
            marks = None if self._tree is None else _stored_marks(table[0], nodata)
            if marks is None:
                self._stored[key] = _StoredCodes(table[0], None, 0)
            else:
                self._stored[key] = _StoredCodes(table[0], tree(marks), marks.size)
        return self._stored[key]


class _StoredCodes(NamedTuple):
    """How numbers of 16 bits are coded.

    Parameters
    ----------
    table : numpy.ndarray of uint8, shape (65536,)
        The code of each number, taken as unsigned.
    tree : numpy.ndarray of int16 or None
        The smallest numbers of the codes as a tree for ``code_rows``. None where the processor does
        not permute, or values do not increase with numbers.
    thresholds : int
        How many numbers the tree has.
    """

    table: np.ndarray
    tree: np.ndarray | None
    thresholds: int


def _stored_marks(table: np.ndarray, nodata: int) -> np.ndarray | None:
    """The smallest number of each code but 0, or None if codes do not increase with numbers."""
    numbers = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
    numbers = numbers[numbers != nodata]
    codes = table[numbers.view(np.uint16)].astype(int)
    if np.any(np.diff(codes) < 0) or codes[-1] == MISSING:
        return None
    return numbers[np.searchsorted(codes, np.arange(1, codes[-1] + 1))]


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
def _code_bits(values, bands, first, count, marks, below, low, shift, half, codes):
    """Code float32 numbers, given by their bits."""
    for row in range(bands.size):
        band = values[bands[row], first : first + count]
        _code_band(band, marks, below, low, shift, half, codes[row])


@njit(nogil=True)
def _code_band(band, marks, below, low, shift, half, codes):
    """Code one band without branches that depend on the data.

    A function of its own, since it is compiled to vectors then.
    """
    # The largest threshold: the table ends with its section, which all larger numbers use too.
    high = np.int64(marks[marks.size - 2 * half])
    for place in range(band.size):
        bits = np.int64(band[place])
        # Sign and magnitude become an ordered integer: sign is -1 or 0, and the exclusive or
        # followed by the subtraction negates the magnitude if sign is -1.
        sign = bits >> 63
        magnitude = bits & MAGNITUDE
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
        codes[place] = MISSING if magnitude > INFINITY else code


@njit
def _reached(marks, count, number):
    """All bits set if at least ``count`` marks are not above ``number``, otherwise 0."""
    return (marks[np.uint64(count - 1)] - number - 1) >> 63


@njit(nogil=True, cache=True)
def _look_up(stored, bands, columns, first, count, table, codes):
    """Take the code of each stored number from the table."""
    for row in range(bands.size):
        band = stored[bands[row]]
        band_codes = codes[row]
        for place in range(count):
            band_codes[place] = table[band[_column(columns, first, place)]]


@njit
def _column(columns, first, place):
    return first + place if columns is None else columns[place]
