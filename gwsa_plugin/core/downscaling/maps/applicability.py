"""Area of applicability: where the predictors of a pixel are similar to the samples of the fit.

Dissimilarity index and threshold follow Meyer & Pebesma. Outside the range of the samples trees
repeat their last leaf and the prior extrapolates, and held-out scores do not apply there.

References
----------
Meyer, H. & Pebesma, E. (2021): Predicting into unknown space? Estimating the area of applicability
    of spatial prediction models. Methods in Ecology and Evolution 12, 1620-1633.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from ...base.errors import InputError
from ...base.months import calendar_season
from ...base.nan_mean import nan_mean
from ...base.numba_modules import load_numba_module
from ...base.progress import SILENT, Progress
from ...base.tiles import Tile, tile_side
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...files.mapped import mapped_array
from ...predictors.features import PixelSelection
from ...rasters.geotiff import UNIT_TAG, Header, new_geotiff
from ..domain import Domain
from .map_predictors import MapPredictors, Reader

# Training samples that are kept. More would lower index and threshold alike.
MOST_SAMPLES = 2000
# Fraction of the total importance that the kept features have together. The models hardly use the
# many other features.
WEIGHT_KEPT = 0.99
# Points in a leaf of the search tree without numba, the fastest for ten to thirty features.
LEAF = 32
# Pixels between two checks for cancellation.
PIXELS_AT_ONCE = 20_000
# A feature whose standard deviation is below this fraction of its mean, the rounding of float32,
# is constant.
ROUNDING = 1e-7
ENCODING = {"compress": "DEFLATE", "predictor": 3, "sparse_ok": True}
BANDS = ("dissimilarity", "share applicable")


@dataclass(frozen=True, eq=False)
class Applicability:
    """Dissimilarity index relative to training samples, and the threshold of applicability.

    Parameters
    ----------
    columns : numpy.ndarray of int, shape (kept features,)
        Columns of the feature table that are used.
    centre : numpy.ndarray, shape (kept features,)
        Mean of each feature over the samples.
    scale : numpy.ndarray, shape (kept features,)
        Factor of each feature: importance divided by the standard deviation and by the mean
        distance between samples, so that distances are dissimilarity indices.
    samples : numpy.ndarray, shape (kept samples, kept features)
        The kept samples, centred and scaled.
    threshold : float
        Largest dissimilarity index inside the area of applicability.
    """

    columns: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    samples: np.ndarray
    threshold: float

    @classmethod
    def fit(cls, table: np.ndarray, weights: np.ndarray, folds: np.ndarray) -> Applicability:
        """Derive scaling and threshold from training samples.

        Parameters
        ----------
        table : numpy.ndarray of float32, shape (samples, features)
            Features of the samples. NaN is replaced by the mean of the feature. At most 2,000
            random samples are kept, always the same ones.
        weights : numpy.ndarray, shape (features,)
            Importance of each feature, not negative. The most important features that have 99 % of
            it together are kept.
        folds : numpy.ndarray of int, shape (samples,)
            Number of the cross-validation fold of each sample.

        Returns
        -------
        Applicability
            Its threshold is the upper whisker (upper quartile + 1.5 interquartile ranges, at most
            the maximum) of the index of the kept samples relative to the samples of other folds.

        Raises
        ------
        InputError
            When all kept samples are in one fold.

        References
        ----------
        Meyer & Pebesma (2021), section 2.
        """
        kept = _random_samples(len(table))
        columns = _most_important(np.asarray(weights, dtype=np.float64))
        table = table[kept][:, columns].astype(np.float64)
        folds = np.asarray(folds)[kept]
        if (folds == folds[0]).all():
            raise InputError(
                "All training samples are in one fold, so the area of applicability cannot be "
                "determined; choose smaller held-out blocks or a larger region."
            )
        centre = nan_mean(table)
        deviation = np.sqrt(nan_mean((table - centre) ** 2))
        varies = deviation > ROUNDING * np.abs(centre)
        scale = np.divide(
            np.take(weights, columns), deviation, out=np.zeros(columns.size), where=varies
        )
        points = _coordinates(table, centre, scale)
        distances = cdist(points, points)
        # The mean distance is 0 where no feature is used; all samples are then alike.
        mean_distance = distances.sum() / (len(table) * (len(table) - 1)) or 1.0
        to_other_folds = np.where(folds[:, None] == folds, np.inf, distances).min(axis=1)
        scale = scale / mean_distance
        samples = _coordinates(table, centre, scale)
        threshold = _upper_whisker(to_other_folds / mean_distance)
        return cls(columns, centre, scale, samples, threshold)

    def index(self, table: np.ndarray) -> np.ndarray:
        """Compute the dissimilarity index. Several threads may call it at once.

        Parameters
        ----------
        table : numpy.ndarray of float32, shape (rows, features)
            Features; NaN is replaced by the mean over the samples.

        Returns
        -------
        numpy.ndarray of float32, shape (rows,)
            Distance to the nearest sample: 0 at a sample, 1 at the mean distance between samples.
        """
        points = _coordinates(table[:, self.columns].astype(np.float64), self.centre, self.scale)
        difference = points - self.samples[self._search(points)]
        return np.sqrt((difference**2).sum(axis=1)).astype(np.float32)

    @cached_property
    def _search(self) -> Callable[[np.ndarray], np.ndarray]:
        """Function that finds the number of the nearest sample of each point."""
        kernel = load_numba_module("downscaling.maps.nearest_numba")
        if kernel is None:
            tree = cKDTree(self.samples, leafsize=LEAF)
            return lambda points: tree.query(points)[1]
        # Samples vary most along their first principal axes.
        _, axes = np.linalg.eigh(self.samples.T @ self.samples)
        axes = np.pad(axes[:, ::-1], ((0, 0), (0, max(0, kernel.LEADING - len(axes)))))
        samples = np.ascontiguousarray(self.samples @ axes)
        leading = np.ascontiguousarray(samples[:, : kernel.LEADING].T, dtype=np.float32)

        def search(points: np.ndarray) -> np.ndarray:
            numbers = np.empty(len(points), dtype=np.int64)
            kernel.nearest(points @ axes, samples, leading, numbers)
            return numbers

        return search


def write_applicability(
    domain: Domain,
    predictors: MapPredictors,
    path: str | Path,
    tags: dict[str, str] | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write the area of applicability as a GeoTIFF on the grid of the predictors, atomically.

    The bands are float32 and NaN outside the mapped pixels. Band "dissimilarity" is the mean index
    over up to four mapped months, one of each season, spread over the period. Band "share
    applicable" is the fraction of these months, 0 to 1, in which the index is at most the
    threshold. Tag GWSA_DI_THRESHOLD is the threshold.

    Parameters
    ----------
    domain : Domain
        The study domain.
    predictors : MapPredictors
        Predictors of the maps.
    path : str or Path
        The GeoTIFF.
    tags : dict, optional
        More tags of the file.
    progress : Progress
        Receives the fraction done.

    Raises
    ------
    InputError
        When all samples are in one fold.
    """
    applicability = Applicability.fit(predictors.samples, predictors.importance, predictors.folds)
    months = domain.months[one_of_each_season(domain.months)]
    own_tags = {
        "GWSA_VARIABLE": "area of applicability",
        "GWSA_DI_THRESHOLD": f"{applicability.threshold:.6g}",
        "GWSA_MONTHS": ", ".join(map(str, months)),
        UNIT_TAG: "1",
    }
    header = Header(domain.predictors.grid, BANDS, "1", {**(tags or {}), **own_tags})
    factor = domain.predictors.factor
    with atomic_file(path) as part:
        index = partial(_mean_index, applicability, predictors.read, months)
        bands = _compute_bands(domain, index, part.with_suffix(".f32"), progress)
        with new_geotiff(part, header, tile_side(factor) * factor, ENCODING) as target:
            for tile in domain.tiles:
                fine = tile.fine(factor)
                for number in range(len(BANDS)):
                    target.write(number + 1, bands[(number, *fine)], fine.corner)
            target.add_overviews(progress)
        # Windows cannot delete a file that is mapped into memory.
        del bands


