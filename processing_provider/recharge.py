"""gwsa:recharge: net recharge a year of polygons by the water-table-fluctuation method."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)

from .base import POLYGONS, GwsaAlgorithm, tr
from .monthly_maps import add_maps, read_maps
from .polygon_maps import add_polygons, add_sigma, average, read_outlines
from .styles.loading import when_loaded, write_vector_style
from .styles.recharge import style_recharge
from .vector_output import Place, write_features


class Recharge(GwsaAlgorithm):
    """Algorithm that estimates recharge from the rising limbs of storage."""

    ID = "recharge"
    NAME = "Recharge"
    SHORT = "Estimates the net recharge of aquifers in each hydrological year."
    GROUP = "results"
    HELP = (
        "Estimates net recharge by the water-table-fluctuation method (Healy & Cook 2002), for "
        "each polygon and hydrological year. Groundwater storage is used in place of a water "
        "table, so that no specific yield is needed. Recharge is the rise of storage above the "
        "recession it would have followed without recharge. The recession is a master recession "
        "that is fitted to the falling limbs of the series. Assumptions: recharge is net of "
        "pumping and of outflow during the rise; recharge during a decline is not counted and "
        "monthly means smooth rises, so that it is a lower bound where groundwater is not pumped; "
        "water that returns after seasonal pumping counts as recharge; polygons smaller than the "
        "footprint of GRACE contain recharge of their neighbours. The interval comes from the "
        "errors of the months: sigma, or the noise of the series. Years with a missing "
        "month have no estimate: fill gaps first. Filled months are counted for each year."
    )
    TAGS = (
        "recharge",
        "water table fluctuation",
        "WTF",
        "recession",
        "master recession curve",
        "water budget",
        "hydrological year",
    )

    def initAlgorithm(self, config=None):
        add_maps(self)
        add_polygons(self, "Polygons whose recharge is estimated, in any CRS.", optional=False)
        integer = QgsProcessingParameterNumber.Type.Integer
        real = QgsProcessingParameterNumber.Type.Double
        self.add(
            QgsProcessingParameterNumber(
                "FIRST_MONTH", tr("First month of the year"), integer, 10, minValue=1, maxValue=12
            ),
            "First calendar month of the hydrological year, 1 to 12. Choose the month in which "
            "storage is lowest, so that a year has a complete rise.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "LEAST_RISE",
                tr("Smallest rise (cm)"),
                real,
                optional=True,
                minValue=0,
                maxValue=100,
            ),
            "Smaller turns of storage are taken for noise. By default it is estimated for each "
            "polygon from the month-to-month noise of its series.",
            advanced=True,
        )
        add_sigma(self)
        self.add(
            QgsProcessingParameterFeatureSink("OUTPUT", tr("Polygons with recharge"), POLYGONS[0]),
            "Mean recharge of the complete years (cm and km³ a year) with sigma and 90 % interval, "
            "smallest and largest year, number of years and of those with filled months, recession "
            "constant, area, and the reason where there is no estimate.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "TABLE", tr("Recharge of each year"), "CSV (*.csv)", optional=True
            ),
            "A row for each polygon and hydrological year: recharge, sigma and 90 % interval (cm), "
            "rise and what drained meanwhile (cm), volume (km³), months with a value, filled "
            "months.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), "HTML (*.html)", optional=True
            ),
            "One HTML file with the assumptions, a table, and a chart of the 60 largest polygons.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.results.recharge import RechargeOptions
        from ..gwsa_plugin.core.results.recharge_tables import polygon_recharge

        started = now()
        options = RechargeOptions(
            first_month=self.parameterAsInt(parameters, "FIRST_MONTH", context),
            least_rise=self.number(parameters, "LEAST_RISE", context),
        )
        maps = read_maps(self, parameters, context)
        outlines = read_outlines(self, parameters, context, progress.part(0.0, 0.05))
        part = progress.part(0.05, 0.8)
        series = average(self, maps, outlines, parameters, context, part)
        estimates = polygon_recharge(series, options)
        self._log(series, estimates, progress)
        outputs = self._write_files(
            parameters, context, series, estimates, options, started, progress.part(0.8, 1.0)
        )
        outputs["OUTPUT"] = self._write_layer(parameters, context, outlines, series, estimates)
        return outputs

    def _log(self, series, estimates, progress) -> None:
        from ..gwsa_plugin.core.results.recharge_tables import status

        done = sum(bool(one.complete) for one in estimates)
        progress.info(f"Recharge is estimated for {done} of {len(estimates)} polygons.")
        reasons: dict[str, list[str]] = {}
        for name, one in zip(series.names, estimates):
            if not one.complete:
                reasons.setdefault(status(one), []).append(name)
        for reason, names in reasons.items():
            listed = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
            progress.warn(f"{len(names)} polygons have no estimate ({listed}): {reason}.")

    def _write_files(
        self, parameters, context, series, estimates, options, started, progress
    ) -> dict:
        from ..gwsa_plugin.core.results.recharge_tables import write_years

        outputs = {
            name: self.output_path(parameters, name, context) for name in ("TABLE", "REPORT")
        }
        if outputs["TABLE"]:
            write_years(outputs["TABLE"], series, estimates)
        if outputs["REPORT"]:
            from ..gwsa_plugin.core.results.recharge_report import write_recharge_report

            write_recharge_report(outputs["REPORT"], series, estimates, options, progress)
            record = outputs["REPORT"].with_suffix(".run.json")
            self.write_record(record, {}, vars(options), started)
        return {name: str(path) for name, path in outputs.items() if path}

    def _write_layer(self, parameters, context, outlines, series, estimates) -> str:
        from ..gwsa_plugin.core.results.recharge_tables import POLYGON_FIELDS, polygon_rows

        layer = write_features(
            Place(self, parameters, "OUTPUT", context),
            POLYGON_FIELDS,
            QgsWkbTypes.Type.MultiPolygon,
            zip(polygon_rows(series, estimates), [outline.shape for outline in outlines]),
        )
        write_vector_style(layer, style_recharge)
        when_loaded(layer, context, style_recharge)
        return layer
