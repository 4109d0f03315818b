"""LLVM instructions on vectors, from which intrinsics of numba are composed.

The cache of numba does not detect a change here: a module with a cached function that uses it must
be changed as well.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

BYTE = ir.IntType(8)
INDEX = ir.IntType(32)
WORD = ir.IntType(64)


def data(context, builder, signature, arguments, number):
    """The pointer to the elements of an array argument."""
    return context.make_array(signature.args[number])(context, builder, arguments[number]).data


def load(builder, pointer, place, kind, further=0, align=1):
    """Load a value of ``kind``; places are counted in elements of the array."""
    value = builder.load(_pointer(builder, pointer, place, kind, further))
    value.align = align
    return value


def store(builder, pointer, place, value, further=0, align=1):
    """Store a value; places are counted in elements of the array."""
    builder.store(value, _pointer(builder, pointer, place, value.type, further)).align = align


def shuffled(builder, one, other, order):
    """Choose elements of two vectors by their numbers, those of the second following the first."""
    order = list(order)
    return builder.shuffle_vector(one, other, ir.VectorType(INDEX, len(order))(order))


def call(builder, name, *vectors):
    """Call an instruction of the processor whose result has the type of the first vector."""
    kind = ir.FunctionType(vectors[0].type, [vector.type for vector in vectors])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), vectors)


def _pointer(builder, pointer, place, kind, further):
    """The pointer to a value of ``kind`` that begins at element ``place + further``."""
    element = builder.gep(pointer, [builder.add(place, WORD(further))])
    return builder.bitcast(element, kind.as_pointer())