def one_of_each_season(months: np.ndarray) -> np.ndarray:
    """Choose up to four months, one of each season, spread over the period.

    With n seasons, the months of season i of n are divided into n parts, and the month in the
    middle of part i is chosen.

    Parameters
    ----------
    months : numpy.ndarray of datetime64[M]
        In ascending order.

    Returns
    -------
    numpy.ndarray of int
        Positions of the chosen months, ascending.
    """
    season = calendar_season(months)
    present = np.unique(season)
    positions = [np.flatnonzero(season == number) for number in present]
    return np.sort(
        [
            position[(2 * i + 1) * position.size // (2 * present.size)]
            for i, position in enumerate(positions)
        ]
    )


def _compute_bands(
    domain: Domain, index: Callable[..., np.ndarray], scratch: Path, progress: Progress
) -> np.memmap:
    """Both bands, float32, mapped from the file ``scratch``.

    Threads fill the bands in any order, while a GeoTIFF must be written in one order.
    """
    bands = mapped_array(scratch, (len(BANDS), *domain.predictors.grid.shape))
    run_all([partial(_compute_tile, domain, index, bands, tile) for tile in domain.tiles], progress)
    return bands


def _compute_tile(
    domain: Domain,
    index: Callable[..., np.ndarray],
    bands: np.ndarray,
    tile: Tile,
    progress: Progress,
) -> None:
    """Fill ``bands``, shape (2, rows, columns), in a tile of coarse cells."""
    fine = tile.fine(domain.predictors.factor)
    pixels = domain.conservation.pixels(tile)
    bands[(slice(None), *fine)][:, pixels] = index(PixelSelection(fine, pixels), progress)


def _mean_index(
    applicability: Applicability,
    read: Reader,
    months: np.ndarray,
    selection: PixelSelection,
    progress: Progress,
) -> np.ndarray:
    """Mean index and fraction of months inside, shape (2, pixels)."""
    total, inside = np.zeros((2, selection.size))
    for table in read(months, selection, progress):
        for first in range(0, len(table), PIXELS_AT_ONCE):
            progress.stop_if_cancelled()
            part = slice(first, first + PIXELS_AT_ONCE)
            index = applicability.index(table[part])
            total[part] += index
            inside[part] += index <= applicability.threshold
    return np.stack([total, inside]) / months.size


def _random_samples(count: int) -> np.ndarray:
    """Positions of at most MOST_SAMPLES of ``count`` samples, always the same."""
    return np.random.default_rng(1).choice(count, min(count, MOST_SAMPLES), replace=False)


def _most_important(weights: np.ndarray) -> np.ndarray:
    """The fewest features that have WEIGHT_KEPT of the total weight, the most important first."""
    order = np.argsort(-weights, kind="stable")
    cumulative = np.cumsum(weights[order])
    return order[: np.searchsorted(cumulative, WEIGHT_KEPT * cumulative[-1]) + 1]


def _coordinates(table: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Centred and scaled features; NaN becomes 0, which is the mean."""
    deviation = table - centre
    return np.where(np.isfinite(deviation), deviation, 0.0) * scale


def _upper_whisker(values: np.ndarray) -> float:
    """Upper quartile + 1.5 interquartile ranges, at most the maximum."""
    lower, upper = np.quantile(values, [0.25, 0.75])
    return float(min(upper + 1.5 * (upper - lower), values.max()))
