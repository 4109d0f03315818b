"""Terms and statics of some pixels of each coarse cell, and what GRACE observes of them.

The pixels of a cell are the same in all months, so that level and trend of each can be removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...base.progress import Progress
from ...base.tiles import Tile
from ...compute.threads import run_all
from ...files.stack import OBSERVED
from ...grace.footprint import Footprint
from ...predictors.features import PixelSelection
from ...predictors.predictor_set import PredictorSet
from ..domain import Domain
from ..training_samples import draw_stratified
from .drivers import read_statics, read_terms, static_names
from .lines import without_lines
from .prior import Prior, Standard

if TYPE_CHECKING:
    from types import EllipsisType

# Pixels that represent a cell at most, and values of terms that are held at most.
PIXELS = 8
MOST_VALUES = 100_000_000
# Cells and months of which the terms are kept as they are.
MOST_EXAMPLES = 2000


class Examples(NamedTuple):
    """Terms of the prior in the first pixel of some cells, in some months, with level and trend.

    Parameters
    ----------
    terms : numpy.ndarray of float32, shape (examples, terms)
        NaN for no value.
    cells : numpy.ndarray of int, shape (examples,)
        Numbers of the mapped cells.
    """

    terms: np.ndarray
    cells: np.ndarray


@dataclass(frozen=True, eq=False)
class PriorSamples:
    """Pixels of the mapped cells.

    Parameters
    ----------
    terms : numpy.ndarray of float32, shape (months, terms, cells, pixels)
        Terms of the prior without level and trend of the pixel; 0 in a pixel that lacks a value in
        any month. Cells are in row-major order.
    statics : numpy.ndarray of float32, shape (statics, cells, pixels)
        NaN for no value.
    term_names, static_names : tuple of str
        Their names.
    standard : Standard
        Mean and deviation of the statics.
    examples : Examples
        Terms as they were read.
    """

    terms: np.ndarray
    statics: np.ndarray
    term_names: tuple[str, ...]
    static_names: tuple[str, ...]
    standard: Standard
    examples: Examples

    def mean_contributions(
        self, prior: Prior, where: np.ndarray | EllipsisType = ...
    ) -> np.ndarray:
        """Compute the mean absolute contribution of each term and static to a prior.

        A term contributes its response times the amplitude, a static its change of the amplitude
        times the response to all terms.

        Parameters
        ----------
        prior : Prior
            The prior.
        where : numpy.ndarray of bool, shape (cells,), optional
            The cells.

        Returns
        -------
        numpy.ndarray of float64, shape (terms + statics,)
            cm.
        """
        terms, statics = self.terms[:, :, where], self.statics[:, where]
        responses = prior.responses.astype(np.float32)
        amplitude = prior.amplitude(statics)
        term_parts = [
            weight * (np.abs(terms[:, number]).mean(axis=0) * amplitude).mean()
            for number, weight in enumerate(responses)
        ]
        response = np.abs(np.einsum("mtcp,t->mcp", terms, responses)).mean(axis=0)
        change = np.abs(self.standard.apply(statics)) * response
        static_parts = np.abs(prior.modulation) * change.mean(axis=(1, 2))
        return np.concatenate([term_parts, static_parts]).astype(np.float64)

    def cell_means(self, prior: Prior) -> np.ndarray:
        """Compute the mean of the prior over the pixels of each cell: cm, (months, cells)."""
        response = np.einsum("mtcp,t->mcp", self.terms, prior.responses.astype(np.float32))
        amplitude = prior.amplitude(self.statics)
        return np.einsum("mcp,cp->mc", response, amplitude) / amplitude.shape[1]

    def term_means(self, term: int) -> np.ndarray:
        """Compute cell means of a term, and of its product with each standardised static.

        Returns
        -------
        numpy.ndarray of float32, shape (1 + statics, months, cells)
        """
        values = self.terms[:, term]
        statics = self.standard.apply(self.statics)
        factors = np.concatenate([np.ones_like(statics[:1]), statics])
        return np.einsum("mcp,jcp->jmc", values, factors, optimize=True) / values.shape[2]


def read_prior_samples(domain: Domain, drivers: PredictorSet, progress: Progress) -> PriorSamples:
    """Read the terms and statics of some pixels of each mapped cell.

    Parameters
    ----------
    domain : Domain
        The study domain.
    drivers : PredictorSet
        Result of ``driver_set``.
    progress : Progress
        Receives the fraction done, and a log line when pixels lack a driver.
    """
    cells = int(domain.cells.sum())
    names = drivers.features
    values = domain.months.size * len(names) * cells
    pixels = int(np.clip(MOST_VALUES // values, 1, PIXELS))
    terms = np.zeros((domain.months.size, len(names), cells, pixels), dtype=np.float32)
    statics = np.full((len(static_names(domain.predictors)), cells, pixels), np.nan, np.float32)
    tasks = [partial(_read_tile, domain, drivers, tile, terms, statics) for tile in domain.tiles]
    run_all(tasks, progress)
    lacking = np.isnan(terms[0, 0]).mean()
    if lacking:
        progress.warn(
            f"{lacking:.1%} of the sampled pixels lack a value of a driver in some mapped month. "
            "Such pixels have no prior: the map interpolates there."
        )
    return PriorSamples(
        without_lines(terms, domain.months),
        statics,
        names,
        static_names(domain.predictors),
        Standard.from_statics(statics),
        _choose_examples(terms),
    )


def _choose_examples(terms: np.ndarray) -> Examples:
    """Random cells and months, always the same; ``terms`` are (months, terms, cells, pixels)."""
    count = len(terms) * terms.shape[2]
    drawn = np.random.default_rng(1).choice(count, min(count, MOST_EXAMPLES), replace=False)
    months, cells = np.divmod(drawn, terms.shape[2])
    return Examples(terms[months, :, cells, 0], cells)


def _read_tile(
    domain: Domain,
    drivers: PredictorSet,
    tile: Tile,
    terms: np.ndarray,
    statics: np.ndarray,
    progress: Progress,
) -> None:
    """Fill in the terms and statics of the cells of a tile."""
    here = domain.cells[tile]
    positions = (np.cumsum(domain.cells) - 1).reshape(domain.cells.shape)[tile][here]
    chosen, order = _choose_pixels(domain, tile, terms.shape[3])
    selection = PixelSelection(tile.fine(domain.conservation.factor), chosen)
    complete = np.ones(int(chosen.sum()), dtype=bool)
    for month, values in enumerate(read_terms(drivers, domain.months, selection)):
        progress.stop_if_cancelled()
        complete &= np.isfinite(values).all(axis=0)
        terms[month, :, positions] = values[:, order].swapaxes(0, 1)
    # As in the maps, a pixel that lacks a value of a driver in any month has no terms at all.
    cells, pixels = np.nonzero(~complete[order])
    terms[:, :, positions[cells], pixels] = np.nan
    statics[:, positions] = read_statics(domain.predictors, selection, progress)[:, order]


def _choose_pixels(domain: Domain, tile: Tile, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a tile that represent its cells: bool, fine shape of the tile, and their order.

    The order has shape (cells, pixels) and numbers the pixels among the chosen ones.
    """
    factor = domain.conservation.factor
    height, width = tile.shape
    land = domain.conservation.pixels(tile).reshape(height, factor, width, factor).swapaxes(1, 2)
    cells = np.argwhere(domain.cells[tile])
    corner = [tile.rows.start, tile.columns.start]
    drawn = np.array(
        [
            draw_stratified(land[tuple(cell)], 1, np.random.default_rng(corner + cell))[0, :count]
            for cell in cells
        ]
    )
    rows, columns = np.moveaxis(drawn + cells[:, None] * factor, 2, 0)
    chosen = np.zeros((height * factor, width * factor), dtype=bool)
    chosen[rows, columns] = True
    return chosen, (np.cumsum(chosen) - 1).reshape(chosen.shape)[rows, columns]


