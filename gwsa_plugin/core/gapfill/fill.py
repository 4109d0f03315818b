"""Gap filling of a monthly stack: the months between the first and the last observed month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.memory import require_memory
from ..base.months import name_runs
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_file
from ..files.stack import FILLED, MISSING, MonthlyStack, block_side
from ..rasters.geotiff import Header, new_geotiff
from .artificial_gaps import Fill, GapScore, fill_artificial_gaps, run_lengths, scores
from .methods import AUTO, BASELINE_METHOD, METHOD_NAMES, SSA, FillOptions, fill_series
from .selection import Choice, Trials, choose, fill_chosen, try_all
from .series import GapGroup, group_by_gaps, unique_series
from .ssa import has_numba
from .uncertainty import Calibration, calibrate, sigma, variability

FLAGS = "FLAGS"
FLAG_OBSERVED = 0
FLAG_FILLED = 1
FLAG_MISSING = 255
# Copies of the different series, float32, that filling with one method needs: benchmarks/memory.py.
# The choice of a method needs no less.
COPIES = 11
SAMPLE = 100  # series that are validated; the scores change little with more of them
COMPARED = (BASELINE_METHOD, "harmonic_linear")


@dataclass(frozen=True)
class FilledStack:
    """Filled stack with sigma, flags, scores and the selected methods.

    Cells with identical series have one entry in ``values``, ``sigmas``, ``marks`` and ``chosen``.

    Parameters
    ----------
    filled : MonthlyStack
        The input with its gaps filled.
    cells : ndarray of int, shape (rows, columns)
        Index of each cell's series.
    values : ndarray of float32, shape (series, months)
    sigmas : ndarray of float32, shape (series, months)
        One standard error of the filled months; NaN elsewhere.
    marks : ndarray of uint8, shape (series, months)
        FLAG_OBSERVED, FLAG_FILLED or FLAG_MISSING.
    chosen : dict of str to ndarray of object, shape (series,)
        Kind of gap (LONG, SHORT) -> FillOptions of each series, None for a series without gaps.
        Empty unless the method is AUTO.
    options : FillOptions
        As used.
    scores : tuple of GapScore
        Scores of the method and of those in COMPARED in the artificial gaps.
    calibration : Calibration or None
        None, with sigma all NaN, where nothing was filled or the record is too short for artificial
        gaps.
    """

    filled: MonthlyStack
    cells: np.ndarray
    values: np.ndarray
    sigmas: np.ndarray
    marks: np.ndarray
    chosen: dict[str, np.ndarray]
    options: FillOptions
    scores: tuple[GapScore, ...]
    calibration: Calibration | None

    @property
    def sigma(self) -> MonthlyStack:
        """One standard error of the filled months, in the unit of the stack."""
        sigmas = on_map(self.sigmas, self.cells)
        return replace(self.filled, values=sigmas, variable=f"{self.filled.variable}_SIGMA")

    @property
    def flags(self) -> np.ndarray:
        """``marks`` on the map: uint8, shape (months, rows, columns)."""
        return on_map(self.marks, self.cells)


def fill_gaps(
    stack: MonthlyStack, options: FillOptions = FillOptions(), progress: Progress = SILENT
) -> FilledStack:
    """Fill every cell of the region between its first and its last observed month.

    The margin around the region (tag GWSA_REGION) keeps its gaps, except in cells whose series
    occurs in the region, because the stages after this one use the margin in observed months only.
    Observed values are not changed. Months before the first or after the last observed month, and
    the gaps of cells with fewer than 24 observed months, stay missing with a warning. Identical
    series get identical values. Sigma is calibrated on the errors in artificial gaps.

    Parameters
    ----------
    stack : MonthlyStack
        NaN in missing months.
    options : FillOptions, optional
    progress : Progress, optional

    Returns
    -------
    FilledStack

    Raises
    ------
    InputError
        When the stack holds flags or standard errors or has no values, when all cells with gaps
        have too few observed months, or when an option is out of range.

    References
    ----------
    See ``methods``, ``red_noise``, ``ssa`` and ``selection``.
    """
    options = _check_options(options, stack.months.size, progress)
    _check_variable(stack, progress)
    observed, cells = unique_series(stack)
    cells = cells.reshape(stack.grid.shape)
    _require_memory(observed, progress)
    groups = group_by_gaps(observed, stack.variable, progress, _region_series(stack, cells))
    if stack.region.shape != stack.grid.shape:
        progress.info("The margin around the region is not filled.")
    _warn_of_long_gaps(groups, options, progress)
    trying = progress.part(0, 0.8).timed("Trial of methods")
    trials = _try_candidates(observed, groups, options, trying)
    gap_scores, calibration = _cross_validate(
        observed, groups, trials, options, progress.part(0.8, 0.9)
    )
    values = observed.copy()
    sigmas = np.full_like(observed, np.nan)
    chosen: dict[str, np.ndarray] = {}
    for group, trial, part in zip(groups, trials, progress.part(0.9, 1).parts(len(groups))):
        series = group.select(observed)
        choice = choose(trial) if trial else None
        values[group.gaps] = _fill(series, group.missing, options, choice, part)
        if calibration:
            spread = variability(series, group.missing)
            sigmas[group.gaps] = sigma(calibration, spread, group.missing)
        if choice:
            candidates = np.array(choice.candidates)
            for kind, index in choice.index.items():
                by_series = chosen.setdefault(kind, np.full(len(observed), None))
                by_series[group.members] = candidates[index]
    _log_choice(chosen, progress)
    came_filled = np.array([source == FILLED for source in stack.source])
    return FilledStack(
        filled=_filled_stack(stack, on_map(values, cells), progress),
        cells=cells,
        values=values,
        sigmas=sigmas,
        marks=_marks(observed, values, came_filled),
        chosen=chosen,
        options=options,
        scores=gap_scores,
        calibration=calibration,
    )


def on_map(series: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Map the values of the distinct series to all cells.

    Parameters
    ----------
    series : ndarray, shape (series, months)
    cells : ndarray of int, shape (rows, columns)
        Index of each cell's series.

    Returns
    -------
    ndarray, shape (months, rows, columns)
    """
    field = np.empty((series.shape[1], *cells.shape), dtype=series.dtype)
    for month in range(series.shape[1]):
        field[month] = series[:, month][cells]
    return field


