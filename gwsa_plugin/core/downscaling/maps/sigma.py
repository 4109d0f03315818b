"""Sigma of the 1 km maps: noise of the coarse field, spread of the models, and what GRACE hides.

The latter is modelled and, where wells are given, calibrated on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...base.grid import KM_PER_DEGREE
from ...base.months import calendar_month, calendar_year
from ...base.progress import Progress
from ...base.tiles import Tile
from ...compute.threads import run_all
from ...files.stack import MonthlyStack
from ...files.stack_files import VARIABLE_TAG
from ...files.stack_tags import DETAIL_SIGMA_TAG, SIGMA_TAG
from ...wells.comparison import WellComparison
from ...wells.sampling import pixel
from ..domain import Domain
from ..models.cross_validation import CrossValidation
from ..samples import ONE_SCALE_UP
from ..skill.reduced_resolution import MODEL, ReducedResolution
from .encoded_tiles import join_tiles, save_tile
from .map_job import MapOptions
from .unresolved_variance import (
    ObservedField,
    calibrate_on_wells,
    offset_ratio,
    unresolved_variance,
)

# Fraction of the variance of independent noise of cells that is left when the mean over their block
# is subtracted.
NOISE_LEFT = 1 - 1 / ONE_SCALE_UP**2
# Months in which the spread of the models is computed, about.
ERROR_MONTHS = 24


@dataclass(frozen=True, eq=False)
class DetailError:
    """Variance of the errors that the sigma of the coarse field does not have.

    Parameters
    ----------
    variance : numpy.ndarray, coarse shape
        What GRACE does not show at a point, and the spread of the models, cm².
    cell_variance : numpy.ndarray, coarse shape
        What GRACE does not show of the mean of a cell, cm².
    wells : int
        Number of wells that the variance is calibrated on; 0 if it is modelled alone.
    """

    variance: np.ndarray
    cell_variance: np.ndarray
    wells: int = 0

    @property
    def statement(self) -> str:
        """How far sigma can be relied on, for tags and the report."""
        if self.wells:
            return f"calibrated on {self.wells} wells"
        return "lower bound: detail sigma modelled, not calibrated"

    def tags(self, variance: np.ndarray) -> dict[str, str]:
        """Tags of a sigma that contains ``variance``, the variance of this error in some form."""
        return {
            SIGMA_TAG: self.statement,
            DETAIL_SIGMA_TAG: f"{np.sqrt(np.nanmean(variance)):.3f}",
        }


def estimate_detail_error(
    domain: Domain,
    validation: CrossValidation,
    reduced: ReducedResolution | None,
    sigma: MonthlyStack,
    comparison: WellComparison | None = None,
) -> DetailError:
    """Estimate the variance of the errors of the detail.

    Where GRACE resolves the cells, the squared error of held-out models one scale up, less the
    noise of GRACE, is the variance of detail that they miss between 2 x 2 blocks and cells. Each
    halving of the scale from the cell down to the pixel is assumed to add the same variance.
    Elsewhere it is the variance that GRACE does not resolve, see ``unresolved_variance``. The
    spread of the predicted detail between models of different splits is added. With wells, the sum
    is multiplied by the factor with which 68 % of their errors are within sigma.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validation : CrossValidation
        The blocked validation.
    reduced : ReducedResolution, optional
        Its validation at reduced resolution; None where GRACE does not resolve the cells.
    sigma : MonthlyStack
        Sigma of the coarse GWSA, cm; NaN counts as 0.
    comparison : WellComparison, optional
        The maps at wells that they were not made from.

    Returns
    -------
    DetailError
    """
    noise = _mean_noise(domain, sigma)
    spread = _model_variance(domain, validation)
    observed = _observed_field(domain, noise)
    if reduced is None:
        cell_km = domain.gwsa.grid.dy * KM_PER_DEGREE
        missed, cell_missed = (
            _without_nan(unresolved_variance(observed, side)) for side in (0.0, cell_km)
        )
    else:
        missed = _missed_detail(domain, reduced, noise)
        cell_missed = np.zeros_like(missed)
    modelled = missed + spread
    if comparison is None:
        return DetailError(modelled, cell_missed)
    wells = comparison.wells
    row, column = pixel(domain.gwsa.grid, wells.longitude, wells.latitude)
    inside = (row >= 0) & (column >= 0)
    noise_at_wells, modelled_at_wells = (
        np.where(inside, field[row, column], np.nan) for field in (noise, modelled)
    )
    factor = calibrate_on_wells(
        comparison, noise_at_wells, modelled_at_wells, offset_ratio=offset_ratio(observed)
    )
    if np.isnan(factor):
        return DetailError(modelled, cell_missed)
    return DetailError(factor * modelled, factor * cell_missed, int(comparison.used.sum()))


def _without_nan(values: np.ndarray) -> np.ndarray:
    """Values with their mean in place of NaN."""
    return np.where(np.isnan(values), np.nanmean(values), values)


def corrected_sigma(
    sigma: MonthlyStack, error: DetailError, corrected: MonthlyStack
) -> MonthlyStack:
    """Return the sigma of coarse GWSA after leakage correction.

    Its variance is that of the coarse GWSA plus what GRACE does not show of the mean of a cell.

    Parameters
    ----------
    sigma : MonthlyStack
        Sigma of coarse GWSA, cm.
    error : DetailError
        From ``estimate_detail_error``.
    corrected : MonthlyStack
        The corrected GWSA.
    """
    sigma = sigma.on(corrected.grid).select(corrected.months[0], corrected.months[-1])
    values = np.sqrt(sigma.values**2 + error.cell_variance).astype(np.float32)
    return replace(sigma, values=values, tags={**corrected.tags, **error.tags(error.cell_variance)})


def _mean_noise(domain: Domain, sigma: MonthlyStack) -> np.ndarray:
    """Mean variance of the coarse field in the months of the training set: cm², coarse shape."""
    sigma = sigma.on(domain.gwsa.grid)
    used = np.isin(sigma.months, domain.months[domain.training_months])
    squares = (np.square(np.nan_to_num(sigma.values[month])) for month in np.flatnonzero(used))
    return sum(squares, np.zeros(domain.cells.shape)) / max(used.sum(), 1)


def _observed_field(domain: Domain, noise: np.ndarray) -> ObservedField:
    """Coarse GWSA in the months of the training set, and how it was observed."""
    grid = domain.gwsa.grid
    months = np.flatnonzero(domain.training_months)
    values = np.stack([domain.target[month] for month in months])
    areas = grid.cell_areas()
    tiles = domain.gwsa.tiles
    inside = domain.cells if tiles is None else domain.cells & (tiles >= 0)
    count = inside.sum() if tiles is None else np.unique(tiles[inside]).size
    return ObservedField(
        values=np.where(domain.cells, values, np.nan),
        grid=grid,
        width_km=domain.footprint_km or 0.0,
        tile_km=float(np.sqrt(areas[inside].sum() / max(count, 1))),
        noise_cm=float(np.sqrt(noise[domain.cells].mean())),
    )


def _missed_detail(domain: Domain, reduced: ReducedResolution, noise: np.ndarray) -> np.ndarray:
    """Variance inside cells of detail that models miss, by region: cm², coarse shape."""
    error = (reduced.fields[MODEL] - reduced.observed) ** 2
    missed = error - NOISE_LEFT * domain.samples.at(noise)
    halvings = np.log2(domain.predictors.factor)
    by_region = halvings * _mean_by_region(domain, missed, np.isfinite(missed))
    return by_region[domain.regions.cells]


def write_sigma(
    domain: Domain,
    sigma: MonthlyStack,
    detail_error: DetailError,
    folder: Path,
    options: MapOptions,
    progress: Progress,
) -> None:
    """Write ``GWSA_SIGMA_YYYY.tif``: cm, twelve bands, NaN where the coarse sigma is unknown.

    The variance is the square of the bilinearly interpolated coarse sigma plus the interpolated
    variance of the detail's errors. The tag GWSA_SIGMA states how far it can be relied on.

    Parameters
    ----------
    domain : Domain
        The study domain, whose months are written if ``sigma`` has them.
    sigma : MonthlyStack
        Sigma of the coarse GWSA, cm.
    detail_error : DetailError
        From ``estimate_detail_error``.
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
            partial(_write_year, domain, sigma, detail_error, folder, options, int(year))
            for year in years
        ],
        progress,
    )


