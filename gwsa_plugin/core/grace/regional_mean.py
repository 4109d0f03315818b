"""The mean of a stack over its cells, and how far it can be trusted.

JPL states one sigma for each 3 degree mascon and repeats it on all cells of that mascon. These err together, so a mean
over many cells is no surer than one over their few mascons: taken as independent, the 144 cells of 0.25 degrees in a
mascon would understate its sigma twelvefold. Mascons share the noise of one gravity field and are not quite independent
either, hence the upper bound beside the sum.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np

from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_file
from ..files.stack import MonthlyStack

NO_MASCON = -1


@dataclass(frozen=True)
class RegionalMean:
    """One value a month, cm, NaN where it is not known.

    ``sigma`` takes the mascons as independent, ``upper_sigma`` all cells as erring together. ``mascons``: how many the
    region has, 0 where the product does not tell them apart; cells that are in none are not counted.
    """

    months: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    upper_sigma: np.ndarray
    mascons: int


def regional_mean(
    stack: MonthlyStack,
    sigma: MonthlyStack | None = None,
    mascons=None,
    progress: Progress = SILENT,
) -> RegionalMean:
    """The area-weighted mean over the cells that have a value in the month, and its one standard deviation.

    With area shares w: sigma² = sum over mascons of (sum of w sigma over the cells of the mascon)²; the upper bound is
    the sum of w sigma over all cells. ``sigma``: cm, on the months and cells of ``stack``. ``mascons``: int, shape
    (rows, columns), the same number for cells that err together, -1 for cells of which that is not known: a month in
    which such a cell has a value has no sigma (NaN), only its upper bound.
    """
    cells = stack.valid
    areas = stack.grid.cell_areas()[cells]
    numbers = np.full(areas.size, NO_MASCON) if mascons is None else mascons[cells]
    found = np.unique(numbers[numbers != NO_MASCON])
    mascon = np.where(numbers == NO_MASCON, 0, np.searchsorted(found, numbers) + 1)
    rows = []
    for i, values in enumerate(stack.values):
        progress.advance(i / len(stack.values))
        errors = np.full(areas.size, np.nan) if sigma is None else sigma.values[i][cells]
        rows.append(_month(values[cells], errors, areas, mascon))
    if sigma is not None:
        progress.info(_account(found.size, np.count_nonzero(mascon == 0)))
    return RegionalMean(stack.months, *np.array(rows).T, found.size)


def _account(mascons: int, in_none: int) -> str:
    if mascons and in_none:
        return (
            f"The region is in {mascons} mascons, but of {in_none} of its cells the product does not say in which, so "
            "the mean has an upper bound of sigma only in months in which these have a value."
        )
    if mascons:
        return f"The region is in {mascons} mascons; the sigma of its mean counts each once and takes them as independent."
    return (
        "The product does not say which cells share a mascon, so the mean of the region has an upper bound of sigma "
        "only, with all cells erring together."
    )


def _month(
    values: np.ndarray, sigma: np.ndarray, areas: np.ndarray, mascon: np.ndarray
) -> tuple[float, float, float]:
    """Mean, sigma with independent mascons, sigma with all cells erring together; ``mascon`` is 0 in none of them."""
    known = np.isfinite(values)
    if not known.any():
        return np.nan, np.nan, np.nan
    shares = areas[known] / areas[known].sum()
    errors = shares * sigma[known]
    of_mascons = np.bincount(mascon[known], weights=errors)
    independent = np.sqrt((of_mascons**2).sum()) if mascon[known].all() else np.nan
    return (shares * values[known]).sum(), independent, errors.sum()


def write_regional_mean(path, regional: RegionalMean) -> None:
    """CSV: month, mean and both sigmas in cm; empty where not known."""
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["month", "twsa_cm", "sigma_cm", "sigma_upper_cm"])
        for month, *values in zip(
            regional.months, regional.mean, regional.sigma, regional.upper_sigma
        ):
            writer.writerow(
                [month, *("" if np.isnan(value) else f"{value:.4f}" for value in values)]
            )
