"""gwsa:gldasanomaly: a folder of GLDAS Noah 2.1 months as anomaly stacks of soil moisture, snow and canopy water."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingParameterFile, QgsProcessingParameterNumber, QgsProcessingParameterRasterDestination

from .base import GwsaAlgorithm, style_file, tr


class GldasAnomaly(GwsaAlgorithm):
    ID = "gldasanomaly"
    NAME = "GLDAS storage anomalies"
    HELP = (
        "Reads a folder of GLDAS Noah 2.1 monthly files (GLDAS_NOAH025_M.AYYYYMM.021.nc4) and writes anomalies of soil "
        "moisture (SMS, four layers), snow water equivalent (SWES) and canopy water (CWS) in cm, one band per calendar "
        "month. One mean per cell over 2004-2009 is taken off, so the folder must hold these years too; a missing "
        "month is an error that names all missing months. Version 2.2 is refused: it assimilates GRACE, and "
        "GRACE would be subtracted from itself. Noah has no groundwater, lakes, rivers or glaciers."
    )
    TAGS = ("GLDAS", "Noah", "soil moisture", "snow water equivalent", "canopy", "SMS", "SWES", "CWS", "NetCDF")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterFile("INPUT", tr("GLDAS folder"), QgsProcessingParameterFile.Behavior.Folder),
            "Folder of GLDAS_NOAH025_M.AYYYYMM.021.nc4 files as GES DISC distributes them; the name states the month.",
        )
        self.add_region("Only the cells in this region; empty for all of the files' grid.")
        self.add_period("of the output", advanced=False)
        self.add(
            QgsProcessingParameterNumber(
                "ICE_THRESHOLD",
                tr("Permanent ice above (kg m-2 of snow)"),
                QgsProcessingParameterNumber.Type.Double,
                defaultValue=2000,
                minValue=0,
            ),
            "Cells whose snow exceeds this in any month are permanent ice, where Noah's snow grows without limit, and "
            "are left out of every output; the log says how many.",
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
        from ..gwsa_plugin.core.gldas import gldas_anomalies
        from ..gwsa_plugin.core.provenance import now, provenance, write_run
        from ..gwsa_plugin.core.stack import write_stack

        started = now()
        folder = Path(self.parameterAsFile(parameters, "INPUT", context))
        options = {
            "region": self.region(parameters, context),
            "period": self.period(parameters, context),
            "ice_threshold": self.parameterAsDouble(parameters, "ICE_THRESHOLD", context),
        }
        water = gldas_anomalies(folder, **options, progress=progress)
        tags = provenance(self.ID, {"INPUT": water.files}, options, progress)
        outputs = {}
        for name, stack in {**water.stacks, "OUTPUT": water.total()}.items():
            path = self.output_path(parameters, name, context)
            if path:
                write_stack(path, stack, tags)
                write_run(path.with_suffix(".run.json"), self.ID, {"INPUT": folder}, options, started)
                style_file(path, "anomaly.qml")
                outputs[name] = str(path)
        return outputs
