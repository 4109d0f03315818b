"""Limits of the values of predictors, by their role, name and unit."""

from __future__ import annotations

import re

from ..base.plausible import LIMITS, Limits
from .catalogue import Predictor

# Words of names of changes and spreads, whose values can have any sign and size.
DERIVED = {
    "anomaly", "anomalies", "trend", "change", "difference", "range", "std", "sd", "stdev",
    "variance", "index", "log", "gradient", "seasonality", "variability", "cv", "amplitude",
}  # fmt: skip
# Spellings of units, in lower case.
CELSIUS = {
    "c", "°c", "degc", "deg c", "deg_c", "celsius", "degree_celsius", "degrees_celsius",
    "degree celsius", "degrees celsius",
}  # fmt: skip
KELVIN = {"k", "kelvin"}
DEGREES = {"degree", "degrees", "deg", "°"}
PERCENT = {"%", "percent"}
METRES = {"", "m", "metre", "metres", "meter", "meters"}
VOLUME_FRACTION = {"m3 m-3", "m3/m3", "m^3 m^-3", "m^3/m^3", "m**3 m**-3", "cm3/cm3", "cm3 cm-3"}
DENSITY = {"g cm-3", "g/cm3", "g/cm^3", "g cm^-3", "kg/dm3", "kg dm-3"}
RADIATION = {"w m-2", "w/m2", "w/m^2", "w m^-2", "w m**-2"}
TEMPERATURE_WORDS = {
    "temperature", "temp", "tas", "tasmin", "tasmax", "tmean", "tavg", "tmin", "tmax", "tmmn",
    "tmmx", "t2m", "lst",
}  # fmt: skip
# Words of names -> limits, whatever the unit is.
WORD_LIMITS = (
    ({"ndvi", "ndwi", "ndmi"}, Limits(-1.001, 1.001, "")),
    ({"evi", "savi"}, Limits(-2.0, 2.0, "")),
    ({"lai"}, Limits(-0.1, 20.0, "")),
    ({"precipitation", "precip", "rain", "rainfall", "ppt", "prcp", "pr"}, LIMITS["precipitation"]),
    ({"evapotranspiration", "aet", "pet", "et", "eta"}, Limits(-100.0, 5_000.0, "mm")),
)
# Units -> limits, whatever the name is.
UNIT_LIMITS = (
    (PERCENT, Limits(-1.0, 110.0, "%")),
    (VOLUME_FRACTION, Limits(-0.01, 1.01, "m3 m-3")),
    (DENSITY, Limits(-0.01, 25.0, "g cm-3")),
    (RADIATION, Limits(-1_000.0, 2_000.0, "W m-2")),
)
# No variable of a map has larger numbers; programs write 1e20 and more for no value.
ANY = Limits(-1e15, 1e15, "")


def limits_for(predictor: Predictor) -> Limits:
    """Return the least and the largest value that a predictor can have.

    Parameters
    ----------
    predictor : Predictor
        Its role, or else its name and unit, tell what it is.

    Returns
    -------
    Limits
        In the unit of the predictor; very wide for an unknown variable.
    """
    if predictor.role:
        return LIMITS[predictor.role]
    words = set(re.split(r"[\W_]+", predictor.name.lower()))
    unit = predictor.unit.strip().lower()
    if words & DERIVED:
        return ANY
    if words & TEMPERATURE_WORDS:
        return _temperature(unit)
    if words & {"elevation", "dem", "altitude"} and unit in METRES:
        # Depths of the sea beside the land are not stored, but read.
        return Limits(-12_000.0, 9_000.0, "m")
    if "slope" in words:
        return Limits(-0.01, 90.01, "degrees") if unit in DEGREES else Limits(-0.01, 5_000.0, "")
    named = (limits for usual, limits in WORD_LIMITS if words & usual)
    measured = (limits for spellings, limits in UNIT_LIMITS if unit in spellings)
    return next(named, None) or next(measured, None) or ANY


def _temperature(unit: str) -> Limits:
    if unit in KELVIN:
        return Limits(150.0, 370.0, "K")
    return Limits(-110.0, 100.0, "°C") if unit in CELSIUS else Limits(-110.0, 370.0, "")
