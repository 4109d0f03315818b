"""The kinds of validation: blocked, forward in time, and random samples."""

from __future__ import annotations

from ...base.progress import Progress
from ..domain import Domain
from ..folds import Blocking, Folds, Split, forward_splits, make_splits, random_splits

BLOCKED = "blocked"
FORWARD = "forward"
RANDOM = "random"
# How much is trained for validation: folds of blocks in halves of the record; in quarters, and also
# forward in time and on random samples; or nothing.
QUICK = "quick"
FULL = "full"
NONE = "none"
FOLDS = {QUICK: Folds(12, 2), FULL: Folds(12, 4)}
NOTHING_HELD_OUT = (
    "Nothing was held out, as the validation that was chosen. Nothing shows whether the predictors "
    "explain groundwater storage here: choose another validation to test them."
)


def make_validations(
    domain: Domain, blocking: Blocking, extent: str, progress: Progress
) -> dict[str, list[Split]]:
    """Make the splits of each kind of validation.

    Parameters
    ----------
    domain : Domain
        The study domain.
    blocking : Blocking
        Size of blocks and buffer.
    extent : str
        QUICK, FULL or NONE.
    progress : Progress
        Receives a line about the size of the blocks.

    Returns
    -------
    dict of str to list of Split
        The blocked ones come first and scale the models.
    """
    grid = domain.gwsa.grid
    months = domain.months.size
    if extent == NONE:
        return {BLOCKED: []}
    folds = FOLDS[extent]
    width = domain.footprint_km
    blocked = make_splits(grid, domain.cells, months, blocking, progress, width, folds)
    if extent == QUICK:
        return {BLOCKED: blocked}
    return {
        BLOCKED: blocked,
        FORWARD: forward_splits(domain.cells, months),
        RANDOM: random_splits(domain.cells, months, blocking.seed),
    }
