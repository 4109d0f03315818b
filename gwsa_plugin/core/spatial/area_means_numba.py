"""The loop of ``area_means``, compiled with numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from .blocks_numba import LOOSE


@njit(cache=True, **LOOSE)
def area_means(values, rows, columns, means):
    """See ``area_means.area_means``; the result is written to ``means``."""
    first_row, last_row, first_row_share, last_row_share = rows
    first_column, last_column, first_column_share, last_column_share = columns
    total = np.empty(values.shape[1])
    weight = np.empty(values.shape[1])
    for row in range(means.shape[0]):
        total[:] = 0.0
        weight[:] = 0.0
        for source_row in range(first_row[row], last_row[row] + 1):
            share = 1.0
            if source_row == first_row[row]:
                share = first_row_share[row]
            elif source_row == last_row[row]:
                share = last_row_share[row]
            _add_row(values[source_row], share, total, weight)
        for column in range(means.shape[1]):
            first, last = first_column[column], last_column[column]
            if last < first:
                means[row, column] = np.nan
                continue
            value = first_column_share[column] * total[first]
            area = first_column_share[column] * weight[first]
            for source_column in range(first + 1, last):
                value += total[source_column]
                area += weight[source_column]
            if last > first:
                value += last_column_share[column] * total[last]
                area += last_column_share[column] * weight[last]
            means[row, column] = value / area if area > 0 else np.nan


@njit(**LOOSE)
def _add_row(values, share, total, weight):
    for column in range(values.size):
        value = values[column]
        known = value == value
        total[column] += share * value if known else 0.0
        weight[column] += share if known else 0.0
