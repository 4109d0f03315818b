"""Vector layers and tables as plain columns and geometries in degrees, for any stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QVariant

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.usgs_rdb import COMMENT, read_rdb

LONLAT = QgsCoordinateReferenceSystem("EPSG:4326")
# Degrees by which coordinates may exceed 360 and 90, from the rounding of files.
MARGIN = 0.01


@dataclass(frozen=True)
class Layer:
    """A vector layer or table, read into plain lists.

    Parameters
    ----------
    name : str
        Name in messages.
    fields : list of str
    source : QgsProcessingFeatureSource
    crs : QgsCoordinateReferenceSystem
    context : QgsProcessingContext
    readings : list of list of int
        Identifiers of the features, each time that they were read.
    """

    name: str
    fields: list[str]
    source: QgsProcessingFeatureSource
    crs: QgsCoordinateReferenceSystem
    context: QgsProcessingContext
    readings: list[list[int]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Type of the geometries, such as MultiPolygon, or NoGeometry."""
        return QgsWkbTypes.displayString(self.source.wkbType())

    def columns(self, names: Iterable[str], progress: Progress) -> dict[str, list]:
        """Read fields as lists of plain Python values.

        Parameters
        ----------
        names : iterable of str
            Names of fields that the layer has.
        progress : Progress

        Returns
        -------
        dict of str to list
            Name -> values in the order of the features, None for NULL.
        """
        indexes = {name: self.source.fields().lookupField(name) for name in names}
        request = QgsFeatureRequest().setSubsetOfAttributes(list(indexes.values()))
        request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        read: dict[str, list] = {name: [] for name in indexes}
        for feature in self._features(request, progress):
            for name, index in indexes.items():
                read[name].append(plain_value(feature[index]))
        return read

    def shapes(self, progress: Progress) -> list[QgsGeometry | None]:
        """Read the geometries in EPSG:4326.

        Parameters
        ----------
        progress : Progress

        Returns
        -------
        list of QgsGeometry or None
            In the order of the features, None for a feature without geometry or off the globe.

        Raises
        ------
        InputError
            When the layer has no CRS, a wrong one, or cannot be transformed.
        """
        request = QgsFeatureRequest().setNoAttributes()
        shapes = [
            None if feature.geometry().isEmpty() else QgsGeometry(feature.geometry())
            for feature in self._features(request, progress)
        ]
        present = [number for number, shape in enumerate(shapes) if shape is not None]
        if present:
            self._check_crs([shapes[number].boundingBox() for number in present])
            self._transform([shapes[number] for number in present])
        odd = [number for number in present if not _is_degrees(shapes[number].boundingBox())]
        if odd:
            progress.warn(
                f"{len(odd)} features of {self.name} are left out, since they are not on the globe "
                f"(the first is feature {odd[0] + 1})."
            )
        for number in odd:
            shapes[number] = None
        return shapes

    def _features(self, request: QgsFeatureRequest, progress: Progress) -> Iterator[QgsFeature]:
        """The features, without the check of geometries, which stops QGIS from inside its loop."""
        unchecked = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        total = max(self.source.featureCount(), 1)
        numbers = []
        for number, feature in enumerate(self.source.getFeatures(request, unchecked)):
            if number % 1000 == 0:
                progress.advance(number / total)
            numbers.append(feature.id())
            yield feature
        self.readings.append(numbers)
        if numbers != self.readings[0]:
            raise InputError(
                f"{self.name} is damaged: its fields and its geometries are not those of the same "
                "features; export the layer again."
            )

    def _check_crs(self, boxes: Sequence[QgsRectangle]) -> None:
        if not self.crs.isValid():
            raise InputError(
                f"{self.name} has no coordinate reference system; assign the right one to it first."
            )
        odd = [box for box in boxes if not _is_degrees(box)]
        if len(odd) > len(boxes) / 2 and self.crs.isGeographic():
            raise InputError(
                f"{self.name} has coordinates such as {_corner(odd[0])}, which are not longitude "
                f"and latitude, but its CRS is {self.crs.authid()}; set the CRS in which it was "
                "made."
            )
        if not odd and not self.crs.isGeographic():
            raise InputError(
                f"{self.name} has coordinates such as {_corner(boxes[0])}, which look like "
                f"longitude and latitude, but its CRS is {self.crs.authid()} in metres; set the "
                "CRS in which it was made."
            )

    def _transform(self, shapes: Sequence[QgsGeometry]) -> None:
        transform = QgsCoordinateTransform(self.crs, LONLAT, self.context.transformContext())
        try:
            for shape in shapes:
                shape.transform(transform)
        except QgsCsException:
            raise InputError(
                f"{self.name} cannot be transformed from {self.crs.authid()} to EPSG:4326; check "
                "its CRS and its coordinates."
            ) from None


@dataclass(frozen=True)
class TextTable:
    """A table that has been read, with the columns of a ``Layer``.

    Parameters
    ----------
    name : str
        Name in messages.
    values : dict of str to list
        Field -> texts or other plain values of the rows.
    """

    name: str
    values: dict[str, list]
    kind = "NoGeometry"

    @property
    def fields(self) -> list[str]:
        """Names of the columns."""
        return list(self.values)

    def columns(self, names: Iterable[str], progress: Progress) -> dict[str, list]:
        """Return some of the columns."""
        return {name: self.values[name] for name in names}


