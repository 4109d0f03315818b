"""Drivers of the prior: antecedent means of water surplus and runoff, statics and climatologies.

The drivers are the predictors with a role in the catalogue. The water surplus is precipitation
minus actual evapotranspiration. Statics modulate the response to the drivers from place to place:
they are the static predictors and the mean of each monthly predictor over the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...base.progress import Progress
from ...predictors.catalogue import EVAPOTRANSPIRATION, MONTHLY, PRECIPITATION, RUNOFF, Predictor
from ...predictors.climatologies import MONTHS_AT_ONCE, read_climatologies, with_climatology
from ...predictors.features import (
    FEATURE_BYTES,
    PixelSelection,
    read_months,
    read_pixels,
    read_static,
)
from ...predictors.predictor_set import PredictorSet
from ...predictors.stored_features import feature_values
from .prior import Prior

# Lengths of the antecedent means, months.
WINDOWS = (2, 4, 8, 16, 40)
SURPLUS = "surplus"


def driver_set(predictors: PredictorSet) -> PredictorSet | None:
    """Return the predictor set with the terms of the prior as its features.

    Parameters
    ----------
    predictors : PredictorSet
        The set, with roles.

    Returns
    -------
    PredictorSet or None
        Its features are the antecedent means of the surplus and, if there is one, of the runoff.
        None when no predictor has the role of precipitation or of evapotranspiration.
    """
    rain = predictors.by_role(PRECIPITATION)
    evapotranspiration = predictors.by_role(EVAPOTRANSPIRATION)
    if rain is None or evapotranspiration is None:
        return None
    surplus = Predictor(
        SURPLUS,
        kind=MONTHLY,
        lags=(),
        means=WINDOWS,
        difference=(rain.name, evapotranspiration.name),
    )
    terms = [replace(one, lags=(), means=()) for one in (rain, evapotranspiration)] + [surplus]
    runoff = predictors.by_role(RUNOFF)
    if runoff is not None:
        terms.append(replace(runoff, lags=(), means=WINDOWS))
    return replace(predictors, predictors=tuple(terms))


def read_terms(
    drivers: PredictorSet, months: np.ndarray, selection: PixelSelection
) -> Iterator[np.ndarray]:
    """Read the terms of the prior month by month.

    Parameters
    ----------
    drivers : PredictorSet
        Result of ``driver_set``.
    months : numpy.ndarray of datetime64[M]
        The months.
    selection : PixelSelection
        The pixels.

    Yields
    ------
    numpy.ndarray of float32, shape (terms, pixels)
        In the unit of the drivers; NaN where there is no value.
    """
    step = _months_at_once(drivers, selection)
    for first in range(0, months.size, step):
        for features in read_pixels(drivers, months[first : first + step], selection):
            yield np.stack([feature_values(feature) for feature in features])


class DriverSeries(NamedTuple):
    """A driver whose antecedent means are terms, and the months that they need of it.

    Parameters
    ----------
    predictor : Predictor
        The surplus or the runoff.
    months : numpy.ndarray of datetime64[M]
        Months with rasters, ascending.
    terms : slice
        Its terms among those of the prior.
    fractions : numpy.ndarray, shape (terms, mapped months, months)
        Weight of each month in each antecedent mean; NaN where none of its months has rasters.
    """

    predictor: Predictor
    months: np.ndarray
    terms: slice
    fractions: np.ndarray

    def weights(self, prior: Prior) -> np.ndarray:
        """Return the weight of each month in the response of a prior, (mapped months, months)."""
        return np.tensordot(prior.responses[self.terms], self.fractions, 1)


def series_weights(drivers: PredictorSet, mapped: np.ndarray) -> list[DriverSeries]:
    """Return the drivers with the weights of their months in the terms.

    Parameters
    ----------
    drivers : PredictorSet
        Result of ``driver_set``.
    mapped : numpy.ndarray of datetime64[M]
        The mapped months.
    """
    stored = np.concatenate([drivers.before, drivers.months])
    series = []
    first = 0
    for one in drivers.predictors:
        if not one.means:
            continue
        months = stored[stored > mapped[0] - max(one.means)]
        months = months[months <= mapped[-1]]
        back = (mapped[:, None] - months).astype(int)
        inside = (back >= 0) & (back < np.reshape(one.means, (-1, 1, 1)))
        with np.errstate(invalid="ignore"):
            fractions = inside / inside.sum(axis=2, keepdims=True)
        terms = slice(first, first + len(one.means))
        first = terms.stop
        series.append(DriverSeries(one, months, terms, fractions))
    return series


def read_series(
    drivers: PredictorSet, series: DriverSeries, selection: PixelSelection
) -> Iterator[np.ndarray]:
    """Read a driver month by month.

    Yields
    ------
    numpy.ndarray of float32, shape (pixels,)
        In the unit of the driver; NaN where there is no value.
    """
    by_name = {one.name: one for one in drivers.predictors}
    sources = [by_name[name] for name in series.predictor.difference or [series.predictor.name]]
    for first in range(0, series.months.size, MONTHS_AT_ONCE):
        months = series.months[first : first + MONTHS_AT_ONCE]
        read = [read_months(drivers, source, months, selection) for source in sources]
        for bands in zip(*read):
            values = [feature_values(band) for band in bands]
            yield values[0] - values[1] if len(values) > 1 else values[0]


def has_drivers(predictors: PredictorSet, statics: np.ndarray) -> np.ndarray:
    """Return which pixels have a value of each driver in any month: bool, shape (pixels,).

    Parameters
    ----------
    predictors : PredictorSet
        The set.
    statics : numpy.ndarray, shape (statics, pixels)
        Result of ``read_statics``.
    """
    roles = (PRECIPITATION, EVAPOTRANSPIRATION, RUNOFF)
    names = {f"mean_{one.name}" for role in roles if (one := predictors.by_role(role))}
    rows = [number for number, name in enumerate(static_names(predictors)) if name in names]
    return np.isfinite(statics[rows]).all(axis=0)


def static_names(predictors: PredictorSet) -> tuple[str, ...]:
    """Return the names of the statics in the order of ``read_statics``."""
    statics = [name for one in predictors.predictors if not one.monthly for name in one.features]
    return (*statics, *(f"mean_{one.name}" for one in with_climatology(predictors)))


def read_statics(
    predictors: PredictorSet, selection: PixelSelection, progress: Progress
) -> np.ndarray:
    """Read static predictors and the means of monthly ones over all months of the set.

    Parameters
    ----------
    predictors : PredictorSet
        The set.
    selection : PixelSelection
        The pixels.
    progress : Progress
        Checked for cancellation.

    Returns
    -------
    numpy.ndarray of float32, shape (statics, pixels)
        NaN where there is no value.
    """
    statics = [
        feature_values(band)
        for predictor in predictors.predictors
        if not predictor.monthly
        for band in read_static(predictors, predictor, selection)
    ]
    statics += list(read_climatologies(predictors, selection, progress))
    return np.stack(statics).astype(np.float32)


def _months_at_once(predictors: PredictorSet, selection: PixelSelection) -> int:
    """Months whose features are held together; the earlier ones are then read once."""
    return max(1, FEATURE_BYTES // (4 * len(predictors.features) * max(1, selection.size)))
