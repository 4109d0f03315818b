"""The prior of a study domain: fitted to all data and, for validation, without held-out data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.errors import InputError
from ...base.progress import Progress
from ...grace.footprint import Footprint
from ..domain import Domain
from ..folds import Blocking, Blocks, Split, make_blocks
from .drivers import SURPLUS, driver_set
from .fit import DEFAULT_RIDGE, RIDGES, Coefficients, make_prior, solve, sum_products
from .prior import Prior
from .samples import ObservedTerms, PriorSamples, observe, observe_terms, read_prior_samples


@dataclass(frozen=True, eq=False)
class FittedPrior:
    """A prior and what is needed to fit it again without some data.

    Parameters
    ----------
    domain : Domain
        The study domain.
    footprint : Footprint
        The footprint over the mapped cells.
    samples : PriorSamples
        Terms at some pixels of each cell.
    terms : ObservedTerms
        Terms through the footprint.
    blocks : Blocks
        Held-out blocks of the domain, as wide as the footprint if the region is large enough.
    ridge : float
        Ridge of the amplitude.
    explained : float
        Fraction of the variance of coarse GWSA, without level and trend, that it explains.
    prior : Prior
        Fitted to all observed months and cells.
    """

    domain: Domain
    footprint: Footprint
    samples: PriorSamples
    terms: ObservedTerms
    blocks: Blocks
    ridge: float
    explained: float
    prior: Prior

    @property
    def summary(self) -> str:
        """The fit in a sentence."""
        runoff = any(not name.startswith(SURPLUS) for name in self.prior.terms)
        return (
            f"The prior, a response to antecedent water surplus{' and runoff' if runoff else ''}, "
            f"explains {self.explained:.0%} of the variance of coarse GWSA without level and trend."
        )

    def without(self, split: Split) -> Prior:
        """Fit the prior to what a split trains on.

        A tile with an excluded cell is left out. If that leaves no tile, only months are held out.
        Without any month the prior is 0.
        """
        excluded = split.excluded_cells[self.domain.cells]
        tiles = np.ones(self.terms.areas.size, dtype=bool)
        tiles[self.terms.tiles[excluded]] = False
        fitted = self.terms.observed & ~split.excluded_months
        # A split that holds out cells in some months only is fitted to none of these months.
        if not (excluded.any() and tiles.any()):
            fitted &= ~split.months
            tiles[:] = True
        if not fitted.any():
            nothing = Coefficients(
                np.zeros(len(self.prior.terms)), np.zeros(len(self.prior.statics))
            )
            return make_prior(self.samples, nothing)
        sums = sum_products(self.terms, self.domain.months, fitted, tiles)
        return make_prior(self.samples, solve(sums, self.ridge))

    def through_footprint(self, prior: Prior) -> np.ndarray:
        """Compute what GRACE would observe of a prior: cm, shape (months, cells)."""
        return observe(self.domain, self.footprint, self.samples.cell_means(prior))


def fit_prior(domain: Domain, blocking: Blocking, progress: Progress) -> FittedPrior | None:
    """Fit the prior of a study domain.

    Parameters
    ----------
    domain : Domain
        The study domain, whose GWSA has a footprint.
    blocking : Blocking
        Size of blocks and buffer.
    progress : Progress
        Receives log lines and the fraction done.

    Returns
    -------
    FittedPrior or None
        None when the predictors have no drivers, or GWSA has no known footprint.

    Raises
    ------
    InputError
        When no pixel has values of all drivers in all months.
    """
    drivers = driver_set(domain.predictors)
    width = domain.footprint_km
    if drivers is None or width is None:
        return None
    samples = read_prior_samples(domain, drivers, progress.part(0.0, 0.6))
    if not samples.terms.any():
        raise InputError(
            f"The drivers of {domain.predictors.folder.name} (precipitation, evapotranspiration "
            "and, where there is one, runoff) have no value or do not change in any cell of the "
            "GWSA stack, or each pixel lacks one of them in some mapped month; check these "
            "predictors, or choose months that all of them have."
        )
    footprint = Footprint(domain.gwsa.grid, domain.cells, width, domain.gwsa.tiles)
    terms = observe_terms(domain, samples, footprint, progress.part(0.6, 1.0))
    blocks = make_blocks(domain.gwsa.grid, domain.cells, blocking, footprint_km=width)
    ridge = _choose_ridge(domain, terms, blocks)
    every = np.ones(terms.areas.size, dtype=bool)
    sums = sum_products(terms, domain.months, terms.observed, every)
    coefficients = solve(sums, ridge)
    explained = 1 - sums.misfit(coefficients.products) / max(sums.total, 1e-30)
    prior = make_prior(samples, coefficients)
    return FittedPrior(domain, footprint, samples, terms, blocks, ridge, explained, prior)


def _choose_ridge(domain: Domain, terms: ObservedTerms, blocks: Blocks) -> float:
    """Choose the ridge of the amplitude by held-out footprints with buffers.

    Blocks that are narrower than the footprint would favour amplitudes that fit its noise.
    """
    if blocks.narrow:
        return DEFAULT_RIDGE
    misfits = np.zeros(len(RIDGES))
    for fold in np.unique(blocks.folds[domain.cells]):
        held = domain.cells & (blocks.folds == fold)
        inside = np.zeros(terms.areas.size, dtype=bool)
        inside[terms.tiles[held[domain.cells]]] = True
        fitted = np.ones(terms.areas.size, dtype=bool)
        fitted[terms.tiles[blocks.excluded(held)[domain.cells]]] = False
        if not fitted.any():
            continue
        sums, held_sums = (
            sum_products(terms, domain.months, terms.observed, tiles) for tiles in (fitted, inside)
        )
        misfits += [held_sums.misfit(solve(sums, ridge).products) for ridge in RIDGES]
    return RIDGES[int(np.argmin(misfits))] if misfits.any() else DEFAULT_RIDGE
