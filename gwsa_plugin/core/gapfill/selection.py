"""Which method, window and number of components fill a series best, by cross-validation on hidden months.

Long gaps and short ones have each their own choice. A hundred candidates compared on some ten blocks would crown the
luckiest; so a series' own evidence is weighed against that of all series by how far they truly differ (empirical
Bayes, Efron & Morris 1975, J. Am. Stat. Assoc. 70:311), and a candidate must beat the simplest one by more than one
standard error (Breiman et al. 1984, Classification and Regression Trees, 3.4.3).
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
from .methods import METHODS, SSA, FillOptions, fill_series, in_batches
from .ssa import STEPS, Embedding

WINDOWS = range(24, 97, 12)  # months, the grid of Yi & Sneeuw 2021
SIMPLE = ("harmonic_red", "harmonic", "harmonic_linear")  # the first one is what others must beat
FLAT = 1e-6  # of its size: what varies no more is rounding


@dataclass(frozen=True)
class Choice:
    """``candidates``, and for each kind of gap (LONG, SHORT) the place of each series' own: int, shape (series,)."""

    candidates: tuple[FillOptions, ...]
    of: dict[str, np.ndarray]

    def take(self, members: np.ndarray) -> Choice:
        """That of some of the series."""
        return Choice(self.candidates, {kind: places[members] for kind, places in self.of.items()})


@dataclass(frozen=True)
class Trials:
    """``squares``: kind -> sum of squared errors on the hidden months of each round, as a multiple of the series'
    variance: float32, shape (rounds, candidates, series). ``months``: kind -> how many were hidden, shape (rounds,)."""

    candidates: tuple[FillOptions, ...]
    squares: dict[str, np.ndarray]
    months: dict[str, np.ndarray]


def candidates_for(months: int, tolerance: float) -> tuple[FillOptions, ...]:
    """The simple methods, then both kinds of SSA with every window that half of the record holds."""
    windows = [window for window in WINDOWS if window <= months // 2] or [months // 2]
    simple = [FillOptions(name, tolerance=tolerance) for name in SIMPLE]
    grid = [
        FillOptions(name, w, k, tolerance) for name in SSA for w in windows for k in STEPS if k <= w
    ]
    return (*simple, *grid)


def try_all(series, missing, tolerance: float, progress: Progress = SILENT) -> Trials:
    """Every candidate on every round of ``gap_folds``.

    ``series``: float64, shape (series, months), in missing months not read; ``missing``: bool, shape (months,).
    """
    rounds = gap_folds(missing)
    candidates = candidates_for(missing.size, tolerance)
    long = [in_long_gap(artificial_gap_positions(missing, hidden)) for hidden in rounds]
    units = np.column_stack([series, _unit(series[:, ~missing])])

    def squares(batch, progress: Progress):
        return np.stack(
            [_squares(batch, missing, *one, candidates, progress) for one in zip(rounds, long)],
            axis=1,
        )

    summed = (
        in_batches(squares, units, progress)
        if rounds
        else np.zeros((len(series), 0, 2, len(candidates)))
    )
    of_kind = {
        kind: np.moveaxis(summed[:, :, place], 0, -1) for place, kind in enumerate((LONG, SHORT))
    }
    months = {
        LONG: np.array([those.sum() for those in long]),
        SHORT: np.array([(~those).sum() for those in long]),
    }
    return Trials(candidates, of_kind, months)


def choose(trials: Trials, without: int | None = None) -> Choice:
    """The candidate of least error for each series and kind of gap, ``without`` the trials of one round."""
    of = {}
    for kind, months in trials.months.items():
        rounds = np.flatnonzero((months > 0) & (np.arange(months.size) != without))
        of[kind] = _least(trials.squares[kind][rounds], months[rounds])
    return Choice(trials.candidates, of)


def fill_chosen(series, missing, choice: Choice, progress: Progress = SILENT) -> np.ndarray:
    """The missing months, each by its series' candidate for its kind of gap: shape (series, missing months)."""
    long = in_long_gap(gap_positions(missing))
    result = np.empty((len(series), long.size))
    used = [(kind, place) for kind, places in choice.of.items() for place in np.unique(places)]
    for (kind, place), part in zip(used, progress.parts(len(used))):
        members, months = (
            np.flatnonzero(choice.of[kind] == place),
            np.flatnonzero(long == (kind == LONG)),
        )
        if months.size:
            filled = fill_series(series[members], missing, choice.candidates[place], part)
            result[np.ix_(members, months)] = filled[:, months]
    return result


def _unit(observed: np.ndarray) -> np.ndarray:
    """One standard deviation, shape (series,); without end for a series in which there is nothing to tell."""
    spread = observed.std(axis=1)
    return np.where(spread > FLAT * np.abs(observed).max(axis=1), spread, np.inf)


def _squares(batch, missing, hidden, long, candidates, progress: Progress) -> np.ndarray:
    """float32, shape (series, kinds, candidates)."""
    series, unit = batch[:, :-1], batch[:, -1:]
    gaps = missing | hidden
    filled = _fill_by_each(np.where(gaps, 0.0, series), gaps, candidates, progress)[
        :, :, hidden[gaps]
    ]
    squares = ((filled - series[:, hidden]) / unit) ** 2
    return np.stack([squares[:, :, those].sum(axis=2).T for those in (long, ~long)], axis=1).astype(
        np.float32
    )


def _fill_by_each(series, missing, candidates, progress: Progress) -> np.ndarray:
    """Shape (candidates, series, missing months). One path of SSA serves all numbers of components."""
    filled = []
    for method, those in groupby(candidates, key=lambda one: one.method):
        if method not in SSA:
            filled += [METHODS[method](series, missing, one) for one in those]
            continue
        start = SSA[method](series, missing)
        for window, path in groupby(those, key=lambda one: one.window):
            progress.stop_if_cancelled()
            numbers, tolerance = zip(*((one.components, one.tolerance) for one in path))
            filled += [*start.fill(missing, Embedding(window, numbers, tolerance[0]))]
    return np.stack(filled)


def _least(squares: np.ndarray, months: np.ndarray) -> np.ndarray:
    """int, shape (series,). ``squares``: shape (rounds, candidates, series); ``months``: of each round.

    Series without any error have no say, and take the first candidate.
    """
    least, voting = np.zeros(squares.shape[2], dtype=int), squares.any(axis=(0, 1))
    if len(months) < 2 or not voting.any():
        return least
    squares = squares[:, :, voting]
    total, rounds = months.sum(), len(months)
    gain = squares - squares[:, :1].astype(np.float64)
    own = gain.sum(axis=0) / total
    scatter = gain - months[:, None, None] * own
    shared = scatter.mean(axis=2, keepdims=True)
    unit = rounds / (rounds - 1) / total**2
    variance_of_all = unit * (shared**2).sum(axis=(0, 2))
    variance_of_own = unit * ((scatter - shared) ** 2).sum(axis=0).mean(axis=1)
    of_all = own.mean(axis=1)
    differ = np.maximum(((own - of_all[:, None]) ** 2).mean(axis=1) - variance_of_own, 0)
    trust = differ / np.maximum(differ + variance_of_own, np.finfo(float).tiny)
    estimate = of_all[:, None] + trust[:, None] * (own - of_all[:, None])
    error = np.sqrt(variance_of_all + trust * variance_of_own)
    least[voting] = (estimate + error[:, None]).argmin(axis=0)
    return least
