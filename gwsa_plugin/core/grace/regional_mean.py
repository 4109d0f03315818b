"""Regional mean of a monthly stack and its standard error.

JPL states one sigma for each 3° mascon and repeats it in all cells of the mascon. The errors of
these cells are the same error, so that the cells must not be treated as independent: for the 144
cells of 0.25° in a mascon this would give a twelfth of its sigma. The errors of different mascons
are taken as independent, although they share the noise of one gravity field. Therefore an upper
bound is given as well.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_file
from ..files.stack import MonthlyStack

NO_MASCON = -1


@dataclass(frozen=True)
class RegionalMean:
    """Monthly regional means in cm; NaN where unknown.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
    mean : ndarray of float, shape (months,)
    sigma : ndarray of float, shape (months,)
        Standard error with independent mascons.
    upper_sigma : ndarray of float, shape (months,)
        Standard error with fully correlated cells.
    mascons : int
        Number of mascons of the region, 0 where the product does not identify them. Cells in no
        mascon are not counted.
    """

    months: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    upper_sigma: np.ndarray
    mascons: int


def regional_mean(
    stack: MonthlyStack,
    sigma: MonthlyStack | None = None,
    mascons: np.ndarray | None = None,
    progress: Progress = SILENT,
) -> RegionalMean:
    """Compute the area-weighted mean of each month and its standard error.

    The weight w of a cell is its fraction of the area of the cells that have a value in the month.
    The variance is the sum over mascons of (the sum of w sigma over the cells of the mascon)². The
    upper bound of the standard error is the sum of w sigma over all cells.

    Parameters
    ----------
    stack : MonthlyStack
        cm.
    sigma : MonthlyStack, optional
        Standard error in cm, on the months and cells of ``stack``.
    mascons : ndarray of int, shape (rows, columns), optional
        Number of the mascon of each cell; -1 where unknown. A month in which such a cell has a
        value has only the upper bound.
    progress : Progress

    Returns
    -------
    RegionalMean
    """
    cells = stack.valid
    areas = stack.grid.cell_areas()[cells]
    numbers = np.full(areas.size, NO_MASCON) if mascons is None else mascons[cells]
    found = np.unique(numbers[numbers != NO_MASCON])
    # 0 for cells in no mascon.
    mascon = np.where(numbers == NO_MASCON, 0, np.searchsorted(found, numbers) + 1)
    rows = []
    for i, values in enumerate(stack.values):
        progress.advance(i / len(stack.values))
        errors = np.full(areas.size, np.nan) if sigma is None else sigma.values[i][cells]
        rows.append(_month_mean(values[cells], errors, areas, mascon))
    if sigma is not None:
        progress.info(_sigma_note(found.size, np.count_nonzero(mascon == 0)))
    mean, independent, upper = np.array(rows).T
    return RegionalMean(stack.months, mean, independent, upper, found.size)


def _sigma_note(mascons: int, in_none: int) -> str:
    """Describe how the sigma of the mean was computed."""
    if mascons and in_none:
        return (
            f"The region is in {mascons} mascons, but the product has no mascon for {in_none} of "
            "its cells. In months in which one of these has a value, only the upper bound of the "
            "sigma of the mean is given."
        )
    if mascons:
        return (
            f"The region is in {mascons} mascons; the sigma of its mean takes their errors as "
            "independent."
        )
    return (
        "The product does not state which cells share a mascon, so only the upper bound of the "
        "sigma of the mean is given, with all cells fully correlated."
    )


def _month_mean(
    values: np.ndarray, sigma: np.ndarray, areas: np.ndarray, mascon: np.ndarray
) -> tuple[float, float, float]:
    """Mean, sigma with independent mascons and upper bound; ``mascon`` is 0 for no mascon."""
    known = np.isfinite(values)
    if not known.any():
        return np.nan, np.nan, np.nan
    weights = areas[known] / areas[known].sum()
    errors = weights * sigma[known]
    mascon_errors = np.bincount(mascon[known], weights=errors)
    independent = np.sqrt((mascon_errors**2).sum()) if mascon[known].all() else np.nan
    return (weights * values[known]).sum(), independent, errors.sum()


def write_regional_mean(path: str | Path, regional: RegionalMean) -> None:
    """Write the monthly means and standard errors in cm as CSV, with empty fields for NaN."""
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["month", "twsa_cm", "sigma_cm", "sigma_upper_cm"])
        for month, *values in zip(
            regional.months, regional.mean, regional.sigma, regional.upper_sigma
        ):
            writer.writerow(
                [month, *("" if np.isnan(value) else f"{value:.4f}" for value in values)]
            )
