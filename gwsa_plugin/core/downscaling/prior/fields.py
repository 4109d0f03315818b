"""The prior at 1 km: level and trend of each pixel, which are removed, and its values.

Levels and trends are sums over all months. They are computed once for each tile, before the maps,
together with the mean of the prior over each coarse cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...base.progress import Progress
from ...base.tiles import Tile
from ...files.checkpoint import require_folder, save_checkpoint
from ...predictors.features import PixelSelection
from ...predictors.predictor_set import PredictorSet
from ...spatial.mass_conservation import MassConservation, spread
from .drivers import (
    driver_set,
    has_drivers,
    read_series,
    read_statics,
    read_terms,
    series_weights,
)
from .lines import line_basis, line_weights
from .prior import Prior, weighted_sum

# Name of the cell means in the file of a tile.
MEANS = "means"


class PixelLines(NamedTuple):
    """Amplitude of the response of pixels, and the line in time that is removed from it.

    Parameters
    ----------
    amplitude : numpy.ndarray of float32, shape (pixels,)
        0 in a pixel that lacks a value of a driver in any month.
    coefficients : numpy.ndarray of float32, shape (2, pixels)
        Coefficients of the response for ``line_basis``, cm.
    """

    amplitude: np.ndarray
    coefficients: np.ndarray

    def values(self, prior: Prior, terms: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """Compute the prior of a month.

        Parameters
        ----------
        prior : Prior
            The prior of the lines.
        terms : numpy.ndarray of float32, shape (terms, pixels)
            Its terms.
        basis : numpy.ndarray of float32, shape (2,)
            Values of ``line_basis`` in the month.

        Returns
        -------
        numpy.ndarray of float32, shape (pixels,)
            cm.
        """
        response = np.nan_to_num(prior.response(terms))
        return self.amplitude * (response - weighted_sum(basis, self.coefficients))


@dataclass(frozen=True, eq=False)
class PriorJob:
    """Priors and what is needed to compute them at 1 km.

    Parameters
    ----------
    priors : sequence of Prior
        The priors: that of all data, then those of held-out data.
    cells : sequence of numpy.ndarray of bool
        Coarse cells in which each prior is needed.
    predictors : PredictorSet
        The predictors.
    conservation : MassConservation
        Gives the mapped pixels.
    months : numpy.ndarray of datetime64[M]
        The mapped months.
    """

    priors: Sequence[Prior]
    cells: Sequence[np.ndarray]
    predictors: PredictorSet
    conservation: MassConservation
    months: np.ndarray

    @cached_property
    def drivers(self) -> PredictorSet:
        """The terms of the priors: one set for all tiles, which caches properties of rasters."""
        drivers = driver_set(self.predictors)
        if drivers is None:
            raise ValueError("The predictors of a prior must have drivers.")
        return drivers

    def pixels(self, number: int, tile: Tile) -> np.ndarray:
        """The mapped pixels of a tile that need a prior, bool, shape (mapped pixels,)."""
        mapped = self.conservation.pixels(tile)
        return spread(self.cells[number][tile], self.conservation.factor)[mapped]

    def selection(self, tile: Tile) -> PixelSelection:
        """The mapped pixels of a tile."""
        pixels = self.conservation.pixels(tile)
        return PixelSelection(tile.fine(self.conservation.factor), pixels)


def fit_lines(job: PriorJob, folder: Path, tile: Tile, progress: Progress) -> np.ndarray:
    """Compute amplitudes and lines of the pixels of a tile and save them.

    Parameters
    ----------
    job : PriorJob
        The priors.
    folder : Path
        Existing folder of the checkpoints. A tile whose file exists is not computed again.
    tile : Tile
        Tile of coarse cells.
    progress : Progress
        Checked for cancellation.

    Returns
    -------
    numpy.ndarray of float64, shape (months, rows, columns)
        Mean of the first prior over each coarse cell, cm; NaN outside the mapped cells.
    """
    require_folder(folder, job.predictors.folder)
    path = _file(folder, tile)
    if not path.exists():
        lines, means = _fit(job, tile, progress)
        _save(path, lines, means)
    with np.load(path) as saved:
        return saved[MEANS]


def read_lines(folder: Path, tile: Tile) -> list[PixelLines]:
    """Read what ``fit_lines`` saved for a tile: the lines of each prior in its pixels."""
    with np.load(_file(folder, tile)) as saved:
        return [
            PixelLines(*(saved[f"{name}_{number}"] for name in PixelLines._fields))
            for number in range(len(saved.files) // len(PixelLines._fields))
        ]


def _fit(job: PriorJob, tile: Tile, progress: Progress) -> tuple[list[PixelLines], np.ndarray]:
    """Lines of each prior, and cell means of the first."""
    statics = read_statics(job.predictors, job.selection(tile), progress)
    where = [job.pixels(number, tile) for number in range(len(job.priors))]
    amplitudes = [prior.amplitude(statics[:, pixels]) for prior, pixels in zip(job.priors, where)]
    known = has_drivers(job.predictors, statics)
    fitted = _FittedTile(job, tile, where, amplitudes).only(known)
    summed = _sum_drivers(fitted, known, progress)
    if summed is not None:
        return summed
    lines, means, complete = _sum_months(fitted, progress)
    if not complete.all():
        lines, means, _ = _sum_months(fitted.only(complete), progress)
    return lines, means


class _FittedTile(NamedTuple):
    """Amplitudes of the priors in a tile.

    Parameters
    ----------
    job : PriorJob
        The priors.
    tile : Tile
        Tile of coarse cells.
    where : list of numpy.ndarray of bool, shape (mapped pixels,)
        Pixels of each prior.
    amplitudes : list of numpy.ndarray of float32
        Amplitudes of each prior in its pixels.
    """

    job: PriorJob
    tile: Tile
    where: list[np.ndarray]
    amplitudes: list[np.ndarray]

    def only(self, pixels: np.ndarray) -> _FittedTile:
        """Return the tile with amplitudes of 0 in all but some of the mapped pixels."""
        amplitudes = [
            amplitude * pixels[own] for amplitude, own in zip(self.amplitudes, self.where)
        ]
        return self._replace(amplitudes=amplitudes)

    def zeros(self) -> list[np.ndarray]:
        """Return coefficients for ``line_basis`` of each prior, shape (2, pixels)."""
        rank = line_basis(self.job.months).shape[1]
        return [np.zeros((rank, amplitude.size)) for amplitude in self.amplitudes]

    def cell_means(self, values: np.ndarray) -> np.ndarray:
        """Return means over coarse cells of amplitude times ``values`` of the first prior."""
        return _cell_means(self.job, self.tile, self.amplitudes[0] * values)


def _sum_drivers(
    fitted: _FittedTile, known: np.ndarray, progress: Progress
) -> tuple[list[PixelLines], np.ndarray] | None:
    """Lines and cell means as weighted sums of the drivers, without their antecedent means.

    None if a pixel with drivers lacks a value in some month: its antecedent means are then over
    fewer months than those of other pixels.
    """
    job, tile, where, _ = fitted
    coefficients = fitted.zeros()
    means = np.zeros((job.months.size, *tile.shape))
    for driver in series_weights(job.drivers, job.months):
        if not np.isfinite(driver.fractions).all():
            return None
        weights = [driver.weights(prior) for prior in job.priors]
        on_lines = [line_weights(job.months).T @ each for each in weights]
        cells = np.empty((driver.months.size, *tile.shape))
        for month, values in enumerate(read_series(job.drivers, driver, job.selection(tile))):
            progress.stop_if_cancelled()
            if not np.isfinite(values[known]).all():
                return None
            values = np.where(known, values, np.float32(0.0))
            for number, pixels in enumerate(where):
                coefficients[number] += on_lines[number][:, month, None] * values[pixels]
            cells[month] = fitted.cell_means(values)
        means += np.tensordot(weights[0], cells, 1)
    return _lines(fitted, coefficients, means)


def _sum_months(
    fitted: _FittedTile, progress: Progress
) -> tuple[list[PixelLines], np.ndarray, np.ndarray]:
    """Lines and cell means, and the pixels with values in all months."""
    job, tile, where, _ = fitted
    weights = line_weights(job.months)
    coefficients = fitted.zeros()
    means = np.empty((job.months.size, *tile.shape))
    complete = np.ones(where[0].size, dtype=bool)
    for month, terms in enumerate(read_terms(job.drivers, job.months, job.selection(tile))):
        progress.stop_if_cancelled()
        complete &= np.isfinite(terms).all(axis=0)
        for number, (prior, pixels) in enumerate(zip(job.priors, where)):
            response = np.nan_to_num(prior.response(terms[:, pixels]))
            coefficients[number] += weights[month][:, None] * response
            if number == 0:
                means[month] = fitted.cell_means(response)
    return *_lines(fitted, coefficients, means), complete


def _lines(
    fitted: _FittedTile, coefficients: list[np.ndarray], means: np.ndarray
) -> tuple[list[PixelLines], np.ndarray]:
    """Lines of each prior, and cell means of the first without its lines."""
    removed = np.stack([fitted.cell_means(line) for line in coefficients[0]])
    lines = [
        PixelLines(amplitude, coefficient.astype(np.float32))
        for amplitude, coefficient in zip(fitted.amplitudes, coefficients)
    ]
    return lines, means - np.tensordot(line_basis(fitted.job.months), removed, 1)


def _cell_means(job: PriorJob, tile: Tile, values: np.ndarray) -> np.ndarray:
    """Mean of the values of pixels over the coarse cells of a tile; NaN outside mapped cells."""
    pixels = job.conservation.pixels(tile)
    field = np.full(pixels.shape, np.nan)
    field[pixels] = values
    return job.conservation.block_mean(field, tile)


def _file(folder: Path, tile: Tile) -> Path:
    return folder / f"{tile.rows.start}_{tile.columns.start}.npz"


def _save(path: Path, lines: list[PixelLines], means: np.ndarray) -> None:
    """Save the lines of a tile, each with the number of its prior, and the means."""
    arrays = {
        f"{name}_{number}": values
        for number, one in enumerate(lines)
        for name, values in one._asdict().items()
    }
    save_checkpoint(path, lambda file: np.savez(file, **arrays, **{MEANS: means}))
