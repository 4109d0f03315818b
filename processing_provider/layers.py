"""Vector layers and tables as plain columns and geometries, for any stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QVariant

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress

LONLAT = QgsCoordinateReferenceSystem("EPSG:4326")


def columns(
    source: QgsProcessingFeatureSource, names: Iterable[str], progress: Progress
) -> dict[str, list]:
    """Read fields as lists of plain Python values.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    names : iterable of str
        Names of fields that the source has.
    progress : Progress

    Returns
    -------
    dict of str to list
        Name -> values in the order of the features, None for NULL.
    """
    indexes = {name: source.fields().lookupField(name) for name in names}
    request = QgsFeatureRequest().setSubsetOfAttributes(list(indexes.values()))
    request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    read: dict[str, list] = {name: [] for name in indexes}
    for feature in _features(source, request, progress):
        for name, index in indexes.items():
            read[name].append(_plain(feature[index]))
    return read


def points(
    source: QgsProcessingFeatureSource, context: QgsProcessingContext, progress: Progress
) -> np.ndarray | None:
    """Read the coordinates of a point layer.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    ndarray of float64, shape (2, features), or None
        Longitude and latitude in degrees in the order of the features, NaN without geometry; the
        centre of a multipoint. None for a table.

    Raises
    ------
    InputError
        When the layer has lines or polygons, has no CRS, or cannot be transformed.
    """
    kind = QgsWkbTypes.displayString(source.wkbType())
    if "Point" not in kind and kind != "NoGeometry":
        raise InputError(
            f"{source.sourceName()} has {kind} geometries; give a layer of points or a table."
        )
    if kind == "NoGeometry":
        return None
    shapes = geometries_in_degrees(source, context, progress)
    centres = [shape.boundingBox().center() for shape in shapes]
    coordinates = [(centre.x(), centre.y()) for centre in centres]
    lonlat = np.array(coordinates, dtype=float).reshape(-1, 2).T
    # The bounding box of an empty geometry has huge coordinates.
    return np.where(np.abs(lonlat) <= 360, lonlat, np.nan)


def geometries_in_degrees(
    source: QgsProcessingFeatureSource, context: QgsProcessingContext, progress: Progress
) -> list[QgsGeometry]:
    """Read the geometries of a layer in EPSG:4326.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    list of QgsGeometry
        In the order of the features.

    Raises
    ------
    InputError
        When the layer has no CRS or cannot be transformed.
    """
    if not source.sourceCrs().isValid():
        raise InputError(
            f"{source.sourceName()} has no coordinate reference system; assign the right one to it "
            "first."
        )
    request = QgsFeatureRequest().setNoAttributes()
    request.setDestinationCrs(LONLAT, context.transformContext())
    try:
        return [QgsGeometry(feature.geometry()) for feature in _features(source, request, progress)]
    except QgsCsException:
        raise InputError(
            f"{source.sourceName()} cannot be transformed to EPSG:4326; check its CRS."
        ) from None


def layer_fields(types: dict[str, str]) -> QgsFields:
    """Create attribute fields in a way that works with Qt 5 and Qt 6.

    Parameters
    ----------
    types : dict of str to str
        Type of each field: ``string``, ``integer`` or ``double``.

    Returns
    -------
    QgsFields
    """
    uri = "&".join(f"field={name}:{kind}" for name, kind in types.items())
    return QgsVectorLayer(f"NoGeometry?{uri}", "fields", "memory").fields()


def _features(
    source: QgsProcessingFeatureSource, request: QgsFeatureRequest, progress: Progress
) -> Iterator[QgsFeature]:
    total = max(source.featureCount(), 1)
    for number, feature in enumerate(source.getFeatures(request)):
        if number % 1000 == 0:
            progress.advance(number / total)
        yield feature


def _plain(value) -> str | int | float | bool | date | None:
    """Convert an attribute to a Python value, None for NULL and for an invalid date."""
    if isinstance(value, QDateTime):
        value = value.date()
    if isinstance(value, QDate):
        return value.toPyDate() if value.isValid() else None
    return None if isinstance(value, QVariant) else value  # only NULL arrives as a QVariant
