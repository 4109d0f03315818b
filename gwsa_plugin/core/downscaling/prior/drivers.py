"""Drivers of the prior: antecedent means of water surplus and runoff, statics and climatologies.

The drivers are the predictors with a role in the catalogue. The water surplus is precipitation
minus actual evapotranspiration. Statics modulate the response to the drivers from place to place:
they are the static predictors and the mean of each monthly predictor over the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...base.progress import Progress
from ...predictors.catalogue import EVAPOTRANSPIRATION, MONTHLY, PRECIPITATION, RUNOFF, Predictor
from ...predictors.climatologies import read_climatologies, with_climatology
from ...predictors.features import FEATURE_BYTES, PixelSelection, read_pixels
from ...predictors.predictor_set import PredictorSet
from ...predictors.stored_features import feature_values

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
    fixed = replace(predictors, predictors=tuple(p for p in predictors.predictors if not p.monthly))
    months = predictors.months
    statics: list[np.ndarray] = []
    if fixed.predictors:
        any_month = months[:1] if months.size else np.array(["2000-01"], dtype="datetime64[M]")
        statics += [feature_values(one) for one in read_pixels(fixed, any_month, selection)[0]]
    statics += list(read_climatologies(predictors, selection, progress))
    return np.stack(statics).astype(np.float32)


def _months_at_once(predictors: PredictorSet, selection: PixelSelection) -> int:
    """Months whose features are held together; the earlier ones are then read once."""
    return max(1, FEATURE_BYTES // (4 * len(predictors.features) * max(1, selection.size)))
