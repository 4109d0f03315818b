"""Validation of gap filling with artificial gaps.

Observed months are withheld, filled as if they were missing, and compared with the observations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..base.progress import SILENT, Progress
from ..stats.metrics import nse, rmse

LONG_GAP = 11  # months between GRACE and GRACE-FO
SHORT_GAP = 2  # months, the longest short gap
MIN_TRAINING = 18  # months that must stay observed
MAX_WITHHELD = 0.25  # fraction of the observed months, in a fold with more than one block
FOLDS = 8
BLOCKS = 2  # long artificial gaps of a fold
# Months between two short gaps of a fold: coprime to 12, and wide enough for those of all folds.
SHORT_GAP_SPACING = 17
NEAR = 3  # months from an observation
MARGIN = 3  # months at either end that are never withheld
LONG = "long"
SHORT = "short"

Fill = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(series, missing, index of the fold) -> missing months, shape (series, missing months)."""


@dataclass(frozen=True)
class ArtificialGaps:
    """Artificial gaps of all folds, filled by one or more methods.

    Parameters
    ----------
    truth : ndarray of float64, shape (series, artificial months)
        Observed values.
    filled : dict of str to ndarray
        Method -> filled values, of the same shape.
    positions : ndarray of int, shape (artificial months,)
        Class of each month's position in its gap, see ``gap_positions``.
    folds : ndarray of int, shape (artificial months,)
        Index of the fold that withheld the month.
    block : int
        Length of the long artificial gaps, in months.
    """

    truth: np.ndarray
    filled: dict[str, np.ndarray]
    positions: np.ndarray
    folds: np.ndarray
    block: int

    def kinds(self) -> dict[str, np.ndarray]:
        """Return the months of each kind of gap that occurs: bool, shape (artificial months,)."""
        kinds = {
            f"blocks of {self.block} months": in_long_gap(self.positions),
            "scattered gaps of 1 and 2 months": ~in_long_gap(self.positions),
        }
        return {name: selected for name, selected in kinds.items() if selected.any()}


@dataclass(frozen=True)
class GapScore:
    """Score of a method on one kind of artificial gaps.

    Parameters
    ----------
    kind, method : str
    months : int
        Number of artificial months.
    rmse : float
        Over all series and months, in the unit of the series.
    nse : float
        Median over the series of the Nash-Sutcliffe efficiency of their artificial months.
    """

    kind: str
    method: str
    months: int
    rmse: float
    nse: float


def fill_artificial_gaps(
    series: np.ndarray, missing: np.ndarray, fills: dict[str, Fill], progress: Progress = SILENT
) -> ArtificialGaps | None:
    """Fill the artificial gaps of every fold by each method.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)
    fills : dict of str to Fill
    progress : Progress, optional

    Returns
    -------
    ArtificialGaps or None
        None where the record is too short for artificial gaps.
    """
    folds = gap_folds(missing)
    if not folds:
        return None
    filled: dict[str, list[np.ndarray]] = {name: [] for name in fills}
    for number, artificial in enumerate(folds):
        gaps = missing | artificial
        withheld = np.where(gaps, 0.0, series)
        for name, fill in fills.items():
            progress.advance(number / len(folds))
            # The fill returns true and artificial gaps; only the artificial ones are kept.
            filled[name].append(fill(withheld, gaps, number)[:, artificial[gaps]])
    return ArtificialGaps(
        truth=np.concatenate([series[:, artificial] for artificial in folds], axis=1),
        filled={name: np.concatenate(parts, axis=1) for name, parts in filled.items()},
        positions=np.concatenate([artificial_gap_positions(missing, fold) for fold in folds]),
        folds=np.repeat(np.arange(len(folds)), [artificial.sum() for artificial in folds]),
        block=block_length(missing),
    )


def scores(gaps: ArtificialGaps, methods: Iterable[str]) -> tuple[GapScore, ...]:
    """Score each method on each kind of artificial gaps.

    Parameters
    ----------
    gaps : ArtificialGaps
    methods : iterable of str
        Keys of ``gaps.filled``.

    Returns
    -------
    tuple of GapScore
    """
    return tuple(
        _score(gaps, kind, selected, name)
        for kind, selected in gaps.kinds().items()
        for name in methods
    )


def _score(gaps: ArtificialGaps, kind: str, selected: np.ndarray, method: str) -> GapScore:
    truth = gaps.truth[:, selected]
    filled = gaps.filled[method][:, selected]
    return GapScore(
        kind,
        method,
        months=truth.shape[1],
        rmse=float(rmse(filled, truth)),
        nse=float(np.nanmedian(nse(filled, truth, axis=1))),
    )