def write_flags(
    path: str | Path, result: FilledStack, tags: dict[str, str], progress: Progress = SILENT
) -> None:
    """Write the flags atomically as a uint8 GeoTIFF: 0 observed, 1 filled, 255 (nodata) missing.

    Parameters
    ----------
    path : str or Path
    result : FilledStack
    tags : dict of str to str
        Tags of the file, such as the provenance.
    progress : Progress, optional
    """
    stack = result.filled
    flag_tags = {"GWSA_VARIABLE": FLAGS, "GWSA_FLAGS": "0 observed, 1 filled, 255 missing"}
    header = Header(
        grid=stack.grid,
        names=tuple(map(str, stack.months)),
        unit="",
        tags={**tags, **flag_tags},
        sources=stack.source,
        dtype="uint8",
        nodata=FLAG_MISSING,
    )
    side = block_side(header.grid)
    with atomic_file(path) as part, new_geotiff(part, header, side) as target:
        for band, marks in enumerate(result.marks.T, start=1):
            progress.advance(band / stack.months.size)
            target.write(band, marks[result.cells])


def _check_options(options: FillOptions, months: int, progress: Progress) -> FillOptions:
    """Return the options as used for a record of ``months``."""
    if options.method not in METHOD_NAMES:
        raise ValueError(f"{options.method} is none of {', '.join(METHOD_NAMES)}")
    if options.window < 2 or options.components < 1 or not 0 < options.tolerance < 1:
        raise InputError(
            f"SSA cannot run with window {options.window}, components {options.components} and "
            f"tolerance {options.tolerance}; give a window of at least 2 months, 1 component and a "
            "tolerance between 0 and 1."
        )
    if options.method == AUTO and not has_numba():
        progress.warn(
            "The Python library numba is not installed; without it cross-validation takes about "
            "three times as long."
        )
    used = options.for_record(months)
    if options.method in SSA and used != options:
        progress.warn(
            f"SSA runs with a window of {used.window} months and {used.components} components "
            f"instead of {options.window} and {options.components}: the window can be at most half "
            f"of the {months} months, and the components at most the window."
        )
    return used


def _require_memory(observed: np.ndarray, progress: Progress) -> None:
    count, months = observed.shape
    subject = f"Filling {count:,} different series of {months} months"
    require_memory(COPIES * observed.nbytes, subject, progress)


def _check_variable(stack: MonthlyStack, progress: Progress) -> None:
    """Refuse flags and standard errors, and warn of a stack of one month."""
    if stack.variable == FLAGS or "sigma" in stack.variable.lower():
        raise InputError(
            f"The stack holds {stack.variable}, which has no gaps to fill; give the stack of the "
            "storage itself."
        )
    if stack.months.size == 1:
        progress.warn(
            f"The stack holds one month, {stack.months[0]}; give the folder of its files where "
            "there is one file a month."
        )


