"""Scores of a 1 km product against the truth of a sample world.

The product is compared with bilinear interpolation, mean-preserving interpolation and the oracle,
which corrects the explainable part of the truth to the coarse field.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.months import SEASONS, calendar_season
from ..base.progress import SILENT, Progress
from ..base.tiles import Tile
from ..compute.steps import Work
from ..compute.threads import run_all
from ..files.stack import read_stack
from ..files.yearly_maps import YearlyMaps
from ..rasters.reading import open_raster
from ..spatial.aquifers import rasterise
from ..spatial.mass_conservation import MassConservation
from .land import FACTOR
from .world import PARTS, read_aquifers

# Times of trends are relative to this month, number of months since 1970.
REFERENCE_MONTH = int(np.datetime64("2010-01", "M").astype(int))
BASELINES = ("bilinear", "mean_preserving", "oracle")
FIELDS = ("product", *BASELINES)


def score_truth(world, product, coarse_gwsa, progress: Progress = SILENT) -> dict:
    """Score a 1 km product against the truth.

    All months and all land pixels where the product has a value are scored. They are the same for
    every field.

    Parameters
    ----------
    world : path-like
        Folder of the sample world.
    product : path-like
        Folder with the ``GWSA_YYYY.tif`` of the product.
    coarse_gwsa : path-like
        The stack from which the product was made.
    progress : Progress, optional
        Receives the fraction done.

    Returns
    -------
    dict
        ``rmse_cm`` and ``r`` of the product; ``rmse_bilinear_cm`` and ``r_bilinear`` of bilinear
        interpolation; ``rmse_mean_preserving_cm`` of mean-preserving interpolation;
        ``rmse_oracle_cm`` of the oracle. ``oracle_skill`` is the skill score relative to the
        oracle: 0 for mean-preserving interpolation, 1 for the oracle, NaN where the oracle is not
        better than the interpolation. ``by_region`` (name of the aquifer) and ``by_season`` (DJF,
        MAM, JJA, SON) contain the RMSEs, the skill score and the number of ``pixels`` in the mean
        month. ``trends`` has the RMSE of the linear trend of each field in cm/yr, by region and for
        all pixels (``all``).

    Raises
    ------
    InputError
        When the grids differ or there is no common month.
    """
    compared = _ComparedFields(Path(world), YearlyMaps.in_folder(product), coarse_gwsa)
    return _score(compared, progress)


def score_detail(world, product, coarse_gwsa, progress: Progress = SILENT) -> dict:
    """Score the detail of a 1 km product alone, as if the coarse field had no error.

    The product, both interpolations and the oracle are corrected to the true coarse field.

    Parameters
    ----------
    world, product, coarse_gwsa, progress
        As in ``score_truth``.

    Returns
    -------
    dict
        As that of ``score_truth``. ``oracle_skill`` is the fraction of the improvement that the
        predictors allow that the product's detail has.

    Raises
    ------
    InputError
        As in ``score_truth``.
    """
    compared = _ComparedFields(Path(world), YearlyMaps.in_folder(product), coarse_gwsa)
    compared.use_true_coarse_field()
    return _score(compared, progress)


def _score(compared: _ComparedFields, progress: Progress) -> dict:
    """The scores of all fields over all months."""
    errors = _SquaredErrors(compared.regions)
    trends = _TrendErrors(compared.region_numbers.shape)
    correlations = {name: _Correlation() for name in ("product", "bilinear")}
    months = compared.months
    (scored,) = run_all([partial(compared.scored, months[0])])
    for done, month in enumerate(months):
        progress.advance(done / months.size)
        works: list[Work] = [
            partial(errors.add, month, scored),
            partial(trends.add, month, scored),
            *[partial(one.add, name, scored) for name, one in correlations.items()],
        ]
        if month < months[-1]:
            # The next month is read meanwhile.
            works.insert(0, partial(compared.scored, months[done + 1]))
        scored, *_ = run_all(works)
    return {
        **{name: value for name, value in errors.overall().items() if name != "pixels"},
        "r": correlations["product"].r(),
        "r_bilinear": correlations["bilinear"].r(),
        "by_region": errors.by_region(),
        "by_season": errors.by_season(),
        "trends": trends.by_region(compared.regions, compared.region_numbers),
    }


class _Scored(NamedTuple):
    """One month in the pixels that are scored.

    ``pixels`` is True for them, shape (rows, columns); the others have the shape (pixels,):
    ``regions`` the region, ``truth``, ``values`` and ``errors`` cm.
    """

    pixels: np.ndarray
    regions: np.ndarray
    truth: np.ndarray
    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]


class _ComparedFields:
    """Truth, product, baselines and oracle, month by month on the grid of the product.

    ``regions`` are the names of the aquifers; ``region_numbers`` has the region of each pixel.
    """

    def __init__(self, world: Path, product: YearlyMaps, coarse_gwsa):
        self._world = world
        self._product = product
        self._truth = YearlyMaps.in_folder(world / "truth" / "gwsa_1km")
        self._explained = YearlyMaps.in_folder(world / "truth" / "explained_1km")
        self._window = _window_of_product(self._truth, product)
        stack = read_stack(coarse_gwsa)
        factor = product.grid.factor_to(stack.grid)
        self._stack = stack.on(product.grid.coarsen(factor))
        has_data = self._stack.months[np.isfinite(self._stack.values).any(axis=(1, 2))]
        self.months = np.intersect1d(np.intersect1d(product.months, self._truth.months), has_data)
        if not self.months.size:
            raise InputError(
                "The product, the coarse stack and the sample world have no month in common."
            )
        coarse = self._stack.values[np.isin(self._stack.months, self.months)]
        with open_raster(world / PARTS["LAND"]) as source:
            land = source.read(1) > 0
        self._conservation = MassConservation(
            land[self._window], self._stack.grid, factor, np.isfinite(coarse).all(axis=0)
        )
        self._pixels = self._conservation.pixels()
        self._correct_product = False
        regions = rasterise(read_aquifers(world), self._truth.grid, FACTOR, land)
        self.regions = regions.names
        self.region_numbers = regions.pixels(Tile(*self._window))

    def use_true_coarse_field(self) -> None:
        """Correct all fields, the product too, to the true coarse field."""
        truth = read_stack(self._world / "truth" / "GWSA.tif").on(self._stack.grid)
        self._stack = truth.select(self._stack.months[0], self._stack.months[-1])
        self._correct_product = True

    def scored(self, month: np.datetime64, progress: Progress) -> _Scored:
        """Return the values of one month in the pixels that are scored."""
        truth, fields = self.fields(month)
        pixels = np.isfinite(truth) & np.isfinite(fields["product"])
        values = {name: field[pixels].astype(np.float64) for name, field in fields.items()}
        truth = truth[pixels].astype(np.float64)
        errors = {name: field - truth for name, field in values.items()}
        return _Scored(pixels, self.region_numbers[pixels], truth, values, errors)

    def fields(self, month) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the truth and the other fields of one month: cm at 1 km, NaN without a value."""
        number = int((month - self._stack.months[0]).astype(int))
        coarse = self._stack.values[number].astype(np.float64)
        truth = np.where(self._pixels, self._truth.read(month, self._window), np.nan)
        product = self._product.read(month)
        if self._correct_product:
            product = self._conservation.correct(product, coarse)
        return truth, {
            "product": product,
            "bilinear": self._conservation.bilinear(coarse),
            "mean_preserving": self._conservation.mean_preserving(coarse),
            "oracle": self._conservation.correct(self._explained.read(month, self._window), coarse),
        }