def gap_folds(missing: np.ndarray) -> list[np.ndarray]:
    """Choose the artificial gaps of every fold.

    A fold has long gaps, as long as the longest gap of the record and at least 11 months, two of
    them far apart where the record has room; and between them scattered gaps of one and two months.
    The long gaps of all folds together cover the record. No month is in two long gaps or in two
    short gaps, so that a fold can test a selection that was made on the others. An artificial gap
    never merges with other gaps into a much longer one.

    Parameters
    ----------
    missing : ndarray of bool, shape (months,)

    Returns
    -------
    list of ndarray of bool, shape (months,)
        The withheld months of each fold, observed months only. Empty for a short record.
    """
    length = block_length(missing)
    last = missing.size - MARGIN
    blocks = max(min(FOLDS * BLOCKS, (last - MARGIN) // length), 1)
    starts = np.linspace(MARGIN, max(last - length, MARGIN), blocks).round().astype(int)
    folds = []
    for number in range(FOLDS):
        long_gaps = [(start, length) for start in starts[number::FOLDS]]
        # Each fold starts two months later, so that the short gaps of two folds never coincide.
        short_starts = range(MARGIN + SHORT_GAP * number, last - SHORT_GAP, SHORT_GAP_SPACING)
        short_gaps = [(start, 1 + i % SHORT_GAP) for i, start in enumerate(short_starts)]
        folds.append(_place_gaps(missing, long_gaps + short_gaps))
    return [artificial for artificial in folds if artificial.any()]


def block_length(missing: np.ndarray) -> int:
    """Return the length of the long artificial gaps: the longest gap, at least 11 months."""
    return max(LONG_GAP, int(run_lengths(missing).max()))


def run_lengths(missing: np.ndarray) -> np.ndarray:
    """Return for each month the length of its gap, 0 where it is observed: int, shape (months,)."""
    return (_months_since_observed(missing) + _months_until_observed(missing) - 1) * missing


def gap_positions(missing: np.ndarray) -> np.ndarray:
    """Classify the missing months by their position in a gap.

    Parameters
    ----------
    missing : ndarray of bool, shape (months,)

    Returns
    -------
    ndarray of int, shape (missing months,)
        0 in a gap of one month, 1 in a gap of two months; in a longer gap 2 up to 3 months from an
        observation and 3 farther in.
    """
    length = run_lengths(missing)
    distance = np.minimum(_months_since_observed(missing), _months_until_observed(missing))
    long_gap = np.where(distance <= NEAR, 2, 3)
    return np.where(length <= SHORT_GAP, length - 1, long_gap)[missing]


def artificial_gap_positions(missing: np.ndarray, artificial: np.ndarray) -> np.ndarray:
    """Classify the artificial months among true gaps as ``gap_positions`` does.

    Parameters
    ----------
    missing, artificial : ndarray of bool, shape (months,)

    Returns
    -------
    ndarray of int, shape (artificial months,)
    """
    gaps = missing | artificial
    return gap_positions(gaps)[artificial[gaps]]


def in_long_gap(positions: np.ndarray) -> np.ndarray:
    """Return whether each position, see ``gap_positions``, is in a gap of more than two months."""
    return positions >= SHORT_GAP


def _place_gaps(missing: np.ndarray, gaps: list[tuple[int, int]]) -> np.ndarray:
    """Withhold the gaps (start, length) that fit, in their order: bool, shape (months,)."""
    artificial = np.zeros(missing.size, dtype=bool)
    observed = (~missing).sum()
    for start, length in gaps:
        more = artificial.copy()
        more[start : start + length] = True
        more &= ~missing
        # The first gap of a fold may exceed MAX_WITHHELD, so that short records have one block.
        few_withheld = more.sum() <= MAX_WITHHELD * observed or not artificial.any()
        if (
            few_withheld
            and _can_train(missing | more)
            and _keeps_its_length(missing | artificial, start, length)
        ):
            artificial = more
    return artificial


def _keeps_its_length(missing: np.ndarray, start: int, length: int) -> bool:
    """Return True if a gap is at least half observed and hardly longer with the gaps around it."""
    block = slice(start, start + length)
    joined = missing.copy()
    joined[block] = True
    allowed = SHORT_GAP if length <= SHORT_GAP else length + SHORT_GAP
    return bool(
        run_lengths(joined)[block].max() <= allowed and 2 * (~missing[block]).sum() >= length
    )


def _can_train(missing: np.ndarray) -> bool:
    """Return True if both ends are observed and enough months are."""
    return bool(not (missing[0] or missing[-1]) and (~missing).sum() >= MIN_TRAINING)


def _months_since_observed(missing: np.ndarray) -> np.ndarray:
    """Return the months since the last observed one, 0 in observed months: int, shape (months,)."""
    month = np.arange(missing.size)
    return month - np.maximum.accumulate(np.where(missing, -1, month))


def _months_until_observed(missing: np.ndarray) -> np.ndarray:
    """Return the months until the next observed one, 0 in observed months: int, shape (months,)."""
    return _months_since_observed(missing[::-1])[::-1]
