"""gwsa:importtwsa: a GRACE mascon file as a monthly stack of TWSA."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from .base import GwsaAlgorithm, tr


class ImportTwsa(GwsaAlgorithm):
    ID = "importtwsa"
    NAME = "Import TWSA (GRACE mascons)"
    HELP = (
        "Reads the mascon NetCDF file of CSR (RL06, RL06.3), JPL (RL06.3M) or GSFC and writes terrestrial water "
        "storage anomalies (TWSA) in cm against 2004-2009, one band per calendar month. Months without a solution "
        "are empty bands; fill them with gwsa:fillgaps. Each solution is labelled by the middle of its span; where "
        "two fall into one month, one of them moves into the empty month beside it that its span reaches, and the "
        "table says so. The labels are checked against the file's own list of missing months. The centre is told by "
        "what is in the file, never by its name; cm, mm and m, packed values and any order of latitudes and longitudes "
        "are understood."
    )
    TAGS = (
        "GRACE-FO",
        "mascon",
        "TWSA",
        "CSR",
        "JPL",
        "GSFC",
        "NetCDF",
        "terrestrial water storage",
    )

    def initAlgorithm(self, config=None):
        netcdf = "NetCDF (*.nc *.nc4);;All files (*)"
        self.add(
            QgsProcessingParameterFile("INPUT", tr("Mascon file"), fileFilter=netcdf),
            "The NetCDF file as its centre distributes it, or a crop of it in space or time.",
        )
        self.add(
            QgsProcessingParameterFile(
                "LAND_MASK", tr("Land mask"), fileFilter=netcdf, optional=True
            ),
            "NetCDF file with LO_val or land_mask, 1 on land; empty for the mask inside a JPL or GSFC file. Without "
            "any mask the ocean is kept.",
        )
        self.add_region("Only the cells in this region; empty for all of the file.")
        self.add_period("of the output", advanced=False)
        self.add(
            QgsProcessingParameterNumber(
                "SIGMA_TWSA",
                tr("Sigma of TWSA (cm)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0.001,
            ),
            "One standard deviation in cm for every value of a product that states no uncertainty, as CSR's does not.",
        )
        self.add(
            QgsProcessingParameterBoolean(
                "GAIN_FACTORS", tr("Apply gain factors"), defaultValue=False
            ),
            "Multiply by the scale_factor of a JPL file, which restores signal inside a mascon from a land model.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                "CELL_SIZE",
                tr("Cell size (degrees)"),
                QgsProcessingParameterNumber.Type.Double,
                0.25,
                minValue=0.01,
            ),
            "The cells of the output; another grid in the file is brought to them by area overlap.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("TWSA")),
            "GeoTIFF of TWSA in cm, bands named YYYY-MM.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIGMA", tr("Sigma of TWSA"), optional=True, createByDefault=False
            ),
            "GeoTIFF of one standard deviation in cm: the product's uncertainty, else the constant above. With neither "
            "there is no such output, and the log says so.",
        )
        self.add(
            self._csv("TABLE", tr("Month table")),
            "CSV with the start and end (the first moment after it) of each solution, its middle, the month it is "
            "labelled with, and a note where the label was moved; empty for a file beside the TWSA, named .months.csv.",
        )
        self.add(
            self._csv("REGION_MEAN", tr("Mean of the region")),
            "CSV of the area-weighted mean of the region's cells each month and its sigma, which counts each mascon of "
            "JPL once; sigma_upper_cm takes all cells as erring together.",
        )

    @staticmethod
    def _csv(name: str, label: str) -> QgsProcessingParameterFileDestination:
        return QgsProcessingParameterFileDestination(
            name, label, "CSV (*.csv)", optional=True, createByDefault=False
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import write_stack
        from ..gwsa_plugin.core.grace.regional_mean import regional_mean, write_regional_mean
        from ..gwsa_plugin.core.grace.solution_months import write_table
        from ..gwsa_plugin.core.grace.twsa import import_twsa

        started = now()
        options = self._options(parameters, context)
        inputs = {
            "INPUT": Path(self.parameterAsFile(parameters, "INPUT", context)),
            "LAND_MASK": options.land_mask,
        }
        result = import_twsa(inputs["INPUT"], options, progress.part(0, 0.7))
        record = (
            inputs,
            {name: value for name, value in vars(options).items() if name != "land_mask"},
        )
        tags = provenance(self.ID, *record, progress)
        results = (("OUTPUT", result.twsa, "anomaly.qml"), ("SIGMA", result.sigma, "sigma.qml"))
        outputs = {}
        for (name, stack, style), part in zip(results, progress.part(0.7, 0.9).parts(len(results))):
            path = self.output_path(parameters, name, context) if stack else None
            if path:
                write_stack(path, stack, tags, part)
                outputs[name] = self.finish_raster(path, style, *record, started)
        table = self.output_path(parameters, "TABLE", context) or Path(
            outputs["OUTPUT"]
        ).with_suffix(".months.csv")
        write_table(table, result.solutions)
        outputs["TABLE"] = str(table)
        mean = self.output_path(parameters, "REGION_MEAN", context)
        if mean:
            regional = regional_mean(
                result.twsa, result.sigma, result.mascons, progress.part(0.9, 1)
            )
            write_regional_mean(mean, regional)
            outputs["REGION_MEAN"] = str(mean)
        return outputs

    def _options(self, parameters, context):
        from ..gwsa_plugin.core.grace.twsa import TwsaOptions

        mask = self.parameterAsFile(parameters, "LAND_MASK", context)
        return TwsaOptions(
            land_mask=Path(mask) if mask else None,
            bounds=self.region(parameters, context),
            period=self.period(parameters, context),
            sigma_cm=self.number(parameters, "SIGMA_TWSA", context),
            gain_factors=self.parameterAsBoolean(parameters, "GAIN_FACTORS", context),
            cell=self.parameterAsDouble(parameters, "CELL_SIZE", context),
        )
