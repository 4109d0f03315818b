"""Layers and tables of wells, readings and aquifers as the arrays of the core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qgis.core import (
    QgsGeometry,
    QgsPoint,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
)

from ..gwsa_plugin.core.base.columns import parse_days, parse_flags, parse_numbers
from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.reading_kind import ReadingKind, recognise_reading
from ..gwsa_plugin.core.wells.tables import Readings, Wells
from .layers import columns, geometries_in_degrees, points

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
    source: QgsProcessingFeatureSource,
    chosen: dict[str, str],
    context: QgsProcessingContext,
    progress: Progress,
) -> Wells:
    """Read the wells of a point layer, or of a table with longitude and latitude.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    Wells

    Raises
    ------
    InputError
        When a field is missing or the coordinates are not degrees.
    """
    fields = {name: field_of(source, chosen[name], name) for name in WELL_FIELDS}
    location = points(source, context, progress)
    if location is None:
        names = [_required(source, fields, name) for name in LOCATION_FIELDS]
        location = _read_degrees(source, names, progress)
    identifier = _required(source, fields, "WELL_FIELD")
    read = columns(source, {field for field in fields.values() if field}, progress)
    confined = fields["CONFINED_FIELD"]

    def numbers(name):
        field = fields[name]
        return parse_numbers(read[field], _label(source, field)) if field else np.nan

    return Wells.from_columns(
        read[identifier],
        longitude=location[0],
        latitude=location[1],
        specific_yield=numbers("YIELD_FIELD"),
        confined=parse_flags(read[confined]) if confined else False,
        storativity=numbers("STORATIVITY_FIELD"),
    )


def kind_of_readings(
    source: QgsProcessingFeatureSource, chosen: dict[str, str], unit: str, quantity: str
) -> ReadingKind:
    """Find the unit and the quantity of the readings of a table.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    unit, quantity : str
        As chosen by the user; empty to recognise them from the name of the field.
    """
    return recognise_reading(
        field_of(source, chosen["VALUE_FIELD"], "VALUE_FIELD") or "", unit, quantity
    )


def read_readings(
    source: QgsProcessingFeatureSource,
    chosen: dict[str, str],
    wells: Wells,
    kind: ReadingKind,
    progress: Progress,
) -> Readings:
    """Read a long table with one row for each reading.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
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
    fields = {name: field_of(source, chosen[name], name) for name in READING_FIELDS}
    if not fields["DATE_FIELD"]:
        raise InputError(
            f"{source.sourceName()} has no field of dates; give the table of readings (well, date, "
            "value) as OBSERVATIONS, or choose its field as DATE_FIELD."
        )
    well_field, date_field, value_field = (
        _required(source, fields, name) for name in READING_FIELDS
    )
    read = columns(source, {well_field, date_field, value_field}, progress)
    days = parse_days(read[date_field], _label(source, date_field))
    label = _label(source, value_field)
    levels = kind.in_metres(parse_numbers(read[value_field], label), label)
    unreadable = int((np.isnat(days) | np.isnan(levels)).sum())
    progress.info(
        f"{levels.size} readings of {value_field}, {kind.quantity} in {kind.unit}; {unreadable} of "
        "them have no date or no number."
    )
    return Readings.from_columns(wells, read[well_field], days, levels)


def in_aquifers(
    wells: Wells,
    source: QgsProcessingFeatureSource,
    chosen: dict[str, str],
    context: QgsProcessingContext,
    progress: Progress,
) -> Wells:
    """Assign wells to the polygons that contain them.

    Where polygons overlap, the smallest counts, as in downscaling.

    Parameters
    ----------
    wells : Wells
    source : QgsProcessingFeatureSource
        Polygons with an identifier and, if known, a specific yield.
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    Wells
        With their region and, where their own is unknown, the specific yield of the polygon.
        Without a field of identifiers, a region is named after the number of its polygon.

    Raises
    ------
    InputError
        When a chosen field is missing, or when the layer has no CRS or cannot be transformed.
    """
    fields = {name: field_of(source, chosen[name], name) for name in AQUIFER_FIELDS}
    region_field = fields["AQUIFER_FIELD"]
    yield_field = fields["AQUIFER_YIELD_FIELD"]
    shapes = geometries_in_degrees(source, context, progress)
    wanted = [field for field in (region_field, yield_field) if field]
    read = columns(source, wanted, progress)
    names = read[region_field] if region_field else range(1, len(shapes) + 1)
    yields = np.full(len(shapes), np.nan)
    if yield_field:
        yields = parse_numbers(read[yield_field], _label(source, yield_field))
    region = wells.region.copy()
    specific_yield = np.full(len(wells), np.nan)
    # The largest polygon comes first, so that smaller ones replace it.
    for i in sorted(range(len(shapes)), key=lambda i: -shapes[i].area()):
        progress.advance(0.9)
        inside = _points_inside(shapes[i], wells.longitude, wells.latitude)
        region[inside] = str(names[i])
        if np.isfinite(yields[i]):
            specific_yield[inside] = yields[i]
    return replace(wells, region=region).with_default_yield(specific_yield)


def field_of(source: QgsProcessingFeatureSource, chosen: str, parameter: str) -> str | None:
    """Find the field of a source for a parameter.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    chosen : str
        Name of the field, or empty.
    parameter : str
        Key of USUAL_NAMES.

    Returns
    -------
    str or None
        The chosen field, or the first usual name that the source has.

    Raises
    ------
    InputError
        When the chosen field does not exist.
    """
    present = {field.name().lower(): field.name() for field in source.fields()}
    if chosen and chosen.lower() not in present:
        raise InputError(
            f"{source.sourceName()} has no field “{chosen}” ({parameter}); choose one of "
            f"{', '.join(present.values())}."
        )
    names = [chosen.lower()] if chosen else USUAL_NAMES[parameter]
    return next((present[name] for name in names if name in present), None)


def _read_degrees(source, names: list[str], progress: Progress) -> np.ndarray:
    """Return longitude and latitude of a table, shape (2, features)."""
    read = columns(source, set(names), progress)
    location = np.array([parse_numbers(read[name], _label(source, name)) for name in names])
    longitude, latitude = location
    if (np.abs(latitude) > 90).any() or (np.abs(longitude) > 360).any():
        raise InputError(
            f"The fields {names[0]} and {names[1]} of {source.sourceName()} are not in degrees; "
            "give longitude and latitude (EPSG:4326), or a point layer with its own CRS."
        )
    return location


def _label(source: QgsProcessingFeatureSource, field: str) -> str:
    """Name of a field in messages."""
    return f"The field {field} of {source.sourceName()}"


def _required(source, fields: dict[str, str | None], parameter: str) -> str:
    field = fields[parameter]
    if not field:
        usual = ", ".join(USUAL_NAMES[parameter][:3])
        raise InputError(
            f"{source.sourceName()} has none of the fields {usual} …; choose one of its fields as "
            f"{parameter}."
        )
    return field


def _points_inside(shape: QgsGeometry, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return the indices of the points in a polygon."""
    box = shape.boundingBox()
    near = (longitude >= box.xMinimum()) & (longitude <= box.xMaximum())
    near &= (latitude >= box.yMinimum()) & (latitude <= box.yMaximum())
    engine = QgsGeometry.createGeometryEngine(shape.constGet())
    engine.prepareGeometry()
    candidates = np.flatnonzero(near)
    hit = [engine.intersects(QgsPoint(longitude[i], latitude[i])) for i in candidates]
    return candidates[np.array(hit, dtype=bool)]
