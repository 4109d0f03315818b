"""Compare codes with limits by their two digits of four bits.

The cache of numba does not detect a change here: a module with a cached function that uses it must
be changed as well.
"""

from __future__ import annotations

from llvmlite import ir

from .vectors import BYTE, WORD, load, store

# Words of 64 rows in a plane.
WORDS = 8
# Numbers that a digit of a code may be. Where the planes begin of codes whose first digit is higher
# than a number or equal to it, and of those whose second digit is above it; that of known codes.
DIGITS = 16
HIGHER, EQUAL, ABOVE, KNOWN, PARTS = 0, 16, 32, 48, 49
# LLVM types: vectors of 512 bits.
PLANE = ir.VectorType(WORD, WORDS)
LANES = ir.VectorType(BYTE, 64)


def compare_digits(builder, lanes, digits):
    """Compare the two digits of 512 codes with each number from 0 to 15."""
    bits = _bit_planes(builder, lanes, digits)
    higher, equal = _compare_four_bits(builder, bits[:4])
    above, _ = _compare_four_bits(builder, bits[4:])
    for first, planes in ((HIGHER, higher), (EQUAL, equal), (ABOVE, above)):
        for number, plane in enumerate(planes):
            store(builder, digits, WORD((first + number) * WORDS), plane, align=64)
    # The code of a missing value has all bits.
    missing = bits[0]
    for bit in bits[1:]:
        missing = builder.and_(missing, bit)
    store(builder, digits, WORD(KNOWN * WORDS), builder.not_(missing), align=64)


def _bit_planes(builder, lanes, digits):
    """The bits of 512 codes as planes, the highest first. ``digits`` is overwritten."""
    for word, lane in enumerate(lanes):
        for bit in range(8):
            # The highest bit of 64 codes is a word of the plane.
            is_set = builder.icmp_signed("<", lane, LANES(None))
            store(builder, digits, WORD(bit * WORDS), builder.bitcast(is_set, WORD), word)
            lane = builder.add(lane, lane)
    return [load_plane(builder, digits, WORD(bit)) for bit in range(8)]


def _compare_four_bits(builder, bits):
    """Planes of numbers of four bits: above 0 to 15, and equal to these."""
    (upper_above, upper_equal), (lower_above, lower_equal) = (
        _compare_two_bits(builder, *pair) for pair in (bits[:2], bits[2:])
    )
    above = [
        builder.or_(upper_above[upper], builder.and_(upper_equal[upper], lower_above[lower]))
        for upper in range(4)
        for lower in range(4)
    ]
    equal = [
        builder.and_(upper_equal[upper], lower_equal[lower])
        for upper in range(4)
        for lower in range(4)
    ]
    return above, equal


def _compare_two_bits(builder, high, low):
    """Planes of numbers of two bits: above 0 to 3, and equal to these."""
    not_high, not_low = builder.not_(high), builder.not_(low)
    above = [builder.or_(high, low), high, builder.and_(high, low), PLANE([0] * WORDS)]
    equal = [builder.and_(one, other) for one in (not_high, high) for other in (not_low, low)]
    return above, equal


def load_plane(builder, planes, number):
    """Load a plane."""
    return load(builder, planes, builder.mul(number, WORD(WORDS)), PLANE, align=64)
