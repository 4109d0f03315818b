"""Values that a variable can have, and the fill values that files do not declare.

Every reader calls ``require_plausible`` on what it has read, before any work is done with it. A
file that writes -9999 for no value without declaring it as nodata is then refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .errors import InputError


class Limits(NamedTuple):
    """The least and the largest value that a variable can have.

    Parameters
    ----------
    least, most : float
        In ``unit``.
    unit : str
    varies : bool
        Whether each cell changes from month to month, so that a cell of one value has a fill value.
    """

    least: float
    most: float
    unit: str
    varies: bool = False


# Mascons of Greenland and of the Amundsen Sea lose more than 20 m, and none loses 60 m.
STORAGE = Limits(-6000.0, 6000.0, "cm")
SIGMA = Limits(0.0, 1000.0, "cm")
# Variable (the tag GWSA_VARIABLE), or role of a predictor -> limits.
LIMITS = {
    "TWSA": STORAGE._replace(varies=True),
    "GWSA": STORAGE._replace(varies=True),
    "SMS": Limits(-1000.0, 1000.0, "cm"),
    # Permanent ice in GLDAS, as storage and not as an anomaly, is more than 112 m.
    "SWES": Limits(-6000.0, 20_000.0, "cm"),
    "SMS+SWES+CWS": Limits(-6000.0, 20_000.0, "cm"),
    "CWS": Limits(-100.0, 100.0, "cm"),
    "SWS": STORAGE,
    "GLACIER": STORAGE,
    "SIGMA_TWSA": SIGMA,
    # Sums of a month; Cherrapunji once had 9,300 mm. Interpolation can make small negative sums.
    "precipitation": Limits(-10.0, 15_000.0, "mm"),
    "actual_evapotranspiration": Limits(-50.0, 1_000.0, "mm"),
    "runoff": Limits(-10.0, 15_000.0, "mm"),
}
# Stored numbers that mean no value in products of satellites, models and programs.
FILL_VALUES = (
    -99.0, -999.0, -9999.0, -99999.0, -999999.0, 999.0, 9999.0, 99999.0, -3000.0, 255.0, -32768.0,
    -32767.0, 32766.0, 32767.0, 65535.0, -2147483648.0, 1e15, 1e20, -1e20, 9.999e20,
    9.969209968386869e36, -1e30, 1e30, -1e34, -3.4028234663852886e38, 3.4028234663852886e38,
)  # fmt: skip
# Fraction of the range of all other values by which a fill value lies away from them.
ISOLATED = 0.05
NODATA_ADVICE = "set {0} as its nodata value, for example with gdal_edit.py -a_nodata {0}"
# Months with a value from which on a cell of one value does not vary.
MONTHS_TO_VARY = 24


def limits_for(variable: str) -> Limits | None:
    """Return the limits of a variable or of its sigma; None for an unknown one."""
    if variable not in LIMITS and variable.removesuffix("_SIGMA") in LIMITS:
        return SIGMA
    return LIMITS.get(variable)


def require_plausible(
    values: np.ndarray,
    limits: Limits | None,
    name: str,
    bands: Sequence[object] = (),
    scaling: tuple[float, float] = (1.0, 0.0),
    advice: str = NODATA_ADVICE,
) -> None:
    """Refuse values that the variable cannot have and fill values that are not declared.

    Infinite values are never data. A value outside the limits is named, and so is a well-known fill
    value inside them that occurs more than once as the least or the largest of all values and away
    from the others. Where ``limits.varies``, a cell has no value if its value never changes.

    Parameters
    ----------
    values : ndarray of float, shape (bands, rows, columns)
        NaN for no value.
    limits : Limits or None
        In the unit of ``values``; None where nothing is known of the variable.
    name : str
        File, or variable and file, with which messages begin.
    bands : sequence, optional
        What to call each band in messages, such as its month; by default its number.
    scaling : (float, float)
        Scale and offset with which stored numbers became ``values``, factors of units included.
        Fill values are stored numbers.
    advice : str
        How to declare a fill value, ``{0}``, at the end of the message about it.

    Raises
    ------
    InputError
        With the value, the first band that has it and the number of values.
    """
    if np.isnan(values).all():
        return
    labels = [str(band) for band in bands] or [str(i + 1) for i in range(len(values))]
    file = (name, labels, scaling, advice)
    least, most = np.nanmin(values), np.nanmax(values)
    for value in (least, most):
        if np.isinf(value):
            count = _count(np.isinf(values), labels)
            raise InputError(
                f"{name} has the value {value} ({count}), which is no number; set these pixels to "
                "the nodata value of the file."
            )
    for value in (least, most):
        if limits and not limits.least <= value <= limits.most:
            raise InputError(_impossible(values, float(value), limits, file))
        if _is_isolated_fill(values, float(value), scaling):
            raise InputError(_fill_message(values, float(value), file))
    if limits and limits.varies:
        _require_varying(values, name)


def _impossible(values: np.ndarray, value: float, limits: Limits, file: tuple) -> str:
    """The message about a value outside the limits."""
    name, labels, scaling, _ = file
    outside = (values < limits.least) | (values > limits.most)
    same = np.count_nonzero(values == np.float32(value))
    # Numbers that only need a scale are many different ones.
    repeated = same > 1 and 2 * same > np.count_nonzero(outside)
    if repeated or _fill_value(value, *scaling) is not None:
        return _fill_message(values, value, file)
    unit = f" {limits.unit}" if limits.unit else ""
    return (
        f"{name} has the value {value:.6g}{unit}, and {_count(outside, labels)} outside the "
        f"possible {limits.least:g} to {limits.most:g}{unit}; correct its unit, scale or nodata "
        "value."
    )


def _fill_message(values: np.ndarray, value: float, file: tuple) -> str:
    name, labels, (scale, offset), advice = file
    known = _fill_value(value, scale, offset)
    stored = f"{(value - offset) / scale if known is None else known:.9g}"
    count = _count(values == np.float32(value), labels)
    return (
        f"{name} has the value {stored} ({count}), a fill value that the file does not declare; "
        f"{advice.format(stored)}."
    )


def _count(where: np.ndarray, labels: Sequence[str]) -> str:
    """How many values of how many bands, and the first band."""
    by_band = where.reshape(len(where), -1).any(axis=1)
    values = np.count_nonzero(where)
    bands = np.count_nonzero(by_band)
    first = labels[int(np.argmax(by_band))]
    if bands == 1:
        return f"{values} value{'s' * (values > 1)} in band {first}"
    return f"{values} values in {bands} bands, the first of them {first}"


def _fill_value(value: float, scale: float, offset: float) -> float | None:
    """The well-known fill value that was stored for a value; None if it is another number."""
    for number in FILL_VALUES:
        scaled = number * scale + offset
        if abs(value - scaled) <= 1e-6 * max(abs(scaled), abs(offset)):
            return number
    return None


def _is_isolated_fill(values: np.ndarray, value: float, scaling: tuple[float, float]) -> bool:
    """Return True for a repeated fill value away from all other values."""
    if _fill_value(value, *scaling) is None:
        return False
    same = values == np.float32(value)
    others = values[~same & np.isfinite(values)]
    if np.count_nonzero(same) < 2 or not others.size:
        return False
    spread = others.max() - others.min()
    distance = min(abs(others.max() - value), abs(others.min() - value))
    return bool(spread > 0 and distance > ISOLATED * spread)


def _require_varying(values: np.ndarray, name: str) -> None:
    """Refuse cells that have the same value in all months."""
    long = np.count_nonzero(np.isfinite(values), axis=0) >= MONTHS_TO_VARY
    if not long.any():
        return
    highest = np.fmax.reduce(values, axis=0)
    constant = long & (highest == np.fmin.reduce(values, axis=0))
    if constant.any():
        value = float(highest[constant][0])
        raise InputError(
            f"{name} has the value {value:.9g} in all months in {np.count_nonzero(constant)} of "
            f"{np.count_nonzero(long)} cells, a fill value that the file does not declare; set it "
            "as the nodata value of the file, or of these cells."
        )
