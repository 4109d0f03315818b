"""The inputs of a run as texts, for its record: layers, files and fields."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
)

VECTOR = QgsProcessingParameterFeatureSource.typeName()
RASTER = QgsProcessingParameterRasterLayer.typeName()
SEVERAL = QgsProcessingParameterMultipleLayers.typeName()
TEXTS = (QgsProcessingParameterFile.typeName(), QgsProcessingParameterField.typeName())


def given_inputs(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping, context: QgsProcessingContext
) -> dict[str, str | list[str]]:
    """Return the layers, files and fields that a run is given.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : mapping
        As in ``processAlgorithm``.
    context : QgsProcessingContext

    Returns
    -------
    dict
        Name of the parameter -> source of the layer, without its password, path or field; for
        several layers a list. Empty parameters are left out.
    """
    found: dict[str, str | list[str]] = {}
    for definition in algorithm.parameterDefinitions():
        name, kind = definition.name(), definition.type()
        value = parameters.get(name)
        if not value:
            continue
        if kind == VECTOR:
            found[name] = _source(
                algorithm.parameterAsVectorLayer(parameters, name, context), value
            )
        elif kind == RASTER:
            found[name] = _source(
                algorithm.parameterAsRasterLayer(parameters, name, context), value
            )
        elif kind == SEVERAL:
            layers = algorithm.parameterAsLayerList(parameters, name, context) or []
            found[name] = [_source(layer, "") for layer in layers]
        elif kind in TEXTS:
            found[name] = str(value)
    return found


def _source(layer: QgsMapLayer | None, value) -> str:
    return str(value) if layer is None else layer.publicSource()
