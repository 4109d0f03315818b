"""Random terms of a prior, and GWSA that follows a known prior through the footprint of GRACE."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from scipy.ndimage import gaussian_filter

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.domain import Domain
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking, make_blocks
from gwsa.gwsa_plugin.core.downscaling.prior.fit import make_prior, solve, sum_products
from gwsa.gwsa_plugin.core.downscaling.prior.fitted_prior import FittedPrior
from gwsa.gwsa_plugin.core.downscaling.prior.lines import without_lines
from gwsa.gwsa_plugin.core.downscaling.prior.prior import Prior, Standard
from gwsa.gwsa_plugin.core.downscaling.prior.samples import (
    Examples,
    PriorSamples,
    observe,
    observe_terms,
)
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.grace.footprint import Footprint

MONTHS = month_range("2004-01", "2008-12")
WIDTH_KM = 250.0
TERMS = ("surplus_mean2", "surplus_mean8", "runoff_mean4")
STATICS = ("soil", "relief")
RIDGE = 1e-3
CELLS = np.ones((8, 8), dtype=bool)
CELLS[0, :3] = False
# Mascons of 2 x 2 cells.
TILES = np.repeat(np.repeat(np.arange(16).reshape(4, 4), 2, axis=0), 2, axis=1)


def make_samples(rng, cells: np.ndarray, months: np.ndarray = MONTHS) -> PriorSamples:
    """Random terms and statics at two pixels of each cell, smooth over some cells."""
    shape = (months.size, len(TERMS), 2, *cells.shape)
    terms = gaussian_filter(rng.standard_normal(shape), (0.7, 0, 0, 1, 1))
    statics = gaussian_filter(rng.standard_normal((len(STATICS), 2, *cells.shape)), (0, 0, 1, 1))
    terms = np.swapaxes(terms[..., cells], 2, 3) / terms.std()
    statics = np.swapaxes(statics[..., cells], 1, 2).astype(np.float32)
    return PriorSamples(
        without_lines(terms.astype(np.float32), months),
        statics,
        TERMS,
        STATICS,
        Standard.from_statics(statics),
        Examples(terms[0, :, :, 0].T, np.arange(terms.shape[2])),
    )


def make_prior_of(samples: PriorSamples, responses, modulation) -> Prior:
    """A prior with given coefficients."""
    return Prior(TERMS, np.array(responses), STATICS, samples.standard, np.array(modulation))


def make_domain(
    cells: np.ndarray, tiles: np.ndarray | None = None, months: np.ndarray = MONTHS
) -> Domain:
    """Cells of 1° with GWSA of 0; without predictors and training set."""
    grid = Grid(70.0, 36.0, 1.0, 1.0, *cells.shape)
    gwsa = MonthlyStack(
        grid,
        months,
        np.where(cells, np.zeros((months.size, 1, 1)), np.nan).astype(np.float32),
        ("observed",) * months.size,
        "GWSA",
        tags={"GWSA_FOOTPRINT_KM": f"{WIDTH_KM:g}"},
        tiles=tiles,
    )
    used = np.ones(months.size, dtype=bool)
    return Domain(gwsa, used, None, None, SimpleNamespace(cells=cells), None, None)


def with_gwsa(domain: Domain, values: np.ndarray) -> Domain:
    """The domain with coarse GWSA, cm, shape (months, cells)."""
    fields = domain.gwsa.values.copy()
    fields[:, domain.cells] = values
    return replace(domain, gwsa=replace(domain.gwsa, values=fields))


def footprint_over(domain: Domain) -> Footprint:
    """The footprint of the domain."""
    return Footprint(domain.gwsa.grid, domain.cells, WIDTH_KM, domain.gwsa.tiles)


def observed_storage(domain: Domain, samples: PriorSamples, prior: Prior) -> np.ndarray:
    """What GRACE observes of a prior, cm, shape (months, cells)."""
    return observe(domain, footprint_over(domain), samples.cell_means(prior))


def random_lines(rng, domain: Domain) -> np.ndarray:
    """A random level and trend of each cell, the same in cells of a tile: (months, cells)."""
    time = np.linspace(-1, 1, domain.months.size)[:, None]
    level, trend = rng.standard_normal((2, *domain.cells.shape)) * [[[5.0]], [[20.0]]]
    if domain.gwsa.tiles is not None:
        level, trend = (field.ravel()[domain.gwsa.tiles] for field in (level, trend))
    return level[domain.cells] + time * trend[domain.cells]


def fit(domain: Domain, samples: PriorSamples, ridge: float = RIDGE) -> FittedPrior:
    """Fit the prior of a domain with a given ridge."""
    footprint = footprint_over(domain)
    terms = observe_terms(domain, samples, footprint, SILENT)
    every = np.ones(terms.areas.size, dtype=bool)
    sums = sum_products(terms, domain.months, terms.observed, every)
    prior = make_prior(samples, solve(sums, ridge))
    grid = domain.gwsa.grid
    blocks = make_blocks(grid, domain.cells, Blocking(), footprint_km=domain.footprint_km)
    return FittedPrior(domain, footprint, samples, terms, blocks, ridge, 1.0, prior)
