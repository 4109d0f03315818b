"""Units of water storage, and the factors that convert them to centimetres.

Storage is kept in centimetres of equivalent water height (cm EWH) everywhere. One kilogram of water
on a square metre stands one millimetre high.
"""

from __future__ import annotations

import re

import numpy as np

from .errors import InputError

CM = "cm"
KG_M2 = "kg m-2"
CM_PER_KG_M2 = 0.1
CM_PER_UNIT = {CM: 1.0, "mm": 0.1, "m": 100.0, KG_M2: CM_PER_KG_M2}
# Lower-case spellings of the units, without spaces and without the words of _WATER.
_SPELLINGS = {
    CM: ("cms", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mms", "millimeter", "millimeters", "millimetre", "millimetres"),
    "m": ("meter", "meters", "metre", "metres"),
    KG_M2: (
        "kgm-2", "kgm^-2", "kgm^{-2}", "kgm**-2", "kgm**(-2)", "kg.m-2", "kg*m-2", "kg*m**-2",
        "kg/m2", "kg/m^2", "kg/m**2", "kg/m²", "kgm⁻²", "kg/sqm", "kgpersquaremeter",
        "kilogramspersquaremeter",
    ),
}  # fmt: skip
_UNITS = {unit: unit for unit in (CM, "mm", "m")} | {
    spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings
}
_DIMENSIONLESS = {"1", "-", "none", "unitless", "dimensionless", "nodim", "fraction", "ratio"}
# What follows the unit of a height of water, such as EWH, LWE or w.e.
_WATER = re.compile(
    r"[\s(]*\b(?:e?ewh|lwe|ewt|tws|swe|w\.?\s?e\.?|w\.?\s?eq\.?|h2o|(?:of )?"
    r"(?:liquid |equivalent )*water(?: equivalent| column)*(?: height| thickness| depth)?)[)\s]*$"
)


def cm_per(unit: str) -> float | None:
    """Return the factor that converts values in ``unit`` to cm EWH.

    Parameters
    ----------
    unit : str
        As a file states it, such as ``mm``, ``Meters``, ``cm EWH``, ``mm w.e.`` or ``kg m**-2``.

    Returns
    -------
    float or None
        None for a unit that is not in the table.
    """
    plain = re.sub(r"\s+", "", _WATER.sub("", unit.lower().replace("_", " ")))
    return CM_PER_UNIT.get(_UNITS.get(plain, ""))


def is_dimensionless(unit: str) -> bool:
    """Return True for a spelling of "no unit", such as ``1`` or ``unitless``."""
    return unit.strip().lower() in _DIMENSIONLESS


def in_centimetres(values: np.ndarray, unit: str, name: str) -> np.ndarray:
    """Convert values to cm EWH.

    Parameters
    ----------
    values : ndarray of float32, any shape
        NaN stays NaN.
    unit : str
        Unit of ``values``, as in ``cm_per``.
    name : str
        The file, with which the message begins.

    Returns
    -------
    ndarray of float32

    Raises
    ------
    InputError
        When ``unit`` is not in the table.
    """
    factor = require_cm_per(unit, name)
    return values if factor == 1.0 else values * np.float32(factor)


def require_cm_per(unit: str, name: str) -> float:
    """Return ``cm_per(unit)``; InputError about the file ``name`` for a unit not in the table."""
    factor = cm_per(unit)
    if factor is None:
        raise InputError(
            f"{name} is in {unit}, which is no known unit of water height; convert it to cm, mm, m "
            "or kg m-2, or correct the unit of its bands if it is one of these."
        )
    return factor
