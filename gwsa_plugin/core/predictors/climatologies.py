"""Climatologies: means of monthly predictors over all months of a predictor set.

Build predictors writes them. They are computed for a set that lacks them.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..base.numba_modules import load_numba_module
from ..base.progress import Progress
from ..rasters.reading import open_raster
from .bands import require_shape
from .catalogue import Predictor
from .features import PixelSelection, read_months
from .predictor_set import CLIMATOLOGIES, PredictorSet
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
    """Read the climatology of each predictor that has one.

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
    numpy.ndarray of float32, shape (predictors, pixels)
        Means over the months with a value; NaN where there is none.

    Raises
    ------
    InputError
        When the raster of the climatologies is not that of the set.
    """
    monthly = with_climatology(predictors)
    if predictors.climatologies:
        path = predictors.folder / CLIMATOLOGIES
        with open_raster(path) as source:
            require_shape(source, predictors.grid, path)
            bands = list(range(1, len(monthly) + 1))
            return source.read_floats(bands, selection.tile)[:, np.asarray(selection.pixels)]
    means = [compute_climatology(predictors, one, selection, progress) for one in monthly]
    return np.stack(means) if means else np.empty((0, selection.size), np.float32)


def compute_climatology(
    predictors: PredictorSet, predictor: Predictor, selection: PixelSelection, progress: Progress
) -> np.ndarray:
    """Compute the climatology of a predictor from its rasters.

    Parameters
    ----------
    predictors, selection, progress
        As ``read_climatologies``.
    predictor : Predictor
        One of ``with_climatology``.

    Returns
    -------
    numpy.ndarray of float32, shape (pixels,)
        NaN where there is no value.
    """
    everywhere = selection._replace(pixels=...)
    columns = np.flatnonzero(np.asarray(selection.pixels)).astype(np.int32)
    total, count = np.zeros((2, columns.size))
    for first in range(0, predictors.months.size, MONTHS_AT_ONCE):
        progress.stop_if_cancelled()
        months = predictors.months[first : first + MONTHS_AT_ONCE]
        for band in read_months(predictors, predictor, months, everywhere):
            _add(band, columns, total, count)
    mean = np.full(columns.size, np.nan)
    return np.divide(total, count, out=mean, where=count > 0).astype(np.float32)


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
