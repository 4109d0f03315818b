"""What maps are predicted from at each pixel: features of trees, or terms and statics of the prior.

The area of applicability compares them with the samples that were fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...base.progress import Progress
from ...predictors.features import PixelSelection, read_pixels
from ...predictors.predictor_set import PredictorSet
from ...predictors.stored_features import feature_table
from ..domain import Domain
from ..models.cross_validation import HeldOut
from ..models.region_models import ALL, RegionModels
from ..models.training import gains
from ..prior.drivers import driver_set, read_statics, read_terms
from ..prior.fitted_prior import FittedPrior

# Reads a table of shape (pixels, predictors) in each of some months.
Reader = Callable[[np.ndarray, PixelSelection, Progress], Iterator[np.ndarray]]


@dataclass(frozen=True, eq=False)
class MapPredictors:
    """Predictors of the maps, at the samples that were fitted to and at pixels.

    Parameters
    ----------
    samples : numpy.ndarray of float32, shape (samples, predictors)
        NaN for no value.
    folds : numpy.ndarray of int, shape (samples,)
        Number of the split that holds out the cell of each sample, -1 for none.
    importance : numpy.ndarray, shape (predictors,)
        Not negative.
    read : Reader
        Reads the predictors at pixels.
    """

    samples: np.ndarray
    folds: np.ndarray
    importance: np.ndarray
    read: Reader


def predictors_of_maps(
    domain: Domain, models: RegionModels, prior: FittedPrior | None, held_out: list[HeldOut]
) -> MapPredictors:
    """Return the predictors of the maps: of the trees where they are mapped, or of the prior.

    Parameters
    ----------
    domain, models, held_out
        As in ``predictors_of_trees``.
    prior : FittedPrior or None
        The mapped prior. If neither trees nor a prior are mapped, a constant is returned.
    """
    if models.shrinkage:
        return predictors_of_trees(domain, models, held_out)
    return predictors_of_prior(prior, held_out) if prior else no_predictors()


def predictors_of_trees(
    domain: Domain, models: RegionModels, held_out: list[HeldOut]
) -> MapPredictors:
    """Return the features of the trees.

    Parameters
    ----------
    domain : Domain
        One pixel of each of its training samples is used.
    models : RegionModels
        The gain of each feature in the model of all cells is its importance.
    held_out : list of HeldOut
        The blocked validation.
    """
    samples = domain.samples
    gain = gains(models.boosters[ALL])
    importance = np.array([gain.get(name, 0.0) for name in samples.names])
    folds = samples.at(_folds(domain, held_out))
    return MapPredictors(
        samples.pixels[:, 0], folds, importance, partial(_read_features, domain.predictors)
    )


def predictors_of_prior(prior: FittedPrior, held_out: list[HeldOut]) -> MapPredictors:
    """Return the terms and statics of the prior.

    Parameters
    ----------
    prior : FittedPrior
        Examples of its terms are the samples. The importance is the mean absolute contribution.
    held_out : list of HeldOut
        The blocked validation.
    """
    domain, samples = prior.domain, prior.samples
    cells = samples.examples.cells
    table = np.concatenate([samples.examples.terms, samples.statics[:, cells, 0].T], axis=1)
    folds = _folds(domain, held_out)[domain.cells][cells]
    importance = samples.mean_contributions(prior.prior)
    drivers = driver_set(domain.predictors)
    if drivers is None:
        raise ValueError("The predictors of a prior must have drivers.")
    # One set for all tiles, which caches properties of rasters.
    return MapPredictors(
        table, folds, importance, partial(_read_drivers, domain.predictors, drivers)
    )


def no_predictors() -> MapPredictors:
    """Return a constant, which stands for the predictors of an interpolation."""
    return MapPredictors(np.zeros((2, 1), np.float32), np.arange(2), np.ones(1), _read_nothing)


def _folds(domain: Domain, held_out: list[HeldOut]) -> np.ndarray:
    """Number of the split that holds out each cell, coarse shape."""
    folds = np.full(domain.cells.shape, -1)
    for number, held in enumerate(held_out):
        folds[held.split.cells] = number
    return folds


def _read_features(
    predictors: PredictorSet, months: np.ndarray, selection: PixelSelection, progress: Progress
) -> Iterator[np.ndarray]:
    for features in read_pixels(predictors, months, selection):
        yield feature_table(features)


def _read_drivers(
    predictors: PredictorSet,
    drivers: PredictorSet,
    months: np.ndarray,
    selection: PixelSelection,
    progress: Progress,
) -> Iterator[np.ndarray]:
    statics = read_statics(predictors, selection, progress)
    for month in months:
        # Each month needs others before it than the next one does.
        for terms in read_terms(drivers, month[None], selection):
            yield np.concatenate([terms, statics]).T


def _read_nothing(
    months: np.ndarray, selection: PixelSelection, progress: Progress
) -> Iterator[np.ndarray]:
    for _ in months:
        yield np.zeros((selection.size, 1), dtype=np.float32)
