"""Selection of method, window and number of components by cross-validation on artificial gaps.

Long and short gaps have separate choices. Selecting the best of a hundred candidates on some ten
blocks would select on noise. The errors of a series are therefore shrunk towards those of all
series, the more so the less the series differ (empirical Bayes), and a candidate has to be better
than the simplest one by more than one standard error.

References
----------
Efron & Morris (1975), J. Am. Stat. Assoc. 70, 311-319 (empirical Bayes).
Breiman et al. (1984), Classification and Regression Trees, section 3.4.3 (one standard error).
Yi & Sneeuw (2021), J. Geophys. Res. Solid Earth 126, e2020JB021227 (the grid of windows).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..base.progress import SILENT, Progress
from .artificial_gaps import (
    LONG,
    SHORT,
    artificial_gap_positions,
    gap_folds,
    gap_positions,
    in_long_gap,
)
from .methods import METHODS, SSA, FillOptions, fill_series, map_batches
from .ssa import COMPONENT_STEPS, Embedding

WINDOWS = range(24, 97, 12)  # months
SIMPLE = ("harmonic_red", "harmonic", "harmonic_linear")  # the first one is the simplest candidate
CONSTANT = 1e-6  # relative variation below which a series varies by rounding errors only


@dataclass(frozen=True)
class Choice:
    """Candidate that was selected for each series.

    Parameters
    ----------
    candidates : tuple of FillOptions
    index : dict of str to ndarray of int, shape (series,)
        Kind of gap (LONG, SHORT) -> index of each series' candidate.
    """

    candidates: tuple[FillOptions, ...]
    index: dict[str, np.ndarray]

    def take(self, members: np.ndarray) -> Choice:
        """Return the choice for some of the series."""
        index = {kind: selected[members] for kind, selected in self.index.items()}
        return Choice(self.candidates, index)


@dataclass(frozen=True)
class Trials:
    """Errors of all candidates in the artificial gaps.

    Parameters
    ----------
    candidates : tuple of FillOptions
    squared_errors : dict of str to ndarray of float32, shape (folds, candidates, series)
        Kind of gap (LONG, SHORT) -> sum of the squared errors over the artificial months of a fold,
        divided by the variance of the series.
    months : dict of str to ndarray of int, shape (folds,)
        Kind of gap -> number of artificial months.
    """

    candidates: tuple[FillOptions, ...]
    squared_errors: dict[str, np.ndarray]
    months: dict[str, np.ndarray]


def candidates_for(months: int, tolerance: float) -> tuple[FillOptions, ...]:
    """List the candidates for a record.

    Parameters
    ----------
    months : int
        Length of the record. A window is at most half of it.
    tolerance : float
        See ``FillOptions``.

    Returns
    -------
    tuple of FillOptions
        The simple methods, then both kinds of SSA with every window and number of components.
    """
    windows = [window for window in WINDOWS if window <= months // 2] or [months // 2]
    simple = [FillOptions(name, tolerance=tolerance) for name in SIMPLE]
    grid = [
        FillOptions(name, window, components, tolerance)
        for name in SSA
        for window in windows
        for components in COMPONENT_STEPS
        if components <= window
    ]
    return (*simple, *grid)


def try_all(
    series: np.ndarray, missing: np.ndarray, tolerance: float, progress: Progress = SILENT
) -> Trials:
    """Try every candidate on every fold of ``gap_folds``.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)
    tolerance : float
        See ``FillOptions``.
    progress : Progress, optional

    Returns
    -------
    Trials
    """
    folds = gap_folds(missing)
    candidates = candidates_for(missing.size, tolerance)
    in_long = [in_long_gap(artificial_gap_positions(missing, fold)) for fold in folds]

    def try_batch(batch, progress: Progress):
        errors = [
            _squared_errors(batch, missing, artificial, long, candidates, progress)
            for artificial, long in zip(folds, in_long)
        ]
        return np.stack(errors, axis=1)

    # The standard deviation of each series is its last column, so that batches include it.
    with_scale = np.column_stack([series, _scale(series[:, ~missing])])
    if folds:
        summed = map_batches(try_batch, with_scale, progress)
    else:
        summed = np.zeros((len(series), 0, 2, len(candidates)))
    squared_errors = {
        kind: np.moveaxis(summed[:, :, i], 0, -1) for i, kind in enumerate((LONG, SHORT))
    }
    months = {
        LONG: np.array([long.sum() for long in in_long]),
        SHORT: np.array([(~long).sum() for long in in_long]),
    }
    return Trials(candidates, squared_errors, months)


def choose(trials: Trials, without: int | None = None) -> Choice:
    """Select the candidate of least expected error for each series and kind of gap.

    Parameters
    ----------
    trials : Trials
    without : int, optional
        Index of a fold whose errors are ignored.

    Returns
    -------
    Choice
    """
    index = {}
    for kind, months in trials.months.items():
        folds = np.flatnonzero((months > 0) & (np.arange(months.size) != without))
        index[kind] = _least_error(trials.squared_errors[kind][folds], months[folds])
    return Choice(trials.candidates, index)


def fill_chosen(
    series: np.ndarray, missing: np.ndarray, choice: Choice, progress: Progress = SILENT
) -> np.ndarray:
    """Fill the missing months by each series' candidate for the kind of gap.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)
    choice : Choice
    progress : Progress, optional

    Returns
    -------
    ndarray of float64, shape (series, missing months)
    """
    long = in_long_gap(gap_positions(missing))
    result = np.empty((len(series), long.size))
    used = [(kind, i) for kind, index in choice.index.items() for i in np.unique(index)]
    for (kind, i), part in zip(used, progress.parts(len(used))):
        members = np.flatnonzero(choice.index[kind] == i)
        months = np.flatnonzero(long == (kind == LONG))
        if months.size:
            filled = fill_series(series[members], missing, choice.candidates[i], part)
            result[np.ix_(members, months)] = filled[:, months]
    return result


def _scale(observed: np.ndarray) -> np.ndarray:
    """Return the standard deviation (series,); infinite for a constant series, without evidence."""
    spread = observed.std(axis=1)
    return np.where(spread > CONSTANT * np.abs(observed).max(axis=1), spread, np.inf)


def _squared_errors(batch, missing, artificial, long, candidates, progress: Progress) -> np.ndarray:
    """Sum the squared errors of a fold: float32, shape (series, kinds of gap, candidates)."""
    series = batch[:, :-1]
    scale = batch[:, -1:]
    gaps = missing | artificial
    filled = _fill_by_each(np.where(gaps, 0.0, series), gaps, candidates, progress)
    filled = filled[:, :, artificial[gaps]]
    squares = ((filled - series[:, artificial]) / scale) ** 2
    sums = [squares[:, :, selected].sum(axis=2).T for selected in (long, ~long)]
    return np.stack(sums, axis=1).astype(np.float32)


def _fill_by_each(series, missing, candidates, progress: Progress) -> np.ndarray:
    """Fill by each candidate: shape (candidates, series, missing months)."""
    filled: list[np.ndarray] = []
    for method, same_method in groupby(candidates, key=lambda options: options.method):
        if method not in SSA:
            filled += [METHODS[method](series, missing, options) for options in same_method]
            continue
        start = SSA[method](series, missing)
        # One path of SSA has the results of all numbers of components with the same window.
        for window, same_window in groupby(same_method, key=lambda options: options.window):
            progress.stop_if_cancelled()
            path = list(same_window)
            components = tuple(options.components for options in path)
            filled += [*start.fill(missing, Embedding(window, components, path[0].tolerance))]
    return np.stack(filled)


def _least_error(squares: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Select the candidate of each series by empirical Bayes and the one-standard-error rule.

    ``squares`` has the shape (folds, candidates, series); ``months`` is the number of artificial
    months of each fold. A series without any error (a constant) takes the first candidate and does
    not influence the others. Returns int, shape (series,).
    """
    least = np.zeros(squares.shape[2], dtype=int)
    informative = squares.any(axis=(0, 1))
    if len(months) < 2 or not informative.any():
        return least
    squares = squares[:, :, informative]
    total = months.sum()
    folds = len(months)
    # Mean difference from the first candidate, of each series and of all; negative is better.
    difference: np.ndarray = squares - squares[:, :1].astype(np.float64)
    own = difference.sum(axis=0) / total
    overall = own.mean(axis=1)
    # Variances of these means between folds. What all series have in common in a fold is the error
    # of the overall mean; the rest is the error of a single series.
    scatter = difference - months[:, None, None] * own
    common = scatter.mean(axis=2, keepdims=True)
    unit = folds / (folds - 1) / total**2
    variance_overall = unit * (common**2).sum(axis=(0, 2))
    variance_own = unit * ((scatter - common) ** 2).sum(axis=0).mean(axis=1)
    # Shrinkage factor: true variance between the series over their observed variance.
    true_variance = np.maximum(((own - overall[:, None]) ** 2).mean(axis=1) - variance_own, 0)
    shrinkage = true_variance / np.maximum(true_variance + variance_own, np.finfo(float).tiny)
    estimate = overall[:, None] + shrinkage[:, None] * (own - overall[:, None])
    error = np.sqrt(variance_overall + shrinkage * variance_own)
    least[informative] = (estimate + error[:, None]).argmin(axis=0)
    return least
