"""Sigma of the 1 km maps: of the coarse field, of the models, and of what no model explains inside a cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...base.months import calendar_month, calendar_year
from ...base.progress import Progress
from ...compute.threads import run_all
from ...files.stack import MonthlyStack
from ..domain import Domain
from ..models.region_models import CrossValidation
from ..samples import ONE_SCALE_UP
from ..skill.reduced_resolution import MODEL, ReducedResolution
from .predict_tile import MapOptions
from .yearly import create_year

NOISE_LEFT = (
    1 - 1 / ONE_SCALE_UP**2
)  # of independent noise in cells, when the mean of their average is taken out
ERROR_MONTHS = 24  # of which the spread of the models is taken


@dataclass(frozen=True, eq=False)
class ModelError:
    """``models``: how far the predictions of detail of the models of different splits lie apart, cm, coarse shape.
    ``within``: the standard deviation inside a cell that models miss, cm, (regions,)."""

    models: np.ndarray
    within: np.ndarray


def estimate_model_error(
    domain: Domain, validation: CrossValidation, back: ReducedResolution, sigma: MonthlyStack
) -> ModelError:
    """What held-out models tell about their errors.

    One scale up it is known what they miss between averages of 2 x 2 cells and the cells (``back``). Beyond the noise
    of GRACE in it (``sigma``, cm, the coarse field's own, taken as independent between cells) it is detail. Each
    halving of scale from the cell down to the pixel is taken to hide as much, as in fields whose every octave has one
    variance. Where GRACE shows less detail at the scale of cells than there is, the sum is a lower bound.
    """
    sigma, known = (
        sigma.on(domain.gwsa.grid),
        np.isin(sigma.months, domain.months[domain.training_months]),
    )
    squares = (np.square(np.nan_to_num(sigma.values[month])) for month in np.flatnonzero(known))
    noise = sum(squares, np.zeros(domain.cells.shape)) / max(known.sum(), 1)
    missed = (back.fields[MODEL] - back.observed) ** 2 - NOISE_LEFT * domain.samples.at(noise)
    octaves = np.log2(domain.predictors.factor)
    return ModelError(
        models=np.sqrt(_variance_of_models(domain, validation)),
        within=np.sqrt(octaves * _by_region(domain, missed, np.isfinite(missed))),
    )


def _variance_of_models(domain: Domain, validation: CrossValidation) -> np.ndarray:
    """Of what the models of the splits say of pixels less the mean of their cell: cm², coarse shape, the mean over some
    months and pixels; over all cells for one that has no sample."""
    samples = domain.samples
    some = np.isin(samples.month, _thinned(np.flatnonzero(domain.training_months)))
    pixels = samples.pixels[some, ::2]
    regions = np.repeat(samples.at(domain.regions.cells)[some], pixels.shape[1])
    table, (total, squares) = pixels.reshape(-1, pixels.shape[2]), np.zeros((2, *pixels.shape[:2]))
    for held in validation.held_out:
        said = held.models.predict_in(table, regions).reshape(total.shape).astype(np.float64)
        detail = said - said.mean(axis=1, keepdims=True)
        total += detail
        squares += detail**2
    count = len(validation.held_out)
    variance = np.full(some.size, np.nan)
    variance[some] = np.maximum(squares / count - (total / count) ** 2, 0.0).mean(axis=1)
    of_cells = samples.mean_by_cell(variance, domain.cells.shape)
    return np.where(np.isnan(of_cells), np.nanmean(variance), of_cells)


def _thinned(months: np.ndarray) -> np.ndarray:
    return months[:: max(1, months.size // ERROR_MONTHS)]


def _by_region(domain: Domain, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The mean over the samples ``where`` of each region, not below 0; that of all for a region without one."""
    regions = domain.samples.at(domain.regions.cells)[where]
    count = np.bincount(regions, minlength=len(domain.regions.names))
    total = np.bincount(regions, values[where], minlength=count.size)
    of_all = total.sum() / max(count.sum(), 1)
    return np.maximum(np.where(count > 0, total / np.maximum(count, 1), of_all), 0.0)


def write_sigma(
    domain: Domain,
    sigma: MonthlyStack,
    model_error: ModelError,
    folder: Path,
    mapping: MapOptions,
    progress: Progress,
) -> None:
    """``GWSA_SIGMA_YYYY.tif`` in ``folder``: cm, twelve bands, NaN where the coarse sigma is unknown.

    sigma² = (bilinear coarse sigma)² + both parts of ``model_error`` squared; a lower bound and tagged so.
    """
    folder.mkdir()
    sigma = sigma.on(domain.gwsa.grid)
    years = np.unique(calendar_year(domain.months))
    run_all(
        [
            partial(_write_year, domain, sigma, model_error, folder, mapping, int(year))
            for year in years
        ],
        progress,
    )


def _write_year(
    domain: Domain,
    sigma: MonthlyStack,
    model_error: ModelError,
    folder: Path,
    mapping: MapOptions,
    year: int,
    progress: Progress,
) -> None:
    months = domain.months[
        (calendar_year(domain.months) == year) & np.isin(domain.months, sigma.months)
    ]
    sources = {month: domain.source_of(month) for month in months}
    tags = {**mapping.tags, "GWSA_VARIABLE": "GWSA sigma", "GWSA_SIGMA": "lower bound"}
    conservation, variance = domain.conservation, np.square(model_error.within)
    with create_year(
        folder / f"GWSA_SIGMA_{year}.tif", conservation, mapping, tags, sources, progress
    ) as target:
        for tile in domain.tiles:
            fine = tile.fine(conservation.factor)
            of_models = variance[domain.regions.pixels(fine)] + conservation.bilinear(
                model_error.models**2, tile
            )
            for month in months:
                progress.stop_if_cancelled()
                coarse = conservation.bilinear(sigma.values[sigma.months == month][0], tile)
                field = np.sqrt(coarse**2 + of_models).astype(np.float32)
                target.write(int(calendar_month(month)), field, fine.corner)
