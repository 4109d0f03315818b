"""Parameters of algorithms that average monthly maps over polygons: polygons and sigma."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from .base import POLYGONS, GwsaAlgorithm, tr
from .layers import find_field, open_layer
from .polygon_layers import Polygon, joined_by_name, read_polygons

# Where an algorithm runs without polygons, the name of all pixels together.
ALL = "all"


def add_polygons(algorithm: GwsaAlgorithm, help: str, optional: bool) -> None:
    """Add the parameters AQUIFERS and ID_FIELD.

    Parameters
    ----------
    algorithm : GwsaAlgorithm
    help : str
        What the polygons are for.
    optional : bool
        Whether the algorithm runs without polygons.
    """
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            "AQUIFERS", tr("Aquifers or other polygons"), POLYGONS, optional=optional
        ),
        help,
    )
    algorithm.add(
        QgsProcessingParameterField(
            "ID_FIELD", tr("Field with the name of a polygon"), "", "AQUIFERS", optional=True
        ),
        "Polygons of the same name are one; those without a name are left out. If empty, each "
        "polygon has its number.",
    )


def add_sigma(algorithm: GwsaAlgorithm) -> None:
    """Add the parameter SIGMA."""
    algorithm.add(
        QgsProcessingParameterRasterLayer("SIGMA", tr("Sigma of the maps"), optional=True),
        "A monthly stack of the standard deviation of LAYERS, such as the sigma of "
        "gwsa:gwsabalance. For GWSA the folder sigma in it is used. Empty if it is not known.",
        advanced=True,
    )


def read_outlines(
    algorithm: GwsaAlgorithm, parameters: dict, context, progress: Progress
) -> list[Polygon]:
    """Read AQUIFERS; polygons of one name are joined.

    Parameters
    ----------
    algorithm : GwsaAlgorithm
    parameters : dict
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    list of Polygon
        In the order of the layer; empty without a layer.

    Raises
    ------
    InputError
        As in ``read_polygons``, or when the layer lacks the field.
    """
    layer = open_layer(algorithm, parameters, "AQUIFERS", context)
    if layer is None:
        return []
    chosen = algorithm.parameterAsString(parameters, "ID_FIELD", context)
    field = find_field(layer, chosen, "ID_FIELD")
    return joined_by_name(read_polygons(layer, field, (), progress))


def average(algorithm: GwsaAlgorithm, maps, outlines: list[Polygon], parameters, context, progress):
    """Average maps over polygons, or over all pixels where there are none.

    Parameters
    ----------
    algorithm : GwsaAlgorithm
        Has the parameters of ``add_maps``, and perhaps that of ``add_sigma``.
    maps : YearlyMaps
    outlines : list of Polygon
    parameters : dict
    context : QgsProcessingContext
    progress : Progress

    Returns
    -------
    PolygonSeries
    """
    from ..gwsa_plugin.core.results.polygon_series import polygon_series
    from ..gwsa_plugin.core.spatial.aquifers import Aquifer

    aquifers = [outline.aquifer for outline in outlines]
    if not aquifers:
        aquifers = [Aquifer(ALL, _rectangle(maps.grid.bounds))]
    sigma = _sigma(algorithm, parameters, context)
    if sigma is None:
        progress.info("The maps have no sigma (SIGMA), so means are without errors.")
    return polygon_series(maps, aquifers, sigma, progress)


def _sigma(algorithm: GwsaAlgorithm, parameters: dict, context):
    from ..gwsa_plugin.core.files.stack_files import VARIABLE_TAG
    from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps, sigma_maps

    path = algorithm.input_path(parameters, "SIGMA", context)
    if path is not None:
        sigma = YearlyMaps.from_files([path])
        variable = sigma.tags().get(VARIABLE_TAG, "SIGMA")
        if "SIGMA" not in variable:
            raise InputError(
                f"{path.name} (SIGMA) contains {variable} (its tag {VARIABLE_TAG}) and no standard "
                "deviations; choose another layer."
            )
        return sigma
    folder = algorithm.parameterAsFile(parameters, "GWSA", context)
    return sigma_maps(folder) if folder else None


def _rectangle(bounds: tuple[float, float, float, float]) -> dict:
    west, south, east, north = bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
