"""gwsa:validatewells: validate the 1 km, bilinear and coarse fields against wells."""

from __future__ import annotations

from math import isfinite

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.dependencies import require
from .base import POINTS, POLYGONS, TABLES, GwsaAlgorithm, layer_fields, style_layer, tr

STYLE = "trend_wells.qml"
INPUTS = ("GWSA", "LAYERS", "COARSE", "WELLS", "OBSERVATIONS", "AQUIFERS")
FIELDS = {
    "WELL_FIELD": (
        "WELLS", "Well identifier",
        "Identifier of a well. By default a field named well, well_id, station, site or id.",
    ),
    "YIELD_FIELD": (
        "WELLS", "Specific yield",
        "A fraction. By default a field named specific_yield or sy.",
    ),
    "CONFINED_FIELD": (
        "WELLS", "Confined",
        "1, true, yes or confined marks a confined well, which is used only with a storativity. By "
        "default a field named confined.",
    ),
    "STORATIVITY_FIELD": (
        "WELLS", "Storativity of confined wells",
        "A fraction. By default a field named storativity.",
    ),
    "LONGITUDE_FIELD": (
        "WELLS", "Longitude",
        "Degrees, for a table without geometry. By default a field named longitude, lon or x.",
    ),
    "LATITUDE_FIELD": (
        "WELLS", "Latitude",
        "Degrees, for a table without geometry. By default a field named latitude, lat or y.",
    ),
    "READING_WELL_FIELD": (
        "OBSERVATIONS", "Well of a reading",
        "The identifier that WELLS has too. By default a field with one of the names listed there.",
    ),
    "DATE_FIELD": (
        "OBSERVATIONS", "Date",
        "Dates, or texts such as 2004-05-31. By default a field named date, datetime or day.",
    ),
    "VALUE_FIELD": (
        "OBSERVATIONS", "Water level",
        "In metres. By default a field named depth_to_water, dtw, value or depth.",
    ),
    "AQUIFER_FIELD": (
        "AQUIFERS", "Aquifer identifier",
        "Identifier of an aquifer. By default a field named id, aquifer or name.",
    ),
    "AQUIFER_YIELD_FIELD": (
        "AQUIFERS", "Specific yield of aquifers",
        "A fraction, for wells without a specific yield. By default a field named specific_yield "
        "or sy.",
    ),
}  # fmt: skip


