"""Gaps of the GRACE missions, and fills by a single method."""

import numpy as np

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions, fill_series

MONTHS = month_range("2002-04", "2020-12")
GRACE = np.zeros(MONTHS.size, dtype=bool)
GRACE[[2, 3, 14, 105, 110, 121, 126, 131, 136, 137]] = True
GRACE[[142, 147, 152, 158, 162, 163, 168, 173, 174, 178]] = True
GRACE[183:194] = True
GRACE[196:198] = True


def mask(text):
    """Missing months, written as dots: bool, shape (months,)."""
    return np.array([letter == "." for letter in text])


def by(method):
    """Fill of artificial gaps by one method."""
    return lambda series, missing, fold: fill_series(series, missing, FillOptions(method))