def _region_series(stack: MonthlyStack, cells: np.ndarray) -> np.ndarray:
    """The indices of the series that occur in the region of the stack."""
    return np.unique(cells[stack.grid.window_of(stack.region)])


def _warn_of_long_gaps(groups: list[GapGroup], options: FillOptions, progress: Progress) -> None:
    longest = max((run_lengths(group.missing).max() for group in groups), default=0)
    if options.method in SSA and longest >= options.window:
        progress.warn(
            f"A gap of {longest} months is not shorter than the SSA window of {options.window} "
            "months; use a wider window."
        )


def _try_candidates(
    observed: np.ndarray, groups: list[GapGroup], options: FillOptions, progress: Progress
) -> Sequence[Trials | None]:
    """Return the trials of each group, None unless the method is AUTO."""
    if options.method != AUTO:
        return [None] * len(groups)
    return [
        try_all(group.select(observed), group.missing, options.tolerance, part)
        for group, part in zip(groups, progress.parts(len(groups)))
    ]


def _cross_validate(
    observed: np.ndarray,
    groups: list[GapGroup],
    trials: Sequence[Trials | None],
    options: FillOptions,
    progress: Progress,
) -> tuple[tuple[GapScore, ...], Calibration | None]:
    """Score and calibrate on a sample of the largest group, evenly spread over the map."""
    if not groups:
        return (), None
    group, trial = max(zip(groups, trials), key=lambda pair: pair[0].members.size)
    sample = np.unique(np.linspace(0, group.members.size - 1, SAMPLE).astype(int))
    series = replace(group, members=group.members[sample]).select(observed)

    def fill_by_options(series, missing, fold):
        # The fold that is scored takes no part in the selection.
        choice = choose(trial, without=fold).take(sample) if trial else None
        return _fill(series, missing, options, choice)

    fills: dict[str, Fill] = {options.method: fill_by_options}
    fills.update({name: _single_method(name) for name in COMPARED if name != options.method})
    gaps = fill_artificial_gaps(series, group.missing, fills, progress)
    if gaps is None:
        progress.warn(
            "The record is too short for artificial gaps: the filled months have no sigma and no "
            "score."
        )
        return (), None
    found = scores(gaps, fills)
    for score in found:
        progress.info(
            f"{METHOD_NAMES[score.method]}, artificial gaps ({score.kind}): RMSE {score.rmse:.2f}, "
            f"NSE {score.nse:.2f}."
        )
    return found, calibrate(gaps, options.method, variability(series, group.missing))


def _single_method(method: str) -> Fill:
    return lambda series, missing, fold: fill_series(series, missing, FillOptions(method))


def _fill(
    series, missing, options: FillOptions, choice: Choice | None, progress: Progress = SILENT
) -> np.ndarray:
    if choice is None:
        return fill_series(series, missing, options, progress)
    return fill_chosen(series, missing, choice, progress)


def _log_choice(chosen: dict[str, np.ndarray], progress: Progress) -> None:
    for kind, by_series in chosen.items():
        counts = Counter(METHOD_NAMES[options.method] for options in by_series if options)
        texts = [f"{name} for {count} series" for name, count in counts.most_common()]
        progress.info(f"Chosen for {kind} gaps: {'; '.join(texts)}.")


def _filled_stack(stack: MonthlyStack, values: np.ndarray, progress: Progress) -> MonthlyStack:
    """Return the stack with the filled values and sources, and log the filled months."""
    present = np.isfinite(values).any(axis=(1, 2))
    source = tuple(
        FILLED if source == MISSING and has_value else source
        for source, has_value in zip(stack.source, present)
    )
    filled = replace(stack, values=values, source=source)
    new = np.setdiff1d(filled.months_with_source(FILLED), stack.months_with_source(FILLED))
    still_missing = filled.months_with_source(MISSING)
    progress.info(f"Filled {new.size} months: {name_runs(new)}.")
    if still_missing.size:
        progress.warn(
            f"{name_runs(still_missing)} stay missing: gaps before the first or after the last "
            "observed month are not extrapolated."
        )
    return filled


def _marks(before: np.ndarray, after: np.ndarray, came_filled: np.ndarray) -> np.ndarray:
    """Return the flags, shape (series, months); months filled in the input count as filled."""
    marks = np.where(np.isnan(before) | came_filled, np.uint8(FLAG_FILLED), np.uint8(FLAG_OBSERVED))
    marks[np.isnan(after)] = FLAG_MISSING
    return marks
