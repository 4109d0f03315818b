"""Code 16 float32 or 32 int16 at a time on processors that can permute bytes (AVX512-VBMI).

The thresholds lie in registers as a binary tree. At each of its seven or eight levels the numbers
of a vector take their next thresholds by a permutation, so that no memory is read but the numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .vectors import BYTE, INDEX, WORD, call, data, load, store

# Levels of the tree: 127 thresholds, or 255, more than a feature has.
FEW = 7
LEVELS = 8
# The fewest numbers that can be coded: a vector of int16.
FEWEST = 32
MAGNITUDE = 0x7FFFFFFF
# The magnitude of infinity; that of NaN is above it.
INFINITY = 0x7F800000
MISSING = 255


class _Vector(NamedTuple):
    """A vector of 512 bits, and the instructions that permute it.

    Parameters
    ----------
    kind : llvmlite.ir.VectorType
        Its type in LLVM.
    permute, permute_pair : str
        Instructions that take each number from a place in a vector, or in two of them.
    """

    kind: ir.VectorType
    permute: str
    permute_pair: str

    @property
    def lanes(self) -> int:
        """How many numbers it has."""
        return self.kind.count

    def all(self, number: int):
        """Equal numbers."""
        return self.kind([number] * self.lanes)

    def spread(self, builder, number):
        """A number, i64, in all places."""
        one = builder.trunc(number, self.kind.element)
        first = builder.insert_element(self.kind(ir.Undefined), one, INDEX(0))
        return builder.shuffle_vector(first, first, ir.VectorType(INDEX, self.lanes)(None))


FLOATS = _Vector(
    ir.VectorType(INDEX, 16), "llvm.x86.avx512.permvar.si.512", "llvm.x86.avx512.vpermi2var.d.512"
)
STORED = _Vector(
    ir.VectorType(ir.IntType(16), 32),
    "llvm.x86.avx512.permvar.hi.512",
    "llvm.x86.avx512.vpermi2var.hi.512",
)


def tree(marks: np.ndarray) -> np.ndarray:
    """Arrange thresholds as a binary tree, level by level.

    Parameters
    ----------
    marks : numpy.ndarray of int32 or int16
        Thresholds as ordered integers, ascending, at most 255.

    Returns
    -------
    numpy.ndarray of the same type, shape (128,) or (256,)
        The levels that fit into one vector, then the other ones. Unused places have the largest
        integer.
    """
    upper = _levels_of_first_table(STORED if marks.itemsize == 2 else FLOATS)
    depth = FEW if marks.size < 1 << FEW else LEVELS
    padded = np.full(1 << depth, np.iinfo(marks.dtype).max, dtype=marks.dtype)
    padded[: marks.size] = marks
    levels = []
    for level in range(depth):
        step = 1 << (depth - 1 - level)
        levels.append(padded[step - 1 : -1 : 2 * step])
    return np.concatenate([*levels[:upper], padded[-1:], *levels[upper:]])


def _levels_of_first_table(vector):
    """Levels whose thresholds fit into one vector, with one place to spare."""
    return vector.lanes.bit_length() - 1


@njit(nogil=True, cache=True)
def code_rows(values, bands, first, count, nodes, thresholds, nodata, codes):
    """Code the values of some bands.

    Parameters
    ----------
    values : numpy.ndarray of int32 or int16, shape (bands, columns)
        The bits of float32, or stored numbers that increase with their values.
    bands : numpy.ndarray of int
        The bands.
    first, count : int
        The first column and the number of columns, at least ``FEWEST``.
    nodes : numpy.ndarray
        ``tree`` of the thresholds, of the type of ``values``.
    thresholds : int
        How many thresholds there are.
    nodata : int
        The stored number that means no value. Not used with float32.
    codes : numpy.ndarray of uint8, shape (bands, at least ``count``)
        Receives the codes.
    """
    for row in range(bands.size):
        band = values[bands[row]]
        if nodes.size == 1 << FEW:
            _code_by_few(band, first, count, nodes, thresholds, nodata, codes[row])
        else:
            _code_by_many(band, first, count, nodes, thresholds, nodata, codes[row])


def _coder(depth):
    """The function that codes numbers by trees of ``depth`` levels."""

    def code(typing, numbers, first, count, nodes, thresholds, nodata, codes):
        vector = STORED if numbers.dtype == types.int16 else FLOATS

        def generate(context, builder, signature, arguments):
            numbers, nodes, codes = (
                data(context, builder, signature, arguments, number) for number in (0, 3, 6)
            )
            first, count = arguments[1:3]
            most, nodata = (vector.spread(builder, number) for number in arguments[4:6])
            tables = [
                load(builder, nodes, WORD(place), vector.kind)
                for place in range(0, 1 << depth, vector.lanes)
            ]
            last = builder.sub(count, WORD(vector.lanes))
            groups = builder.udiv(builder.add(count, WORD(vector.lanes - 1)), WORD(vector.lanes))
            with cgutils.for_range(builder, groups, intp=WORD) as loop:
                # The last vector overlaps the one before it.
                place = builder.mul(loop.index, WORD(vector.lanes))
                place = builder.select(builder.icmp_signed("<", place, last), place, last)
                number = load(builder, numbers, builder.add(first, place), vector.kind)
                if vector is STORED:
                    path = _descend(builder, vector, tables, number, depth)
                    # The largest number is not below the unused places.
                    is_beyond = builder.icmp_unsigned(">", path, most)
                    path = builder.select(is_beyond, most, path)
                    missing = builder.icmp_signed("==", number, nodata)
                else:
                    magnitude = builder.and_(number, vector.all(MAGNITUDE))
                    sign = builder.ashr(number, vector.all(31))
                    ordered = builder.sub(builder.xor(magnitude, sign), sign)
                    path = _descend(builder, vector, tables, ordered, depth)
                    missing = builder.icmp_signed(">", magnitude, vector.all(INFINITY))
                code = builder.select(missing, vector.all(MISSING), path)
                code = builder.trunc(code, ir.VectorType(BYTE, vector.lanes))
                store(builder, codes, place, code)
            return context.get_dummy_value()

        two = [types.int64] * 2
        return types.void(numbers, *two, nodes, *two, codes), generate

    return intrinsic(code)


_code_by_few = _coder(FEW)
_code_by_many = _coder(LEVELS)


def _descend(builder, vector, tables, ordered, depth):
    """The number of thresholds that are not above each number."""
    path = vector.all(0)
    for level in range(depth):
        node = _node(builder, vector, tables, level, path)
        path = builder.add(path, path)
        above = builder.icmp_signed("<=", node, ordered)
        path = builder.select(above, builder.add(path, vector.all(1)), path)
    return path


def _node(builder, vector, tables, level, path):
    """The threshold at the place ``path`` of a level, for each number."""
    upper = _levels_of_first_table(vector)
    if level < upper:
        # The levels begin at 0, 1, 3, 7 and so on of the first table.
        place = builder.add(path, vector.all((1 << level) - 1))
        return call(builder, vector.permute, tables[0], place)
    # Each lower level has twice as many tables as the one above it, which begin at that number.
    own = tables[1 << (level - upper) : 2 << (level - upper)]
    if len(own) == 1:
        return call(builder, vector.permute, own[0], path)
    # The instruction uses the lower bits of the place; higher bits select among pairs.
    found = [
        call(builder, vector.permute_pair, low, path, high)
        for low, high in zip(own[::2], own[1::2])
    ]
    bit = 2 * vector.lanes
    while len(found) > 1:
        is_set = builder.icmp_signed("!=", builder.and_(path, vector.all(bit)), vector.all(0))
        found = [builder.select(is_set, high, low) for low, high in zip(found[::2], found[1::2])]
        bit *= 2
    return found[0]
