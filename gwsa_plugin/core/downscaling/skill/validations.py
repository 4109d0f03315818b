"""The kinds of validation: blocked, forward in time, and random samples."""

from __future__ import annotations

from ...base.progress import Progress
from ..domain import Domain
from ..folds import Blocking, Split, forward_splits, make_splits, random_splits

BLOCKED = "blocked"
FORWARD = "forward"
RANDOM = "random"


def make_validations(
    domain: Domain, blocking: Blocking, compare: bool, progress: Progress
) -> dict[str, list[Split]]:
    """Make the splits of each kind of validation.

    Parameters
    ----------
    domain : Domain
        The study domain.
    blocking : Blocking
        Size of blocks and buffer.
    compare : bool
        Also validate forward in time and on random samples.
    progress : Progress
        Receives a line about the size of the blocks.

    Returns
    -------
    dict of str to list of Split
        The blocked ones come first and scale the models.
    """
    grid = domain.gwsa.grid
    months = domain.months.size
    blocked = make_splits(grid, domain.cells, months, blocking, progress, domain.footprint_km)
    validations = {BLOCKED: blocked}
    if compare:
        validations[FORWARD] = forward_splits(domain.cells, months)
        validations[RANDOM] = random_splits(domain.cells, months, blocking.seed)
    return validations