def open_layer(
    algorithm: QgsProcessingAlgorithm, parameters: dict, name: str, context: QgsProcessingContext
) -> Layer | TextTable | None:
    """Open the layer of a parameter.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters, context
        As in ``processAlgorithm``.
    name : str
        Name of the parameter.

    Returns
    -------
    Layer, TextTable or None
        A TextTable for a file of the USGS with comments; None if the parameter is empty.

    Raises
    ------
    InputError
        When the layer cannot be opened.
    """
    given = parameters.get(name)
    # An empty value of qgis_process is NULL, which is false.
    if not given:
        return None
    layer = None
    if not is_commented(given):
        layer = algorithm.parameterAsVectorLayer(parameters, name, context)
    path = given if layer is None else layer.source().partition("|")[0]
    if is_commented(path):
        return open_text_table(Path(path))
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        raise InputError(f"{given} ({name}) cannot be opened as a layer or table; check the path.")
    fields = [field.name() for field in source.fields()]
    crs = source.sourceCrs()
    if layer is not None and not layer.isSpatial():
        # QGIS does not use the CRS of a layer of geometry collections.
        crs = layer.dataProvider().crs()
    return Layer(source.sourceName() or name, fields, source, crs, context)


def is_file(source: str) -> bool:
    """Whether the source of a layer is a file; those of databases may be too long for a path."""
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        return False


def is_commented(given) -> bool:
    """Whether a value of a parameter is a text file that begins with a comment."""
    if not isinstance(given, str) or not is_file(given):
        return False
    with open(given, "rb") as file:
        return file.read(1) == COMMENT.encode()


def open_text_table(path: Path) -> TextTable:
    """Open a file of the USGS with comments; InputError for another text with comments."""
    values = read_rdb(path)
    if not values:
        raise InputError(
            f"{path.name} has lines with {COMMENT} before its header; remove them, so that the "
            "first line has the names of the fields."
        )
    return TextTable(path.name, values)


def find_field(layer: Layer, chosen: str, parameter: str, usual: Iterable[str] = ()) -> str | None:
    """Find the field of a layer for a parameter.

    Parameters
    ----------
    layer : Layer
    chosen : str
        Name of the field in upper or lower case, or empty.
    parameter : str
        Name of the parameter, for messages.
    usual : iterable of str
        Names in lower case that are used where none is chosen, in this order.

    Returns
    -------
    str or None
        The chosen field, or the first usual name that the layer has.

    Raises
    ------
    InputError
        When the chosen field does not exist.
    """
    present = {name.lower(): name for name in layer.fields}
    if chosen and chosen.lower() not in present:
        advice = f"choose one of {name_some(layer.fields)}"
        if not present:
            advice = "it has no fields at all, so choose another layer, or leave the field empty"
        raise InputError(f"{layer.name} has no field “{chosen}” ({parameter}); {advice}.")
    names = [chosen.lower()] if chosen else usual
    return next((present[name] for name in names if name in present), None)


def name_some(names: Sequence[str], most: int = 20) -> str:
    """List names for a message, the first ones of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def points(layer: Layer, progress: Progress) -> np.ndarray | None:
    """Read the coordinates of a point layer.

    Parameters
    ----------
    layer : Layer
    progress : Progress

    Returns
    -------
    ndarray of float64, shape (2, features), or None
        Longitude and latitude in degrees in the order of the features, NaN without geometry; the
        centre of a multipoint. None for a table.

    Raises
    ------
    InputError
        When the layer has lines or polygons, has no CRS or a wrong one, or cannot be transformed.
    """
    if "Point" not in layer.kind and layer.kind != "NoGeometry":
        raise InputError(
            f"{layer.name} has {layer.kind} geometries; give a layer of points or a table."
        )
    if layer.kind == "NoGeometry":
        return None
    places = [_centre(shape) for shape in layer.shapes(progress)]
    return np.array(places, dtype=float).reshape(-1, 2).T


def _centre(shape: QgsGeometry | None) -> tuple[float, float]:
    if shape is None:
        return np.nan, np.nan
    centre = shape.boundingBox().center()
    return centre.x(), centre.y()


def _is_degrees(box: QgsRectangle) -> bool:
    """Whether a box lies on the globe; False for coordinates that are no numbers."""
    longitude = max(abs(box.xMinimum()), abs(box.xMaximum()))
    latitude = max(abs(box.yMinimum()), abs(box.yMaximum()))
    return longitude <= 360 + MARGIN and latitude <= 90 + MARGIN


def _corner(box: QgsRectangle) -> str:
    return f"{box.xMinimum():.9g}, {box.yMinimum():.9g}"


def plain_value(value) -> str | int | float | bool | date | None:
    """Convert an attribute to a Python value, None for NULL and for an invalid date."""
    if isinstance(value, QDateTime):
        value = value.date()
    if isinstance(value, QDate):
        return value.toPyDate() if value.isValid() else None
    return None if isinstance(value, QVariant) else value  # only NULL arrives as a QVariant
