"""Layers and tables of wells, readings and aquifers as the arrays of the core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qgis.core import QgsGeometry, QgsPoint

from ..gwsa_plugin.core.base.columns import parse_degrees, parse_flags, parse_numbers
from ..gwsa_plugin.core.base.dates import parse_days
from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.reading_kind import ReadingKind, recognise_reading
from ..gwsa_plugin.core.wells.tables import Readings, Wells
from .layers import Layer, find_field, points
from .polygon_layers import read_polygons

WELL_NAMES = (
    "well",
    "well_id",
    "wellid",
    "well_no",
    "station",
    "station_id",
    "site",
    "site_id",
    "site_no",
    "id",
)
# Names that are used where the parameter of a field is empty, in this order.
USUAL_NAMES = {
    "WELL_FIELD": WELL_NAMES,
    "YIELD_FIELD": ("specific_yield", "sy"),
    "CONFINED_FIELD": ("confined", "is_confined"),
    "STORATIVITY_FIELD": ("storativity",),
    "LONGITUDE_FIELD": ("longitude", "lon", "long", "lng", "x"),
    "LATITUDE_FIELD": ("latitude", "lat", "y"),
    "READING_WELL_FIELD": WELL_NAMES,
    "DATE_FIELD": ("date", "datetime", "day", "time"),
    "VALUE_FIELD": (
        "depth_to_water", "dtw", "value", "depth", "dtw_ft", "lev_va", "elevation", "wte",
    ),
    "AQUIFER_FIELD": ("id", "aquifer", "name"),
    "AQUIFER_YIELD_FIELD": ("specific_yield", "sy"),
}  # fmt: skip
LOCATION_FIELDS = ("LONGITUDE_FIELD", "LATITUDE_FIELD")
WELL_FIELDS = ("WELL_FIELD", "YIELD_FIELD", "CONFINED_FIELD", "STORATIVITY_FIELD", *LOCATION_FIELDS)
READING_FIELDS = ("READING_WELL_FIELD", "DATE_FIELD", "VALUE_FIELD")
AQUIFER_FIELDS = ("AQUIFER_FIELD", "AQUIFER_YIELD_FIELD")


def read_wells(
    layer: Layer,
    chosen: dict[str, str],
    progress: Progress,
) -> Wells:
    """Read the wells of a point layer, or of a table with longitude and latitude.

    Parameters
    ----------
    layer : Layer
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    progress : Progress

    Returns
    -------
    Wells

    Raises
    ------
    InputError
        When a field is missing or the coordinates are not degrees.
    """
    fields = {name: field_of(layer, chosen, name) for name in WELL_FIELDS}
    location = points(layer, progress)
    if location is None:
        names = [_required(layer, fields, name) for name in LOCATION_FIELDS]
        location = _read_degrees(layer, names, progress)
    identifier = _required(layer, fields, "WELL_FIELD")
    read = layer.columns({field for field in fields.values() if field}, progress)
    confined = fields["CONFINED_FIELD"]

    def numbers(name):
        field = fields[name]
        return parse_numbers(read[field], _label(layer, field)) if field else np.nan

    return Wells.from_columns(
        read[identifier],
        longitude=location[0],
        latitude=location[1],
        specific_yield=numbers("YIELD_FIELD"),
        confined=parse_flags(read[confined]) if confined else False,
        storativity=numbers("STORATIVITY_FIELD"),
    )


def kind_of_readings(layer: Layer, chosen: dict[str, str], unit: str, quantity: str) -> ReadingKind:
    """Find the unit and the quantity of the readings of a table.

    Parameters
    ----------
    layer : Layer
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    unit, quantity : str
        As chosen by the user; empty to recognise them from the name of the field.
    """
    return recognise_reading(field_of(layer, chosen, "VALUE_FIELD") or "", unit, quantity)


def read_readings(
    layer: Layer,
    chosen: dict[str, str],
    wells: Wells,
    kind: ReadingKind,
    progress: Progress,
) -> Readings:
    """Read a long table with one row for each reading.

    Parameters
    ----------
    layer : Layer
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    wells : Wells
    kind : ReadingKind
        What the readings are.
    progress : Progress
        Receives the fraction done and a line on what was read.

    Returns
    -------
    Readings

    Raises
    ------
    InputError
        When a field is missing, when there are no dates, when no reading belongs to a well, or when
        depths are implausibly large.
    """
    fields = {name: field_of(layer, chosen, name) for name in READING_FIELDS}
    if not fields["DATE_FIELD"]:
        raise InputError(
            f"{layer.name} has no field of dates; give the table of readings (well, date, "
            "value) as OBSERVATIONS, or choose its field as DATE_FIELD."
        )
    well_field, date_field, value_field = (
        _required(layer, fields, name) for name in READING_FIELDS
    )
    read = layer.columns({well_field, date_field, value_field}, progress)
    days = parse_days(read[date_field], _label(layer, date_field))
    label = _label(layer, value_field)
    levels = kind.in_metres(parse_numbers(read[value_field], label), label)
    unreadable = int((np.isnat(days) | np.isnan(levels)).sum())
    progress.info(
        f"{levels.size} readings of {value_field}, {kind.quantity} in {kind.unit}; {unreadable} of "
        "them have no date or no number."
    )
    return Readings.from_columns(wells, read[well_field], days, levels)


def in_aquifers(
    wells: Wells,
    layer: Layer,
    chosen: dict[str, str],
    progress: Progress,
) -> Wells:
    """Assign wells to the polygons that contain them.

    Where polygons overlap, the smallest counts, as in downscaling.

    Parameters
    ----------
    wells : Wells
    layer : Layer
        Polygons with an identifier and, if known, a specific yield.
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    progress : Progress

    Returns
    -------
    Wells
        With their region and, where their own is unknown, the specific yield of the polygon.
        Without a field of identifiers, a region is named after the number of its polygon.

    Raises
    ------
    InputError
        When a chosen field is missing, or when the layer has no polygons, no CRS or a wrong one.
    """
    region_field, yield_field = (field_of(layer, chosen, name) for name in AQUIFER_FIELDS)
    fields = [yield_field] if yield_field else []
    polygons = read_polygons(layer, region_field, fields, progress)
    yields = np.full(len(polygons), np.nan)
    if yield_field:
        given = [polygon.values[yield_field] for polygon in polygons]
        yields = parse_numbers(given, _label(layer, yield_field))
    region = wells.region.copy()
    specific_yield = np.full(len(wells), np.nan)
    # The largest polygon comes first, so that smaller ones replace it.
    for i in sorted(range(len(polygons)), key=lambda i: -polygons[i].shape.area()):
        progress.advance(0.9)
        inside = _points_inside(polygons[i].shape, wells.longitude, wells.latitude)
        region[inside] = polygons[i].name
        if np.isfinite(yields[i]):
            specific_yield[inside] = yields[i]
    return replace(wells, region=region).with_default_yield(specific_yield)


def field_of(layer: Layer, chosen: dict[str, str], parameter: str) -> str | None:
    """Find the field of a layer for a parameter: the chosen one, or one of the usual names."""
    return find_field(layer, chosen[parameter], parameter, USUAL_NAMES[parameter])


def _read_degrees(layer, names: list[str], progress: Progress) -> np.ndarray:
    """Return longitude and latitude of a table, shape (2, features)."""
    read = layer.columns(set(names), progress)
    location = np.array([parse_numbers(read[name], _label(layer, name)) for name in names])
    longitude, latitude = location
    if (np.abs(latitude) > 90).any() or (np.abs(longitude) > 360).any():
        raise InputError(
            f"The fields {names[0]} and {names[1]} of {layer.name} are not in degrees; "
            "give longitude and latitude (EPSG:4326), or a point layer with its own CRS."
        )
    return location


def _label(layer: Layer, field: str) -> str:
    """Name of a field in messages."""
    return f"The field {field} of {layer.name}"


def _required(layer, fields: dict[str, str | None], parameter: str) -> str:
    field = fields[parameter]
    if not field:
        usual = ", ".join(USUAL_NAMES[parameter][:3])
        raise InputError(
            f"{layer.name} has none of the fields {usual} …; choose one of its fields as "
            f"{parameter}."
        )
    return field


def _points_inside(shape: QgsGeometry, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return the indices of the points in a polygon."""
    box = shape.boundingBox()
    # Longitudes of both may count from different meridians.
    turned = box.xMinimum() + (longitude - box.xMinimum()) % 360
    near = (turned <= box.xMaximum()) & (latitude >= box.yMinimum()) & (latitude <= box.yMaximum())
    engine = QgsGeometry.createGeometryEngine(shape.constGet())
    engine.prepareGeometry()
    candidates = np.flatnonzero(near)
    hit = [engine.intersects(QgsPoint(turned[i], latitude[i])) for i in candidates]
    return candidates[np.array(hit, dtype=bool)]
