"""Sigma of the 1 km maps: uncertainty of the coarse field, of the models and of missed detail.

It is a lower bound, because detail that GRACE does not resolve at the scale of cells is not in it.
"""

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
from ..models.cross_validation import CrossValidation
from ..samples import ONE_SCALE_UP
from ..skill.reduced_resolution import MODEL, ReducedResolution
from .predict_tile import MapOptions
from .write_years import create_year

# Fraction of the variance of independent noise of cells that is left when the mean over their block
# is subtracted.
NOISE_LEFT = 1 - 1 / ONE_SCALE_UP**2
# Months in which the spread of the models is computed, about.
ERROR_MONTHS = 24


@dataclass(frozen=True, eq=False)
class ModelError:
    """Standard deviations of the model error.

    Parameters
    ----------
    model_spread : numpy.ndarray, coarse shape
        Spread of the detail that the models of different splits predict, cm.
    missed_detail : numpy.ndarray, shape (regions,)
        Detail inside a cell that the models do not predict, cm.
    """

    model_spread: np.ndarray
    missed_detail: np.ndarray


def estimate_model_error(
    domain: Domain,
    validation: CrossValidation,
    reduced: ReducedResolution,
    sigma: MonthlyStack,
) -> ModelError:
    """Estimate the model error from held-out models.

    One scale up, the squared error of held-out models less the noise of GRACE is the variance of
    detail that they miss between 2 x 2 blocks and cells. Each halving of the scale from the cell
    down to the pixel is assumed to add the same variance. The noise is assumed to be independent
    between cells. Where GRACE shows less detail at the scale of cells than exists, the result is a
    lower bound.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validation : CrossValidation
        The blocked validation.
    reduced : ReducedResolution
        Its validation at reduced resolution.
    sigma : MonthlyStack
        Sigma of the coarse GWSA, cm; NaN counts as 0.

    Returns
    -------
    ModelError
    """
    sigma = sigma.on(domain.gwsa.grid)
    used = np.isin(sigma.months, domain.months[domain.training_months])
    squares = (np.square(np.nan_to_num(sigma.values[month])) for month in np.flatnonzero(used))
    noise = sum(squares, np.zeros(domain.cells.shape)) / max(used.sum(), 1)
    error = (reduced.fields[MODEL] - reduced.observed) ** 2
    missed = error - NOISE_LEFT * domain.samples.at(noise)
    halvings = np.log2(domain.predictors.factor)
    return ModelError(
        model_spread=np.sqrt(_model_variance(domain, validation)),
        missed_detail=np.sqrt(halvings * _mean_by_region(domain, missed, np.isfinite(missed))),
    )


def write_sigma(
    domain: Domain,
    sigma: MonthlyStack,
    model_error: ModelError,
    folder: Path,
    options: MapOptions,
    progress: Progress,
) -> None:
    """Write ``GWSA_SIGMA_YYYY.tif``: cm, twelve bands, NaN where the coarse sigma is unknown.

    The variance is the square of the bilinearly interpolated coarse sigma plus both variances of
    ``model_error``. The files are tagged as a lower bound.

    Parameters
    ----------
    domain : Domain
        The study domain, whose months are written if ``sigma`` has them.
    sigma : MonthlyStack
        Sigma of the coarse GWSA, cm.
    model_error : ModelError
        From ``estimate_model_error``.
    folder : Path
        Folder for the files, which must not exist.
    options : MapOptions
        Encoding and tags.
    progress : Progress
        Receives the fraction done.
    """
    folder.mkdir()
    sigma = sigma.on(domain.gwsa.grid)
    years = np.unique(calendar_year(domain.months))
    run_all(
        [
            partial(_write_year, domain, sigma, model_error, folder, options, int(year))
            for year in years
        ],
        progress,
    )


def _write_year(
    domain: Domain,
    sigma: MonthlyStack,
    model_error: ModelError,
    folder: Path,
    options: MapOptions,
    year: int,
    progress: Progress,
) -> None:
    """Write the sigma of one year."""
    in_year = calendar_year(domain.months) == year
    months = domain.months[in_year & np.isin(domain.months, sigma.months)]
    sources = {month: domain.source_of(month) for month in months}
    tags = {**options.tags, "GWSA_VARIABLE": "GWSA sigma", "GWSA_SIGMA": "lower bound"}
    conservation = domain.conservation
    detail_variance = np.square(model_error.missed_detail)
    path = folder / f"GWSA_SIGMA_{year}.tif"
    with create_year(path, conservation, options, tags, sources, progress) as target:
        for tile in domain.tiles:
            fine = tile.fine(conservation.factor)
            model_variance = detail_variance[domain.regions.pixels(fine)] + conservation.bilinear(
                model_error.model_spread**2, tile
            )
            for month in months:
                progress.stop_if_cancelled()
                coarse = conservation.bilinear(sigma.values[sigma.months == month][0], tile)
                field = np.sqrt(coarse**2 + model_variance).astype(np.float32)
                target.write(int(calendar_month(month)), field, fine.corner)


def _model_variance(domain: Domain, validation: CrossValidation) -> np.ndarray:
    """Variance between the models of the splits of the predicted detail: cm², coarse shape.

    The detail is the prediction of a pixel less the mean of its cell. The variance is averaged over
    some months and pixels. A cell without a sample has the mean over all cells.
    """
    samples = domain.samples
    chosen = np.isin(samples.month, _some_months(np.flatnonzero(domain.training_months)))
    pixels = samples.pixels[chosen, ::2]
    regions = np.repeat(samples.at(domain.regions.cells)[chosen], pixels.shape[1])
    table = pixels.reshape(-1, pixels.shape[2])
    total, squares = np.zeros((2, *pixels.shape[:2]))
    for held in validation.held_out:
        predicted = held.models.predict_by_region(table, regions)
        predicted = predicted.reshape(total.shape).astype(np.float64)
        detail = predicted - predicted.mean(axis=1, keepdims=True)
        total += detail
        squares += detail**2
    count = len(validation.held_out)
    variance = np.full(chosen.size, np.nan)
    variance[chosen] = np.maximum(squares / count - (total / count) ** 2, 0.0).mean(axis=1)
    cell_variance = samples.mean_by_cell(variance, domain.cells.shape)
    return np.where(np.isnan(cell_variance), np.nanmean(variance), cell_variance)


def _some_months(months: np.ndarray) -> np.ndarray:
    """About ERROR_MONTHS of the months, at equal distances."""
    return months[:: max(1, months.size // ERROR_MONTHS)]


def _mean_by_region(domain: Domain, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over the samples ``where`` of each region, at least 0, shape (regions,).

    A region without such a sample has the mean over all samples.
    """
    regions = domain.samples.at(domain.regions.cells)[where]
    count = np.bincount(regions, minlength=len(domain.regions.names))
    total = np.bincount(regions, values[where], minlength=count.size)
    overall = total.sum() / max(count.sum(), 1)
    return np.maximum(np.where(count > 0, total / np.maximum(count, 1), overall), 0.0)