@dataclass(frozen=True, eq=False)
class ObservedTerms:
    """What GRACE observes of each term and of its products with the statics.

    Cells of a tile of GRACE have the same observation and are represented by one of them.

    Parameters
    ----------
    values : numpy.ndarray of float32, shape (months, tiles, terms, 1 + statics)
        The terms through the footprint, in all mapped months.
    target : numpy.ndarray, shape (months, tiles)
        Mean of coarse GWSA over the mapped cells of each tile, cm.
    observed : numpy.ndarray of bool, shape (months,)
        Months that GRACE observed.
    areas : numpy.ndarray, shape (tiles,)
        Mapped area of each tile, relative to their mean.
    cells : numpy.ndarray of int, shape (tiles,)
        Number of a cell of each tile among the mapped cells.
    tiles : numpy.ndarray of int, shape (cells,)
        Number of the tile of each mapped cell.
    """

    values: np.ndarray
    target: np.ndarray
    observed: np.ndarray
    areas: np.ndarray
    cells: np.ndarray
    tiles: np.ndarray


def observe_terms(
    domain: Domain, samples: PriorSamples, footprint: Footprint, progress: Progress
) -> ObservedTerms:
    """Pass the terms and their products with the statics through the footprint.

    Parameters
    ----------
    domain : Domain
        The study domain.
    samples : PriorSamples
        Its pixels.
    footprint : Footprint
        The footprint over the mapped cells.
    progress : Progress
        Receives the fraction done.
    """
    cells, areas, tiles = _represent_tiles(domain)
    terms = len(samples.term_names)
    shape = (domain.months.size, cells.size, terms, 1 + len(samples.static_names))
    values = np.empty(shape, dtype=np.float32)
    for term, step in zip(range(terms), progress.parts(terms)):
        for factor, means in enumerate(samples.term_means(term)):
            step.stop_if_cancelled()
            seen = observe(domain, footprint, means)
            values[:, :, term, factor] = seen[:, cells]
    observed = np.array([domain.source_of(month) == OBSERVED for month in domain.months])
    return ObservedTerms(values, _tile_means(domain, tiles), observed, areas, cells, tiles)


def _tile_means(domain: Domain, tiles: np.ndarray) -> np.ndarray:
    """Mean of coarse GWSA over the mapped cells of each tile: cm, shape (months, tiles).

    GWSA differs within a tile where the balance subtracts sharp fields.
    """
    weights = domain.gwsa.grid.cell_areas()[domain.cells]
    area = np.bincount(tiles, weights)
    return np.stack(
        [np.bincount(tiles, weights * month[domain.cells]) / area for month in domain.target]
    )


def observe(domain: Domain, footprint: Footprint, means: np.ndarray) -> np.ndarray:
    """Pass cell means through the footprint: both of shape (months, cells)."""
    fields = np.full((len(means), *domain.cells.shape), np.nan, dtype=means.dtype)
    fields[:, domain.cells] = means
    return footprint.apply(fields, out=fields)[:, domain.cells]


def _represent_tiles(domain: Domain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First mapped cell of each tile, the area of the tile, and the tile of each mapped cell."""
    areas = domain.gwsa.grid.cell_areas()[domain.cells]
    numbers = np.arange(areas.size)
    if domain.gwsa.tiles is not None:
        tiles = domain.gwsa.tiles[domain.cells]
        numbers = np.where(tiles >= 0, tiles, tiles.max(initial=0) + 1 + numbers)
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    total = np.bincount(inverse.ravel(), areas)
    return first, total / total.mean(), inverse.ravel()
