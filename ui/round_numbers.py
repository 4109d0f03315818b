"""Round numbers for labels, scale bars and grids."""

from __future__ import annotations

from math import floor, log10

# Steps between labels, and lengths, are these numbers times a power of ten.
STEPS = (1, 2, 2.5, 5, 10)
LENGTHS = (5, 2, 1)


def round_step(width: float, most: int) -> float:
    """Return the smallest round step of which at most ``most`` fit into a width.

    Parameters
    ----------
    width : float
        Positive.
    most : int
        At least 1.
    """
    least = width / most
    power = 10.0 ** floor(log10(least))
    return next(one * power for one in STEPS if one * power >= least * (1 - 1e-9))


def round_values(low: float, high: float, most: int) -> list[float]:
    """Return evenly spaced round values from ``low`` to ``high``, at most ``most`` of them.

    Parameters
    ----------
    low, high : float
        Bounds, ``low`` < ``high``.
    most : int
        At least 2.
    """
    step = round_step(high - low, most - 1)
    first = -floor(-low / step + 1e-9)
    last = floor(high / step + 1e-9)
    return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]


def round_length(longest: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20 and so on that is not above a positive length."""
    power = 10.0 ** floor(log10(longest))
    return next(one * power for one in LENGTHS if one * power <= longest * (1 + 1e-9))
