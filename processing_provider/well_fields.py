"""Fields of layers of wells, readings and aquifers: chosen by the user or found by their names."""

from __future__ import annotations

from ..gwsa_plugin.core.base.errors import InputError
from .layers import Layer, TextTable, find_field, name_some

WELL_NAMES = (
    "well", "well_id", "wellid", "well_no", "station", "station_id", "site", "site_id", "site_no",
    "id",
)  # fmt: skip
# Names that are used where the parameter of a field is empty, in this order.
USUAL_NAMES = {
    "WELL_FIELD": WELL_NAMES,
    "YIELD_FIELD": ("specific_yield", "sy"),
    "CONFINED_FIELD": ("confined", "is_confined"),
    "STORATIVITY_FIELD": ("storativity",),
    "LONGITUDE_FIELD": ("longitude", "lon", "long", "lng", "dec_long_va", "x"),
    "LATITUDE_FIELD": ("latitude", "lat", "dec_lat_va", "y"),
    "READING_WELL_FIELD": WELL_NAMES,
    "DATE_FIELD": ("date", "datetime", "lev_dt", "day", "time"),
    "VALUE_FIELD": (
        "depth_to_water", "dtw", "value", "depth", "dtw_ft", "lev_va", "elevation", "wte",
        "sl_lev_va",
    ),
    "AQUIFER_FIELD": ("id", "aquifer", "name"),
    "AQUIFER_YIELD_FIELD": ("specific_yield", "sy"),
}  # fmt: skip


def field_of(table: Layer | TextTable, chosen: dict[str, str], parameter: str) -> str | None:
    """Find the field of a table for a parameter, or None.

    Parameters
    ----------
    table : Layer or TextTable
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    parameter : str
        Key of USUAL_NAMES.

    Raises
    ------
    InputError
        When the chosen field does not exist.
    """
    return find_field(table, chosen[parameter], parameter, USUAL_NAMES[parameter])


def required_field(table: Layer | TextTable, chosen: dict[str, str], parameter: str) -> str:
    """Find the field of a table for a parameter as ``field_of``, or refuse the table."""
    field = field_of(table, chosen, parameter)
    if not field:
        usual = ", ".join(USUAL_NAMES[parameter][:3])
        raise InputError(
            f"{table.name} has none of the fields {usual} …; choose one of its fields as "
            f"{parameter}: {name_some(table.fields)}."
        )
    return field


def label(table: Layer | TextTable, field: str) -> str:
    """Name of a field in messages."""
    return f"The field {field} of {table.name}"


def name_examples(values) -> str:
    """Some of the texts of a column that cannot be read, for messages; empty if all are empty."""
    texts = [str(value).strip() for value in values if value is not None]
    distinct = list(dict.fromkeys(filter(None, texts)))[:3]
    return " (" + ", ".join(f"“{text}”" for text in distinct) + ")" if distinct else ""
