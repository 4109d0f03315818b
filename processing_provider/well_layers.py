"""Layers and tables of wells, and the aquifers that contain them, as the arrays of the core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qgis.core import QgsGeometry, QgsPoint

from ..gwsa_plugin.core.base.columns import parse_degrees, parse_flags, parse_numbers
from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.tables import Wells
from .layers import Layer, TextTable, points
from .polygon_layers import read_polygons
from .well_fields import field_of, label, name_examples, required_field

PROPERTIES = ("YIELD_FIELD", "CONFINED_FIELD", "STORATIVITY_FIELD")
LOCATION = ("LONGITUDE_FIELD", "LATITUDE_FIELD")
AQUIFER_FIELDS = ("AQUIFER_FIELD", "AQUIFER_YIELD_FIELD")


def read_wells(layer: Layer | TextTable, chosen: dict[str, str], progress: Progress) -> Wells:
    """Read the wells of a point layer, or of a table with longitude and latitude.

    Parameters
    ----------
    layer : Layer or TextTable
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    progress : Progress
        Receives the fraction done and a line on what was read.

    Returns
    -------
    Wells

    Raises
    ------
    InputError
        When a field is missing, when there are no wells, or when coordinates are not degrees.
    """
    fields = {name: field_of(layer, chosen, name) for name in PROPERTIES}
    identifier = required_field(layer, chosen, "WELL_FIELD")
    location = points(layer, progress)
    if location is None:
        location = _read_degrees(layer, chosen, progress)
    read = layer.columns({identifier, *filter(None, fields.values())}, progress)
    confined = fields["CONFINED_FIELD"]

    def numbers(name):
        field = fields[name]
        return parse_numbers(read[field], label(layer, field)) if field else np.nan

    wells = Wells.from_columns(
        read[identifier],
        longitude=location[0],
        latitude=location[1],
        specific_yield=numbers("YIELD_FIELD"),
        confined=parse_flags(read[confined]) if confined else False,
        storativity=numbers("STORATIVITY_FIELD"),
    )
    if not len(wells):
        raise InputError(f"{layer.name} has no wells; check its filter and selection.")
    unknown = int(np.isnan(wells.longitude + wells.latitude).sum())
    missing = f"; {unknown} of {len(wells)} rows have no coordinates" if unknown else ""
    progress.info(f"{len(set(wells.ids))} wells of {layer.name} (field {identifier}){missing}.")
    return wells


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
        yields = parse_numbers(given, label(layer, yield_field))
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


def _read_degrees(
    layer: Layer | TextTable, chosen: dict[str, str], progress: Progress
) -> np.ndarray:
    """Return longitude and latitude of a table, shape (2, features); NaN where unknown."""
    names = [required_field(layer, chosen, name) for name in LOCATION]
    read = layer.columns(set(names), progress)
    longitude, latitude = (parse_degrees(read[name], label(layer, name)) for name in names)
    for name, values in zip(names, (longitude, latitude)):
        unknown = np.flatnonzero(np.isnan(values))
        examples = name_examples(read[name][i] for i in unknown)
        if examples:
            progress.warn(
                f"{unknown.size} values of {name} of {layer.name} are no degrees{examples}."
            )
    off = (np.abs(latitude) > 90) | (np.abs(longitude) > 360)
    if off.sum() > np.isfinite(longitude + latitude).sum() / 2:
        fields = f"The fields {names[0]} and {names[1]} of {layer.name}"
        place = f"{longitude[off][0]:.9g}, {latitude[off][0]:.9g}"
        if ((np.abs(longitude) <= 90) & (np.abs(latitude) <= 180))[off].all():
            raise InputError(
                f"{fields} seem to be exchanged ({place}); exchange LONGITUDE_FIELD and "
                "LATITUDE_FIELD."
            )
        raise InputError(
            f"{fields} are not in degrees ({place}); give longitude and latitude (EPSG:4326), or a "
            "point layer with its own CRS."
        )
    return np.where(off, np.nan, [longitude, latitude])


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