def _window_of_product(truth: YearlyMaps, product: YearlyMaps) -> tuple[slice, slice]:
    """Rows and columns of the truth that the product covers."""
    window = truth.grid.window_of(product.grid) if truth.grid.aligned_with(product.grid) else None
    if window is None:
        raise InputError(
            "The product and the sample world have different pixels or regions; "
            "score a product that was made from this sample world."
        )
    return window


class _SquaredErrors:
    """Squared errors of all fields, summed by season and region."""

    def __init__(self, regions: tuple[str, ...]):
        self._regions = regions
        self._squares = np.zeros((len(FIELDS), len(SEASONS), len(regions)))
        self._counts = np.zeros((len(SEASONS), len(regions)))
        self._months = np.zeros(len(SEASONS))

    def add(self, month: np.datetime64, scored: _Scored, progress: Progress) -> None:
        """Add one month."""
        season = calendar_season(month)
        size = len(self._regions)
        self._months[season] += 1
        self._counts[season] += np.bincount(scored.regions, minlength=size)
        for name, squares in zip(FIELDS, self._squares):
            squares[season] += np.bincount(scored.regions, scored.errors[name] ** 2, minlength=size)

    def overall(self) -> dict[str, float]:
        return self._figures(slice(None), slice(None))

    def by_region(self) -> dict[str, dict]:
        present = np.flatnonzero(self._counts.sum(axis=0))
        return {self._regions[region]: self._figures(slice(None), region) for region in present}

    def by_season(self) -> dict[str, dict]:
        present = np.flatnonzero(self._counts.sum(axis=1))
        return {SEASONS[season]: self._figures(season, slice(None)) for season in present}

    def _figures(self, season, region) -> dict[str, float]:
        count = self._counts[season, region].sum()
        rmse = {
            name: float(np.sqrt(squares[season, region].sum() / count))
            for name, squares in zip(FIELDS, self._squares)
        }
        possible = rmse["mean_preserving"] - rmse["oracle"]
        gained = rmse["mean_preserving"] - rmse["product"]
        return {
            "rmse_cm": rmse["product"],
            **{f"rmse_{name}_cm": rmse[name] for name in BASELINES},
            "oracle_skill": gained / possible if possible > 0 else float("nan"),
            "pixels": round(float(count / self._months[season].sum())),
        }


