"""The change of a linear trend at a month that the series itself determines."""

from __future__ import annotations

import numpy as np

from ..base.months import decimal_years
from .trends import seasonal_design

# Least time before and after a break, years: shorter pieces follow single wet or dry years.
LEAST_YEARS = 4.0


def strongest_break(months: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the month at which a change of the trend explains most of each series.

    The model is a line that bends once, with annual and semi-annual waves, fitted by least squares.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)
        Distinct, in order.
    values : ndarray of float, shape (n, series)
        Finite.

    Returns
    -------
    year : ndarray of float64, shape (series,)
        Middle of the month at which the line bends, in years; NaN for a record that is shorter than
        twice ``LEAST_YEARS``, and where no bend explains anything.
    change : ndarray of float64, shape (series,)
        Trend after it less trend before it, per year; NaN where ``year`` is.
    """
    years = decimal_years(months)
    possible = (years >= years[0] + LEAST_YEARS) & (years <= years[-1] - LEAST_YEARS)
    places = years[possible]
    series = np.arange(values.shape[1])
    if not places.size:
        return np.full(series.size, np.nan), np.full(series.size, np.nan)
    design = seasonal_design(months)
    bends = np.maximum(years[:, None] - places, 0.0)
    # The part of each bend that trend and waves cannot express.
    bends -= design @ np.linalg.lstsq(design, bends, rcond=None)[0]
    squares = np.einsum("ij,ij->j", bends, bends)[:, None]
    products = bends.T @ (values - values.mean(axis=0, dtype=float))
    best = np.argmax(products**2 / squares, axis=0)
    change = products[best, series] / squares[best, 0]
    year = places[best]
    flat = values.min(axis=0) == values.max(axis=0)
    year[flat] = np.nan
    change[flat] = np.nan
    return year, change
