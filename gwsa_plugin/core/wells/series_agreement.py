"""TODO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeriesAgreement:
    """Of two anomaly series, well by well; float, shape (wells,), NaN where a well was not used. ``r``: Pearson.
    ``rmse``: cm. ``kge``: 1 - sqrt((r - 1)² + (a - 1)²), the efficiency of Gupta et al. (2009, J. Hydrol. 377, 80-91)
    without its ratio of means, which anomalies do not have; a is the ratio of standard deviations, field to well."""

    r: np.ndarray
    rmse: np.ndarray
    kge: np.ndarray


def agreement(well: np.ndarray, field: np.ndarray) -> SeriesAgreement:
    """Both cm, shape (wells, months), anomalies to their mean over the same months, NaN in the others."""
    count = np.isfinite(well).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance_well, variance_field = (
            np.nansum(well**2, axis=1) / count,
            np.nansum(field**2, axis=1) / count,
        )
        r = np.nansum(well * field, axis=1) / count / np.sqrt(variance_well * variance_field)
        ratio = np.sqrt(variance_field / variance_well)
        rmse = np.sqrt(np.nansum((field - well) ** 2, axis=1) / count)
    return SeriesAgreement(r, rmse, 1 - np.hypot(r - 1, ratio - 1))
