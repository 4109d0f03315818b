"""Options of the groundwater balance, without the libraries that the balance needs."""

from __future__ import annotations

from dataclasses import dataclass

FOOTPRINT = "footprint"
PUBLISHED = "published"
# The modes of the balance and their names in dialogs.
MODE_NAMES = {
    FOOTPRINT: "Stores at the footprint of GRACE",
    PUBLISHED: "Sharp stores, as published",
}


@dataclass(frozen=True)
class BalanceOptions:
    """Options of the balance.

    Parameters
    ----------
    mode : str
        FOOTPRINT or PUBLISHED.
    footprint_km : float, optional
        Full width of GRACE's footprint at half of its maximum, km, at most 5,000. By default it is
        estimated from the data, or that of the product where the data do not determine it.
    """

    mode: str = FOOTPRINT
    footprint_km: float | None = None

    def as_parameters(self) -> dict[str, object]:
        """Return the options under the names of the parameters of ``gwsa:gwsabalance``."""
        return {"MODE": self.mode, "FOOTPRINT": self.footprint_km}
