"""What the readings of wells are: depths or elevations, in metres or feet.

The names of fields follow public databases: ``lev_va`` of the USGS National Water Information
System is a depth in feet, ``sl_lev_va`` an elevation in feet (USGS Groundwater Levels web service,
description of columns).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError

METRES, FEET = "m", "ft"
METRES_PER_UNIT = {METRES: 1.0, FEET: 0.3048}
DEPTH, ELEVATION = "depth to water", "water-level elevation"
# Numbers that stand for no value.
_NINES = np.array([999, 999.9, 999.99, 9999, 9999.9, 9999.99, 99999, 999999])
CODES = np.concatenate([_NINES, -_NINES, [-9, -99, -99.9, -99.99, -88, -888, -8888, -7777, -1111]])
# Depths of which the median is larger are those of hardly any network of wells, m.
DEEPEST_MEDIAN = 500.0

_FEET_WORDS = {"ft", "feet", "foot", "ftbgs", "ftbls"}
_METRE_WORDS = {"m", "meter", "meters", "metre", "metres", "mbgl", "mbgs", "masl", "mamsl"}
_ELEVATION_WORDS = {
    "elev", "elevation", "altitude", "alt", "wte", "gwe", "head", "masl", "mamsl", "amsl", "msl",
    "navd88", "ngvd29", "datum",
}  # fmt: skip
_USGS = {
    "lev_va": (FEET, DEPTH),
    "sl_lev_va": (FEET, ELEVATION),
}


class ReadingKind(NamedTuple):
    """Unit of readings and what they measure.

    Parameters
    ----------
    unit : str
        METRES or FEET.
    quantity : str
        DEPTH or ELEVATION.
    """

    unit: str = METRES
    quantity: str = DEPTH

    @property
    def is_elevation(self) -> bool:
        """True for elevations above a datum."""
        return self.quantity == ELEVATION

    def in_metres(self, levels: np.ndarray, field: str) -> np.ndarray:
        """Convert readings to metres.

        Parameters
        ----------
        levels : ndarray of float64, shape (readings,)
            NaN and placeholders such as -999 stay as they are.
        field : str
            Name of their field, for messages.

        Raises
        ------
        InputError
            When there are no numbers, or when depths are implausibly large or mostly negative.
        """
        is_value = np.isfinite(levels) & ~np.isin(levels, CODES)
        metres = np.where(is_value, levels * METRES_PER_UNIT[self.unit], levels)
        known = metres[is_value]
        if not known.size:
            raise InputError(
                f"{field} has no numbers other than placeholders; choose the field of the water "
                "levels (VALUE_FIELD)."
            )
        if not self.is_elevation and np.median(known) < 0:
            raise InputError(
                f"{field} is mostly negative, around {np.median(known):,.2f} m, but depths to "
                "water are positive; choose elevations as VALUE if they are heights, which "
                "are negative below the ground."
            )
        if not self.is_elevation and np.median(known) > DEEPEST_MEDIAN:
            raise InputError(
                f"{field} has values around {np.median(known):,.0f} m, too large for depths to "
                "water; choose VALUE (elevations) or UNIT (feet), or another field (VALUE_FIELD)."
            )
        return metres


def recognise_reading(field: str, unit: str = "", quantity: str = "") -> ReadingKind:
    """Find the unit and the quantity of readings from the name of their field.

    Parameters
    ----------
    field : str
        Name of the field, such as ``dtw_ft``.
    unit, quantity : str
        What is known already; empty to recognise it.

    Returns
    -------
    ReadingKind
        Metres and depth if the name says nothing else.
    """
    words = set(re.findall(r"[a-z]+\d*", field.lower()))
    usual = _USGS.get(field.lower(), (METRES, DEPTH))
    if words & _FEET_WORDS:
        usual = FEET, usual[1]
    elif words & _METRE_WORDS:
        usual = METRES, usual[1]
    if words & _ELEVATION_WORDS:
        usual = usual[0], ELEVATION
    return ReadingKind(unit or usual[0], quantity or usual[1])
