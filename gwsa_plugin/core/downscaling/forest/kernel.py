"""Evaluate the trees of a forest for 512 rows at a time: planes, trees, leaves.

A plane holds a bit for each of 512 rows, in eight words of 64 bits: whether the code of the row is
above a limit. All planes of the forest stay in the cache of the processor while its trees are
evaluated one after the other. Operations that numba cannot express are written as LLVM instructions
on vectors, from which LLVM generates the instructions of the processor at hand.

The depth of the trees must be known when these instructions are generated: it is the length of the
tuple ``nodes``. The dtype of ``leaves`` determines how leaves are looked up. The three steps are
one module, because the cache of numba detects changes only in the module of the cached function.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload

from .digits import (
    ABOVE,
    DIGITS,
    EQUAL,
    HIGHER,
    KNOWN,
    LANES,
    PARTS,
    PLANE,
    WORDS,
    compare_digits,
    load_plane,
)
from .vectors import BYTE, INDEX, WORD, call, data, load, shuffled, store

# Rows that are evaluated together, and words of 64 rows among them.
ROWS = 512
# Trees whose bits are kept until their leaves are added, so that sums stay in registers meanwhile.
BATCH = 32
# LLVM types: vectors of 512 bits, and a mask of 64 bits.
PAIRS = ir.VectorType(ir.IntType(16), 32)
FLOATS = ir.VectorType(ir.FloatType(), 16)
MASK = ir.VectorType(ir.IntType(1), 64)


def can_permute() -> bool:
    """Return whether the processor can permute 64 bytes in one instruction (AVX512-VBMI)."""
    return "+avx512vbmi" in cpu_target.target_context.codegen().magic_tuple()[2]


@njit(nogil=True, cache=True)
def add_trees(codes, places, runs, limits, count, nodes, leaves, sums):
    """Add the leaves that rows reach to ``sums``, in the order of the trees.

    Parameters
    ----------
    codes : numpy.ndarray of uint8, shape (bands of all features, rows)
        Codes of the features. The number of rows is a multiple of 512; codes beyond the last row
        are arbitrary.
    places : numpy.ndarray of int64, shape (codings, 2)
        First band of each coding, and how many further the next month is: 1, or 0 for statics.
    runs, limits, nodes
        See ``ArrangedForest``.
    count : int
        Number of planes.
    leaves : numpy.ndarray
        As in ``ArrangedForest``, which are looked up one by one, or from ``separate_bytes``.
    sums : numpy.ndarray of float32, shape (months, rows)
        Changed in place.
    """
    planes = _aligned_planes(max(1, count))
    digits = _aligned_planes(PARTS)
    bits = _aligned_planes(BATCH * len(nodes))
    block = np.empty(ROWS, dtype=np.float32)
    for first in range(0, sums.shape[1], ROWS):
        rows = min(ROWS, sums.shape[1] - first)
        for month in range(sums.shape[0]):
            # Step 1: all comparisons in the trees. Planes of static features are kept.
            for run in range(runs.shape[0]):
                band, advance = places[run]
                if month == 0 or advance:
                    place = (band + month * advance) * codes.shape[1] + first
                    start, left, right, stop, shift = runs[run]
                    _compare(codes, place, limits, start, left, right, stop, shift, digits, planes)
            # The block of sums may extend beyond the last row.
            block[:rows] = sums[month, first : first + rows]
            for tree in range(0, leaves.shape[0], BATCH):
                batch = min(BATCH, leaves.shape[0] - tree)
                # Step 2: the number of the leaf that each row reaches, for a batch of trees.
                for slot in range(batch):
                    _descend(planes, nodes, tree + slot, bits, slot)
                # Step 3: the values of these leaves.
                _add_leaves(bits, nodes, leaves, tree, batch, block)
            sums[month, first : first + rows] = block[:rows]


@njit
def _aligned_planes(count):
    """Memory for ``count`` planes, each of which begins at a cache line of 64 bytes."""
    room = np.empty(WORDS * (count + 1), dtype=np.uint64)
    skipped = (-room.ctypes.data // 8) % WORDS
    return room[skipped : skipped + WORDS * count].reshape(count, WORDS)


# Step 1: planes


@intrinsic
def _compare(typing, codes, place, limits, start, left, right, stop, shift, digits, planes):
    """Compute planes ``start`` to ``stop`` from the 512 codes that begin at ``place``.

    A missing value is below the limits before ``left``, above those before ``right``; the others
    have both planes, the second one ``shift`` later.

    Codes and limits have two digits of four bits. A code is above a limit if its first digit is, or
    if that is equal and the second one is above. The comparisons of the digits are kept as planes
    in ``digits``, so that a limit takes one operation on 512 rows.
    """

    def generate(context, builder, signature, arguments):
        codes, limits, digits, planes = (
            data(context, builder, signature, arguments, number) for number in (0, 2, 8, 9)
        )
        place = arguments[1]
        start, left, right, stop, shift = arguments[3:8]
        # The 512 codes are loaded once, as eight vectors of 64.
        lanes = [load(builder, codes, place, LANES, 64 * word) for word in range(WORDS)]
        compare_digits(builder, lanes, digits)
        known = load_plane(builder, digits, WORD(KNOWN))

        def compare(begin, end, store):
            with cgutils.for_range(builder, end, start=begin, intp=WORD) as loop:
                limit = builder.zext(load(builder, limits, loop.index, BYTE), WORD)
                first = builder.lshr(limit, WORD(4))
                second = builder.and_(limit, WORD(DIGITS - 1))
                higher, equal, above = (
                    load_plane(builder, digits, builder.add(digit, WORD(part)))
                    for digit, part in ((first, HIGHER), (first, EQUAL), (second, ABOVE))
                )
                store(loop.index, builder.or_(higher, builder.and_(equal, above)))

        def keep(plane, bits):
            store(builder, planes, builder.mul(plane, WORD(WORDS)), bits, align=64)

        def keep_known(plane, above):
            keep(plane, builder.and_(above, known))

        def keep_both(plane, above):
            keep_known(plane, above)
            keep(builder.add(plane, shift), above)

        compare(start, left, keep_known)
        compare(left, right, keep)
        compare(right, stop, keep_both)
        return context.get_dummy_value()

    numbers = [types.int64] * 5
    return types.void(codes, types.int64, limits, *numbers, digits, planes), generate


# Step 2: trees


@intrinsic
def _descend(typing, planes, nodes, tree, bits, slot):
    """Compute the number of the leaf that each row reaches in ``tree``.

    The bits of the number, highest first, are written as planes into ``bits``. The bit of a level
    is the result of the comparison at the node that the row has reached there. The bits of the
    levels above select this node: each chooses between the planes of two halves of the level.
    """
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        planes, bits = (data(context, builder, signature, arguments, number) for number in (0, 3))
        tree = arguments[2]
        slot = arguments[4]
        levels = [
            context.make_array(nodes.dtype)(
                context, builder, builder.extract_value(arguments[1], level)
            ).data
            for level in range(depth)
        ]
        found = []

        def selected(level, above, number):
            """Select among the planes of ``level`` below node ``number`` of the level ``above``."""
            if above == level:
                # Level ``level`` has 2**level nodes per tree.
                plane = load(builder, levels[level], builder.shl(tree, WORD(level)), INDEX, number)
                return load(builder, planes, builder.zext(plane, WORD), PLANE, align=64)
            left, right = (selected(level, above + 1, 2 * number + bit) for bit in (0, 1))
            # Take the bits of ``right`` where the bit of the level ``above`` is set.
            return builder.xor(left, builder.and_(found[above], builder.xor(left, right)))

        first = builder.mul(slot, WORD(WORDS * depth))
        for level in range(depth):
            found.append(selected(level, 0, 0))
            store(builder, bits, first, found[level], WORDS * level, align=64)
        return context.get_dummy_value()

    return types.void(planes, nodes, types.int64, bits, types.int64), generate


# Step 3: leaves


def _add_leaves(bits, nodes, leaves, tree, count, sums):
    """Add the leaves of ``count`` trees from ``tree`` on to the 512 ``sums``."""
    raise NotImplementedError("This function exists in compiled code only.")


@overload(_add_leaves)
def _choose_how_to_add_leaves(bits, nodes, leaves, tree, count, sums):
    return _add_by_permuting if leaves.dtype == types.uint8 else _add_one_by_one


def _add_one_by_one(bits, nodes, leaves, tree, count, sums):
    numbers = np.empty(ROWS, dtype=np.uint8)
    for slot in range(count):
        for word in range(WORDS):
            _number(bits, nodes, slot, word, numbers)
        tree_leaves = leaves[tree + slot]
        for row in range(ROWS):
            sums[row] += tree_leaves[numbers[row]]


def _add_by_permuting(bits, nodes, leaves, tree, count, sums):
    for word in range(WORDS):
        _permute(bits, nodes, leaves, tree, count, word, sums)


@intrinsic
def _number(typing, bits, nodes, slot, word, numbers):
    """Write the number of the leaf of each of the 64 rows of a word, a byte each."""
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        bits, numbers = (data(context, builder, signature, arguments, number) for number in (0, 4))
        slot, word = arguments[2:4]
        number = LANES(None)
        # Each level contributes its bit to the bytes of the rows where it is set.
        for level, mask in enumerate(_masks(builder, bits, depth, slot, word)):
            number = builder.or_(
                number, builder.and_(builder.sext(mask, LANES), _bit(depth, level))
            )
        store(builder, numbers, builder.mul(word, WORD(64)), number)
        return context.get_dummy_value()

    return types.void(bits, nodes, types.int64, types.int64, numbers), generate


@intrinsic
def _permute(typing, bits, nodes, leaves, tree, count, word, sums):
    """Add the leaves of ``count`` trees to the sums of the 64 rows of a word.

    The sums stay in registers during the loop over trees.
    """
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        bits, leaves, sums = (
            data(context, builder, signature, arguments, number) for number in (0, 2, 6)
        )
        tree, count, word = arguments[3:6]
        size = max(64, 1 << depth)
        first = builder.mul(word, WORD(64))
        # Bring the sums into the order in which ``_assembled`` gives the leaves.
        quarters = _exchange(
            builder, [load(builder, sums, first, FLOATS, 16 * number) for number in range(4)]
        )
        totals = [cgutils.alloca_once_value(builder, quarter) for quarter in quarters]
        with cgutils.for_range(builder, count, intp=WORD) as loop:
            # The number of the leaf of each row, a byte each.
            number = LANES(None)
            masks = _masks(builder, bits, depth, loop.index, word)
            for level, mask in enumerate(masks):
                number = builder.select(mask, builder.add(number, _bit(depth, level)), number)
            # Look the four bytes of the leaves up in one table each.
            place = builder.mul(builder.add(tree, loop.index), WORD(4 * size))
            separate = []
            for byte in range(4):
                table = [
                    load(builder, leaves, place, LANES, byte * size + part)
                    for part in range(0, size, 64)
                ]
                separate.append(_picked(builder, table, number, masks[0]))
            # Join the bytes to floats and add these.
            for total, addend in zip(totals, _assembled(builder, separate)):
                builder.store(builder.fadd(builder.load(total), addend), total)
        # Return to the order of the rows.
        for number, quarter in enumerate(
            _exchange(builder, [builder.load(total) for total in totals])
        ):
            store(builder, sums, first, quarter, 16 * number)
        return context.get_dummy_value()

    return types.void(bits, nodes, leaves, types.int64, types.int64, types.int64, sums), generate


def _masks(builder, bits, depth, slot, word):
    """The bits of the leaf numbers of the 64 rows of a word, a mask per level."""
    first = builder.add(builder.mul(slot, WORD(WORDS * depth)), word)
    return [
        builder.bitcast(load(builder, bits, first, WORD, WORDS * level), MASK)
        for level in range(depth)
    ]


def _bit(depth, level):
    """The bit that a level contributes to the number of a leaf, in all bytes."""
    return LANES([1 << (depth - 1 - level)] * 64)


def _picked(builder, table, number, highest):
    """Pick 64 bytes from a table of 64, 128 or 256 bytes, given as vectors of 64.

    The instructions use only the lower 6 or 7 bits of ``number``. For 256 bytes, both halves are
    looked up, and ``highest``, the mask of the highest bit, selects between them.
    """
    if len(table) == 1:
        return call(builder, "llvm.x86.avx512.permvar.qi.512", table[0], number)
    halves = [
        call(builder, "llvm.x86.avx512.vpermi2var.qi.512", low, number, high)
        for low, high in zip(table[::2], table[1::2])
    ]
    return halves[0] if len(halves) == 1 else builder.select(highest, halves[1], halves[0])


def _assembled(builder, separate):
    """Join four vectors of 64 bytes to 64 floats, as four vectors of 16.

    In each vector, part n of 128 bits holds four of the rows 16 n to 16 n + 15. Moving values
    between parts of 128 bits takes longer, so it is left to ``_exchange``, outside the loop.
    """
    # First interleave bytes to pairs of bytes, then pairs to floats.
    pairs = [
        [_interleaved(builder, *separate[i : i + 2], LANES, half) for half in (0, 1)]
        for i in (0, 2)
    ]
    return [
        builder.bitcast(_interleaved(builder, low, high, PAIRS, half), FLOATS)
        for low, high in zip(*pairs)
        for half in (0, 1)
    ]


def _interleaved(builder, one, other, kind, half):
    """Alternate elements of the lower or upper halves of each 128 bits of two vectors."""
    count = kind.count // 4
    firsts = [part * count + half * count // 2 for part in range(4)]
    order = [
        place
        for first in firsts
        for i in range(first, first + count // 2)
        for place in (i, i + kind.count)
    ]
    return shuffled(builder, builder.bitcast(one, kind), builder.bitcast(other, kind), order)


def _exchange(builder, quarters):
    """Transpose four vectors as a matrix of 4 x 4 parts of 128 bits.

    This converts from the order of the rows to that of ``_assembled``, and back.
    """
    halves = [shuffled(builder, *quarters[i : i + 2], range(32)) for i in (0, 2)]
    return [
        shuffled(builder, *halves, [16 * i + 4 * number + j for i in range(4) for j in range(4)])
        for number in range(4)
    ]
