"""The trees of a segment, for 512 rows at a time: planes, trees, leaves.

A plane holds a bit for each of 512 rows, as eight words of 64: whether the row's code is above a limit. All planes of a
segment stay in the processor's cache while its trees are taken one after the other. How numba is told what it cannot
say itself: as LLVM instructions on vectors, which become those of the processor at hand. What is fixed when these are
written, the depth of the trees, is the number of levels in ``nodes``; it is part of the type, and so is the kind of
leaves, which says how they are looked up.

All of this is one module because numba's cache notices changes in the module of a function only.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload

ROWS = 512
WORDS = 8  # of 64 rows
BATCH = 32  # trees whose bits wait for their leaves, so that sums stay in registers meanwhile

BYTE, INDEX, WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)
PLANE = ir.VectorType(WORD, WORDS)
LANES, MASK = ir.VectorType(BYTE, 64), ir.VectorType(ir.IntType(1), 64)
PAIRS = ir.VectorType(ir.IntType(16), 32)
FLOATS = ir.VectorType(ir.FloatType(), 16)


def can_permute() -> bool:
    """Whether the processor picks 64 bytes out of a table in one instruction (AVX512-VBMI), as numba sees it."""
    return "+avx512vbmi" in cpu_target.target_context.codegen().magic_tuple()[2]


def permutable(leaves: np.ndarray) -> np.ndarray:
    """The four bytes of each leaf apart, uint8, (trees, 4, 64 or more): what makes ``add_trees`` permute bytes, where
    float32 leaves, (trees, leaves), are looked up one by one."""
    trees, count = leaves.shape
    apart = np.zeros((trees, 4, max(64, count)), dtype=np.uint8)
    apart[:, :, :count] = np.swapaxes(
        leaves.astype("<f4").view(np.uint8).reshape(trees, count, 4), 1, 2
    )
    return apart


@njit(nogil=True, cache=True)
def add_trees(codes, runs, limits, nodes, leaves, sums):
    """Add to ``sums``, float32, what each tree says, in the order of the trees.

    ``codes``: uint8, (rows of codes, rows), the latter filled up to a multiple of 512 with anything. ``runs``,
    ``limits`` and ``nodes``: see ``Segment``; ``leaves`` too, or the same made ``permutable``.
    """
    planes, bits = _lines(max(1, limits.size)), _lines(BATCH * len(nodes))
    block = np.empty(ROWS, dtype=np.float32)
    for first in range(0, sums.size, ROWS):
        rows = min(ROWS, sums.size - first)
        for run in range(runs.shape[0]):
            row, start, stop = runs[run]
            _compare(codes, row * codes.shape[1] + first, limits, start, stop, planes)
        block[:rows] = sums[first : first + rows]
        for tree in range(0, leaves.shape[0], BATCH):
            count = min(BATCH, leaves.shape[0] - tree)
            for slot in range(count):
                _descend(planes, nodes, tree + slot, bits, slot)
            _add_leaves(bits, nodes, leaves, tree, count, block)
        sums[first : first + rows] = block[:rows]


@njit
def _lines(count):
    """Room for ``count`` planes, each in one line of the cache."""
    room = np.empty(WORDS * (count + 1), dtype=np.uint64)
    skipped = (-room.ctypes.data // 8) % WORDS
    return room[skipped : skipped + WORDS * count].reshape(count, WORDS)


# Planes


@intrinsic
def _compare(typing, codes, place, limits, start, stop, planes):
    """Planes ``start`` to ``stop``: of the 512 codes from ``place`` on whether above each limit."""

    def generate(context, builder, signature, arguments):
        codes, limits, planes = (
            _data(context, builder, signature, arguments, number) for number in (0, 2, 5)
        )
        place, start, stop = arguments[1], arguments[3], arguments[4]
        lanes = [_load(builder, codes, place, LANES, 64 * word) for word in range(WORDS)]
        with cgutils.for_range(builder, stop, start=start, intp=WORD) as loop:
            limit = _splat(builder, _load(builder, limits, loop.index, BYTE))
            first = builder.mul(loop.index, WORD(WORDS))
            for word, lane in enumerate(lanes):
                above = builder.icmp_unsigned(">", lane, limit)
                _store(builder, planes, first, builder.bitcast(above, WORD), word)
        return context.get_dummy_value()

    return types.void(codes, types.int64, limits, types.int64, types.int64, planes), generate


# Trees


@intrinsic
def _descend(typing, planes, nodes, tree, bits, slot):
    """The number of the leaf that each row reaches in ``tree``: its bits, highest first, as lines of ``bits``.

    The bit of a level is the row's answer at the node where it is. Which node that is, the bits above tell: they select
    among the planes of the level, two by two.
    """
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        planes, bits = (_data(context, builder, signature, arguments, number) for number in (0, 3))
        tree, slot = arguments[2], arguments[4]
        levels = [
            context.make_array(nodes.dtype)(
                context, builder, builder.extract_value(arguments[1], level)
            ).data
            for level in range(depth)
        ]
        found = []

        def selected(level, above, number):
            """Of the planes of ``level`` under the node ``number`` of the level ``above``."""
            if above == level:
                plane = _load(builder, levels[level], builder.shl(tree, WORD(level)), INDEX, number)
                return _load(builder, planes, builder.zext(plane, WORD), PLANE, align=64)
            left, right = (selected(level, above + 1, 2 * number + bit) for bit in (0, 1))
            return builder.xor(left, builder.and_(found[above], builder.xor(left, right)))

        first = builder.mul(slot, WORD(WORDS * depth))
        for level in range(depth):
            found.append(selected(level, 0, 0))
            _store(builder, bits, first, found[level], WORDS * level, align=64)
        return context.get_dummy_value()

    return types.void(planes, nodes, types.int64, bits, types.int64), generate


# Leaves


def _add_leaves(bits, nodes, leaves, tree, count, sums):
    """Add to the 512 ``sums`` the leaves of ``count`` trees from ``tree`` on."""
    raise NotImplementedError("This is for compiled functions.")


@overload(_add_leaves)
def _choose_how_to_add_leaves(bits, nodes, leaves, tree, count, sums):
    return _add_by_permuting if leaves.dtype == types.uint8 else _add_one_by_one


def _add_one_by_one(bits, nodes, leaves, tree, count, sums):
    numbers = np.empty(ROWS, dtype=np.uint8)
    for slot in range(count):
        for word in range(WORDS):
            _number(bits, nodes, slot, word, numbers)
        of_tree = leaves[tree + slot]
        for row in range(ROWS):
            sums[row] += of_tree[numbers[row]]


def _add_by_permuting(bits, nodes, leaves, tree, count, sums):
    for word in range(WORDS):
        _permute(bits, nodes, leaves, tree, count, word, sums)


@intrinsic
def _number(typing, bits, nodes, slot, word, numbers):
    """The leaves' numbers of the 64 rows of a word."""
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        bits, numbers = (_data(context, builder, signature, arguments, number) for number in (0, 4))
        slot, word = arguments[2], arguments[3]
        number = LANES(None)
        for level, mask in enumerate(_masks(builder, bits, depth, slot, word)):
            number = builder.or_(
                number, builder.and_(builder.sext(mask, LANES), _bit(depth, level))
            )
        _store(builder, numbers, builder.mul(word, WORD(64)), number)
        return context.get_dummy_value()

    return types.void(bits, nodes, types.int64, types.int64, numbers), generate


