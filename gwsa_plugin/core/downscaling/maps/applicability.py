"""Where not to trust the models: how unlike the training samples the predictors of a place are.

The dissimilarity index and the area of applicability of Meyer & Pebesma (2021), "Predicting into unknown space?",
Methods in Ecology and Evolution 12:1620. A tree says something everywhere; beyond the predictors that it has seen it
repeats its last leaf, and no held-out score is about such a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from ...base.errors import InputError
from ...base.months import calendar_season
from ...base.progress import SILENT, Progress
from ...base.tiles import Tile, tile_side
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...files.geotiff import Header, new_geotiff
from ...files.stack import nan_mean
from ...predictors.features import PixelSelection, read_pixels
from ...predictors.stored_features import feature_table
from ..domain import Domain
from ..models.region_models import ALL, CrossValidation, RegionModels
from ..models.training import gains

MOST_SAMPLES = 2000  # against which a place is held; more would lower index and threshold alike
WEIGHT_KEPT = 0.99  # of all importance; what is left is many features that the models hardly use
LEAF = 32  # points in a leaf of the search tree; the fastest for ten to thirty features
PIXELS_AT_ONCE = 20_000  # between two looks at whether to stop
ROUNDING = 1e-7  # of a float32; a feature that varies no more than this is constant
ENCODING = {"compress": "DEFLATE", "predictor": 3, "sparse_ok": True}
BANDS = ("dissimilarity", "share applicable")


@dataclass(frozen=True, eq=False)
class Applicability:
    """``threshold``: the dissimilarity index up to which a place is in the area of applicability.

    Feature ``columns[i]``, minus ``centre[i]`` and times ``scale[i]``, is coordinate i of ``samples``. Distances there
    are dissimilarity indices: standardised, weighted by importance, over the samples' mean distance from each other.
    """

    columns: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    samples: cKDTree
    threshold: float

    @classmethod
    def of(cls, table: np.ndarray, weights: np.ndarray, folds: np.ndarray) -> Applicability:
        """From training samples: ``table`` float32 (samples, features), NaN where missing, which counts as the mean.

        ``weights``: importance of each feature, from 0. ``folds``: number of each sample's fold. At most 2,000 random
        samples are kept, always the same, and the most important features that together hold 99 % of the weight. The
        threshold is the upper whisker (upper quartile + 1.5 interquartile ranges, at most the maximum) of the kept
        samples' index with regard to the samples of other folds. InputError when there is only one fold.
        """
        kept = _some_of(len(table))
        columns = _most_important(np.asarray(weights, dtype=np.float64))
        table, folds = table[kept][:, columns].astype(np.float64), np.asarray(folds)[kept]
        if (folds == folds[0]).all():
            raise InputError(
                "All training samples are in one fold, so the area of applicability cannot be told; "
                "choose smaller held-out blocks or a larger region."
            )
        centre = nan_mean(table)
        spread = np.sqrt(nan_mean((table - centre) ** 2))
        varies = spread > ROUNDING * np.abs(centre)
        scale = np.divide(
            np.take(weights, columns), spread, out=np.zeros(columns.size), where=varies
        )
        distances = cdist(*2 * [_coordinates(table, centre, scale)])
        unit = (
            distances.sum() / (len(table) * (len(table) - 1)) or 1.0
        )  # all alike where no feature is used
        to_others = np.where(folds[:, None] == folds, np.inf, distances).min(axis=1)
        scale = scale / unit
        samples = cKDTree(_coordinates(table, centre, scale), leafsize=LEAF)
        return cls(columns, centre, scale, samples, _upper_whisker(to_others / unit))

    def index(self, table: np.ndarray) -> np.ndarray:
        """The dissimilarity index of each row of ``table`` (rows, features), NaN counting as the mean: float32 (rows,).

        0 at a training sample, 1 as far from the nearest of them as they are from each other on average. Any number of
        threads may ask at once.
        """
        points = _coordinates(table[:, self.columns].astype(np.float64), self.centre, self.scale)
        return self.samples.query(points)[0].astype(np.float32)


def write_applicability(
    domain: Domain,
    applicability: Applicability,
    path,
    tags: dict[str, str] | None = None,
    progress: Progress = SILENT,
) -> None:
    """A GeoTIFF on the predictors' grid, whole or not at all: two bands, float32, NaN off the scene's pixels.

    "dissimilarity": the mean index over up to four mapped months, one of each season, spread over the period. "share
    applicable": the share of these months, 0 to 1, in which the index is at most the threshold. Tag GWSA_DI_THRESHOLD.
    """
    months = domain.months[one_of_each_season(domain.months)]
    facts = {
        "GWSA_VARIABLE": "area of applicability",
        "GWSA_DI_THRESHOLD": f"{applicability.threshold:.6g}",
        "GWSA_MONTHS": ", ".join(map(str, months)),
    }
    header, factor = (
        Header(domain.predictors.grid, BANDS, "1", {**(tags or {}), **facts}),
        domain.predictors.factor,
    )
    with atomic_file(path) as part:
        bands = _measure(domain, applicability, months, part.with_suffix(".f32"), progress)
        with new_geotiff(part, header, tile_side(factor) * factor, ENCODING) as target:
            for tile in domain.tiles:
                fine = tile.fine(factor)
                for place in range(len(BANDS)):
                    target.write(place + 1, bands[(place, *fine)], fine.corner)
            target.add_overviews(progress)
        del bands  # Windows deletes no file that is mapped


def one_of_each_season(months: np.ndarray) -> np.ndarray:
    """Places of up to four of ``months`` (datetime64[M], ascending), one of each season, spread over the period."""
    season = calendar_season(months)
    of_seasons = [np.flatnonzero(season == one) for one in np.unique(season)]
    count = len(of_seasons)
    return np.sort(
        [places[(2 * i + 1) * places.size // (2 * count)] for i, places in enumerate(of_seasons)]
    )


def _measure(
    domain: Domain, applicability: Applicability, months, scratch, progress: Progress
) -> np.memmap:
    """Both bands, float32, in the file ``scratch``: threads fill them in any order, a GeoTIFF is written in one."""
    bands = np.memmap(
        scratch, dtype=np.float32, mode="w+", shape=(len(BANDS), *domain.predictors.grid.shape)
    )
    bands[:] = np.nan
    run_all(
        [
            partial(_measure_tile, domain, applicability, months, bands, tile)
            for tile in domain.tiles
        ],
        progress,
    )
    return bands


def _measure_tile(
    domain: Domain,
    applicability: Applicability,
    months,
    bands: np.ndarray,
    tile: Tile,
    progress: Progress,
) -> None:
    """Fill ``bands`` (2, rows, columns) for a tile of coarse cells."""
    fine, pixels = tile.fine(domain.predictors.factor), domain.conservation.pixels(tile)
    total, inside = np.zeros((2, pixels.sum()))
    for features in read_pixels(domain.predictors, months, PixelSelection(fine, pixels)):
        table = feature_table(features)
        for first in range(0, len(table), PIXELS_AT_ONCE):
            progress.stop_if_cancelled()
            part = slice(first, first + PIXELS_AT_ONCE)
            index = applicability.index(table[part])
            total[part] += index
            inside[part] += index <= applicability.threshold
    bands[(slice(None), *fine)][:, pixels] = np.stack([total, inside]) / months.size


def _some_of(count: int) -> np.ndarray:
    return np.random.default_rng(1).choice(count, min(count, MOST_SAMPLES), replace=False)


def _most_important(weights: np.ndarray) -> np.ndarray:
    """The fewest features that together hold WEIGHT_KEPT of the weight, the most important first."""
    order = np.argsort(-weights, kind="stable")
    held = np.cumsum(weights[order])
    return order[: np.searchsorted(held, WEIGHT_KEPT * held[-1]) + 1]


def _coordinates(table: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    from_centre = table - centre
    return np.where(np.isfinite(from_centre), from_centre, 0.0) * scale


def _upper_whisker(values: np.ndarray) -> float:
    lower, upper = np.quantile(values, [0.25, 0.75])
    return float(min(upper + 1.5 * (upper - lower), values.max()))


def find_applicability(
    domain: Domain, models: RegionModels, validation: CrossValidation
) -> Applicability:
    """From one pixel of each training sample, weighted by the gain of the model of all cells; its fold is that of its
    cell in the blocked validation."""
    samples, folds = domain.samples, np.full(domain.cells.shape, -1)
    for number, held in enumerate(validation.held_out):
        folds[held.split.cells] = number
    gain = gains(models.boosters[ALL])
    table = samples.pixels[:, 0]
    weights = np.array([gain.get(name, 0.0) for name in samples.names])
    return Applicability.of(table, weights, samples.at(folds))
