"""gwsa:aquiferseries: monthly series, volume and trend of polygons."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.dependencies import find
from .base import GwsaAlgorithm, tr
from .monthly_maps import add_maps, read_maps
from .polygon_maps import add_polygons, add_sigma, average, read_outlines
from .styles.loading import when_loaded, write_vector_style
from .styles.series import style_series
from .vector_output import Place, column_types, write_features

# Results of this many polygons are written to the log.
MOST_LINES = 20


class AquiferSeries(GwsaAlgorithm):
    """Algorithm that averages monthly maps over polygons and states how storage changed."""

    ID = "aquiferseries"
    NAME = "Aquifer series"
    GROUP = "results"
    SHORT = "Storage change of aquifers: how much, since when, how sure."
    HELP = (
        "Averages monthly maps over polygons: the mean (cm), the volume (km³) and their standard "
        "errors for each month, the trend with a 90 % interval, the change over the period, and "
        "the annual wave. Errors of pixels are not independent: noise is correlated over the "
        "footprint of GRACE, and detail that GRACE does not resolve averages out only up to the "
        "size of the polygon. The interval of a trend contains the noise, the unresolved detail "
        "and trends that leak into and out of the polygon. It is left empty where it cannot be "
        "known: without a sigma, at the edge of the maps, and for maps that are hardly wider than "
        "the footprint. The p-value of the Hamed-Rao Mann-Kendall test is about the variability of "
        "the series itself. Polygons may overlap each other."
    )
    TAGS = ("aquifer", "basin", "volume", "trend", "time series", "zonal statistics", "depletion")

    def initAlgorithm(self, config=None):
        add_maps(self)
        add_polygons(
            self,
            "Aquifers, basins, districts or any other polygons, in any coordinate reference "
            "system. Each has its own series, also where they overlap.",
            optional=False,
        )
        add_sigma(self)
        self.add_period("of the series")
        self.add(
            QgsProcessingParameterFeatureSink(
                "OUTPUT",
                tr("Polygons with trends"),
                QgsProcessing.SourceType.TypeVectorPolygon,
            ),
            "The polygons with area, trend in cm/yr and km³/yr with 90 % limits, change in km³, "
            "p-value, amplitude and month of the maximum; the map tip shows the series.",
        )
        csv = "CSV (*.csv)"
        self.add(
            QgsProcessingParameterFileDestination("TABLE", tr("Series"), csv, optional=True),
            "CSV file with a line for each polygon and month: source (observed, filled or "
            "missing), mean and sigma in cm, volume and sigma in km³, and area with values in km².",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), "HTML (*.html)", optional=True
            ),
            "HTML page that states how much each polygon lost or gained, with its series and the "
            "change of its storage.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.results.series_table import polygon_columns, statements
        from ..gwsa_plugin.core.results.storage_trends import storage_trends

        started = now()
        maps = read_maps(self, parameters, context).select(*self.period(parameters, context))
        polygons = read_outlines(self, parameters, context, progress.part(0.0, 0.05))
        if not polygons:
            raise InputError("Give a layer of polygons (AQUIFERS).")
        series = average(
            self, maps, polygons, parameters, context, progress=progress.part(0.05, 0.85)
        )
        trends = storage_trends(series, progress.part(0.85, 0.9))
        columns = polygon_columns(series, trends)
        self._log(series, statements(columns, series.names), progress)
        outputs = self._write_files(parameters, context, (maps, series, trends), started)
        tips = self._tips(series, trends, progress.part(0.9, 1.0))
        outputs["OUTPUT"] = self._write_layer(parameters, context, polygons, columns, tips)
        return outputs

    def _log(self, series, sentences, progress) -> None:
        """Write the results of the largest polygons, and how many have no values."""
        from ..gwsa_plugin.core.results.series_table import by_covered_area

        present = by_covered_area(series)
        for index in present[:MOST_LINES]:
            progress.info(sentences[index])
        if len(present) > MOST_LINES:
            progress.info(f"The results of {len(present) - MOST_LINES} more are in the layer.")
        if len(present) < len(sentences):
            progress.info(f"{len(sentences) - len(present)} polygons have no values in the maps.")

    def _write_files(self, parameters, context, results, started) -> dict:
        from ..gwsa_plugin.core.results.series_table import write_series

        maps, series, trends = results
        paths = {name: self.output_path(parameters, name, context) for name in ("TABLE", "REPORT")}
        if paths["TABLE"]:
            write_series(paths["TABLE"], series)
            settings = {name: parameters.get(name) for name in ("START", "END")}
            record = paths["TABLE"].with_suffix(".run.json")
            self.write_record(record, {}, settings, started)
        if paths["REPORT"]:
            from ..gwsa_plugin.core.results.series_report import write_series_report

            write_series_report(paths["REPORT"], series, trends, maps.tags())
        return {name: str(path) for name, path in paths.items() if path}

    def _tips(self, series, trends, progress) -> list[str]:
        """Pictures for the map tips; none without matplotlib."""
        count = len(series.names)
        if find("matplotlib").version is None:
            return [""] * count
        from ..gwsa_plugin.core.results.series_report import tip_chart

        pictures = []
        for index in range(count):
            progress.advance(index / count)
            pictures.append(tip_chart(series, trends, index))
        return pictures

    def _write_layer(self, parameters, context, polygons, columns, tips) -> str:
        names = [polygon.name for polygon in polygons]
        rows = zip(names, *(values.tolist() for values in columns.values()), tips)
        layer = write_features(
            Place(self, parameters, "OUTPUT", context),
            {"polygon": "string", **column_types(columns), "chart": "string"},
            QgsWkbTypes.Type.MultiPolygon,
            zip(rows, (polygon.shape for polygon in polygons)),
        )
        write_vector_style(layer, style_series)
        when_loaded(layer, context, style_series)
        return layer
