"""Climatologies: means of monthly predictors over all months of a predictor set."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..base.numba_modules import load_numba_module
from ..base.progress import Progress
from .catalogue import Predictor
from .features import PixelSelection, read_months
from .predictor_set import PredictorSet
from .stored_features import Feature, StoredFeature, feature_values, take_rows

# Months that are read together.
MONTHS_AT_ONCE = 12

_kernel = partial(load_numba_module, "predictors.antecedent_means_numba")


def with_climatology(predictors: PredictorSet) -> tuple[Predictor, ...]:
    """Return the predictors that have climatologies: the monthly ones with rasters."""
    return tuple(one for one in predictors.predictors if one.monthly and one.files)


def read_climatologies(
    predictors: PredictorSet, selection: PixelSelection, progress: Progress
) -> np.ndarray:
    """Compute the climatology of each predictor that has one.

    Parameters
    ----------
    predictors : PredictorSet
        The set.
    selection : PixelSelection
        The pixels. Its ``pixels`` are a mask.
    progress : Progress
        Checked for cancellation.

    Returns
    -------
    numpy.ndarray of float64, shape (predictors, pixels)
        Means over the months with a value; NaN where there is none.
    """
    everywhere = selection._replace(pixels=...)
    columns = np.flatnonzero(np.asarray(selection.pixels)).astype(np.int32)
    means = np.empty((len(with_climatology(predictors)), columns.size))
    for mean, predictor in zip(means, with_climatology(predictors)):
        total, count = np.zeros((2, columns.size))
        for first in range(0, predictors.months.size, MONTHS_AT_ONCE):
            progress.stop_if_cancelled()
            months = predictors.months[first : first + MONTHS_AT_ONCE]
            for band in read_months(predictors, predictor, months, everywhere):
                _add(band, columns, total, count)
        np.divide(total, count, out=mean, where=count > 0)
        mean[count == 0] = np.nan
    return means


def _add(band: Feature, columns: np.ndarray, total: np.ndarray, count: np.ndarray) -> None:
    """Add the values of a band to the sums and counts of some of its pixels."""
    kernel = _kernel()
    if kernel and isinstance(band, StoredFeature):
        stored = np.ascontiguousarray(band.stored).reshape(-1)
        numbers = np.float32(band.scale), np.float32(band.offset), np.int16(band.nodata)
        kernel.add_stored(stored, columns, *numbers, total, count)
        return
    rows = np.unravel_index(
        columns, (band.stored if isinstance(band, StoredFeature) else band).shape
    )
    values = feature_values(take_rows(band, rows))
    known = np.isfinite(values)
    total += np.where(known, values, np.float32(0.0))
    count += known
