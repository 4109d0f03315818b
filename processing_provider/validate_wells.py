"""gwsa:validatewells: validate the 1 km, bilinear and coarse fields against wells."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

from qgis.core import (
    QgsGeometry,
    QgsPointXY,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from .base import POINTS, POLYGONS, tr
from .monthly_maps import add_maps, read_maps
from .styles.loading import when_loaded, write_vector_style
from .styles.vectors import style_wells
from .vector_output import Place, column_types, write_features
from .well_parameters import FIELDS, WellAlgorithm


class ValidateWells(WellAlgorithm):
    """Algorithm that compares the 1 km field and its coarse alternatives with wells."""

    ID = "validatewells"
    NAME = "Validate against wells"
    SHORT = "Compares maps with the water levels of wells."
    GROUP = "results"
    HELP = (
        "Converts the water levels of wells to storage (minus specific yield times the change of "
        "the depth to water) and compares the monthly series and the trend of each well with the "
        "1 km field, the coarse field and its bilinear interpolation. Readings are checked first: "
        "placeholders, negative depths, repeats, plateaus and outliers are left out and counted, "
        "and so are wells with a shift of the datum. Trends are Theil-Sen slopes of the "
        "deseasonalised series, with the Hamed-Rao Mann-Kendall test adjusted for the number of "
        "wells. R² is the squared correlation of the trends. The test of the 1 km detail compares "
        "the monthly series with the 1 km field and with the interpolated field, and states "
        "whether the detail is confirmed, refuted, undecided or untested. Its 90 % interval comes "
        "from blocks of wells that are at least as wide as the footprint of GRACE. The output "
        "layer has all wells with their scores or the reason why they were left out."
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

    VARIABLES = {"COARSE": "GWSA"}

    def initAlgorithm(self, config=None):
        self._add_fields_to_compare()
        self._add_wells()
        self._add_outputs()

    def _add_fields_to_compare(self):
        add_maps(self)
        self.add(
            QgsProcessingParameterRasterLayer("COARSE", tr("Coarse GWSA stack")),
            "The stack that was downscaled, with bands named YYYY-MM.",
        )
        self.add_region("Only wells in this region are used; empty for all wells.")
        self.add_period("of the comparison")

    def _add_wells(self):
        self.add_wells(optional=False)
        self.add(
            QgsProcessingParameterFeatureSource(
                "AQUIFERS", tr("Aquifers"), POLYGONS, optional=True
            ),
            "Polygons for scores by aquifer and for the specific yield of wells without their own.",
        )
        self.add_specific_yield()
        self.add_well_fields(FIELDS)
        self.add_well_rules()

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
            "One HTML file with the verdict on the 1 km detail, maps, charts, tables and "
            "exclusions.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "SCORES", tr("Scores"), "JSON (*.json)", optional=True, createByDefault=False
            ),
            "JSON file with R², RMSE (cm/yr), slope and bias of the trends of the three fields "
            "at wells, and with the test of the 1 km detail.",
            advanced=True,
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps
        from ..gwsa_plugin.core.wells.detail import score_detail
        from ..gwsa_plugin.core.wells.map_detail import block_width, warn_if_uncorrected
        from ..gwsa_plugin.core.wells.scores import summary
        from ..gwsa_plugin.core.wells.validate import validate_wells

        started = now()
        product = read_maps(self, parameters, context)
        coarse = YearlyMaps.from_files([self.input_path(parameters, "COARSE", context)])
        records = self.well_records(parameters, context, progress.part(0.0, 0.2))
        if records is None:
            raise InputError("Give a layer or table of wells (WELLS).")
        rules = replace(
            records.rules,
            bounds=self.region(parameters, context),
            period=self.period(parameters, context),
        )
        width = block_width(coarse, progress)
        warn_if_uncorrected(product, coarse, progress)
        comparison = validate_wells(
            records.wells, records.readings, product, coarse, rules, progress.part(0.2, 0.95)
        )
        progress.info(summary(comparison))
        progress.stop_if_cancelled()
        detail = score_detail(comparison, width)
        outputs = self._write_files(
            parameters, context, (comparison, detail), rules, started, progress.part(0.95, 1.0)
        )
        outputs["OUTPUT"] = self._write_layer(parameters, context, comparison)
        progress.info(detail.sentences())
        return outputs

    def _write_files(self, parameters, context, result, rules, started, progress) -> dict:
        from ..gwsa_plugin.core.wells.scores import write_scores

        comparison, detail = result
        outputs = {
            name: self.output_path(parameters, name, context) for name in ("REPORT", "SCORES")
        }
        if outputs["REPORT"]:
            from ..gwsa_plugin.core.wells.report import write_well_report

            write_well_report(outputs["REPORT"], comparison, detail, progress)
            record = outputs["REPORT"].with_suffix(".run.json")
            results = {"detail": detail.as_record()}
            self.write_record(record, {}, vars(rules), started, results)
        if outputs["SCORES"]:
            write_scores(outputs["SCORES"], comparison, detail)
        return {name: str(path) for name, path in outputs.items() if path}

    def _write_layer(self, parameters, context, comparison) -> str:
        from ..gwsa_plugin.core.wells.scores import well_columns

        columns = well_columns(comparison)
        places = zip(comparison.wells.longitude, comparison.wells.latitude)
        layer = write_features(
            Place(self, parameters, "OUTPUT", context),
            column_types(columns),
            QgsWkbTypes.Type.Point,
            zip(zip(*(values.tolist() for values in columns.values())), map(_point, places)),
        )
        write_vector_style(layer, style_wells)
        when_loaded(layer, context, style_wells)
        return layer


def _point(place: tuple[float, float]) -> QgsGeometry | None:
    return QgsGeometry.fromPointXY(QgsPointXY(*place)) if all(map(isfinite, place)) else None