class _TrendErrors:
    """Linear trends of the errors of all fields, which are the errors of their trends.

    They are least-squares trends of each pixel over its scored months.
    """

    def __init__(self, shape: tuple[int, ...]):
        # Sums of 1, time and its square, and of each error and its product with time.
        self._times = np.zeros((3, *shape))
        self._errors = np.zeros((len(FIELDS), 2, *shape))

    def add(self, month: np.datetime64, scored: _Scored, progress: Progress) -> None:
        """Add one month."""
        years = (month.astype("datetime64[M]").astype(int) - REFERENCE_MONTH) / 12
        for total, weight in zip(self._times, (1.0, years, years**2)):
            total += weight * scored.pixels
        error = np.zeros(scored.pixels.shape)
        for name, (total, product) in zip(FIELDS, self._errors):
            error[scored.pixels] = scored.errors[name]
            total += error
            product += years * error

    def by_region(self, names: tuple[str, ...], numbers: np.ndarray) -> dict[str, dict]:
        """Return the RMSE of the trend of each field, cm/yr, for each region and for all pixels."""
        count, time, squares = self._times
        variance = count * squares - time**2
        with np.errstate(invalid="ignore", divide="ignore"):
            trends = (count * self._errors[:, 1] - time * self._errors[:, 0]) / variance
        known = variance > 1e-6
        parts = {"all": known}
        parts |= {name: known & (numbers == number) for number, name in enumerate(names)}
        return {
            part: {
                name: float(np.sqrt(np.mean(trend[where] ** 2)))
                for name, trend in zip(FIELDS, trends)
            }
            for part, where in parts.items()
            if where.any()
        }


class _Correlation:
    """Sums for the correlation of a field with the truth."""

    def __init__(self):
        self._sums = np.zeros(6)

    def add(self, name: str, scored: _Scored, progress: Progress) -> None:
        """Add one month of a field."""
        field, truth = scored.values[name], scored.truth
        products = (field @ field, truth @ truth, field @ truth)
        self._sums += (field.size, field.sum(), truth.sum(), *products)

    def r(self) -> float:
        n, f, t, ff, tt, ft = self._sums
        return float((n * ft - f * t) / np.sqrt((n * ff - f * f) * (n * tt - t * t)))
