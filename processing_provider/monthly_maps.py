"""Parameters of algorithms that read monthly maps: a folder of yearly files, or layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
    given = given_maps(algorithm, parameters, context, "GWSA", "LAYERS")
    if len(given) != 1:
        raise InputError(
            "Give the monthly maps either as their folder (GWSA) or as layers (LAYERS)."
        )
    return given[0]()


def given_maps(
    algorithm: GwsaAlgorithm, parameters: dict, context, folder: str, layers: str
) -> list[Callable]:
    """Return for each of two parameters that is given what opens its maps as ``YearlyMaps``."""
    from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps

    openers: list[Callable] = []
    if place := algorithm.parameterAsFile(parameters, folder, context):
        openers.append(partial(YearlyMaps.in_folder, place))
    # Of an empty parameter QGIS returns all layers.
    if parameters.get(layers):
        files = map(layer_file, algorithm.parameterAsLayerList(parameters, layers, context))
        openers.append(partial(YearlyMaps.from_files, list(files)))
    return openers
