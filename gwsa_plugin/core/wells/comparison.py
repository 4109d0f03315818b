"""TODO."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .series_agreement import SeriesAgreement
from .tables import Wells

USED = "used"


@dataclass(frozen=True)
class Validation:
    """What was found; NaN wherever a well was not used.

    ``status``: str, shape (wells,), USED or why not. ``months``: datetime64[M], shape (months,). ``storage``: anomaly
    of each well, cm, shape (wells, months); ``fields``: the same of each of FIELDS at the wells. Both are anomalies to
    the mean of the months that well and fields share, and NaN in other months. ``trend`` and ``field_trends``: cm/yr,
    shape (wells,). ``p``: of the well's trend (Mann-Kendall), ``q``: the same, adjusted for the number of wells.
    ``agreement``: of each field with each well's series. ``cell``: the coarse cell of each well, int, -1 for none.
    ``dropped``: readings left out by reason.
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
    cell: np.ndarray
    dropped: dict[str, int]

    @property
    def used(self) -> np.ndarray:
        """bool, shape (wells,)."""
        return self.status == USED

    def exclusions(self) -> dict[str, int]:
        """Wells left out, by reason, most first."""
        return dict(Counter(self.status[~self.used].tolist()).most_common())
