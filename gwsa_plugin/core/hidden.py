"""How good a fill is: observed months are hidden, filled, and compared with what was there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fill_methods import FillOptions, fill_series
from .progress import SILENT, Progress

LONG_GAP = 11  # months between GRACE and GRACE-FO
SHORT_GAP = 2  # months, at most
LEAST_TRAINING = 18  # months that must stay observed
LONG_ROUNDS, SHORT_ROUNDS = 16, 5
SHORT_EVERY = 14  # months between two hidden short gaps; prime to twelve in effect
NEAR = 3  # months from an observation
MARGIN = 3  # months at either end that are never hidden


@dataclass(frozen=True)
class Round:
    """One pass of hiding. ``kind`` says what; ``hidden``: bool, shape (months,), observed months only."""

    kind: str
    hidden: np.ndarray


@dataclass(frozen=True)
class Hidden:
    """All hidden months of one kind. ``truth`` and each of ``filled`` (by method): shape (series, hidden months).

    ``places``: what sort of place in a gap each is (see ``gap_places``); ``rounds``: the pass that hid it.
    """

    kind: str
    truth: np.ndarray
    filled: dict[str, np.ndarray]
    places: np.ndarray
    rounds: np.ndarray


@dataclass(frozen=True)
class Score:
    """``rmse`` over all hidden values, in their unit; ``nse``: median over the series of the Nash-Sutcliffe efficiency.

    ``nse`` is 1 - sum(error²) / sum((truth - its mean)²) of a series' hidden months.
    """

    kind: str
    method: str
    months: int
    rmse: float
    nse: float


def hide_and_fill(series, missing, options: list[FillOptions], progress: Progress = SILENT) -> list[Hidden]:
    """Every round of hiding, filled by every method of ``options``; an empty list where the record is too short.

    ``series``: float64, shape (series, months), in missing months not read; ``missing``: bool, shape (months,).
    """
    rounds = hiding_rounds(missing)
    steps = [(one, each) for one in rounds for each in options]
    fills = {each.method: [] for each in options}
    for step, (one, each) in enumerate(steps):
        gaps = missing | one.hidden
        part = progress.part(step / len(steps), (step + 1) / len(steps))
        filled = fill_series(np.where(gaps, 0.0, series), gaps, each, part)
        fills[each.method].append(filled[:, one.hidden[gaps]])
    kinds = dict.fromkeys(one.kind for one in rounds)
    return [_gather(kind, series, missing, rounds, fills) for kind in kinds]


def score(hidden: Hidden, method: str) -> Score:
    squares = (hidden.filled[method] - hidden.truth) ** 2
    spread = (hidden.truth - hidden.truth.mean(axis=1, keepdims=True)) ** 2
    efficiency = 1 - squares.sum(axis=1) / np.maximum(spread.sum(axis=1), np.finfo(float).tiny)
    return Score(
        hidden.kind, method, hidden.truth.shape[1], float(np.sqrt(squares.mean())), float(np.median(efficiency))
    )


def hiding_rounds(missing: np.ndarray) -> list[Round]:
    """Contiguous blocks one at a time, as long as the record's longest gap and at least 11 months; then scattered gaps
    of one and two months. Hidden gaps do not grow together with true ones into longer ones."""
    length = max(LONG_GAP, run_lengths(missing).max())
    starts = np.linspace(MARGIN, max(missing.size - MARGIN - length, MARGIN), LONG_ROUNDS).round().astype(int)
    rounds = [_round(f"blocks of {length} months", missing, [(start, length)]) for start in np.unique(starts)]
    for phase in range(SHORT_ROUNDS):
        starts = np.arange(MARGIN + phase * SHORT_EVERY // SHORT_ROUNDS, missing.size - MARGIN - SHORT_GAP, SHORT_EVERY)
        gaps = [(start, 1 + number % SHORT_GAP) for number, start in enumerate(starts)]
        rounds.append(_round("scattered gaps of 1 and 2 months", missing, gaps))
    return [one for one in rounds if one.hidden.any() and _enough(missing | one.hidden)]


def run_lengths(missing: np.ndarray) -> np.ndarray:
    """For each month the length of the gap it lies in, 0 where it is observed: int, shape (months,)."""
    return (_since(missing) + _since(missing[::-1])[::-1] - 1) * missing


def gap_places(missing: np.ndarray) -> np.ndarray:
    """The sort of place of each missing month: int, shape (missing months,).

    0 is a gap of one month, 1 a gap of two; 2 and 3 are longer gaps, up to and beyond 3 months from an observation.
    """
    length = run_lengths(missing)
    distance = np.minimum(_since(missing), _since(missing[::-1])[::-1])
    return np.where(length <= SHORT_GAP, length - 1, np.where(distance <= NEAR, 2, 3))[missing]


def _round(kind: str, missing: np.ndarray, gaps) -> Round:
    """The gaps (start, length) that are half observed at least and stay about as long when joined with true gaps."""
    hidden = np.zeros(missing.size, dtype=bool)
    for start, length in gaps:
        block = slice(start, start + length)
        joined = missing.copy()
        joined[block] = True
        allowed = SHORT_GAP if length <= SHORT_GAP else length + SHORT_GAP
        if run_lengths(joined)[block].max(initial=0) <= allowed and 2 * (~missing[block]).sum() >= length:
            hidden[block] = True
    return Round(kind, hidden & ~missing)


def _enough(missing: np.ndarray) -> bool:
    """Something to interpolate between at both ends, and enough of it."""
    return not (missing[0] or missing[-1]) and (~missing).sum() >= LEAST_TRAINING


def _since(missing: np.ndarray) -> np.ndarray:
    """Months since the last observed one, 0 in observed months."""
    month = np.arange(missing.size)
    return month - np.maximum.accumulate(np.where(missing, -1, month))


def _gather(kind, series, missing, rounds, fills) -> Hidden:
    numbers = [number for number, one in enumerate(rounds) if one.kind == kind]
    masks = [rounds[number].hidden for number in numbers]
    return Hidden(
        kind,
        np.concatenate([series[:, mask] for mask in masks], axis=1),
        {name: np.concatenate([filled[number] for number in numbers], axis=1) for name, filled in fills.items()},
        np.concatenate([gap_places(missing | mask)[mask[missing | mask]] for mask in masks]),
        np.repeat(numbers, [mask.sum() for mask in masks]),
    )
