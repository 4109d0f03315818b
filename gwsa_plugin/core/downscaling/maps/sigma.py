"""Sigma of the 1 km maps: of the coarse field, of the models, and of what no model explains inside a cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...base.months import calendar_month, year_of
from ...base.progress import Progress
from ...compute.threads import run_all
from ...files.stack import MonthlyStack
from ..domain import Scene
from ..models.region_models import CrossValidation
from ..samples import ONE_SCALE_UP
from ..skill.reduced_resolution import MODEL, PredictedBack
from .predict_tile import Mapping
from .yearly import create_year

NOISE_LEFT = (
    1 - 1 / ONE_SCALE_UP**2
)  # of independent noise in cells, when the mean of their average is taken out
MONTHS_OF_DOUBT = 24  # of which the spread of the models is taken


@dataclass(frozen=True, eq=False)
class Doubt:
    """``models``: how far the predictions of detail of the models of different splits lie apart, cm, coarse shape.
    ``within``: the standard deviation inside a cell that models miss, cm, (regions,)."""

    models: np.ndarray
    within: np.ndarray


def find_doubt(
    scene: Scene, validation: CrossValidation, back: PredictedBack, sigma: MonthlyStack
) -> Doubt:
    """What held-out models tell about their errors.

    One scale up it is known what they miss between averages of 2 x 2 cells and the cells (``back``). Beyond the noise
    of GRACE in it (``sigma``, cm, the coarse field's own, taken as independent between cells) it is detail. Each
    halving of scale from the cell down to the pixel is taken to hide as much, as in fields whose every octave has one
    variance. Where GRACE shows less detail at the scale of cells than there is, the sum is a lower bound.
    """
    sigma, known = sigma.on(scene.gwsa.grid), np.isin(sigma.months, scene.months[scene.taught])
    squares = (np.square(np.nan_to_num(sigma.values[month])) for month in np.flatnonzero(known))
    noise = sum(squares, np.zeros(scene.cells.shape)) / max(known.sum(), 1)
    missed = (back.fields[MODEL] - back.observed) ** 2 - NOISE_LEFT * scene.samples.at(noise)
    octaves = np.log2(scene.predictors.factor)
    return Doubt(
        models=np.sqrt(_variance_of_models(scene, validation)),
        within=np.sqrt(octaves * _by_region(scene, missed, np.isfinite(missed))),
    )


def _variance_of_models(scene: Scene, validation: CrossValidation) -> np.ndarray:
    """Of what the models of the splits say of pixels less the mean of their cell: cm², coarse shape, the mean over some
    months and pixels; over all cells for one that has no sample."""
    samples = scene.samples
    some = np.isin(samples.month, _thinned(np.flatnonzero(scene.taught)))
    pixels = samples.pixels[some, ::2]
    regions = np.repeat(samples.at(scene.regions.cells)[some], pixels.shape[1])
    table, (total, squares) = pixels.reshape(-1, pixels.shape[2]), np.zeros((2, *pixels.shape[:2]))
    for held in validation.held_out:
        said = held.models.predict_in(table, regions).reshape(total.shape).astype(np.float64)
        detail = said - said.mean(axis=1, keepdims=True)
        total += detail
        squares += detail**2
    count = len(validation.held_out)
    variance = np.full(some.size, np.nan)
    variance[some] = np.maximum(squares / count - (total / count) ** 2, 0.0).mean(axis=1)
    of_cells = samples.mean_by_cell(variance, scene.cells.shape)
    return np.where(np.isnan(of_cells), np.nanmean(variance), of_cells)


def _thinned(months: np.ndarray) -> np.ndarray:
    return months[:: max(1, months.size // MONTHS_OF_DOUBT)]


def _by_region(scene: Scene, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The mean over the samples ``where`` of each region, not below 0; that of all for a region without one."""
    regions = scene.samples.at(scene.regions.cells)[where]
    count = np.bincount(regions, minlength=len(scene.regions.names))
    total = np.bincount(regions, values[where], minlength=count.size)
    of_all = total.sum() / max(count.sum(), 1)
    return np.maximum(np.where(count > 0, total / np.maximum(count, 1), of_all), 0.0)


def write_sigma(
    scene: Scene,
    sigma: MonthlyStack,
    doubt: Doubt,
    folder: Path,
    mapping: Mapping,
    progress: Progress,
) -> None:
    """``GWSA_SIGMA_YYYY.tif`` in ``folder``: cm, twelve bands, NaN where the coarse sigma is unknown.

    sigma² = (bilinear coarse sigma)² + both parts of ``doubt`` squared; a lower bound and tagged so.
    """
    folder.mkdir()
    sigma = sigma.on(scene.gwsa.grid)
    years = np.unique(year_of(scene.months))
    run_all(
        [partial(_write_year, scene, sigma, doubt, folder, mapping, int(year)) for year in years],
        progress,
    )


def _write_year(
    scene: Scene,
    sigma: MonthlyStack,
    doubt: Doubt,
    folder: Path,
    mapping: Mapping,
    year: int,
    go_on,
) -> None:
    months = scene.months[(year_of(scene.months) == year) & np.isin(scene.months, sigma.months)]
    sources = {month: scene.source_of(month) for month in months}
    tags = {**mapping.tags, "GWSA_VARIABLE": "GWSA sigma", "GWSA_SIGMA": "lower bound"}
    conservation, variance = scene.conservation, np.square(doubt.within)
    with create_year(
        folder / f"GWSA_SIGMA_{year}.tif", conservation, mapping, tags, sources, go_on
    ) as target:
        for tile in scene.tiles:
            fine = tile.fine(conservation.factor)
            of_models = variance[scene.regions.pixels(fine)] + conservation.bilinear(
                doubt.models**2, tile
            )
            for month in months:
                go_on()
                coarse = conservation.bilinear(sigma.values[sigma.months == month][0], tile)
                field = np.sqrt(coarse**2 + of_models).astype(np.float32)
                target.write(int(calendar_month(month)), field, fine.corner)
