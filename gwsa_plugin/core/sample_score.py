"""How near a 1 km field comes to a sample world's truth, beside two baselines and the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from .conservation import Conservation
from .errors import InputError
from .product import Product
from .progress import SILENT, Progress
from .stack import read_stack

BASELINES = ("bilinear", "no_model", "oracle")


def score_truth(world, product, coarse_gwsa, progress: Progress = SILENT) -> dict[str, float]:
    """Score the ``GWSA_YYYY.tif`` of the folder ``product`` against the truth of the sample world in ``world``.

    ``coarse_gwsa`` is the stack that the product was made from. All months and land pixels count where the product has
    a value, the same for every field: ``rmse_cm`` and ``r`` of the product, ``rmse_bilinear_cm`` and ``r_bilinear`` of
    the coarse stack interpolated, ``rmse_no_model_cm`` of its conservative correction without a predictor,
    ``rmse_oracle_cm`` of the explainable truth corrected to it, and ``share_of_the_way`` that the product went from no
    model to the oracle. Raises InputError when grids or months do not meet.
    """
    contest = _Contest(Path(world), Product.in_folder(product), coarse_gwsa)
    tallies = {name: _Tally() for name in ("product", *BASELINES)}
    for done, month in enumerate(contest.months):
        progress.advance(done / contest.months.size)
        truth, fields = contest.fields(month)
        counted = np.isfinite(truth) & np.isfinite(fields["product"])
        for name, tally in tallies.items():
            tally.add(fields[name][counted], truth[counted])
    rmse = {name: tally.rmse() for name, tally in tallies.items()}
    return {
        "rmse_cm": rmse["product"],
        **{f"rmse_{name}_cm": rmse[name] for name in BASELINES},
        "r": tallies["product"].r(),
        "r_bilinear": tallies["bilinear"].r(),
        "share_of_the_way": (rmse["no_model"] - rmse["product"]) / (rmse["no_model"] - rmse["oracle"]),
    }


class _Contest:
    """The fields that are compared, month by month, on the grid of the product."""

    def __init__(self, world: Path, product: Product, coarse_gwsa):
        self._product = product
        self._truth = Product.in_folder(world / "truth" / "gwsa_1km")
        self._explained = Product.in_folder(world / "truth" / "explained_1km")
        self._window = self._truth.grid.aligned_with(product.grid) and self._truth.grid.window_of(product.grid)
        stack = read_stack(coarse_gwsa)
        if not self._window:
            raise InputError("The product and the sample world have other pixels or regions; score the world's own.")
        factor = product.grid.factor_to(stack.grid)
        self._stack = stack.on(product.grid.coarsen(factor))
        has_data = self._stack.months[np.isfinite(self._stack.values).any(axis=(1, 2))]
        self.months = np.intersect1d(np.intersect1d(product.months, self._truth.months), has_data)
        if not self.months.size:
            raise InputError("The product, the coarse stack and the sample world have no month in common.")
        valid = np.isfinite(self._stack.values[np.isin(self._stack.months, self.months)]).all(axis=0)
        land = _land(world, self._window)
        self._conservation = Conservation(land, self._stack.grid, factor, valid)

    def fields(self, month) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The truth and each field of one month: cm, 1 km, NaN where there is none."""
        coarse = self._stack.values[int((month - self._stack.months[0]).astype(int))].astype(np.float64)
        truth = np.where(self._conservation.pixels, self._truth.read(month, self._window), np.nan)
        return truth, {
            "product": self._product.read(month),
            "bilinear": self._conservation.bilinear(coarse),
            "no_model": self._conservation.no_model(coarse),
            "oracle": self._conservation.correct(self._explained.read(month, self._window), coarse),
        }


def _land(world: Path, window) -> np.ndarray:
    with rasterio.open(world / "predictors" / "land.tif") as source:
        return source.read(1, window=rasterio.windows.Window.from_slices(*window)) > 0


class _Tally:
    """Sums from which error and correlation follow."""

    def __init__(self):
        self._sums = np.zeros(7)

    def add(self, field: np.ndarray, truth: np.ndarray) -> None:
        field, truth = field.astype(np.float64), truth.astype(np.float64)
        error = field - truth
        self._sums += (
            field.size, field.sum(), truth.sum(), field @ field, truth @ truth, field @ truth, error @ error,
        )  # fmt: skip

    def rmse(self) -> float:
        return float(np.sqrt(self._sums[6] / self._sums[0]))

    def r(self) -> float:
        n, f, t, ff, tt, ft, _ = self._sums
        return float((n * ft - f * t) / np.sqrt((n * ff - f * f) * (n * tt - t * t)))
