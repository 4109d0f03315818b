"""How good a fill is: observed months are hidden, filled, and compared with what was there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..base.progress import SILENT, Progress

LONG_GAP = 11  # months between GRACE and GRACE-FO
SHORT_GAP = 2  # months, at most
LEAST_TRAINING = 18  # months that must stay observed
MAX_REMOVED = 0.25  # of the observed months in one round, where a round has more than one block
ROUNDS, BLOCKS = 8, 2  # blocks a round
SHORT_EVERY = 17  # months between two short gaps of a round: prime to twelve, and room for those of all rounds
NEAR = 3  # months from an observation
MARGIN = 3  # months at either end that are never hidden
LONG, SHORT = "long", "short"

Fill = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(series, missing, number of the round) -> the missing months, shape (series, missing months)."""


@dataclass(frozen=True)
class ArtificialGaps:
    """All hidden months. ``truth`` and each of ``filled`` (by method): shape (series, hidden months).

    ``places``: what sort of place in a gap each is (see ``gap_positions``); ``rounds``: the pass that hid it. ``block``:
    the length of the hidden blocks.
    """

    truth: np.ndarray
    filled: dict[str, np.ndarray]
    places: np.ndarray
    rounds: np.ndarray
    block: int

    def kinds(self) -> dict[str, np.ndarray]:
        """What was hidden, in words -> which of the months: bool, shape (hidden months,)."""
        kinds = {
            f"blocks of {self.block} months": in_long_gap(self.places),
            "scattered gaps of 1 and 2 months": ~in_long_gap(self.places),
        }
        return {name: those for name, those in kinds.items() if those.any()}


@dataclass(frozen=True)
class GapScore:
    """``rmse`` over all hidden values, in their unit; ``nse``: median over the series of the Nash-Sutcliffe efficiency.

    ``nse`` is 1 - sum(error²) / sum((truth - its mean)²) of a series' hidden months.
    """

    kind: str
    method: str
    months: int
    rmse: float
    nse: float


def fill_artificial_gaps(
    series, missing, fills: dict[str, Fill], progress: Progress = SILENT
) -> ArtificialGaps | None:
    """Every round of hiding, filled by each of ``fills``; None where the record is too short to hide anything.

    ``series``: float64, shape (series, months), in missing months not read; ``missing``: bool, shape (months,).
    """
    rounds = gap_folds(missing)
    if not rounds:
        return None
    filled = {name: [] for name in fills}
    for number, hidden in enumerate(rounds):
        gaps = missing | hidden
        for name, fill in fills.items():
            progress.advance(number / len(rounds))
            filled[name].append(fill(np.where(gaps, 0.0, series), gaps, number)[:, hidden[gaps]])
    return ArtificialGaps(
        np.concatenate([series[:, hidden] for hidden in rounds], axis=1),
        {name: np.concatenate(parts, axis=1) for name, parts in filled.items()},
        np.concatenate([artificial_gap_positions(missing, hidden) for hidden in rounds]),
        np.repeat(np.arange(len(rounds)), [hidden.sum() for hidden in rounds]),
        block_length(missing),
    )


def scores(hidden: ArtificialGaps, methods) -> tuple[GapScore, ...]:
    """Of each method on each kind of hidden months."""
    return tuple(
        _score(hidden, kind, those, name)
        for kind, those in hidden.kinds().items()
        for name in methods
    )


def _score(hidden: ArtificialGaps, kind: str, those: np.ndarray, method: str) -> GapScore:
    truth = hidden.truth[:, those]
    squares = (hidden.filled[method][:, those] - truth) ** 2
    spread = (truth - truth.mean(axis=1, keepdims=True)) ** 2
    efficiency = 1 - squares.sum(axis=1) / np.maximum(spread.sum(axis=1), np.finfo(float).tiny)
    return GapScore(
        kind, method, truth.shape[1], float(np.sqrt(squares.mean())), float(np.median(efficiency))
    )


