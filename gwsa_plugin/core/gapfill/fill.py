"""Gap filling: the months without a value between the first and the last that have one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import rasterio

from ..base.errors import InputError
from ..base.months import name_runs
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_file
from ..files.geotiff import creation, describe_band
from ..files.stack import FILLED, MISSING, MonthlyStack
from .artificial_gaps import GapScore, fill_artificial_gaps, run_lengths, scores
from .methods import AUTO, BASELINE_METHOD, METHOD_NAMES, SSA, FillOptions, fill_series
from .selection import Choice, Trials, choose, fill_chosen, try_all
from .series import Group, group_by_gaps, unique_series
from .ssa import has_numba
from .uncertainty import Calibration, calibrate, sigma, variability

FLAG_OBSERVED, FLAG_FILLED, FLAG_MISSING = 0, 1, 255
SAMPLE = 100  # series whose hidden months are scored; more of them say the same
COMPARED = (BASELINE_METHOD, "harmonic_linear")


@dataclass(frozen=True)
class FilledStack:
    """``filled`` is the input with its gaps closed. What is alike in identical cells is kept once a distinct series:

    ``cells``: the number of each cell's series, shape (rows, columns). ``values`` and ``sigmas``: float32, shape
    (series, months); sigma has values in filled months only, NaN elsewhere. ``marks``: uint8, same shape,
    FLAG_OBSERVED, FLAG_FILLED or FLAG_MISSING. ``chosen``, empty but for AUTO: for each kind of gap (LONG, SHORT) the
    FillOptions of each series, None where nothing was filled.

    ``options``: as used. ``scores``: of the method and of those in COMPARED, on hidden months. ``calibration`` is None,
    and sigma all NaN, where nothing was filled or the record is too short to hide anything.
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
        """One standard error of the filled months."""
        sigmas = on_map(self.sigmas, self.cells)
        return replace(self.filled, values=sigmas, variable=f"{self.filled.variable}_SIGMA")

    @property
    def flags(self) -> np.ndarray:
        """uint8, shape (months, rows, columns)."""
        return on_map(self.marks, self.cells)


def fill_gaps(
    stack: MonthlyStack, options: FillOptions = FillOptions(), progress: Progress = SILENT
) -> FilledStack:
    """Fill every cell of ``stack`` (cm, NaN missing) between its own first and last observed month.

    Observed values stay as they are, bit for bit. Months before the first or after the last observed one stay missing,
    and so do the gaps of cells with fewer than 24 observed months; both are warned of. Identical series get identical
    values. Sigma (cm, one standard error) comes from observed months that were hidden and filled again.

    Raises InputError for a stack without values, one with gaps in cells that all have too few observed months, and
    options that are out of range. Methods and their sources: ``fill_methods``, ``fill_choice``, ``red_noise``, ``ssa``.
    """
    options = _checked(options, stack.months.size, progress)
    rows, cells = unique_series(stack)
    groups = group_by_gaps(rows, stack.variable, progress)
    _warn_of_long_gaps(groups, options, progress)
    trials = _try_candidates(rows, groups, options, progress.part(0, 0.8))
    scores, calibration = _cross_validate(rows, groups, trials, options, progress.part(0.8, 0.9))
    values, sigmas, chosen = rows.copy(), np.full_like(rows, np.nan), {}
    for group, trial, part in zip(groups, trials, progress.part(0.9, 1).parts(len(groups))):
        series, choice = group.series(rows), choose(trial) if trial else None
        values[group.gaps] = _fill(series, group.missing, options, choice, part)
        if calibration:
            sigmas[group.gaps] = sigma(
                calibration, variability(series, group.missing), group.missing
            )
        for kind, places in choice.of.items() if choice else ():
            chosen.setdefault(kind, np.full(len(rows), None))[group.members] = np.array(
                choice.candidates
            )[places]
    _say_what_was_chosen(chosen, progress)
    cells = cells.reshape(stack.grid.shape)
    marks = _marks(rows, values, np.array([word == FILLED for word in stack.source]))
    filled = _filled(stack, on_map(values, cells), progress)
    return FilledStack(filled, cells, values, sigmas, marks, chosen, options, scores, calibration)


