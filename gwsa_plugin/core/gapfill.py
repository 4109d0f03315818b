"""Gap filling: the months without a value between the first and the last that have one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import rasterio

from .errors import InputError
from .fill_methods import BASELINE_METHOD, LEAST_OBSERVED, METHOD_NAMES, METHODS, FillOptions, fill_series
from .fill_sigma import Calibration, calibrate, sigma, variability
from .hidden import Score, hide_and_fill, run_lengths, score
from .months import name_runs
from .progress import SILENT, Progress
from .stack import FILLED, MISSING, MonthlyStack, creation, describe_band
from .whole import whole_file

FLAG_OBSERVED, FLAG_FILLED, FLAG_MISSING = 0, 1, 255
SAMPLE = 100  # series whose months are hidden; more of them say the same
COMPARED = (BASELINE_METHOD, "harmonic_linear")


@dataclass(frozen=True)
class FilledStack:
    """``filled`` is the input with its gaps closed; ``sigma`` has values in filled months only, NaN elsewhere.

    ``flags``: uint8, shape (months, rows, columns): FLAG_OBSERVED, FLAG_FILLED or FLAG_MISSING. ``options``: as used.
    ``scores``: of the method and of those in COMPARED, on hidden months. ``calibration`` is None, and sigma all NaN,
    where nothing was filled or the record is too short to hide anything.
    """

    filled: MonthlyStack
    sigma: MonthlyStack
    flags: np.ndarray
    options: FillOptions
    scores: tuple[Score, ...]
    calibration: Calibration | None


def fill_gaps(stack: MonthlyStack, options: FillOptions = FillOptions(), progress: Progress = SILENT) -> FilledStack:
    """Fill every cell of ``stack`` (cm, NaN missing) between its own first and last observed month.

    Observed values stay as they are, bit for bit. Months before the first or after the last observed one stay missing,
    and so do the gaps of cells with fewer than 24 observed months; both are warned of. Identical series get identical
    values. Sigma (cm, one standard error) comes from observed months that were hidden and filled again.

    Raises InputError for a stack without values, one with gaps in cells that all have too few observed months, and
    options that are out of range. Methods and their sources: ``fill_methods``, ``red_noise``, ``ssa``.
    """
    options = _checked(options, stack.months.size, progress)
    rows, cells = _unique_series(stack)
    groups = _groups(rows, stack, progress)
    _warn_of_long_gaps(groups, options, progress)
    scores, calibration = _cross_validate(rows, groups, options, progress.part(0, 0.5))
    values, sigmas = rows.copy(), np.full_like(rows, np.nan)
    for number, group in enumerate(groups):
        series = group.series(rows)
        part = progress.part(0.5 + number / len(groups) / 2, 0.5 + (number + 1) / len(groups) / 2)
        gaps = np.ix_(group.members, group.months[group.missing])
        values[gaps] = fill_series(series, group.missing, options, part)
        if calibration:
            sigmas[gaps] = sigma(calibration, variability(series, group.missing), group.missing)
    filled = _filled(stack, values[cells], progress)
    sigma_stack = replace(filled, values=_as_field(sigmas[cells], stack), variable=f"{stack.variable}_SIGMA")
    return FilledStack(filled, sigma_stack, _flags(stack, filled), options, scores, calibration)


def write_flags(path, result: FilledStack, tags: dict[str, str]) -> None:
    """A uint8 GeoTIFF with the bands of the filled stack: 0 observed, 1 filled, no data (255) missing."""
    stack = result.filled
    profile = creation(stack.grid, stack.months.size, dtype="uint8", nodata=FLAG_MISSING, predictor=1)
    with whole_file(path) as part, rasterio.open(part, "w", **profile) as target:
        target.update_tags(**tags, GWSA_VARIABLE="FLAGS", GWSA_FLAGS="0 observed, 1 filled, 255 missing")
        for band, (flags, month, word) in enumerate(zip(result.flags, stack.months, stack.source), start=1):
            target.write(flags, band)
            describe_band(target, band, month, word)


@dataclass(frozen=True)
class _Group:
    """Series that miss the same months.

    ``members``: their numbers; ``months``: numbers of those from the first to the last observed; ``missing``: bool,
    one for each of ``months``.
    """

    members: np.ndarray
    months: np.ndarray
    missing: np.ndarray

    def series(self, rows: np.ndarray) -> np.ndarray:
        """float64, shape (members, months), 0 in missing months."""
        return np.where(self.missing, 0.0, rows[np.ix_(self.members, self.months)].astype(np.float64))


def _checked(options: FillOptions, months: int, progress: Progress) -> FillOptions:
    if options.method not in METHODS:
        raise ValueError(f"{options.method} is none of {', '.join(METHODS)}")
    if options.window < 2 or options.components < 1 or not 0 < options.tolerance < 1:
        raise InputError(
            f"SSA cannot run with window {options.window}, components {options.components} and tolerance "
            f"{options.tolerance}; give a window of at least 2 months, 1 component and a tolerance between 0 and 1."
        )
    fitting = options.for_record(months)
    if "ssa" in options.method and fitting != options:
        progress.warn(
            f"SSA runs with a window of {fitting.window} months and {fitting.components} components, not "
            f"{options.window} and {options.components}: a window cannot exceed half of the {months} months, nor the "
            "components the window."
        )
    return fitting


def _unique_series(stack: MonthlyStack) -> tuple[np.ndarray, np.ndarray]:
    """The distinct series, float32 (series, months), in the order of their first cell; and each cell's number."""
    series = np.ascontiguousarray(stack.values.reshape(stack.months.size, -1).T)
    series[np.isnan(series)] = np.nan  # one bit pattern for all, as bytes are compared
    keys = series.view(np.dtype((np.void, series.itemsize * series.shape[1]))).ravel()
    _, first, cells = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return series[first[order]], np.argsort(order)[cells.ravel()]


