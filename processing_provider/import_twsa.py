"""gwsa:importtwsa: import TWSA from a GRACE mascon file."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

from ..gwsa_plugin.core.base.plausible import SIGMA
from .base import GwsaAlgorithm, tr


class ImportTwsa(GwsaAlgorithm):
    """Writes TWSA, its sigma, the month table and the regional mean of a mascon file."""

    ID = "importtwsa"
    NAME = "Import TWSA (GRACE mascons)"
    SHORT = "Reads total water storage from a GRACE mascon file."
    HELP = (
        "Reads a mascon file of CSR (RL06, RL06.3), JPL (RL06.3M) or GSFC, or another NetCDF file "
        "with water thickness, and writes terrestrial water storage anomalies (TWSA) in cm "
        "relative to 2004-2009, with one band per calendar month. Months without a solution "
        "become empty bands, which gwsa:fillgaps can fill. Where a file has fields in them, "
        "because others filled them, these are kept and marked as filled. Each solution is "
        "assigned to the month of the middle of its time span. If two solutions fall into one "
        "month, one of them is assigned to the adjacent month without a solution that its time "
        "span overlaps; the month table records this. The months are compared with the list of "
        "missing months in the file. The processing centre is identified from the content of the "
        "file, not from its name. Units of cm, mm and m, packed values, and any order of "
        "dimensions, latitudes and longitudes are supported. Cells with identical series, or with "
        "the same mascon number in a JPL file, are stored as the tiles of the product for the "
        "stages that follow."
    )
    TAGS = (
        "GRACE-FO",
        "mascon",
        "TWSA",
        "CSR",
        "JPL",
        "GSFC",
        "NetCDF",
        "HDF5",
        "terrestrial water storage",
    )

    def initAlgorithm(self, config=None):
        netcdf = "NetCDF, HDF5 (*.nc *.nc4 *.h5 *.hdf5);;All files (*)"
        self.add(
            QgsProcessingParameterFile("INPUT", tr("Mascon file"), fileFilter=netcdf),
            "NetCDF file as distributed by its processing centre, a subset of it in space or time, "
            "GSFC's HDF5 file of mascons, or another NetCDF file of water thickness over time, "
            "latitude and longitude.",
        )
        self.add(
            QgsProcessingParameterString("VARIABLE", tr("Variable"), optional=True),
            "The variable with the water thickness. Leave empty for files in which it is named "
            "lwe_thickness, twsa, lwe, tws or similar.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString("UNIT", tr("Unit of the variable"), optional=True),
            "cm, mm, m or kg m-2. Leave empty for files that state the unit.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFile(
                "LAND_MASK", tr("Land mask"), fileFilter=netcdf, optional=True
            ),
            "NetCDF file with the variable LO_val or land_mask, which is 1 on land. Leave empty "
            "to use the mask inside a JPL or GSFC file. Ocean cells are kept if there is no mask.",
        )
        self.add_region(
            "Region of the output, to which a margin is added (see MARGIN). Leave empty for all "
            "cells of the file. A region across 180° is written as 177,-178,-20,-15."
        )
        self.add_period("of the output")
        self.add(
            QgsProcessingParameterNumber(
                "SIGMA_TWSA",
                tr("Sigma of TWSA (cm)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0.001,
                maxValue=SIGMA.most,
            ),
            "Standard deviation of TWSA in cm for products without uncertainty, such as those of "
            "CSR.",
        )
        self.add(
            QgsProcessingParameterBoolean(
                "GAIN_FACTORS", tr("Apply gain factors"), defaultValue=False
            ),
            "Multiply TWSA by the scale_factor of a JPL file, which restores the variation inside "
            "a mascon according to a land surface model. gwsa:gwsabalance then has to be run in "
            "the mode “Sharp stores, as published”, because gain factors undo the footprint.",
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
            "Cell size of the output. Other grids are resampled by area overlap.",
            advanced=True,
        )
        self.add_margin()
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("TWSA")),
            "GeoTIFF of TWSA in cm with bands named YYYY-MM.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIGMA", tr("Sigma of TWSA"), optional=True, createByDefault=False
            ),
            "GeoTIFF of the standard deviation of TWSA in cm: the uncertainty of the product or, "
            "if it has none, the constant above. Without either, the file is not written and the "
            "log contains a note.",
        )
        self.add(
            self._csv("TABLE", tr("Month table")),
            "CSV with the start, the end (exclusive) and the middle of each solution, the month "
            "to which it is assigned, and a note if that is not the month of its middle. If "
            "empty, the table is written next to the TWSA file, with the ending .months.csv.",
        )
        self.add(
            self._csv("REGION_MEAN", tr("Mean of the region")),
            "CSV of the area-weighted mean over the cells of the region for each month, and its "
            "sigma. Each JPL mascon is counted once. The column sigma_upper_cm assumes that the "
            "errors of all cells are fully correlated.",
        )

    @staticmethod
    def _csv(name: str, label: str) -> QgsProcessingParameterFileDestination:
        return QgsProcessingParameterFileDestination(
            name, label, "CSV (*.csv)", optional=True, createByDefault=False
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import write_stack
        from ..gwsa_plugin.core.grace.import_log import log_change
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
        settings = {name: value for name, value in vars(options).items() if name != "land_mask"}
        tags = provenance(self.ID, inputs, settings, progress)
        results = (("OUTPUT", result.twsa), ("SIGMA", result.sigma))
        outputs = {}
        for (name, stack), part in zip(results, progress.part(0.7, 0.9).parts(len(results))):
            path = self.output_path(parameters, name, context) if stack else None
            if path and name == "OUTPUT":
                log_change(path, stack, progress)
            if path:
                write_stack(path, stack, tags, part)
                outputs[name] = self.finish_raster(path, inputs, settings, started)
        table = self.output_path(parameters, "TABLE", context)
        if table is None:
            table = Path(outputs["OUTPUT"]).with_suffix(".months.csv")
        write_table(table, result.solutions)
        outputs["TABLE"] = str(table)
        mean = self.output_path(parameters, "REGION_MEAN", context)
        if mean:
            part = progress.part(0.9, 1)
            inner = result.without_margin()
            regional = regional_mean(inner.twsa, inner.sigma, inner.mascons, part)
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
            margin_km=self.parameterAsDouble(parameters, "MARGIN", context),
            variable=self.parameterAsString(parameters, "VARIABLE", context).strip() or None,
            unit=self.parameterAsString(parameters, "UNIT", context).strip() or None,
        )