def on_map(series: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(series, months) as (months, rows, columns), by the number of each cell's series."""
    field = np.empty((series.shape[1], *cells.shape), dtype=series.dtype)
    for month in range(series.shape[1]):
        field[month] = series[:, month][cells]
    return field


def write_flags(
    path, result: FilledStack, tags: dict[str, str], progress: Progress = SILENT
) -> None:
    """A uint8 GeoTIFF with the bands of the filled stack: 0 observed, 1 filled, no data (255) missing."""
    stack = result.filled
    profile = creation(
        stack.grid, stack.months.size, dtype="uint8", nodata=FLAG_MISSING, predictor=1
    )
    with atomic_file(path) as part, rasterio.open(part, "w", **profile) as target:
        target.update_tags(
            **tags, GWSA_VARIABLE="FLAGS", GWSA_FLAGS="0 observed, 1 filled, 255 missing"
        )
        for band, (marks, month, word) in enumerate(
            zip(result.marks.T, stack.months, stack.source), start=1
        ):
            progress.advance(band / stack.months.size)
            target.write(marks[result.cells], band)
            describe_band(target, band, month, word)


def _checked(options: FillOptions, months: int, progress: Progress) -> FillOptions:
    if options.method not in METHOD_NAMES:
        raise ValueError(f"{options.method} is none of {', '.join(METHOD_NAMES)}")
    if options.window < 2 or options.components < 1 or not 0 < options.tolerance < 1:
        raise InputError(
            f"SSA cannot run with window {options.window}, components {options.components} and tolerance "
            f"{options.tolerance}; give a window of at least 2 months, 1 component and a tolerance between 0 and 1."
        )
    if options.method == AUTO and not has_numba():
        progress.warn(
            "The Python library numba is not here, so that cross-validation takes some fifty times as long."
        )
    fitting = options.for_record(months)
    if options.method in SSA and fitting != options:
        progress.warn(
            f"SSA runs with a window of {fitting.window} months and {fitting.components} components, not "
            f"{options.window} and {options.components}: a window cannot exceed half of the {months} months, nor the "
            "components the window."
        )
    return fitting


def _warn_of_long_gaps(groups: list[Group], options: FillOptions, progress: Progress) -> None:
    longest = max((run_lengths(group.missing).max() for group in groups), default=0)
    if options.method in SSA and longest >= options.window:
        progress.warn(
            f"A gap of {longest} months is no shorter than the SSA window of {options.window}; widen it."
        )


def _try_candidates(rows, groups, options, progress) -> list[Trials | None]:
    """For AUTO the trials of each group."""
    if options.method != AUTO:
        return [None] * len(groups)
    trials = []
    for group, part in zip(groups, progress.parts(len(groups))):
        trials.append(try_all(group.series(rows), group.missing, options.tolerance, part))
    return trials


def _cross_validate(
    rows, groups, trials, options, progress
) -> tuple[tuple[GapScore, ...], Calibration | None]:
    """On a sample of the largest group, evenly spread over the map."""
    if not groups:
        return (), None
    group, trial = max(zip(groups, trials), key=lambda pair: pair[0].members.size)
    sample = np.unique(np.linspace(0, group.members.size - 1, SAMPLE).astype(int))
    series = replace(group, members=group.members[sample]).series(rows)

    def own(series, missing, number):
        # The choice that is judged on a round was made without that round.
        choice = choose(trial, without=number).take(sample) if trial else None
        return _fill(series, missing, options, choice)

    fills = {
        options.method: own,
        **{name: _plainly(name) for name in COMPARED if name != options.method},
    }
    hidden = fill_artificial_gaps(series, group.missing, fills, progress)
    if hidden is None:
        progress.warn(
            "The record is too short to hide months of it: the filled months have no sigma and no score."
        )
        return (), None
    found = scores(hidden, fills)
    for one in found:
        progress.info(
            f"{METHOD_NAMES[one.method]}, {one.kind}: RMSE {one.rmse:.2f}, NSE {one.nse:.2f}."
        )
    return found, calibrate(hidden, options.method, variability(series, group.missing))


def _plainly(method: str):
    return lambda series, missing, number: fill_series(series, missing, FillOptions(method))


def _fill(
    series, missing, options: FillOptions, choice: Choice | None, progress: Progress = SILENT
) -> np.ndarray:
    if choice is None:
        return fill_series(series, missing, options, progress)
    return fill_chosen(series, missing, choice, progress)


def _say_what_was_chosen(chosen: dict[str, np.ndarray], progress: Progress) -> None:
    for kind, options in chosen.items():
        counts = Counter(METHOD_NAMES[one.method] for one in options if one)
        shares = [f"{name} for {count} series" for name, count in counts.most_common()]
        progress.info(f"Chosen for {kind} gaps: {'; '.join(shares)}.")


def _filled(stack: MonthlyStack, values: np.ndarray, progress: Progress) -> MonthlyStack:
    """The stack with its new values, the months marked, and the log told which."""
    present = np.isfinite(values).any(axis=(1, 2))
    source = tuple(
        FILLED if word == MISSING and has else word for word, has in zip(stack.source, present)
    )
    filled = replace(stack, values=values, source=source)
    new = np.setdiff1d(filled.named(FILLED), stack.named(FILLED))
    progress.info(f"Filled {new.size} months: {name_runs(new)}.")
    if filled.named(MISSING).size:
        progress.warn(
            f"{name_runs(filled.named(MISSING))} stay missing: before the first or after the last observed month "
            "nothing is extrapolated."
        )
    return filled


def _marks(before: np.ndarray, after: np.ndarray, came_filled: np.ndarray) -> np.ndarray:
    """uint8, shape (series, months); months that the input already marks as filled are filled, not observed."""
    marks = np.where(np.isnan(before) | came_filled, np.uint8(FLAG_FILLED), np.uint8(FLAG_OBSERVED))
    marks[np.isnan(after)] = FLAG_MISSING
    return marks
