"""Layers of wells, readings and aquifers as the plain columns that the core takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPoint,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QVariant

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.tables import Readings, Wells, parse_flags, parse_numbers

LONLAT = QgsCoordinateReferenceSystem("EPSG:4326")
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
USUAL_NAMES = {
    "WELL_FIELD": WELL_NAMES,
    "YIELD_FIELD": ("specific_yield", "sy"),
    "CONFINED_FIELD": ("confined", "is_confined"),
    "STORATIVITY_FIELD": ("storativity",),
    "LONGITUDE_FIELD": ("longitude", "lon", "long", "lng", "x"),
    "LATITUDE_FIELD": ("latitude", "lat", "y"),
    "READING_WELL_FIELD": WELL_NAMES,
    "DATE_FIELD": ("date", "datetime", "day", "time"),
    "VALUE_FIELD": ("depth_to_water", "dtw", "value", "depth"),
    "AQUIFER_FIELD": ("id", "aquifer", "name"),
    "AQUIFER_YIELD_FIELD": ("specific_yield", "sy"),
}
PLACE_FIELDS = ("LONGITUDE_FIELD", "LATITUDE_FIELD")
WELL_FIELDS = ("WELL_FIELD", "YIELD_FIELD", "CONFINED_FIELD", "STORATIVITY_FIELD", *PLACE_FIELDS)
READING_FIELDS = ("READING_WELL_FIELD", "DATE_FIELD", "VALUE_FIELD")
AQUIFER_FIELDS = ("AQUIFER_FIELD", "AQUIFER_YIELD_FIELD")


def read_wells(source, chosen: dict[str, str], context, progress: Progress) -> Wells:
    """The wells of a point layer, or of a table with longitude and latitude; ``chosen`` is parameter -> field or empty.

    InputError for fields that are not there, and for coordinates that are no degrees.
    """
    fields = {name: field_of(source, chosen[name], name) for name in WELL_FIELDS}
    places = points(source, context, progress)
    if places is None:
        places = _degrees(
            source, [_needed(source, fields, name) for name in PLACE_FIELDS], progress
        )
    identifier = _needed(source, fields, "WELL_FIELD")
    read = columns(source, {field for field in fields.values() if field}, progress)

    def column(name, parse, absent):
        return parse(read[fields[name]]) if fields[name] else absent

    return Wells.of(
        read[identifier], *places, column("YIELD_FIELD", parse_numbers, np.nan),
        column("CONFINED_FIELD", parse_flags, False), column("STORATIVITY_FIELD", parse_numbers, np.nan),
    )  # fmt: skip


def read_readings(source, chosen: dict[str, str], wells: Wells, progress: Progress) -> Readings:
    """The readings of a long table, one row a reading."""
    fields = {name: field_of(source, chosen[name], name) for name in READING_FIELDS}
    if not fields["DATE_FIELD"]:
        raise InputError(
            f"{source.sourceName()} has no field of dates; give the table of readings (well, date, value) as "
            "OBSERVATIONS, or choose its field as DATE_FIELD."
        )
    wanted = [_needed(source, fields, name) for name in READING_FIELDS]
    read = columns(source, set(wanted), progress)
    return Readings.of(wells, *(read[field] for field in wanted))


def in_aquifers(wells: Wells, source, chosen: dict[str, str], context, progress: Progress) -> Wells:
    """The wells with the name of the polygon they lie in and, where their own is unknown, its specific yield.

    Where polygons overlap the smallest counts, as in downscaling.
    """
    fields = {name: field_of(source, chosen[name], name) for name in AQUIFER_FIELDS}
    region_field, yield_field = (
        _needed(source, fields, "AQUIFER_FIELD"),
        fields["AQUIFER_YIELD_FIELD"],
    )
    shapes = geometries_in_degrees(source, context, progress)
    read = columns(source, {region_field, yield_field} - {None}, progress)
    region, known = wells.region.copy(), np.full(len(wells), np.nan)
    yields = parse_numbers(read[yield_field]) if yield_field else np.full(len(shapes), np.nan)
    for i in sorted(range(len(shapes)), key=lambda i: -shapes[i].area()):
        progress.advance(0.9)
        inside = _inside(shapes[i], wells.longitude, wells.latitude)
        region[inside] = str(read[region_field][i])
        known[inside] = yields[i] if np.isfinite(yields[i]) else known[inside]
    return replace(wells, region=region).filled(known)


def field_of(source, chosen: str, parameter: str) -> str | None:
    """The chosen field of a source, or the first usual name that it has for this parameter, or None.

    InputError when the chosen field is not there.
    """
    present = {field.name().lower(): field.name() for field in source.fields()}
    if chosen and chosen.lower() not in present:
        raise InputError(
            f"{source.sourceName()} has no field “{chosen}” ({parameter}); choose one of its own fields."
        )
    names = [chosen.lower()] if chosen else USUAL_NAMES[parameter]
    return next((present[name] for name in names if name in present), None)


def columns(source, names, progress: Progress) -> dict[str, list]:
    """Each named field as a list of plain Python values in feature order, None for NULL."""
    indexes = {name: source.fields().lookupField(name) for name in names}
    request = QgsFeatureRequest().setSubsetOfAttributes(list(indexes.values()))
    request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    read: dict[str, list] = {name: [] for name in names}
    for feature in _features(source, request, progress):
        for name, index in indexes.items():
            read[name].append(_plain(feature[index]))
    return read


def points(source, context, progress: Progress) -> np.ndarray | None:
    """Longitude and latitude of a point layer in feature order, shape (2, features), NaN without geometry.

    None for a table. InputError for a layer without CRS, of lines or polygons, or that cannot be transformed.
    """
    kind = QgsWkbTypes.displayString(source.wkbType())
    if "Point" not in kind and kind != "NoGeometry":
        raise InputError(
            f"{source.sourceName()} holds {kind} geometries; give wells as points or as a table."
        )
    if kind == "NoGeometry":
        return None
    centres = [
        shape.boundingBox().center() for shape in geometries_in_degrees(source, context, progress)
    ]
    places = (
        np.array([(centre.x(), centre.y()) for centre in centres], dtype=float).reshape(-1, 2).T
    )
    return np.where(np.abs(places) <= 360, places, np.nan)


def _degrees(source, fields, progress: Progress) -> np.ndarray:
    read = columns(source, set(fields), progress)
    longitude, latitude = places = np.array([parse_numbers(read[field]) for field in fields])
    if (np.abs(latitude) > 90).any() or (np.abs(longitude) > 360).any():
        raise InputError(
            f"The fields {fields[0]} and {fields[1]} of {source.sourceName()} hold no degrees; give longitude and "
            "latitude (EPSG:4326), or a point layer with its own CRS."
        )
    return places


def _needed(source, fields: dict[str, str | None], name: str) -> str:
    if not fields[name]:
        usual = ", ".join(USUAL_NAMES[name][:3])
        raise InputError(
            f"{source.sourceName()} has none of the fields {usual} …; choose one of its own as {name}."
        )
    return fields[name]


def _inside(shape: QgsGeometry, longitude, latitude) -> np.ndarray:
    """Indices of the points in a polygon."""
    box = shape.boundingBox()
    near = (longitude >= box.xMinimum()) & (longitude <= box.xMaximum())
    near &= (latitude >= box.yMinimum()) & (latitude <= box.yMaximum())
    engine = QgsGeometry.createGeometryEngine(shape.constGet())
    engine.prepareGeometry()
    candidates = np.flatnonzero(near)
    hit = [engine.intersects(QgsPoint(longitude[i], latitude[i])) for i in candidates]
    return candidates[np.array(hit, dtype=bool)]


def geometries_in_degrees(source, context, progress: Progress) -> list[QgsGeometry]:
    """Each feature's geometry in EPSG:4326; InputError for a layer without CRS or that cannot be transformed."""
    if not source.sourceCrs().isValid():
        raise InputError(
            f"{source.sourceName()} has no coordinate reference system; assign the right one to it first."
        )
    request = (
        QgsFeatureRequest().setNoAttributes().setDestinationCrs(LONLAT, context.transformContext())
    )
    try:
        return [QgsGeometry(feature.geometry()) for feature in _features(source, request, progress)]
    except QgsCsException:
        raise InputError(
            f"{source.sourceName()} cannot be transformed to EPSG:4326; check its CRS."
        ) from None


def _features(source, request, progress: Progress):
    total = max(source.featureCount(), 1)
    for number, feature in enumerate(source.getFeatures(request)):
        if number % 1000 == 0:
            progress.advance(number / total)
        yield feature


def _plain(value):
    if isinstance(value, QDateTime):
        value = value.date()
    if isinstance(value, QDate):
        return value.toPyDate() if value.isValid() else None
    return None if isinstance(value, QVariant) else value  # only NULL arrives as a QVariant
