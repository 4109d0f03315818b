"""Sigma of the 1 km maps: of the coarse field, of the models, and of what no model explains inside a cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

from .maps import Mapping
from .months import month_range, year_of
from .predicted_back import MODEL, ONE_SCALE_UP, PredictedBack
from .progress import Progress
from .region_models import CrossValidation, RegionModels
from .scene import Scene
from .stack import MISSING, UNIT, MonthlyStack, creation, describe_band

NOISE_LEFT = 1 - 1 / ONE_SCALE_UP**2  # of independent noise in cells, when the mean of their average is taken out
MONTHS_OF_DOUBT = 24  # of which the spread of the models is taken


@dataclass(frozen=True, eq=False)
class Doubt:
    """``models``: how far the predictions of detail of the models of different splits lie apart, cm, coarse shape.
    ``within``: the standard deviation inside a cell that models miss, cm, (regions,)."""

    models: np.ndarray
    within: np.ndarray


def find_doubt(scene: Scene, validation: CrossValidation, back: PredictedBack, sigma: MonthlyStack) -> Doubt:
    """What held-out models tell about their errors.

    One scale up it is known what they miss between averages of 2 x 2 cells and the cells (``back``). Beyond the noise
    of GRACE in it (``sigma``, cm, the coarse field's own, taken as independent between cells) it is detail. Each
    halving of scale from the cell down to the pixel is taken to hide as much, as in fields whose every octave has one
    variance. Where GRACE shows less detail at the scale of cells than there is, the sum is a lower bound.
    """
    detail = np.stack([_detail(scene, held.models) for held in validation.held_out])
    known = np.isin(sigma.months, scene.months[scene.samples.taught])
    noise = np.square(np.nan_to_num(sigma.on(scene.gwsa.grid).values[known])).mean(axis=0) if known.any() else 0.0
    missed = (back.fields[MODEL] - back.observed) ** 2 - NOISE_LEFT * noise
    octaves = np.log2(scene.predictors.factor)
    return Doubt(
        models=np.sqrt(detail.var(axis=0).mean(axis=(0, -1))),
        within=np.sqrt(octaves * _by_region(scene, missed, np.isfinite(missed))),
    )


def _detail(scene: Scene, models: RegionModels) -> np.ndarray:
    """What models say of some pixels of all cells less the mean of the cell: cm, (months, rows, columns, pixels)."""
    pixels = scene.samples.pixels
    some = pixels[:: max(1, len(pixels) // MONTHS_OF_DOUBT), ..., ::2, :]
    where = np.broadcast_to(scene.cells, some.shape[:3])
    regions = np.repeat(np.broadcast_to(scene.regions.cells, where.shape)[where], some.shape[3])
    said = np.zeros(some.shape[:4])
    said[where] = models.predict_in(some[where].reshape(-1, some.shape[4]), regions).reshape(-1, some.shape[3])
    return said - said.mean(axis=-1, keepdims=True)


def _by_region(scene: Scene, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The mean over the samples ``where`` of each region, not below 0; that of all for a region without one."""
    regions = np.broadcast_to(scene.regions.cells, where.shape)[where]
    count = np.bincount(regions, minlength=len(scene.regions.names))
    total = np.bincount(regions, values[where], minlength=count.size)
    of_all = total.sum() / max(count.sum(), 1)
    return np.maximum(np.where(count > 0, total / np.maximum(count, 1), of_all), 0.0)


def write_sigma(
    scene: Scene, sigma: MonthlyStack, doubt: Doubt, folder: Path, mapping: Mapping, progress: Progress
) -> None:
    """``GWSA_SIGMA_YYYY.tif`` in ``folder``: cm, twelve bands, NaN where the coarse sigma is unknown.

    sigma² = (bilinear coarse sigma)² + both parts of ``doubt`` squared; a lower bound and tagged so.
    """
    folder.mkdir()
    sigma = sigma.on(scene.gwsa.grid)
    variance = np.square(doubt.within)[scene.regions.pixels] + scene.conservation.bilinear(doubt.models**2)
    years = np.unique(year_of(scene.months))
    for done, year in enumerate(years):
        profile = creation(
            scene.predictors.grid, 12, blockxsize=512, blockysize=512, sparse_ok=True, **mapping.encoding
        )
        with rasterio.open(folder / f"GWSA_SIGMA_{year}.tif", "w", **profile) as target:
            target.update_tags(**mapping.tags, GWSA_VARIABLE="GWSA sigma", GWSA_UNIT=UNIT, GWSA_SIGMA="lower bound")
            target.units = (UNIT,) * 12
            for band, month in enumerate(month_range(f"{year}-01", f"{year}-12"), start=1):
                progress.advance((done + band / 12) / len(years))
                known = month in scene.months and month in sigma.months
                describe_band(target, band, month, scene.source_of(month) if known else MISSING)
                if known:
                    coarse = scene.conservation.bilinear(sigma.values[sigma.months == month][0])
                    target.write(np.sqrt(coarse**2 + variance).astype(np.float32), band)
