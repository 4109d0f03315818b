"""Sums of products that do not depend on the order in which they are added.

Libraries of linear algebra add in an order that depends on their version, on the processor and on
the number of threads. Here the values are rounded to so few bits that sums of blocks are exact.

References
----------
S. M. Rump, T. Ogita, S. Oishi (2008): Accurate floating-point summation, part I: faithful rounding.
SIAM Journal on Scientific Computing 31(1), 189-224. https://doi.org/10.1137/050645671.
"""

from __future__ import annotations

import numpy as np

# A product of two values has 44 bits, and the sum of a block of them at most the 53 of a double.
BITS = 22
ROWS = 1 << 53 - 2 * BITS


def sum_of_products(values: np.ndarray) -> np.ndarray:
    """Sum the products of all pairs of columns over the rows.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (rows, columns)
        Finite. Each is rounded to 22 bits of the greatest in its column.

    Returns
    -------
    numpy.ndarray of float64, shape (columns, columns)
        Exact in a block of 512 rows; blocks are added one after the other.
    """
    greatest = np.maximum(values.max(axis=0, initial=0), -values.min(axis=0, initial=0))
    exponents = np.frexp(greatest)[1] - BITS
    sums = np.zeros((values.shape[1],) * 2)
    for first in range(0, len(values), ROWS):
        block = np.ldexp(values[first : first + ROWS].astype(np.float64), -exponents)
        np.rint(block, out=block)
        sums += block.T @ block
    return np.ldexp(sums, exponents[:, None] + exponents)
