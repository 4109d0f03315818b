"""Vector layers that algorithms write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from .layers import LONLAT, is_file


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
    open_sink: Callable,
    types: dict[str, str],
    kind: QgsWkbTypes.Type,
    rows: Iterable[tuple[Sequence, QgsGeometry | None]],
) -> str:
    """Write a layer in EPSG:4326; nothing is computed while it is open.

    Parameters
    ----------
    open_sink : callable
        Takes fields, type of geometry and CRS, and returns a sink and the identifier of its layer:
        ``parameterAsSink`` with its first three arguments given.
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
    sink, layer_id = open_sink(fields, kind, LONLAT)
    if sink is None:
        raise InputError("The layer cannot be written to this file; choose another one.")
    written = [sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert) for feature in features]
    # The sink closes its file here, before any exception keeps a reference to it.
    del sink
    if not all(written) or not _is_complete(layer_id, len(features)):
        _remove(layer_id)
        raise InputError(
            f"{layer_id} could not be written completely; check that its disk is not full, or "
            "choose another file or format."
        )
    return layer_id


def _feature(fields: QgsFields, attributes: Sequence, shape: QgsGeometry | None) -> QgsFeature:
    feature = QgsFeature(fields)
    feature.setAttributes([None if value != value else value for value in attributes])
    if shape is not None:
        feature.setGeometry(shape)
    return feature


def _is_complete(layer_id: str, count: int) -> bool:
    """Whether a file has all features; a layer in memory or in a database has."""
    if not is_file(layer_id.partition("|")[0]):
        return True
    return QgsVectorLayer(layer_id, "", "ogr").featureCount() == count


def _remove(layer_id: str) -> None:
    """Remove the file of a layer, unless it has other layers too."""
    path = _file(layer_id)
    found = QgsVectorLayer(str(path), "", "ogr")
    if found.isValid() and len(found.dataProvider().subLayers()) > 1:
        return
    del found
    if path.suffix.lower() == ".shp":
        QgsVectorFileWriter.deleteShapeFile(str(path))
    path.unlink(missing_ok=True)


def _file(layer_id: str) -> Path:
    return Path(layer_id.partition("|")[0])
