"""Vector layers that algorithms write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.files.atomic import publish, scratch_folder
from ..gwsa_plugin.core.rasters.gdal_errors import RasterError, gdal_errors
from .layers import LONLAT
from .output_checks import destination_file

# What SQLite keeps beside a GeoPackage; it does not belong to one that replaces it.
JOURNALS = ("-wal", "-shm", "-journal")


class Place(NamedTuple):
    """Where a layer is written.

    Attributes
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : dict
        As in ``processAlgorithm``.
    name : str
        Name of the parameter of the layer.
    context : QgsProcessingContext
    """

    algorithm: QgsProcessingAlgorithm
    parameters: dict
    name: str
    context: QgsProcessingContext


def layer_fields(types: dict[str, str]) -> QgsFields:
    """Create attribute fields in a way that works with Qt 5 and Qt 6.

    Parameters
    ----------
    types : dict of str to str
        Type of each field: ``string``, of any length, ``integer`` or ``double``.

    Returns
    -------
    QgsFields
    """
    lengths = {"string": "(0)"}
    uri = "&".join(f"field={name}:{kind}{lengths.get(kind, '')}" for name, kind in types.items())
    return QgsVectorLayer(f"NoGeometry?{uri}", "fields", "memory").fields()


def column_types(columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return the types of fields, as for ``layer_fields``, of columns of a table.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Floats, integers, or anything else for text.
    """
    kinds = {"f": "double", "i": "integer"}
    return {name: kinds.get(values.dtype.kind, "string") for name, values in columns.items()}


def write_features(
    place: Place,
    types: dict[str, str],
    kind: QgsWkbTypes.Type,
    rows: Iterable[tuple[Sequence, QgsGeometry | None]],
) -> str:
    """Write a layer in EPSG:4326; nothing is computed while it is open.

    A file gets its final name when GDAL reported no failure and all features can be read from it:
    QGIS does not see that a table of a GeoPackage, its CRS or its version could not be written.

    Parameters
    ----------
    place : Place
        Where the layer is written.
    types : dict of str to str
        Fields as in ``layer_fields``.
    kind : QgsWkbTypes.Type
    rows : iterable of (sequence, QgsGeometry or None)
        Attributes, and the geometry, of each feature. NaN is written as NULL.

    Returns
    -------
    str
        Identifier of the layer.

    Raises
    ------
    InputError
        When the layer cannot be opened, or not all of the features can be written.
    """
    fields = layer_fields(types)
    features = [_feature(fields, *row) for row in rows]
    given = place.parameters.get(place.name)
    path = destination_file(given, place.context)
    if path is None:
        return _write(place, given, fields, kind, features)
    with scratch_folder(path) as scratch:
        try:
            with gdal_errors(path.name):
                part = _write(
                    place, _redirected(given, scratch / path.name), fields, kind, features
                )
        except RasterError:
            raise _incomplete(place) from None
        files = sorted(scratch.iterdir())
        if not files or not _is_complete(part, len(features)):
            raise _incomplete(place)
        for journal in JOURNALS:
            path.with_name(path.name + journal).unlink(missing_ok=True)
        for file in files:
            publish(file, path.with_name(file.name))
        final = part.replace(str(scratch), str(path.parent))
    _load(place.context, part, final)
    return final


def _write(
    place: Place, value, fields: QgsFields, kind: QgsWkbTypes.Type, features: list[QgsFeature]
) -> str:
    """Write the layer to a value of its parameter, and return its identifier."""
    parameters = {**place.parameters, place.name: value}
    try:
        sink, layer_id = place.algorithm.parameterAsSink(
            parameters, place.name, place.context, fields, kind, LONLAT
        )
    except QgsProcessingException:
        sink = None
    if sink is None:
        raise _incomplete(place)
    written = [sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert) for feature in features]
    # The sink closes its file here, before any exception keeps a reference to it.
    del sink
    if not all(written):
        raise _incomplete(place)
    return layer_id


def _incomplete(place: Place) -> InputError:
    path = destination_file(place.parameters.get(place.name), place.context)
    return InputError(
        f"The layer {path or place.name} could not be written completely; check that its disk is "
        "not full, or choose another file or format."
    )


def _redirected(value, path: Path) -> str | QgsProcessingOutputLayerDefinition:
    """The value of a parameter with another file."""
    if not isinstance(value, QgsProcessingOutputLayerDefinition):
        return str(path)
    redirected = QgsProcessingOutputLayerDefinition(value)
    redirected.sink = QgsProperty.fromValue(str(path))
    return redirected


def _load(context: QgsProcessingContext, part: str, final: str) -> None:
    """Have the layer loaded from its final file, where it is loaded at the end."""
    loaded = context.layersToLoadOnCompletion()
    if part in loaded:
        loaded[final] = loaded.pop(part)
        context.setLayersToLoadOnCompletion(loaded)


def _feature(fields: QgsFields, attributes: Sequence, shape: QgsGeometry | None) -> QgsFeature:
    feature = QgsFeature(fields)
    feature.setAttributes([None if value != value else value for value in attributes])
    if shape is not None:
        feature.setGeometry(shape)
    return feature


def _is_complete(layer_id: str, count: int) -> bool:
    """Whether all features of a file can be read; its own count may be of what is not there."""
    return sum(1 for _ in QgsVectorLayer(layer_id, "", "ogr").getFeatures()) == count