class ValidateWells(GwsaAlgorithm):
    """Algorithm that compares the 1 km field and its coarse alternatives with wells."""

    ID = "validatewells"
    NAME = "Validate against wells"
    HELP = (
        "Converts the water levels of wells to storage (minus specific yield times the change of "
        "the depth to water) and compares the monthly series and the trend of each well with the "
        "1 km field, the coarse field and its bilinear interpolation. Readings are checked first: "
        "placeholders, negative depths, repeats, plateaus and outliers are left out and counted, "
        "and so are wells with a shift of the datum. Trends are Theil-Sen slopes of the "
        "deseasonalised series, with the Hamed-Rao Mann-Kendall test adjusted for the number of "
        "wells. R² is the squared correlation of the trends. The output layer has all wells with "
        "their scores or the reason why they were left out."
    )
    TAGS = (
        "wells",
        "validation",
        "trend",
        "Theil-Sen",
        "Mann-Kendall",
        "specific yield",
        "water level",
    )

    def initAlgorithm(self, config=None):
        self._add_fields_to_compare()
        self._add_wells()
        self._add_rules()
        self._add_outputs()

    def _add_fields_to_compare(self):
        self.add(
            QgsProcessingParameterFile(
                "GWSA",
                tr("1 km GWSA (folder)"),
                QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "The folder with GWSA_YYYY.tif that gwsa:downscale wrote; alternatively give LAYERS.",
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "LAYERS",
                tr("1 km GWSA (layers)"),
                QgsProcessing.SourceType.TypeRaster,
                optional=True,
            ),
            "The yearly rasters, with bands named YYYY-MM, instead of the folder.",
        )
        self.add(
            QgsProcessingParameterRasterLayer("COARSE", tr("Coarse GWSA stack")),
            "The stack that was downscaled, with bands named YYYY-MM.",
        )

    def _add_wells(self):
        self.add(
            QgsProcessingParameterFeatureSource("WELLS", tr("Wells"), TABLES),
            "A point layer, or a table with longitude and latitude. It can be a long table that "
            "also has the readings.",
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "OBSERVATIONS", tr("Readings"), TABLES, optional=True
            ),
            "A table with one row per reading: well, date, value. Leave empty if WELLS has the "
            "readings.",
        )
        self.add(
            QgsProcessingParameterEnum(
                "VALUE",
                tr("Readings are"),
                [tr("depth to water (m)"), tr("water-level elevation (m)")],
                defaultValue=0,
            ),
            "Depths grow downwards, elevations upwards.",
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "AQUIFERS", tr("Aquifers"), POLYGONS, optional=True
            ),
            "Polygons for scores by aquifer and for the specific yield of wells without their own.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "SPECIFIC_YIELD",
                tr("Specific yield of all other wells"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0.0001,
                maxValue=0.6,
            ),
            "For unconfined wells without a specific yield in WELLS or AQUIFERS. Leave empty to "
            "exclude them.",
        )
        for name, (parent, label, help) in FIELDS.items():
            field = QgsProcessingParameterField(
                name, tr(label), parentLayerParameterName=parent, optional=True
            )
            self.add(field, help, advanced=True)

    def _add_rules(self):
        self.add_region("Only wells in this region are used; empty for all wells.")
        self.add_period("of the comparison")
        number = QgsProcessingParameterNumber
        self.add(
            number("MIN_YEARS", tr("Shortest span (years)"), number.Type.Double, 8, minValue=2),
            "Wells are left out if their readings span fewer years of the compared period.",
            advanced=True,
        )
        self.add(
            number("MIN_MONTHS", tr("Fewest months"), number.Type.Integer, 24, minValue=8),
            "Wells are left out if they have readings in fewer months of the compared period.",
            advanced=True,
        )
        self.add(
            number("OUTLIER", tr("Outlier threshold"), number.Type.Double, 6, minValue=2),
            "Readings are left out if they deviate from the well's own trend and season by more "
            "than this many robust standard deviations.",
            advanced=True,
        )

    def _add_outputs(self):
        self.add(
            QgsProcessingParameterFeatureSink("OUTPUT", tr("Wells with scores"), POINTS[0]),
            "All wells with their trend and those of the fields (cm/yr), r, RMSE (cm) and KGE, "
            "or the reason why they were left out.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), "HTML (*.html)", optional=True
            ),
            "One HTML file with the verdict, maps, charts, tables and exclusions.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "SCORES", tr("Scores"), "JSON (*.json)", optional=True, createByDefault=False
            ),
            "JSON file with R², RMSE (cm/yr), slope and bias of the trends of the three fields "
            "at wells.",
            advanced=True,
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps
        from ..gwsa_plugin.core.wells.scores import summary
        from ..gwsa_plugin.core.wells.validate import validate_wells

        if parameters.get("REPORT"):
            require("matplotlib", "jinja2")
        started = now()
        product = self._product(parameters, context)
        coarse = YearlyMaps.from_files([self.input_path(parameters, "COARSE", context)])
        wells, readings = self._tables(parameters, context, progress.part(0.0, 0.2))
        rules = self._rules(parameters, context)
        comparison = validate_wells(
            wells, readings, product, coarse, rules, progress.part(0.2, 0.95)
        )
        progress.info(summary(comparison))
        outputs = self._write_files(parameters, context, comparison, rules, started)
        return {**outputs, "OUTPUT": self._write_layer(parameters, context, comparison)}

    def _product(self, parameters, context):
        from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps

        folder = self.parameterAsFile(parameters, "GWSA", context)
        layers = (
            self.parameterAsLayerList(parameters, "LAYERS", context)
            if parameters.get("LAYERS")
            else []
        )
        if bool(folder) == bool(layers):
            raise InputError(
                "Give the 1 km field either as its folder (GWSA) or as its layers (LAYERS)."
            )
        if folder:
            return YearlyMaps.in_folder(folder)
        return YearlyMaps.from_files(layer.source().split("|")[0] for layer in layers)

    def _tables(self, parameters, context, progress):
        from .well_layers import in_aquifers, read_readings, read_wells

        wells_source = self.parameterAsSource(parameters, "WELLS", context)
        if wells_source is None:
            raise InputError(f"{parameters['WELLS']} (WELLS) cannot be opened; check the path.")
        chosen = {name: self.parameterAsString(parameters, name, context) for name in FIELDS}
        wells = read_wells(wells_source, chosen, context, progress.part(0.0, 0.3))
        source = self.parameterAsSource(parameters, "OBSERVATIONS", context)
        if source is None:
            source = wells_source
            wells = wells.merge_records()
        aquifers = self.parameterAsSource(parameters, "AQUIFERS", context)
        if aquifers is not None:
            wells = in_aquifers(wells, aquifers, chosen, context, progress.part(0.3, 0.5))
        other = self.number(parameters, "SPECIFIC_YIELD", context)
        if other is not None:
            wells = wells.with_default_yield(other)
        return wells, read_readings(source, chosen, wells, progress.part(0.5, 1.0))

    def _rules(self, parameters, context):
        from ..gwsa_plugin.core.wells.quality_control import Rules

        return Rules(
            elevation=self.parameterAsEnum(parameters, "VALUE", context) == 1,
            min_years=self.parameterAsDouble(parameters, "MIN_YEARS", context),
            min_months=self.parameterAsInt(parameters, "MIN_MONTHS", context),
            outlier=self.parameterAsDouble(parameters, "OUTLIER", context),
            bounds=self.region(parameters, context),
            period=self.period(parameters, context),
        )

    def _write_files(self, parameters, context, comparison, rules, started) -> dict:
        from ..gwsa_plugin.core.files.provenance import write_run
        from ..gwsa_plugin.core.wells.scores import write_scores

        outputs = {
            name: self.output_path(parameters, name, context) for name in ("REPORT", "SCORES")
        }
        if outputs["REPORT"]:
            from ..gwsa_plugin.core.wells.report import write_well_report

            write_well_report(outputs["REPORT"], comparison)
            inputs = {name: parameters.get(name) for name in INPUTS}
            write_run(
                outputs["REPORT"].with_suffix(".run.json"), self.ID, inputs, vars(rules), started
            )
        if outputs["SCORES"]:
            write_scores(outputs["SCORES"], comparison)
        return {name: str(path) for name, path in outputs.items() if path}

    def _write_layer(self, parameters, context, comparison) -> str:
        from ..gwsa_plugin.core.wells.scores import well_columns
        from .layers import LONLAT

        columns = well_columns(comparison)
        wells = comparison.wells
        types = {"f": "double", "i": "integer"}
        fields = layer_fields(
            {name: types.get(values.dtype.kind, "string") for name, values in columns.items()}
        )
        sink, layer = self.parameterAsSink(
            parameters, "OUTPUT", context, fields, QgsWkbTypes.Type.Point, LONLAT
        )
        if sink is None:
            raise InputError(
                "The layer of wells (OUTPUT) cannot be written to this file; choose another one."
            )
        rows = zip(*map(_none_for_nan, columns.values()))
        for longitude, latitude, values in zip(wells.longitude, wells.latitude, rows):
            feature = QgsFeature(fields)
            feature.setAttributes(list(values))
            if isfinite(longitude) and isfinite(latitude):
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(longitude, latitude)))
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        del sink
        style_layer(layer, STYLE, context)
        return layer


def _none_for_nan(values) -> list:
    """Return the values as Python objects, None for NaN."""
    return [None if value != value else value for value in values.tolist()]
