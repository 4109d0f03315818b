"""Parameters of a second product of monthly maps: a folder, layers, or a NetCDF file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
)

from ..gwsa_plugin.core.base.errors import InputError
from .base import GwsaAlgorithm, tr
from .monthly_maps import given_maps

NETCDF = "NetCDF (*.nc *.nc4);;All files (*)"


def add_other_maps(algorithm: GwsaAlgorithm) -> None:
    """Add OTHER, OTHER_LAYERS and OTHER_NETCDF, of which one is given, and what reads NetCDF."""
    behavior = QgsProcessingParameterFile.Behavior
    algorithm.add(
        QgsProcessingParameterFile(
            "OTHER", tr("Other product (folder)"), behavior.Folder, optional=True
        ),
        "A folder with GWSA_YYYY.tif, such as the published dataset; alternatively give "
        "OTHER_LAYERS or OTHER_NETCDF.",
    )
    rasters = QgsProcessing.SourceType.TypeRaster
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            "OTHER_LAYERS", tr("Other product (layers)"), rasters, optional=True
        ),
        "A monthly stack, or yearly rasters on one grid, with bands named YYYY-MM.",
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "OTHER_NETCDF", tr("Other product (NetCDF)"), fileFilter=NETCDF, optional=True
        ),
        "A NetCDF file of monthly storage over time, latitude and longitude, such as G3P.",
    )
    algorithm.add(
        QgsProcessingParameterString(
            "OTHER_VARIABLE", tr("Variable of the NetCDF file"), optional=True
        ),
        "Leave empty for a file with one monthly variable, or one that is named gwsa, gws or "
        "groundwater.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString("OTHER_UNIT", tr("Unit of the variable"), optional=True),
        "cm, mm, m or kg m-2. Leave empty for files that state the unit.",
        advanced=True,
    )


def read_other_maps(algorithm: GwsaAlgorithm, parameters: dict, context):
    """Open the maps of OTHER, OTHER_LAYERS or OTHER_NETCDF.

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
        When several of the parameters are given or none, or as in ``YearlyMaps`` and
        ``NetCdfMaps``.
    """
    from ..gwsa_plugin.core.files.netcdf_maps import NetCdfMaps

    given = given_maps(algorithm, parameters, context, "OTHER", "OTHER_LAYERS")
    if netcdf := algorithm.parameterAsFile(parameters, "OTHER_NETCDF", context):
        texts = [
            algorithm.parameterAsString(parameters, one, context).strip()
            for one in ("OTHER_VARIABLE", "OTHER_UNIT")
        ]
        given.append(partial(NetCdfMaps.from_netcdf, Path(netcdf), *texts))
    if len(given) != 1:
        raise InputError(
            "Give the other product either as its folder (OTHER), as layers (OTHER_LAYERS) or as a "
            "NetCDF file (OTHER_NETCDF)."
        )
    return given[0]()
