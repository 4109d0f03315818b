"""The lines of the log that state what an import read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import month_range, name_runs
from ..base.progress import Progress
from ..files.stack import FILLED, MonthlyStack, read_stack
from ..rasters.reading import open_raster
from .filled_months import FIRST, WITHOUT_SOLUTION
from .mascons import GAIN, MasconFile
from .selection import RELEASE_TAG, Selection
from .solution_months import missing_months

# Differences below this are those of stored decimals.
REVISED_CM = 0.005


def log_product(mascons: MasconFile, progress: Progress) -> None:
    """Log the centre and the release, and what the file does not state."""
    if mascons.centre:
        product = f"{mascons.centre} {mascons.release}".strip()
        progress.info(f"{mascons.name}: {product} (“{mascons.title}”).")
    else:
        progress.warn(
            f"{mascons.name} does not state its processing centre; it is read by its variables."
        )
    stated = mascons.thickness.file.unit(mascons.thickness.name)
    if stated and stated != mascons.unit:
        progress.warn(
            f"{mascons.thickness.name} is taken in {mascons.unit}, as UNIT states; {mascons.name} "
            f"itself states {stated}."
        )
    if mascons.has(GAIN):
        progress.info("The file has gain factors, which are applied only when the option is on.")
    if not mascons.spans_stated:
        progress.warn(
            f"{mascons.name} has no time_bounds, so each solution is taken to cover half a month "
            "to each side of its time; give the file as its centre distributes it to use the true "
            "spans."
        )
    if mascons.listed_missing is None:
        progress.warn(
            f"{mascons.name} lists no missing months, so the month labels cannot be checked "
            "against that list."
        )


def log_months(selection: Selection, twsa: MonthlyStack, progress: Progress) -> None:
    """Log what was read in one line, and the months that have no solution.

    Parameters
    ----------
    selection : Selection
        With the fields of the file, empty ones left out and filled ones marked.
    twsa : MonthlyStack
        The stack that was read from them.
    progress : Progress
    """
    mascons = selection.mascons
    has_values = twsa.months[np.array(twsa.source) != "missing"]
    filled = twsa.months_with_source(FILLED)
    progress.info(
        f"Read {has_values.size} months {has_values[0]}..{has_values[-1]} from variable "
        f"{mascons.thickness.name} in {mascons.unit}, "
        f"{filled.size or 'none'} of them filled by others; {_cells_text(selection)}."
    )
    if filled.size:
        progress.warn(
            f"{filled.size} months are marked as filled, because GRACE has no solution in them or "
            f"their fields lie on the line between their neighbours: {name_runs(filled)}."
        )
    solutions = [one for one in selection.solutions if not one.filled]
    if not solutions:
        return
    missing = missing_months(solutions)
    progress.info(f"{missing.size} months between them have none: {name_runs(missing)}.")
    _warn_about_lost_months(selection, missing, progress)
    for solution in solutions:
        if solution.moved_from:
            progress.info(
                f"The solution {solution} is labelled {solution.month}, because another one has "
                f"{solution.moved_from}."
            )


def log_change(path: Path, twsa: MonthlyStack, progress: Progress) -> None:
    """Log how a stack differs from the one that it replaces: its release, or its months.

    Parameters
    ----------
    path : Path
        The stack that was imported before, if there is one.
    twsa : MonthlyStack
        The stack that takes its place.
    progress : Progress
    """
    try:
        earlier = read_stack(path, "TWSA") if path.is_file() else None
    except InputError:
        return
    if earlier is None or earlier.grid != twsa.grid:
        return
    with open_raster(path) as source:
        was, now = source.tags().get(RELEASE_TAG), twsa.tags.get(RELEASE_TAG)
    if was != now:
        progress.warn(
            f"{path.name} had the release {was} and now has {now}, a new release: all months "
            "differ, so run all later stages again."
        )
        return
    added = np.setdiff1d(_with_solution(twsa), _with_solution(earlier))
    if added.size:
        progress.info(f"{path.name} has {added.size} months more than before: {name_runs(added)}.")
    revised = _revised(earlier, twsa)
    if revised.size:
        progress.warn(
            f"{revised.size} months of {path.name} have other values than before, though the "
            f"release is the same: {name_runs(revised)}."
        )


def _with_solution(stack: MonthlyStack) -> np.ndarray:
    """The months that have values."""
    return stack.months[np.array(stack.source) != "missing"]


def _revised(earlier: MonthlyStack, twsa: MonthlyStack) -> np.ndarray:
    """The months that both stacks have, with different values."""
    months, ours, theirs = np.intersect1d(twsa.months, earlier.months, return_indices=True)
    both = zip(twsa.values[ours], earlier.values[theirs])
    differences = (np.abs(new - old) for new, old in both)
    return months[[bool(np.any(difference > REVISED_CM)) for difference in differences]]


def _cells_text(selection: Selection) -> str:
    """Size of the cells of the file, and how far their edges are from those of the output."""
    variable = selection.mascons.thickness
    target = selection.regridding.target
    axes = (variable.longitudes, target.west), (variable.latitudes, target.north)
    sizes = [abs((axis[-1] - axis[0]) % 360) / (axis.size - 1) for axis, _ in axes if axis.size > 1]
    size = min(sizes)
    offsets = [abs((axis[0] - size / 2 - edge + size / 2) % size - size / 2) for axis, edge in axes]
    offset = max(offsets)
    return f"cells of {size:.4g}°" + (f", offset {offset:.3g}°" if offset > 1e-3 * size else "")


def _warn_about_lost_months(selection: Selection, missing: np.ndarray, progress: Progress) -> None:
    """Warn when months with a solution of GRACE have none in the file and it does not list them."""
    listed = selection.mascons.listed_missing
    known = WITHOUT_SOLUTION if listed is None else np.union1d(WITHOUT_SOLUTION, listed)
    lost = np.setdiff1d(missing[missing >= FIRST], known)
    lost = np.intersect1d(lost, month_range(selection.calendar[0], selection.calendar[-1]))
    if lost.size:
        progress.warn(
            f"{selection.mascons.name} has no solution in {name_runs(lost)}, though GRACE has one; "
            "a file that was resampled to calendar months has the mean of two solutions in the "
            "month before or after, so give the file as its centre distributes it."
        )
