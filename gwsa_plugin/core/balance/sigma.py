"""Standard error of the groundwater balance."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..files.stack import FILLED, MonthlyStack
from .water_balance import common_part


@dataclass(frozen=True)
class Sigma:
    """Standard errors of the terms of the balance in cm; None where unknown.

    Parameters
    ----------
    twsa : MonthlyStack, optional
        Of TWSA in the observed months; NaN where unknown.
    filled : MonthlyStack, optional
        Of TWSA in the gap-filled months, in which the error of a GRACE solution does not apply.
    stores : dict of str to float
        For each store, by name, one value for all cells and months.

    Raises
    ------
    InputError
        When no term has a standard error.
    """

    twsa: MonthlyStack | None = None
    filled: MonthlyStack | None = None
    stores: dict[str, float | None] = field(default_factory=dict)

    def __post_init__(self):
        if all(term is None for term in (self.twsa, self.filled, *self.stores.values())):
            raise InputError(
                "SIGMA cannot be computed without the sigma of any term; "
                "give SIGMA_TWSA or another sigma, or leave SIGMA empty."
            )


def groundwater_sigma(
    gwsa: MonthlyStack, sigma: Sigma, progress: Progress = SILENT
) -> MonthlyStack:
    """Compute the standard error of GWSA, the root of the sum of squares of the terms' errors.

    The errors of the terms are taken as independent of each other. The error of a store is taken as
    fully correlated within the footprint, so that its sigma is the same for the sharp store and for
    the store at the footprint of GRACE: the blur of a constant is the constant. The sigma of TWSA
    is that at the footprint already. When a term is unknown in some cell or month that has a value,
    the result is a lower bound. A warning and the tag GWSA_SIGMA state this, and the tag
    GWSA_SIGMA_WITHOUT names the terms.

    Parameters
    ----------
    gwsa : MonthlyStack
        The result of ``modes.balance``.
    sigma : Sigma
        Standard errors of the terms.
    progress : Progress

    Returns
    -------
    MonthlyStack
        cm; NaN where GWSA is NaN and where no term is known.
    """
    terms = {"TWSA": _twsa_sigma(gwsa, sigma), **sigma.stores}
    given = {
        name: np.asarray(term, dtype=np.float32) for name, term in terms.items() if term is not None
    }
    present = np.isfinite(gwsa.values)
    squares = np.zeros(gwsa.values.shape, dtype=np.float32)
    known = np.zeros(gwsa.values.shape, dtype=bool)
    for term in given.values():
        known |= np.isfinite(term)
        squares += np.nan_to_num(term) ** 2
    lacking = [
        name
        for name in terms
        if name not in given or not (np.isfinite(given[name]) | ~present).all()
    ]
    values = np.where(present & known, np.sqrt(squares), np.float32(np.nan))
    stack = replace(gwsa, values=values, variable="GWSA_SIGMA")
    if not lacking:
        return stack
    progress.warn(
        f"The sigma of GWSA is a lower bound: the sigma of {', '.join(lacking)} is not known "
        "everywhere."
    )
    return stack.tagged(GWSA_SIGMA="lower bound", GWSA_SIGMA_WITHOUT=", ".join(lacking))


def _twsa_sigma(gwsa: MonthlyStack, sigma: Sigma) -> np.ndarray | None:
    """Sigma of TWSA in cm, shape of GWSA, by the source of each month; None when none is given."""
    if sigma.twsa is None and sigma.filled is None:
        return None
    filled = (np.array(gwsa.source) == FILLED)[:, None, None]
    return np.where(filled, _align(sigma.filled, gwsa), _align(sigma.twsa, gwsa))


def _align(stack: MonthlyStack | None, gwsa: MonthlyStack) -> np.ndarray:
    """The values of a stack on the cells and months of GWSA, NaN where it has none."""
    values = np.full(gwsa.values.shape, np.nan, dtype=np.float32)
    if stack is None:
        return values
    own, other = common_part(gwsa, stack)
    start = int((own.months[0] - gwsa.months[0]).astype(int))
    values[start : start + own.months.size] = other.on(gwsa.grid).values
    return values
