"""Result of the comparison of the 1 km, bilinear and coarse fields with wells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..stats.metrics import SeriesAgreement
from .tables import Wells

USED = "used"


@dataclass(frozen=True)
class WellComparison:
    """Wells and fields at the wells; values are NaN for a well that was not used.

    Parameters
    ----------
    wells : Wells
    status : ndarray of str, shape (wells,)
        USED, or the reason why the well was left out.
    months : ndarray of datetime64[M], shape (months,)
    storage : ndarray of float64, shape (wells, months)
        Storage anomaly of each well in cm, relative to the mean of the months that the well and
        all fields have; NaN in other months.
    fields : dict of str to ndarray of float64, shape (wells, months)
        Name of a field (``scores.FIELDS``) -> its anomaly at the wells, in cm, in the same months.
    trend : ndarray of float64, shape (wells,)
        Trend of the well, cm/yr.
    field_trends : dict of str to ndarray of float64, shape (wells,)
        Name of a field -> its trend at the wells, cm/yr.
    p, q : ndarray of float64, shape (wells,)
        p-value of the well's trend (Mann-Kendall), and its value adjusted for the number of wells.
    agreement : dict of str to SeriesAgreement
        Name of a field -> agreement of its monthly series with that of each well.
    coarse_cell : ndarray of int, shape (wells,)
        Index of the coarse cell that contains the well, -1 outside the coarse field.
    dropped_readings : dict of str to int
        Reason -> number of readings that were left out.
    """

    wells: Wells
    status: np.ndarray
    months: np.ndarray
    storage: np.ndarray
    fields: dict[str, np.ndarray]
    trend: np.ndarray
    field_trends: dict[str, np.ndarray]
    p: np.ndarray
    q: np.ndarray
    agreement: dict[str, SeriesAgreement]
    coarse_cell: np.ndarray
    dropped_readings: dict[str, int]

    @property
    def used(self) -> np.ndarray:
        """Whether each well was used: bool, shape (wells,)."""
        return self.status == USED

    def exclusions(self) -> dict[str, int]:
        """Return the number of wells left out for each reason, most frequent first."""
        return dict(Counter(self.status[~self.used].tolist()).most_common())
