"""Evidence in time: does the prior improve on climatology in years that it was not fitted to?

Parts of the record are held out in turn. Each tile of GRACE has a competitor that uses the tile's
own other years: trend, seasons and red noise of its GWSA. The estimate is the prior through the
footprint plus the same model of what is left of GWSA. Both are compared with GRACE in the held-out
months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.months import calendar_year
from ...base.progress import Progress
from ...gapfill.methods import MIN_OBSERVED, FillOptions, harmonic_red
from ..prior.fit import solve, sum_products
from ..prior.fitted_prior import FittedPrior
from .gain import Gain, estimate_gain

# Parts of the record that are held out in turn.
PARTS = 4


@dataclass(frozen=True)
class UnseenYears:
    """Skill of the prior in years that it was not fitted to.

    Parameters
    ----------
    gain : Gain
        Relative reduction of the RMSE of climatology with trend and red noise.
    months : int
        Number of held-out months that are compared.
    """

    gain: Gain = Gain()
    months: int = 0

    def scores(self) -> dict:
        """Return the result as plain values for JSON; NaN where there is no figure."""
        return {
            "gain_over_climatology": self.gain.value,
            "gain_over_climatology_interval": [self.gain.lower, self.gain.upper],
            "months": self.months,
        }

    @property
    def tested(self) -> bool:
        """False if the record is too short, or the region has one block only."""
        return self.months > 0 and bool(np.isfinite(self.gain.value))

    @property
    def passed(self) -> bool:
        """True if the prior improves on climatology beyond chance."""
        return self.gain.lower > 0

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        if not self.months:
            return (
                "Skill in unseen years: untestable, because fewer than "
                f"{MIN_OBSERVED} months were observed outside a held-out part of the record."
            )
        if not self.tested:
            return (
                "Skill in unseen years: untestable, because the region has only one tile of GRACE "
                "or one block of cells, which gives no interval."
            )
        return (
            f"Skill in unseen years, {self.months} held-out months: gain over climatology, trend "
            f"and red noise {self.gain.text}."
        )


def validate_in_unseen_years(fitted: FittedPrior, progress: Progress) -> UnseenYears:
    """Fit the prior without parts of the record and compare with climatology there.

    Parameters
    ----------
    fitted : FittedPrior
        The prior, with the blocks whose errors are taken to be independent.
    progress : Progress
        Receives the fraction done.
    """
    terms = fitted.terms
    months = fitted.domain.months
    blocks = _blocks_of_tiles(fitted)
    folds = np.arange(months.size) * PARTS // months.size
    years = calendar_year(months) - calendar_year(months[:1])[0]
    squares = np.zeros((2, blocks.max() + 1, years.max() + 1))
    compared = 0
    for fold, step in zip(range(PARTS), progress.parts(PARTS)):
        step.stop_if_cancelled()
        training = terms.observed & (folds != fold)
        held = terms.observed & (folds == fold)
        if training.sum() < MIN_OBSERVED or not held.any():
            continue
        every = np.ones(terms.areas.size, dtype=bool)
        products = solve(sum_products(terms, months, training, every), fitted.ridge).products
        prior = np.einsum("mtaj,aj->mt", terms.values, products)
        competitor = _continue(terms.target, months, training)
        estimate = _continue(terms.target - prior, months, training) + prior
        compared += int(held.sum())
        for number, field in enumerate((estimate, competitor)):
            errors = terms.areas * (field - terms.target)[held] ** 2
            for month, error in zip(np.flatnonzero(held), errors):
                np.add.at(squares[number, :, years[month]], blocks, error)
    if not compared:
        return UnseenYears()
    present = squares[1].sum(axis=1) > 0
    return UnseenYears(estimate_gain(squares[0][present], squares[1][present]), compared)


def _blocks_of_tiles(fitted: FittedPrior) -> np.ndarray:
    """Number of the block of each tile, from 0."""
    numbers = fitted.blocks.numbers[fitted.domain.cells][fitted.terms.cells]
    return np.unique(numbers, return_inverse=True)[1].ravel()


def _continue(series: np.ndarray, months: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Trend, seasons and red noise of the fitted months in all other months.

    ``series`` and the result have shape (months, tiles); fitted months keep their values.
    """
    calendar = (months - months[0]).astype(int)
    padded = np.zeros((series.shape[1], calendar[-1] + 1))
    padded[:, calendar] = series.T
    missing = np.ones(padded.shape[1], dtype=bool)
    missing[calendar[fitted]] = False
    padded[:, missing] = harmonic_red(padded, missing, FillOptions())
    return padded[:, calendar].T