def _groups(rows: np.ndarray, stack: MonthlyStack, progress: Progress) -> list[_Group]:
    """The series that have a gap to fill, by what they miss."""
    masks, which = np.unique(np.isnan(rows), axis=0, return_inverse=True)
    observed = (~masks).sum(axis=1)
    if not observed.any():
        raise InputError(f"The {stack.variable} stack has no values at all; give one that has data in this region.")
    groups, short = [], 0
    for number, mask in enumerate(masks):
        members = np.flatnonzero(which.ravel() == number)
        present = np.flatnonzero(~mask)
        inside = np.arange(present[0], present[-1] + 1) if present.size else present
        if not mask[inside].any():
            continue
        if observed[number] < LEAST_OBSERVED:
            short += members.size
        else:
            groups.append(_Group(members, inside, mask[inside]))
    if short and not groups:
        raise InputError(
            f"The {stack.variable} stack has at most {observed.max()} observed months in a cell and gap filling needs "
            f"{LEAST_OBSERVED}; give a longer period."
        )
    if short:
        progress.warn(f"{short} series have fewer than {LEAST_OBSERVED} observed months; their gaps stay missing.")
    return groups


def _warn_of_long_gaps(groups: list[_Group], options: FillOptions, progress: Progress) -> None:
    longest = max((run_lengths(group.missing).max() for group in groups), default=0)
    if "ssa" in options.method and longest >= options.window:
        progress.warn(f"A gap of {longest} months is no shorter than the SSA window of {options.window}; widen it.")


def _cross_validate(rows, groups, options, progress) -> tuple[tuple[Score, ...], Calibration | None]:
    """On a sample of the largest group, evenly spread over the map."""
    if not groups:
        return (), None
    group = max(groups, key=lambda group: group.members.size)
    sample = np.unique(np.linspace(0, group.members.size - 1, SAMPLE).astype(int))
    series = replace(group, members=group.members[sample]).series(rows)
    methods = dict.fromkeys((options.method, *COMPARED))
    hidden = hide_and_fill(series, group.missing, [replace(options, method=name) for name in methods], progress)
    if not hidden:
        progress.warn("The record is too short to hide months of it: the filled months have no sigma and no score.")
        return (), None
    scores = tuple(score(one, name) for one in hidden for name in methods)
    for one in scores:
        progress.say(f"{METHOD_NAMES[one.method]}, {one.kind}: RMSE {one.rmse:.2f}, NSE {one.nse:.2f}.")
    return scores, calibrate(hidden, options.method, variability(series, group.missing))


def _filled(stack: MonthlyStack, series: np.ndarray, progress: Progress) -> MonthlyStack:
    """The stack with its new values, the months marked, and the log told which."""
    values = _as_field(series, stack)
    present = np.isfinite(values).any(axis=(1, 2))
    source = tuple(FILLED if word == MISSING and has else word for word, has in zip(stack.source, present))
    filled = replace(stack, values=values, source=source)
    new = np.setdiff1d(filled.named(FILLED), stack.named(FILLED))
    progress.say(f"Filled {new.size} months: {name_runs(new)}.")
    if filled.named(MISSING).size:
        progress.warn(
            f"{name_runs(filled.named(MISSING))} stay missing: before the first or after the last observed month "
            "nothing is extrapolated."
        )
    return filled


def _as_field(series: np.ndarray, stack: MonthlyStack) -> np.ndarray:
    """(cells, months) as (months, rows, columns)."""
    return np.ascontiguousarray(series.T).reshape(stack.values.shape)


def _flags(stack: MonthlyStack, filled: MonthlyStack) -> np.ndarray:
    """uint8; months that the input already marks as filled are filled, not observed."""
    before = np.array([word == FILLED for word in stack.source])[:, None, None]
    new = np.isnan(stack.values) | before
    flags = np.where(new, FLAG_FILLED, FLAG_OBSERVED)
    return np.where(np.isnan(filled.values), FLAG_MISSING, flags).astype(np.uint8)