@intrinsic
def _permute(typing, bits, nodes, leaves, tree, count, word, sums):
    """Add the leaves of ``count`` trees to the sums of the 64 rows of a word, which stay in registers."""
    depth = nodes.count

    def generate(context, builder, signature, arguments):
        bits, leaves, sums = (
            _data(context, builder, signature, arguments, number) for number in (0, 2, 6)
        )
        tree, count, word = arguments[3:6]
        size = max(64, 1 << depth)
        first = builder.mul(word, WORD(64))
        quarters = _exchange(
            builder, [_load(builder, sums, first, FLOATS, 16 * number) for number in range(4)]
        )
        totals = [cgutils.alloca_once_value(builder, quarter) for quarter in quarters]
        with cgutils.for_range(builder, count, intp=WORD) as loop:
            number, masks = LANES(None), _masks(builder, bits, depth, loop.index, word)
            for level, mask in enumerate(masks):
                number = builder.select(mask, builder.add(number, _bit(depth, level)), number)
            place = builder.mul(builder.add(tree, loop.index), WORD(4 * size))
            apart = []
            for byte in range(4):
                table = [
                    _load(builder, leaves, place, LANES, byte * size + part)
                    for part in range(0, size, 64)
                ]
                apart.append(_picked(builder, table, number, masks[0]))
            for total, addend in zip(totals, _assembled(builder, apart)):
                builder.store(builder.fadd(builder.load(total), addend), total)
        for number, quarter in enumerate(
            _exchange(builder, [builder.load(total) for total in totals])
        ):
            _store(builder, sums, first, quarter, 16 * number)
        return context.get_dummy_value()

    return types.void(bits, nodes, leaves, types.int64, types.int64, types.int64, sums), generate


