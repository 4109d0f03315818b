"""How near a 1 km field comes to a sample world's truth, beside two baselines and the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from ..base.errors import InputError
from ..base.months import SEASONS, calendar_season
from ..base.progress import SILENT, Progress
from ..base.tiles import Tile
from ..files.stack import read_stack
from ..files.yearly_maps import YearlyMaps
from ..spatial.aquifers import rasterise
from ..spatial.mass_conservation import MassConservation
from .land import FACTOR
from .world import PARTS, read_aquifers

BASELINES = ("bilinear", "mean_preserving", "oracle")


def score_truth(world, product, coarse_gwsa, progress: Progress = SILENT) -> dict:
    """Score the ``GWSA_YYYY.tif`` of the folder ``product`` against the truth of the sample world in ``world``.

    ``coarse_gwsa`` is the stack that the product was made from. All months and land pixels count where the product has
    a value, the same for every field: ``rmse_cm`` and ``r`` of the product, ``rmse_bilinear_cm`` and ``r_bilinear`` of
    the coarse stack interpolated, ``rmse_no_model_cm`` of its conservative correction without a predictor,
    ``rmse_oracle_cm`` of the explainable truth corrected to it, and ``share_of_the_way`` that the product went from no
    model to the oracle, NaN where the oracle is no nearer. ``by_region`` (name of the aquifer -> errors and share) and
    ``by_season`` (DJF, MAM, JJA, SON -> the same) have those in which something counts, with ``pixels``, how many count
    in the mean month. Raises InputError when grids or months do not meet.
    """
    contest = _Contest(Path(world), YearlyMaps.in_folder(product), coarse_gwsa)
    errors = _Errors(contest.regions)
    correlations = {name: _Correlation() for name in ("product", "bilinear")}
    for done, month in enumerate(contest.months):
        progress.advance(done / contest.months.size)
        truth, fields = contest.fields(month)
        counted = np.isfinite(truth) & np.isfinite(fields["product"])
        values = {name: field[counted].astype(np.float64) for name, field in fields.items()}
        truth = truth[counted].astype(np.float64)
        errors.add(
            month, contest.numbers[counted], {name: field - truth for name, field in values.items()}
        )
        for name, correlation in correlations.items():
            correlation.add(values[name], truth)
    figures, by_region, by_season = errors.of_all(), errors.by_region(), errors.by_season()
    return {
        **{name: value for name, value in figures.items() if name != "pixels"},
        "r": correlations["product"].r(),
        "r_bilinear": correlations["bilinear"].r(),
        "by_region": by_region,
        "by_season": by_season,
    }


class _Contest:
    """The fields that are compared, month by month, on the grid of the product. ``regions``: names of the aquifers,
    ``numbers``: which of them each pixel is in."""

    def __init__(self, world: Path, product: YearlyMaps, coarse_gwsa):
        self._product = product
        self._truth = YearlyMaps.in_folder(world / "truth" / "gwsa_1km")
        self._explained = YearlyMaps.in_folder(world / "truth" / "explained_1km")
        self._window = self._truth.grid.aligned_with(product.grid) and self._truth.grid.window_of(
            product.grid
        )
        stack = read_stack(coarse_gwsa)
        if not self._window:
            raise InputError(
                "The product and the sample world have other pixels or regions; score the world's own."
            )
        factor = product.grid.factor_to(stack.grid)
        self._stack = stack.on(product.grid.coarsen(factor))
        has_data = self._stack.months[np.isfinite(self._stack.values).any(axis=(1, 2))]
        self.months = np.intersect1d(np.intersect1d(product.months, self._truth.months), has_data)
        if not self.months.size:
            raise InputError(
                "The product, the coarse stack and the sample world have no month in common."
            )
        valid = np.isfinite(self._stack.values[np.isin(self._stack.months, self.months)]).all(
            axis=0
        )
        with rasterio.open(world / PARTS["LAND"]) as source:
            land = source.read(1) > 0
        self._conservation = MassConservation(land[self._window], self._stack.grid, factor, valid)
        self._pixels = self._conservation.pixels()
        regions = rasterise(read_aquifers(world), self._truth.grid, FACTOR, land)
        self.regions, self.numbers = regions.names, regions.pixels(Tile(*self._window))

    def fields(self, month) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The truth and each field of one month: cm, 1 km, NaN where there is none."""
        coarse = self._stack.values[int((month - self._stack.months[0]).astype(int))].astype(
            np.float64
        )
        truth = np.where(self._pixels, self._truth.read(month, self._window), np.nan)
        return truth, {
            "product": self._product.read(month),
            "bilinear": self._conservation.bilinear(coarse),
            "mean_preserving": self._conservation.mean_preserving(coarse),
            "oracle": self._conservation.correct(self._explained.read(month, self._window), coarse),
        }


class _Errors:
    """Squared errors of all fields, summed by season and region."""

    FIELDS = ("product", *BASELINES)

    def __init__(self, regions: tuple[str, ...]):
        self._regions = regions
        self._squares = np.zeros((len(self.FIELDS), len(SEASONS), len(regions)))
        self._counts = np.zeros((len(SEASONS), len(regions)))
        self._months = np.zeros(len(SEASONS))

    def add(self, month: np.datetime64, numbers: np.ndarray, errors: dict[str, np.ndarray]) -> None:
        """``numbers``: the region of each pixel that counts; ``errors``: field -> cm, same shape."""
        season, size = calendar_season(month), len(self._regions)
        self._months[season] += 1
        self._counts[season] += np.bincount(numbers, minlength=size)
        for name, squares in zip(self.FIELDS, self._squares):
            squares[season] += np.bincount(numbers, errors[name] ** 2, minlength=size)

    def of_all(self) -> dict[str, float]:
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
            name: float(np.sqrt(s[season, region].sum() / count))
            for name, s in zip(self.FIELDS, self._squares)
        }
        reach = rmse["mean_preserving"] - rmse["oracle"]
        return {
            "rmse_cm": rmse["product"],
            **{f"rmse_{name}_cm": rmse[name] for name in BASELINES},
            "oracle_skill": (rmse["mean_preserving"] - rmse["product"]) / reach
            if reach > 0
            else float("nan"),
            "pixels": round(float(count / self._months[season].sum())),
        }


class _Correlation:
    """Sums from which it follows."""

    def __init__(self):
        self._sums = np.zeros(6)

    def add(self, field: np.ndarray, truth: np.ndarray) -> None:
        self._sums += (
            field.size,
            field.sum(),
            truth.sum(),
            field @ field,
            truth @ truth,
            field @ truth,
        )

    def r(self) -> float:
        n, f, t, ff, tt, ft = self._sums
        return float((n * ft - f * t) / np.sqrt((n * ff - f * f) * (n * tt - t * t)))
