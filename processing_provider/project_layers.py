"""The layers of the project that belong into the boxes of a dialog."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.rasters.reading import open_raster


def fitting_layers(variables: dict[str, str]) -> dict[str, str]:
    """Find the layer for each parameter by the variable in its tags.

    Parameters
    ----------
    variables : dict of str to str
        Parameter of a stack -> its variable (tag GWSA_VARIABLE).

    Returns
    -------
    dict of str to str
        Parameter -> id of the layer with most bands, because a file of one year has the variable of
        the whole record; the topmost of several. Parameters without a layer are left out.
    """
    found: dict[str, QgsRasterLayer] = {}
    for layer in QgsProject.instance().layerTreeRoot().layerOrder():
        variable = _variable(layer)
        best = found.get(variable)
        if variable and (best is None or layer.bandCount() > best.bandCount()):
            found[variable] = layer
    return {name: found[variable].id() for name, variable in variables.items() if variable in found}


def _variable(layer) -> str:
    """The variable of a raster file; empty for other layers."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
        return ""
    try:
        with open_raster(Path(layer.source())) as source:
            return source.tags().get("GWSA_VARIABLE", "")
    except InputError:
        return ""
