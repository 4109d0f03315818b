"""gwsa:fillgaps: fill the gaps of a monthly stack."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.gapfill.methods import METHOD_NAMES
from .base import GwsaAlgorithm, tr


class FillGaps(GwsaAlgorithm):
    """Algorithm that fills the gaps of a monthly stack and estimates their standard error."""

    ID = "fillgaps"
    NAME = "Fill gaps"
    GROUP = "storage"
    SHORT = "Fills the months without a GRACE solution and states the error."
    HELP = (
        "Fills the months without a GRACE solution, among them the 11 months between GRACE and "
        "GRACE-FO, cell by cell. The errors are estimated in artificial gaps: observed months are "
        "withheld, filled and compared with the observations. The log and the report give the "
        "error of the method and that of trend and seasons alone. By default each series is "
        "filled by the method, SSA window and number of components that perform best in its "
        "artificial gaps, selected separately for long and short gaps. Observed months are not "
        "changed. Nothing is extrapolated before the first or after the last observed month. SSA "
        "follows Kondrashov and Ghil (2006) and Yi and Sneeuw (2021)."
    )
    TAGS = (
        "TWSA",
        "SSA",
        "singular spectrum analysis",
        "interpolation",
        "GRACE-FO gap",
        "missing months",
    )

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterRasterLayer(
                "INPUT", tr("Monthly stack with gaps"), optional=True
            ),
            "TWSA or another storage of water, with a band for each month that is named YYYY-MM; a "
            "missing month may be an empty band or no band at all. Leave empty to give a folder.",
        )
        self.add(
            QgsProcessingParameterFile(
                "FOLDER",
                tr("Folder of monthly rasters"),
                QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "Instead of a stack, a folder with one raster a month, such as TWSA_2004-01.tif, or "
            "one a year, all on one grid. Months without a raster are gaps. The output is their "
            "stack, also for the stores of gwsa:gwsabalance.",
        )
        self.add(
            QgsProcessingParameterEnum(
                "METHOD", tr("Method"), [tr(text) for text in METHOD_NAMES.values()], defaultValue=0
            ),
            "How gaps are filled. The first method tries the others in artificial gaps, SSA with "
            "49 pairs of window and number of components, and takes a fraction of a second per "
            "distinct series; red noise takes a thousandth of that and is rarely much worse.",
        )
        integer = QgsProcessingParameterNumber.Type.Integer
        real = QgsProcessingParameterNumber.Type.Double
        self.add(
            QgsProcessingParameterNumber(
                "WINDOW", tr("SSA window (months)"), integer, 24, minValue=2, maxValue=240
            ),
            "Length of the lagged windows, longer than the longest gap and at most half of the "
            "record. Like the number of components it is used by the two SSA methods only.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                "COMPONENTS", tr("SSA components"), integer, 4, minValue=1, maxValue=240
            ),
            "Number of leading components that reconstruct the gaps; more than a few fit noise in "
            "single cells.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                "TOLERANCE", tr("SSA tolerance"), real, 0.01, minValue=1e-6, maxValue=0.5
            ),
            "The iteration stops when the gaps change by less than this fraction of their size.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Filled stack")),
            "GeoTIFF in the unit of the input with one band for every calendar month; filled "
            "bands have the tag GWSA_SOURCE=filled.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIGMA", tr("Sigma of filled months"), optional=True
            ),
            "GeoTIFF of one standard error of the filled months, from the errors in artificial "
            "gaps; no data where the value was observed.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "FLAGS", tr("Observed or filled"), optional=True
            ),
            "GeoTIFF with the same bands: 0 where the value was observed, 1 where it was filled, "
            "no data where it is missing.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), "HTML (*.html)", optional=True, createByDefault=False
            ),
            "HTML page with the errors in artificial gaps, the methods selected for each cell, "
            "example series, the calibration of sigma and the filled months.",
        )

    def _source(self, parameters, context) -> Path:
        """The stack, or the folder of its rasters."""
        folder = self.parameterAsFile(parameters, "FOLDER", context)
        source = self.input_path(parameters, "INPUT", context)
        if bool(folder) == bool(source):
            raise InputError(
                "Give either a monthly stack (INPUT) or a folder of monthly rasters (FOLDER)."
            )
        if folder and not Path(folder).is_dir():
            raise InputError(f"{folder} (FOLDER) is not a folder; check the path.")
        return source or Path(folder)

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import read_stack, write_stack
        from ..gwsa_plugin.core.gapfill.fill import fill_gaps, write_flags
        from ..gwsa_plugin.core.gapfill.methods import FillOptions

        started = now()
        source = self._source(parameters, context)
        options = FillOptions(
            method=list(METHOD_NAMES)[self.parameterAsEnum(parameters, "METHOD", context)],
            window=self.parameterAsInt(parameters, "WINDOW", context),
            components=self.parameterAsInt(parameters, "COMPONENTS", context),
            tolerance=self.parameterAsDouble(parameters, "TOLERANCE", context),
        )
        result = fill_gaps(read_stack(source, progress=progress), options, progress.part(0, 0.9))
        record = ({"INPUT": source}, vars(options))
        tags = provenance(self.ID, *record, progress.part(0.9, 0.91))
        writers = {
            "OUTPUT": lambda path, part: write_stack(path, result.filled, tags, part),
            "SIGMA": lambda path, part: write_stack(path, result.sigma, tags, part),
            "FLAGS": lambda path, part: write_flags(path, result, tags, part),
        }
        outputs = {}
        for (name, write), part in zip(writers.items(), progress.part(0.91, 1).parts(len(writers))):
            path = self.output_path(parameters, name, context)
            if path is not None:
                write(path, part)
                outputs[name] = self.finish_raster(path, *record, started)
        if parameters.get("REPORT"):
            from ..gwsa_plugin.core.gapfill.report import write_fill_report

            path = self.output_path(parameters, "REPORT", context)
            write_fill_report(path, result, progress)
            outputs["REPORT"] = str(path)
        return outputs
