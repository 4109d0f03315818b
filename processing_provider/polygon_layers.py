"""Layers of polygons: valid, in degrees, with a name each, and an account of what is left out."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.spatial.polygons import unwrap
from .layers import Layer, TextTable

if TYPE_CHECKING:
    from ..gwsa_plugin.core.spatial.aquifers import Aquifer

NO_GEOMETRY = "without geometry"
NO_NAME = "without a name"
NO_AREA = "without area"
REPAIRED = "that cross themselves made valid"
CROSSES = "across 180° east and west"
# Of a degree, far less than a millimetre.
DECIMALS = 12
# Features that are listed for each reason.
EXAMPLES = 3


class Polygon(NamedTuple):
    """A polygon of a layer.

    Parameters
    ----------
    name : str
        The value of the field of names, or the number of the feature.
    shape : QgsGeometry
        Valid multipolygon in EPSG:4326. Its longitudes are continuous across 180°.
    values : dict
        Field -> value as a plain Python object, None for NULL.
    """

    name: str
    shape: QgsGeometry
    values: dict

    @property
    def geojson(self) -> dict:
        """The geometry as a GeoJSON multipolygon."""
        return json.loads(self.shape.asJson(DECIMALS))

    @property
    def aquifer(self) -> Aquifer:
        """The polygon for the core."""
        from ..gwsa_plugin.core.spatial.aquifers import Aquifer

        return Aquifer(self.name, self.geojson)


def read_polygons(
    layer: Layer | TextTable, name_field: str | None, fields: Iterable[str], progress: Progress
) -> list[Polygon]:
    """Read the polygons of a layer; the log states what was read and what is left out.

    Self-crossing polygons are made valid. Lines and points of a geometry collection are dropped.

    Parameters
    ----------
    layer : Layer or TextTable
    name_field : str or None
        Field with the names; None to number the features from 1.
    fields : iterable of str
        Other fields to read.
    progress : Progress

    Returns
    -------
    list of Polygon
        In the order of the layer, without features that have no name or no area.

    Raises
    ------
    InputError
        When the layer is a table, has lines or points, no polygon, no CRS or a wrong one, or a
        polygon around a pole.
    """
    _check_kind(layer)
    reading, shaping = progress.parts(2)
    names = dict.fromkeys([*([name_field] if name_field else []), *fields])
    columns = layer.columns(names, reading.part(0.0, 0.5)) if names else {}
    shapes = layer.shapes(reading.part(0.5, 1.0))
    left_out: dict[str, list[int]] = defaultdict(list)
    changes: Counter = Counter()
    polygons = []
    for number, shape in enumerate(shapes, start=1):
        shaping.advance(number / len(shapes))
        values = {field: column[number - 1] for field, column in columns.items()}
        name = _text(values[name_field]) if name_field else str(number)
        area, changed = _in_degrees(shape, f"Feature {number} of {layer.name}")
        if area and name:
            polygons.append(Polygon(name, area, values))
            changes.update(changed)
        else:
            reason = NO_NAME if area else NO_GEOMETRY if shape is None else NO_AREA
            left_out[reason].append(number)
    reasons = _reasons(left_out)
    if not polygons:
        raise InputError(
            f"{layer.name} has no polygons ({reasons or 'it has no features'}); give a layer with "
            "polygons, check its filter and selection, or leave the parameter empty."
        )
    named = f"named by the field {name_field}" if name_field else "named by their numbers"
    changed_text = "".join(f"; {count} {change}" for change, count in changes.items())
    progress.info(f"{len(polygons)} polygons of {layer.name}, {named}{changed_text}.")
    if reasons:
        progress.warn(f"Polygons of {layer.name} are left out: {reasons}.")
    return polygons


def joined_by_name(polygons: Iterable[Polygon]) -> list[Polygon]:
    """Join the polygons of one name; the values are those of the first."""
    parts: dict[str, list[Polygon]] = {}
    for polygon in polygons:
        parts.setdefault(polygon.name, []).append(polygon)
    return [
        same[0]._replace(shape=QgsGeometry.collectGeometry([one.shape for one in same]))
        for same in parts.values()
    ]


def _check_kind(layer: Layer | TextTable) -> None:
    """Refuse a layer of lines or points; what collections hold is seen when they are read."""
    if isinstance(layer, TextTable):
        raise InputError(f"{layer.name} is a table; give a layer of polygons.")
    kind = QgsWkbTypes.geometryType(layer.source.wkbType())
    if kind in (QgsWkbTypes.GeometryType.LineGeometry, QgsWkbTypes.GeometryType.PointGeometry):
        raise InputError(f"{layer.name} has {layer.kind} geometries; give a layer of polygons.")


def _in_degrees(shape: QgsGeometry | None, name: str) -> tuple[QgsGeometry | None, list[str]]:
    """The valid polygons of a geometry, None if it has no area, and how it was changed."""
    area = _polygons_of(shape)
    changes = []
    box = area.boundingBox()
    if box.width() > 180 or box.xMinimum() < -180 or box.xMaximum() > 180:
        area = _unwrapped(area, name)
        if area.boundingBox().xMaximum() > 180:
            changes.append(CROSSES)
    if not area.isEmpty() and not area.isGeosValid():
        area = _polygons_of(area.makeValid())
        changes.append(REPAIRED)
    return (None if area.isEmpty() or area.area() == 0 else area), changes


def _polygons_of(shape: QgsGeometry | None) -> QgsGeometry:
    """The polygons of a geometry as a multipolygon without curves; empty if it has none."""
    parts = [
        QgsGeometry(part.constGet().segmentize())
        for part in (shape.asGeometryCollection() if shape is not None else ())
        if part.type() == QgsWkbTypes.GeometryType.PolygonGeometry and not part.isEmpty()
    ]
    return QgsGeometry.collectGeometry(parts) if parts else QgsGeometry()


def _unwrapped(area: QgsGeometry, name: str) -> QgsGeometry:
    parts = [unwrap(part) for part in area.asMultiPolygon()]
    if None in parts:
        raise InputError(f"{name} goes around a pole; cut it at 180° east and west first.")
    return QgsGeometry.fromMultiPolygonXY(
        [[[QgsPointXY(*point) for point in ring] for ring in part] for part in parts]
    )


def _reasons(left_out: dict[str, list[int]]) -> str:
    return ", ".join(
        f"{len(numbers)} {reason} (feature {', '.join(map(str, numbers[:EXAMPLES]))}"
        f"{' …' if len(numbers) > EXAMPLES else ''})"
        for reason, numbers in left_out.items()
    )


def _text(value) -> str:
    return "" if value is None else str(value).strip()
