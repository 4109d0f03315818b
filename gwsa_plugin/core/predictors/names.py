"""Names of predictors: their rasters must have files of their own on every system."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

from ..base.errors import InputError

# The land mask of a predictor set, and names of devices, which Windows opens instead of a file.
RESERVED = {
    "land", "con", "prn", "aux", "nul",
    *(f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)),
}  # fmt: skip
LONGEST = 100


class Named(Protocol):
    """What a predictor is called; see ``catalogue.Predictor``."""

    @property
    def name(self) -> str:
        """Name of the predictor."""

    @property
    def monthly(self) -> bool:
        """Whether it has a file per year."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its features."""


def require_valid_name(name: str, where: str) -> None:
    """Check the name of one predictor.

    Parameters
    ----------
    name : str
        The name.
    where : str
        The entry, for messages.

    Raises
    ------
    InputError
        When it has other characters than letters, digits and underscores, does not begin with a
        letter, is longer than 100 characters or is reserved.
    """
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise InputError(
            f"{where} has a name with other characters than letters, digits and underscores, or "
            "one that does not begin with a letter; rename it."
        )
    if len(name) > LONGEST:
        raise InputError(f"{where} has a name of more than {LONGEST} characters; shorten it.")
    if name.lower() in RESERVED:
        raise InputError(
            f"{where} has a name that is reserved, for the land mask of a predictor set or by "
            "Windows; rename it."
        )


def require_different_names(predictors: Sequence[Named], where: str) -> None:
    """Check that features and rasters of predictors differ, also where case does not count.

    Parameters
    ----------
    predictors : sequence of Named
        All predictors of a file.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        For the first two that do not.
    """
    found: dict[str, str] = {}
    for feature in (feature for predictor in predictors for feature in predictor.features):
        if feature.lower() in found:
            same = found[feature.lower()]
            also = f" (as {same}; case does not count)" if same != feature else ""
            raise InputError(
                f"{where} names the predictor {feature} twice{also}; rename or remove one of them."
            )
        found[feature.lower()] = feature
    for one, other in combinations(predictors, 2):
        if share_files(one, other):
            raise InputError(
                f"{where} names the predictors {one.name} and {other.name}, whose rasters would "
                "have the same files in a predictor set; rename one of them."
            )


def share_files(one: Named, other: Named) -> bool:
    """Return True if rasters of two predictors would have the same files in a predictor set.

    The rasters of a monthly predictor are named after it and the year.
    """
    if one.monthly != other.monthly:
        monthly, static = (one, other) if one.monthly else (other, one)
        return bool(re.fullmatch(rf"{re.escape(monthly.name)}_\d{{4}}", static.name, re.I))
    return one.name.lower() == other.name.lower()
