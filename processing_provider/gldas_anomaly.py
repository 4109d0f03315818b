"""gwsa:gldasanomaly: a folder of GLDAS Noah 2.1 months as anomaly stacks of soil moisture, snow and canopy water."""

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
from .well_layers import geometries_in_degrees

NUMBERS = {
    "ICE_THRESHOLD": (
        "Permanent ice above (kg m-2 of snow)", 2000,
        "Cells whose snow exceeds this in any month are permanent ice, where Noah's snow grows without limit, and "
        "are left out of every output; the log says how many.",
    ),
    "CELL_SIZE": (
        "Cell size (degrees)", 0.25,
        "The cells of the output; another grid in the files is brought to them by area overlap, so that 1.0° files "
        "meet a TWSA of 0.25°.",
    ),
    "GAUSSIAN_RADIUS": (
        "Radius of the Gaussian filter (km)", 0,
        "Smooths the three anomalies to GRACE's resolution (250 to 300 km) over the land, keeping their mass; 0 is no "
        "filter. Around the region the files are read as far as the filter reaches.",
    ),
}  # fmt: skip


class GldasAnomaly(GwsaAlgorithm):
    ID = "gldasanomaly"
    NAME = "GLDAS storage anomalies"
    HELP = (
        "Reads a folder of GLDAS Noah 2.1 monthly files (GLDAS_NOAH025_M.AYYYYMM.021.nc4) and writes anomalies of soil "
        "moisture (SMS, four layers), snow water equivalent (SWES) and canopy water (CWS) in cm, one band per calendar "
        "month. GeoTIFFs of monthly bands do as well, one for each variable and named after it. One mean per cell over "
        "2004-2009 is taken off, so the folder must hold these years too; a missing month is an error that names all "
        "missing months. Version 2.2 is refused: it assimilates GRACE, and GRACE would be subtracted from itself. Noah "
        "has no groundwater, lakes, rivers or glaciers."
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
            "Folder of GLDAS_NOAH025_M.AYYYYMM.021.nc4 or GLDAS_NOAH10_M files as GES DISC distributes them, whole or "
            "as its subsetter or OPeNDAP cut them; the name states the month. Or of six GeoTIFFs, each with a variable "
            "in its name (SWE_inst.tif) and bands named YYYY-MM, in kg m-2 unless the band's unit says otherwise.",
        )
        self.add_region("Only the cells in this region; empty for all of the files' grid.")
        self.add_period("of the output", advanced=False)
        self.add(
            QgsProcessingParameterFeatureSource("ICE", tr("Ice polygons"), POLYGONS, optional=True),
            "Outlines of glaciers and ice sheets in any CRS: cells of which at least half lies in them are left out "
            "too.",
        )
        for name, (label, default, help) in NUMBERS.items():
            kind = QgsProcessingParameterNumber.Type.Double
            # Optional, so that models made before one of them was there still run.
            self.add(
                QgsProcessingParameterNumber(name, tr(label), kind, default, True, 0),
                help,
                advanced=True,
            )
        for name, label in (
            ("SMS", "Soil moisture anomaly"),
            ("SWES", "Snow water anomaly"),
            ("CWS", "Canopy water anomaly"),
            ("OUTPUT", "Sum of the three"),
        ):
            self.add(
                QgsProcessingParameterRasterDestination(name, tr(label), optional=True),
                f"GeoTIFF in cm against 2004-2009, bands named YYYY-MM: {label.lower()}.",
            )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.gldas.anomalies import COMPONENTS, TOTAL, gldas_anomalies

        started = now()
        folder = Path(self.parameterAsFile(parameters, "INPUT", context))
        region, options = (
            self.region(parameters, context),
            self._options(parameters, context, progress.part(0, 0.05)),
        )
        record = {"region": region, **options.as_parameters()}
        water = gldas_anomalies(folder, region, options, progress.part(0.05, 0.5))
        tags = provenance(self.ID, {"INPUT": water.files}, record, progress)
        paths = {name: self.output_path(parameters, name, context) for name in (*COMPONENTS, TOTAL)}
        paths = {name: path for name, path in paths.items() if path}
        water.write(paths, tags, progress.part(0.5, 1))
        beside = ("anomaly.qml", {"INPUT": folder}, record, started)
        return {name: self.finish_raster(path, *beside) for name, path in paths.items()}

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
        )


def _as_geojson(polygons, context, progress) -> list[dict]:
    """The outlines of a layer in EPSG:4326."""
    reading, converting = progress.parts(2)
    shapes = geometries_in_degrees(polygons, context, reading)
    outlines = []
    for number, shape in enumerate(shapes):
        converting.advance(number / len(shapes))
        if not shape.isEmpty():
            outlines.append(json.loads(shape.asJson(9)))
    return outlines
