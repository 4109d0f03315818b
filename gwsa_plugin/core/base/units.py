"""Units of water storage, and the factors that convert them to centimetres.

Storage is kept in centimetres of equivalent water height (cm EWH) everywhere. One kilogram of water
on a square metre stands one millimetre high.
"""

from __future__ import annotations

import numpy as np

CM = "cm"
KG_M2 = "kg m-2"
CM_PER_KG_M2 = 0.1
CM_PER_UNIT = {
    CM: 1.0,
    "mm": 0.1,
    "m": 100.0,
    KG_M2: CM_PER_KG_M2,
    "kg m^-2": CM_PER_KG_M2,
    "kg m**-2": CM_PER_KG_M2,
    "kg/m2": CM_PER_KG_M2,
    "kg/m^2": CM_PER_KG_M2,
    "kg/m**2": CM_PER_KG_M2,
}


def cm_per(unit: str) -> float | None:
    """Return the factor that converts values in ``unit`` to cm EWH.

    Parameters
    ----------
    unit : str
        As a file states it; case and surrounding spaces do not matter.

    Returns
    -------
    float or None
        None for a unit that is not in the table.
    """
    return CM_PER_UNIT.get(unit.strip().lower())


def in_centimetres(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Convert values to cm EWH where their unit is known.

    Parameters
    ----------
    values : ndarray of float32, any shape
        NaN stays NaN.
    unit : str
        Unit of ``values``.

    Returns
    -------
    values : ndarray of float32
        In cm, or unchanged when ``unit`` is not in the table.
    unit : str
        ``"cm"``, or ``unit`` unchanged.
    """
    factor = cm_per(unit)
    if factor is None:
        return values, unit
    return (values if factor == 1.0 else values * np.float32(factor)), CM
