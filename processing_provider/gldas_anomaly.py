"""gwsa:gldasanomaly: anomalies of soil moisture, snow and canopy water from GLDAS Noah 2.1."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import (
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from .base import POLYGONS, GwsaAlgorithm, tr
from .layers import geometries_in_degrees

# Label, default and help of the numeric parameters.
NUMBERS = {
    "ICE_THRESHOLD": (
        "Permanent ice above (kg m-2 of snow)",
        2000,
        "Cells whose snow water equivalent exceeds this value in any month are treated as "
        "permanent ice, where snow in Noah grows without limit. They are excluded from all "
        "outputs. The log contains their number.",
    ),
    "CELL_SIZE": (
        "Cell size (degrees)",
        0.25,
        "Cell size of the output. Other grids are resampled by area overlap, so 1.0° files can be "
        "combined with TWSA at 0.25°.",
    ),
    "GAUSSIAN_RADIUS": (
        "Radius of the Gaussian filter (km)",
        0,
        "Distance at which the filter falls to one half. It smooths the three anomalies over land "
        "and conserves their mass. 0 means no filter, which is right for the mode of "
        "gwsa:gwsabalance that brings the stores to the footprint of GRACE. For the other mode: in "
        "worlds of known truth 42 to 90 km lowered the error of the coarse GWSA by 5 to 12 %, and "
        "150 to 300 km gained nothing. Files are read as far beyond the region as the filter "
        "needs.",
    ),
}

OUTPUTS = {
    "SMS": "Soil moisture anomaly",
    "SWES": "Snow water anomaly",
    "CWS": "Canopy water anomaly",
    "OUTPUT": "Sum of the three",
}


class GldasAnomaly(GwsaAlgorithm):
    """Writes anomalies of SMS, SWES and CWS and their sum."""

    ID = "gldasanomaly"
    NAME = "GLDAS storage anomalies"
    SHORT = "Makes soil moisture, snow and canopy water anomalies from GLDAS."
    GROUP = "storage"
    HELP = (
        "Reads a folder of GLDAS Noah 2.1 monthly files (GLDAS_NOAH025_M.AYYYYMM.021.nc4) and "
        "writes anomalies of soil moisture (SMS, four layers), snow water equivalent (SWES) and "
        "canopy water (CWS) in cm, with one band per calendar month. GeoTIFFs with monthly bands "
        "are also accepted, one for each variable and named after it. The mean of each cell over "
        "2004-2009 is subtracted, so the folder must contain these years. Missing months are an "
        "error, and the message lists all of them. GLDAS 2.2 is refused: it assimilates GRACE, so "
        "the GRACE signal would be subtracted from itself. Noah does not model groundwater, lakes, "
        "rivers or glaciers."
    )
    TAGS = (
        "GLDAS",
        "Noah",
        "soil moisture",
        "snow water equivalent",
        "canopy",
        "SMS",
        "SWES",
        "CWS",
        "NetCDF",
    )

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterFile(
                "INPUT", tr("GLDAS folder"), QgsProcessingParameterFile.Behavior.Folder
            ),
            "Folder of GLDAS_NOAH025_M.AYYYYMM.021.nc4 or GLDAS_NOAH10_M files as distributed by "
            "GES DISC, either complete or from its subsetters or OPeNDAP, also in folders of "
            "years. The month is read from the file name. Alternatively, a folder of six GeoTIFFs "
            "with the variable in the file name (SWE_inst.tif) and bands named YYYY-MM, in kg m-2 "
            "unless the bands have another unit.",
        )
        self.add_region(
            "Region of the output, to which a margin is added (see MARGIN). Leave empty for all "
            "cells of the files. A region across 180° is written as 177,-178,-20,-15."
        )
        self.add_period("of the output")
        self.add(
            QgsProcessingParameterFeatureSource("ICE", tr("Ice polygons"), POLYGONS, optional=True),
            "Outlines of glaciers and ice sheets in any CRS. Cells with at least half of their "
            "area inside are also excluded.",
        )
        for name, (label, default, help) in NUMBERS.items():
            kind = QgsProcessingParameterNumber.Type.Double
            parameter = QgsProcessingParameterNumber(
                name, tr(label), kind, defaultValue=default, minValue=0
            )
            self.add(parameter, help, advanced=True)
        self.add_margin()
        for name, label in OUTPUTS.items():
            self.add(
                QgsProcessingParameterRasterDestination(name, tr(label), optional=True),
                f"{label} in cm relative to 2004-2009: GeoTIFF with bands named YYYY-MM.",
            )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.gldas.anomalies import COMPONENTS, TOTAL, gldas_anomalies

        started = now()
        folder = Path(self.parameterAsFile(parameters, "INPUT", context))
        region = self.region(parameters, context)
        options = self._options(parameters, context, progress.part(0, 0.05))
        record = {"region": region, **options.as_parameters()}
        water = gldas_anomalies(folder, region, options, progress.part(0.05, 0.5))
        tags = provenance(self.ID, {"INPUT": water.files}, record, progress)
        paths = {name: self.output_path(parameters, name, context) for name in (*COMPONENTS, TOTAL)}
        paths = {name: path for name, path in paths.items() if path}
        water.write(paths, tags, progress.part(0.5, 1))
        return {
            name: self.finish_raster(path, {"INPUT": folder}, record, started)
            for name, path in paths.items()
        }

    def _options(self, parameters, context, progress):
        from ..gwsa_plugin.core.gldas.anomalies import GldasOptions

        number = {name: self.parameterAsDouble(parameters, name, context) for name in NUMBERS}
        ice = self.parameterAsSource(parameters, "ICE", context)
        return GldasOptions(
            self.period(parameters, context),
            number["ICE_THRESHOLD"],
            _as_geojson(ice, context, progress) if ice else [],
            number["CELL_SIZE"],
            number["GAUSSIAN_RADIUS"],
            self.parameterAsDouble(parameters, "MARGIN", context),
        )


def _as_geojson(polygons, context, progress) -> list[dict]:
    """Convert the polygons of a layer to GeoJSON geometries in EPSG:4326."""
    reading, converting = progress.parts(2)
    shapes = geometries_in_degrees(polygons, context, reading)
    outlines = []
    for number, shape in enumerate(shapes):
        converting.advance(number / len(shapes))
        if not shape.isEmpty():
            outlines.append(json.loads(shape.asJson(9)))
    return outlines