def gap_folds(missing: np.ndarray) -> list[np.ndarray]:
    """What each round hides: bool, shape (months,), observed months only.

    Contiguous blocks as long as the record's longest gap and at least 11 months, two far apart in a round where the
    record has room; and between them scattered gaps of one and two months. The blocks of all rounds cover the record,
    and no month is twice in a block or twice in a short gap, so that a round can judge what the others chose. Hidden
    gaps do not grow together with each other or with true ones into longer ones.
    """
    length, last = block_length(missing), missing.size - MARGIN
    blocks = max(min(ROUNDS * BLOCKS, (last - MARGIN) // length), 1)
    starts = np.linspace(MARGIN, max(last - length, MARGIN), blocks).round().astype(int)
    rounds = []
    for number in range(ROUNDS):
        short = range(MARGIN + SHORT_GAP * number, last - SHORT_GAP, SHORT_EVERY)
        gaps = [(start, length) for start in starts[number::ROUNDS]]
        rounds.append(
            _hide(
                missing,
                gaps + [(start, 1 + place % SHORT_GAP) for place, start in enumerate(short)],
            )
        )
    return [hidden for hidden in rounds if hidden.any()]


def block_length(missing: np.ndarray) -> int:
    """Months of a hidden block."""
    return max(LONG_GAP, int(run_lengths(missing).max()))


def run_lengths(missing: np.ndarray) -> np.ndarray:
    """For each month the length of the gap it lies in, 0 where it is observed: int, shape (months,)."""
    return (_since(missing) + _since(missing[::-1])[::-1] - 1) * missing


def gap_positions(missing: np.ndarray) -> np.ndarray:
    """The sort of place of each missing month: int, shape (missing months,).

    0 is a gap of one month, 1 a gap of two; 2 and 3 are longer gaps, up to and beyond 3 months from an observation.
    """
    length = run_lengths(missing)
    distance = np.minimum(_since(missing), _since(missing[::-1])[::-1])
    return np.where(length <= SHORT_GAP, length - 1, np.where(distance <= NEAR, 2, 3))[missing]


def artificial_gap_positions(missing: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """``gap_positions`` of the hidden months among true gaps: int, shape (hidden months,)."""
    return gap_positions(missing | hidden)[hidden[missing | hidden]]


def in_long_gap(places: np.ndarray) -> np.ndarray:
    """Whether a place is in a gap of more than two months: bool."""
    return places >= SHORT_GAP


def _hide(missing: np.ndarray, gaps) -> np.ndarray:
    """The gaps (start, length), as many as fit, in their order."""
    hidden, observed = np.zeros(missing.size, dtype=bool), (~missing).sum()
    for start, length in gaps:
        more = hidden.copy()
        more[start : start + length] = True
        more &= ~missing
        room = (more.sum() <= MAX_REMOVED * observed or not hidden.any()) and _enough(
            missing | more
        )
        if room and _keeps_its_length(missing | hidden, start, length):
            hidden = more
    return hidden


def _keeps_its_length(missing: np.ndarray, start: int, length: int) -> bool:
    """Half of the gap is observed at least, and joined with the gaps beside it it stays about as long."""
    block = slice(start, start + length)
    joined = missing.copy()
    joined[block] = True
    allowed = SHORT_GAP if length <= SHORT_GAP else length + SHORT_GAP
    return run_lengths(joined)[block].max() <= allowed and 2 * (~missing[block]).sum() >= length


def _enough(missing: np.ndarray) -> bool:
    """Something to interpolate between at both ends, and enough of it."""
    return not (missing[0] or missing[-1]) and (~missing).sum() >= LEAST_TRAINING


def _since(missing: np.ndarray) -> np.ndarray:
    """Months since the last observed one, 0 in observed months."""
    month = np.arange(missing.size)
    return month - np.maximum.accumulate(np.where(missing, -1, month))