def _write_year(
    domain: Domain,
    sigma: MonthlyStack,
    detail_error: DetailError,
    folder: Path,
    options: MapOptions,
    year: int,
    progress: Progress,
) -> None:
    """Write the sigma of one year."""
    in_year = calendar_year(domain.months) == year
    months = domain.months[in_year & np.isin(domain.months, sigma.months)]
    sources = {month: domain.source_of(month) for month in months}
    tags = detail_error.tags(detail_error.variance[domain.cells])
    options = options.with_tags({VARIABLE_TAG: "GWSA_SIGMA", **tags})
    path = folder / f"GWSA_SIGMA_{year}.tif"
    with TemporaryDirectory(prefix=f"{year}.", dir=folder) as parts:
        tiles = [
            (tile, Path(parts) / f"{number}.blocks") for number, tile in enumerate(domain.tiles)
        ]
        for tile, part in tiles:
            fields = _sigma_of_tile(domain, sigma, detail_error, tile, months, progress)
            save_tile(part, domain.conservation, options, tile, fields)
        join_tiles(path, year, domain.conservation, options, sources, tiles, progress)


def _sigma_of_tile(
    domain: Domain,
    sigma: MonthlyStack,
    detail_error: DetailError,
    tile: Tile,
    months: np.ndarray,
    progress: Progress,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield calendar month and sigma of each month, float32."""
    conservation = domain.conservation
    detail_variance = conservation.bilinear(detail_error.variance, tile)
    for month in months:
        progress.stop_if_cancelled()
        field = conservation.bilinear(sigma.values[sigma.months == month][0], tile)
        field *= field
        field += detail_variance
        yield int(calendar_month(month)), np.sqrt(field, out=field).astype(np.float32)


def _model_variance(domain: Domain, validation: CrossValidation) -> np.ndarray:
    """Variance between the models of the splits of the predicted detail: cm², coarse shape.

    The detail is the prediction of a pixel less the mean of its cell. The variance is averaged over
    some months and pixels. A cell without a sample has the mean over all cells.
    """
    if not any(held.models.shrinkage for held in validation.held_out):
        return np.zeros(domain.cells.shape)
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
