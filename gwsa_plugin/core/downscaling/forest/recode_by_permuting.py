"""Code sixteen float32 at a time on processors that can permute bytes (AVX512-VBMI).

The thresholds lie in registers as a binary tree. At each of its seven or eight levels sixteen
numbers take their next threshold by a permutation, so that no memory is read but the numbers.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .vectors import BYTE, INDEX, WORD, call, data, load, store

# Levels of the tree: 127 thresholds, or 255, more than a feature has.
FEW = 7
LEVELS = 8
LANES = 16
# A mark that is above the integer of every number.
BEYOND = 0x7FFFFFFF
MAGNITUDE = 0x7FFFFFFF
# The magnitude of infinity; that of NaN is above it.
INFINITY = 0x7F800000
MISSING = 255

BYTES = ir.VectorType(BYTE, LANES)
NUMBERS = ir.VectorType(INDEX, LANES)


def tree(marks: np.ndarray) -> np.ndarray:
    """Arrange thresholds as a binary tree, level by level.

    Parameters
    ----------
    marks : numpy.ndarray of int32
        Thresholds as ordered integers, ascending, at most 255.

    Returns
    -------
    numpy.ndarray of int32, shape (128,) or (256,)
        The levels 0 to 3 in the first 16 numbers, then those of the other levels.
    """
    depth = FEW if marks.size < 1 << FEW else LEVELS
    padded = np.full((1 << depth) - 1, BEYOND, dtype=np.int32)
    padded[: marks.size] = marks
    levels = []
    for level in range(depth):
        step = 1 << (depth - 1 - level)
        levels.append(padded[step - 1 :: 2 * step])
    upper = np.concatenate([*levels[:4], [BEYOND]])
    return np.concatenate([upper, *levels[4:]]).astype(np.int32)


@njit(nogil=True, cache=True)
def code_rows(values, bands, first, count, nodes, codes):
    """Code ``count`` values of some bands from column ``first`` on, given by their bits."""
    rest = np.zeros(LANES, dtype=np.int32)
    rest_codes = np.empty(LANES, dtype=np.uint8)
    complete = count - count % LANES
    for row in range(bands.size):
        band = values[bands[row]]
        _code(band, first, complete, nodes, codes[row])
        if complete < count:
            rest[: count - complete] = band[first + complete : first + count]
            _code(rest, 0, LANES, nodes, rest_codes)
            codes[row, complete:count] = rest_codes[: count - complete]


@njit(nogil=True)
def _code(bits, first, count, nodes, codes):
    """Code ``count`` numbers, a multiple of 16, from ``first`` on."""
    if nodes.size == 1 << FEW:
        _code_by_few(bits, first, count, nodes, codes)
    else:
        _code_by_many(bits, first, count, nodes, codes)


def _coder(depth):
    """The function ``_code`` for trees of ``depth`` levels."""

    def code(typing, bits, first, count, nodes, codes):
        def generate(context, builder, signature, arguments):
            bits, nodes, codes = (
                data(context, builder, signature, arguments, place) for place in (0, 3, 4)
            )
            first, count = arguments[1:3]
            tables = [
                load(builder, nodes, WORD(place), NUMBERS) for place in range(0, 1 << depth, LANES)
            ]
            groups = builder.udiv(count, WORD(LANES))
            with cgutils.for_range(builder, groups, intp=WORD) as loop:
                place = builder.mul(loop.index, WORD(LANES))
                number = load(builder, bits, builder.add(first, place), NUMBERS)
                magnitude = builder.and_(number, _all(MAGNITUDE))
                sign = builder.ashr(number, _all(31))
                ordered = builder.sub(builder.xor(magnitude, sign), sign)
                path = _descend(builder, tables, ordered, depth)
                is_nan = builder.icmp_signed(">", magnitude, _all(INFINITY))
                code = builder.select(is_nan, _all(MISSING), path)
                store(builder, codes, place, builder.trunc(code, BYTES))
            return context.get_dummy_value()

        return types.void(bits, types.int64, types.int64, nodes, codes), generate

    return intrinsic(code)


_code_by_few = _coder(FEW)
_code_by_many = _coder(LEVELS)


def _descend(builder, tables, ordered, depth):
    """The number of thresholds that are not above each of sixteen numbers."""
    path = _all(0)
    for level in range(depth):
        node = _node(builder, tables, level, path)
        path = builder.add(path, path)
        above = builder.icmp_signed("<=", node, ordered)
        path = builder.select(above, builder.add(path, _all(1)), path)
    return path


def _node(builder, tables, level, path):
    """The threshold at the place ``path`` of a level, for each of sixteen numbers."""
    if level < 4:
        # The levels 0 to 3 begin at 0, 1, 3 and 7 of the first table.
        place = builder.add(path, _all((1 << level) - 1))
        return call(builder, "llvm.x86.avx512.permvar.si.512", tables[0], place)
    # Level n has 2**(n - 4) tables, which begin at table 2**(n - 4).
    own = tables[1 << (level - 4) : 2 << (level - 4)]
    if len(own) == 1:
        return call(builder, "llvm.x86.avx512.permvar.si.512", own[0], path)
    # The instruction looks up 32 numbers by the lower five bits; higher bits select among pairs.
    found = [
        call(builder, "llvm.x86.avx512.vpermi2var.d.512", low, path, high)
        for low, high in zip(own[::2], own[1::2])
    ]
    bit = 32
    while len(found) > 1:
        is_set = builder.icmp_signed("!=", builder.and_(path, _all(bit)), _all(0))
        found = [builder.select(is_set, high, low) for low, high in zip(found[::2], found[1::2])]
        bit *= 2
    return found[0]


def _all(number):
    """A vector of equal numbers."""
    return NUMBERS([number] * LANES)
