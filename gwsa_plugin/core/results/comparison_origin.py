"""What tags state about the independence of two products."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

# Roles of inputs that carry the observations of GRACE into a product.
GRACE_ROLES = ("TWSA", "GWSA", "INPUT")
# Stages whose outputs contain them.
GRACE_STAGES = ("importtwsa", "fillgaps", "gwsabalance", "downscale")
NO_VALIDATION = (
    "They share the errors of these observations, so that agreement (a high r, a small RMSE) is no "
    "validation of either."
)
UNKNOWN = (
    "The tags do not show what both products were made from. If both contain GRACE, agreement is "
    "no validation of either."
)


@dataclass(frozen=True)
class Origin:
    """What is known of the origin of a product.

    Parameters
    ----------
    name : str
        Name of the product.
    tags : mapping of str to str
        Tags of its files, or the global attributes of a NetCDF file.
    digests : frozenset of str
        SHA-256 of its files.
    """

    name: str
    tags: Mapping[str, str]
    digests: frozenset[str]

    @property
    def inputs(self) -> dict[str, str]:
        """Digest -> name of the inputs that carry GRACE, from the tag GWSA_INPUTS."""
        try:
            stated = json.loads(self.tags.get("GWSA_INPUTS", "{}"))
            return {
                stated[role]["sha256"]: stated[role]["name"]
                for role in GRACE_ROLES
                if role in stated
            }
        except (ValueError, TypeError, KeyError):
            return {}

    @property
    def centre(self) -> str:
        """Centre of the GRACE solutions, empty where it is not stated."""
        centre = self.tags.get("GWSA_CENTRE", "")
        return "" if centre == "unknown" else centre

    @property
    def has_grace(self) -> bool:
        """Whether the tags of this software show that the product contains GRACE."""
        return bool(self.centre) or self.tags.get("GWSA_STAGE") in GRACE_STAGES

    @property
    def names_grace(self) -> bool:
        """Whether any text in the tags names GRACE."""
        return self.has_grace or any("GRACE" in text for text in self.tags.values())


def independence(first: Origin, other: Origin) -> str:
    """State in a sentence or two whether agreement of two products can validate them.

    Parameters
    ----------
    first, other : Origin

    Returns
    -------
    str
        What the tags show: that one product was made from the other, that both were made from one
        file, or that both contain GRACE; otherwise that they do not show it.
    """
    if first.digests & other.digests:
        return "Both products are the same file, so that the scores only test the comparison."
    for made, source in ((first, other), (other, first)):
        if source.digests & set(made.inputs):
            return (
                f"{made.name} was made from {source.name}, as its tag GWSA_INPUTS states. r and "
                "RMSE show how much was changed, and validate neither."
            )
    shared = sorted(first.inputs[one] for one in set(first.inputs) & set(other.inputs))
    if shared:
        return (
            f"Both products were made from the same {shared[0]}, as their tags GWSA_INPUTS state. "
            f"{NO_VALIDATION}"
        )
    centres = sorted({one for one in (first.centre, other.centre) if one})
    named = f" ({' and '.join(centres)})" if centres else ""
    if first.has_grace and other.has_grace:
        return (
            f"Both products contain observations of GRACE{named}, as their tags state. "
            f"{NO_VALIDATION}"
        )
    if first.names_grace and other.names_grace:
        return (
            f"The tags of both products name GRACE{named}. If both contain its observations: "
            f"{NO_VALIDATION}"
        )
    return UNKNOWN
