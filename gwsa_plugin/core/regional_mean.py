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

from .progress import SILENT, Progress
from .stack import MonthlyStack
from .whole import whole_file


@dataclass(frozen=True)
class RegionalMean:
    """One value a month, cm, NaN where it is not known.

    ``sigma`` takes the mascons as independent, ``upper_sigma`` all cells as erring together. ``mascons``: how many the
    region has, 0 where the product does not tell them apart.
    """

    months: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    upper_sigma: np.ndarray
    mascons: int


def regional_mean(
    stack: MonthlyStack, sigma: MonthlyStack | None = None, mascons=None, progress: Progress = SILENT
) -> RegionalMean:
    """The area-weighted mean over the cells that have a value in the month, and its one standard deviation.

    With area shares w: sigma² = sum over mascons of (sum of w sigma over the cells of the mascon)²; the upper bound is
    the sum of w sigma over all cells. ``sigma``: cm, on the months and cells of ``stack``. ``mascons``: int, shape
    (rows, columns), the same number for cells that err together.
    """
    cells = stack.valid
    areas = stack.grid.cell_areas()[cells]
    numbers, mascon = np.unique(np.zeros(0) if mascons is None else mascons[cells], return_inverse=True)
    rows = [
        _month(values[cells], np.full(areas.size, np.nan) if sigma is None else sigma.values[i][cells], areas, mascon)
        for i, values in enumerate(stack.values)
    ]
    if sigma is not None:
        progress.say(_account(numbers.size))
    return RegionalMean(stack.months, *np.array(rows).T, numbers.size)


def _account(mascons: int) -> str:
    if mascons:
        return (
            f"The region is in {mascons} mascons; the sigma of its mean counts each once and takes them as independent."
        )
    return (
        "The product does not say which cells share a mascon, so the mean of the region has an upper bound of sigma "
        "only, with all cells erring together."
    )


def _month(values: np.ndarray, sigma: np.ndarray, areas: np.ndarray, mascon: np.ndarray) -> tuple[float, float, float]:
    """Mean, sigma with independent mascons, sigma with all cells erring together."""
    known = np.isfinite(values)
    if not known.any():
        return np.nan, np.nan, np.nan
    shares = areas[known] / areas[known].sum()
    errors = shares * sigma[known]
    of_mascons = np.bincount(mascon[known], weights=errors) if mascon.size else np.array([np.nan])
    return (shares * values[known]).sum(), np.sqrt((of_mascons**2).sum()), errors.sum()


def write_regional_mean(path, regional: RegionalMean) -> None:
    """CSV: month, mean and both sigmas in cm; empty where not known."""
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["month", "twsa_cm", "sigma_cm", "sigma_upper_cm"])
        for month, *values in zip(regional.months, regional.mean, regional.sigma, regional.upper_sigma):
            writer.writerow([month, *("" if np.isnan(value) else f"{value:.4f}" for value in values)])