def _masks(builder, bits, depth, slot, word):
    """The bits of the leaves' numbers of the 64 rows of a word, level by level."""
    first = builder.add(builder.mul(slot, WORD(WORDS * depth)), word)
    return [
        builder.bitcast(_load(builder, bits, first, WORD, WORDS * level), MASK)
        for level in range(depth)
    ]


def _bit(depth, level):
    return LANES([1 << (depth - 1 - level)] * 64)


def _picked(builder, table, number, highest):
    """From a table of 64, 128 or 256 bytes; the instructions look at as many bits of ``number`` as they need."""
    if len(table) == 1:
        return _call(builder, "llvm.x86.avx512.permvar.qi.512", table[0], number)
    halves = [
        _call(builder, "llvm.x86.avx512.vpermi2var.qi.512", low, number, high)
        for low, high in zip(table[::2], table[1::2])
    ]
    return halves[0] if len(halves) == 1 else builder.select(highest, halves[1], halves[0])


def _call(builder, name, *lanes):
    kind = ir.FunctionType(LANES, [LANES] * len(lanes))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), lanes)


def _assembled(builder, apart):
    """Floats from their bytes: four vectors of 16, in each of which the 128 bits number n are rows 16 n to 16 n + 15,
    four in each vector. What crosses the borders of 128 bits costs more, so that is left to ``_exchange``."""
    pairs = [
        [_interleaved(builder, *apart[i : i + 2], LANES, half) for half in (0, 1)] for i in (0, 2)
    ]
    return [
        builder.bitcast(_interleaved(builder, low, high, PAIRS, half), FLOATS)
        for low, high in zip(*pairs)
        for half in (0, 1)
    ]


def _interleaved(builder, one, other, kind, half):
    """Elements of the lower or upper halves of each 128 bits of both, in turn."""
    count = kind.count // 4
    firsts = [part * count + half * count // 2 for part in range(4)]
    order = [
        place
        for first in firsts
        for i in range(first, first + count // 2)
        for place in (i, i + kind.count)
    ]
    return _shuffled(builder, builder.bitcast(one, kind), builder.bitcast(other, kind), order)


def _exchange(builder, quarters):
    """Four vectors of four times 128 bits as a matrix, transposed: from the order of rows to that of ``_assembled``,
    and back."""
    halves = [_shuffled(builder, *quarters[i : i + 2], range(32)) for i in (0, 2)]
    return [
        _shuffled(builder, *halves, [16 * i + 4 * number + j for i in range(4) for j in range(4)])
        for number in range(4)
    ]


# LLVM


def _data(context, builder, signature, arguments, number):
    """Where the elements of an array among the arguments begin."""
    return context.make_array(signature.args[number])(context, builder, arguments[number]).data


def _pointer(builder, data, place, kind, further):
    element = builder.gep(data, [builder.add(place, WORD(further))])
    return builder.bitcast(element, kind.as_pointer())


def _load(builder, data, place, kind, further=0, align=1):
    """A vector of ``kind``; places are counted in elements of the array."""
    value = builder.load(_pointer(builder, data, place, kind, further))
    value.align = align
    return value


def _store(builder, data, place, value, further=0, align=1):
    builder.store(value, _pointer(builder, data, place, value.type, further)).align = align


def _splat(builder, byte):
    one = builder.insert_element(LANES(ir.Undefined), byte, INDEX(0))
    return _shuffled(builder, one, LANES(ir.Undefined), [0] * 64)


def _shuffled(builder, one, other, order):
    order = list(order)
    return builder.shuffle_vector(one, other, ir.VectorType(INDEX, len(order))(order))
