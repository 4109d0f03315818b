"""Parameters of algorithms that read monthly maps: a folder of yearly files, or layers."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
)

from ..gwsa_plugin.core.base.errors import InputError
from .base import GwsaAlgorithm, layer_file, tr


def add_maps(algorithm: GwsaAlgorithm) -> None:
    """Add the parameters GWSA and LAYERS, of which one is given."""
    folder = QgsProcessingParameterFile.Behavior.Folder
    algorithm.add(
        QgsProcessingParameterFile("GWSA", tr("Monthly maps (folder)"), folder, optional=True),
        "The folder with GWSA_YYYY.tif that gwsa:downscale wrote; alternatively give LAYERS.",
    )
    rasters = QgsProcessing.SourceType.TypeRaster
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            "LAYERS", tr("Monthly maps (layers)"), rasters, optional=True
        ),
        "A monthly stack, or yearly rasters on one grid, with bands named YYYY-MM, instead of the "
        "folder.",
    )


def read_maps(algorithm: GwsaAlgorithm, parameters: dict, context):
    """Open the maps of GWSA or LAYERS.

    Parameters
    ----------
    algorithm : GwsaAlgorithm
    parameters : dict
    context : QgsProcessingContext

    Returns
    -------
    YearlyMaps

    Raises
    ------
    InputError
        When both parameters are given or none, or as in ``YearlyMaps``.
    """
    from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps

    folder = algorithm.parameterAsFile(parameters, "GWSA", context)
    layers = given_layers(algorithm, parameters, "LAYERS", context)
    if bool(folder) == bool(layers):
        raise InputError(
            "Give the monthly maps either as their folder (GWSA) or as layers (LAYERS)."
        )
    if folder:
        return YearlyMaps.in_folder(folder)
    return YearlyMaps.from_files(map(layer_file, layers))


def given_layers(algorithm: GwsaAlgorithm, parameters: dict, name: str, context) -> list:
    """Return the layers of a parameter; none for an empty one, for which QGIS returns others."""
    return algorithm.parameterAsLayerList(parameters, name, context) if parameters.get(name) else []
