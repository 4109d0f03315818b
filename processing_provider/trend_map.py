"""gwsa:trendmap: trend of each pixel, how sure it is, and its season."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from .base import GwsaAlgorithm, tr
from .monthly_maps import add_maps, read_maps
from .styles.loading import when_loaded
from .styles.trends import show_trend


class TrendMap(GwsaAlgorithm):
    """Algorithm that maps trends, their significance and seasons."""

    ID = "trendmap"
    NAME = "Trend map"
    SHORT = "Maps the trend of each pixel, how sure it is, and the season."
    GROUP = "results"
    HELP = (
        "Computes for each pixel the Theil-Sen slope of the deseasonalised series (cm/yr), its "
        "interval, which allows for the memory of the series, the p-value of the Mann-Kendall test "
        "with the correction of Hamed and Rao for autocorrelation, and q, which allows for the "
        "number of pixels tested: among the pixels with q up to 0.1, about one in ten is expected "
        "to be significant by chance alone. "
        "Amplitude and month of the maximum are those of the annual wave. The output is one "
        "GeoTIFF with named bands: trend, lower, upper, p, q, amplitude, peak month, and on "
        "request break year and change of trend. It opens with the trend in colours from brown "
        "(falling) to blue-green (rising), and a veil over the pixels with q above 0.1. An "
        "interrupted run continues where it stopped."
    )
    TAGS = (
        "trend",
        "Theil-Sen",
        "Sen's slope",
        "Mann-Kendall",
        "Hamed-Rao",
        "significance",
        "false discovery rate",
        "depletion",
        "season",
        "amplitude",
        "phase",
        "break",
    )

    def initAlgorithm(self, config=None):
        add_maps(self)
        self.add_region("Only this region is mapped; empty for all of the maps.")
        self.add_period("of the trend")
        self.add(
            QgsProcessingParameterBoolean(
                "BREAKS", tr("Find the strongest change of trend"), defaultValue=False
            ),
            "Adds two bands: the time at which a line that bends once fits the series best, at "
            "least four years from both ends, and the trend after it less the trend before it. "
            "Every series has such a time; the bands do not state whether the change is "
            "significant.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "CONFIDENCE",
                tr("Confidence of the interval (%)"),
                QgsProcessingParameterNumber.Type.Double,
                defaultValue=90,
                minValue=50,
                maxValue=99.9,
            ),
            "How often the interval from lower to upper is to contain the true trend. The noise is "
            "taken to have a memory from month to month, which each series determines.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Trend map")),
            "GeoTIFF with the bands trend, lower, upper (cm/yr), p, q, amplitude (cm), peak month "
            "(0.5 to 12.5, 1 is the middle of January), and with BREAKS break year and change of "
            "trend (cm/yr); no data where a pixel has fewer than 24 months or never changes.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.results.trend_map import TrendMapOptions, write_trend_map

        started = now()
        maps = read_maps(self, parameters, context)
        first, last = self.period(parameters, context)
        options = TrendMapOptions(
            confidence=self.parameterAsDouble(parameters, "CONFIDENCE", context) / 100,
            find_breaks=self.parameterAsBool(parameters, "BREAKS", context),
            first=first,
            last=last,
            bounds=self.region(parameters, context),
        )
        files = list(dict.fromkeys(path for path, _ in maps.bands.values()))
        record = ({"GWSA": files}, vars(options))
        tags = provenance(self.ID, *record, progress)
        path = self.output_path(parameters, "OUTPUT", context)
        summary = write_trend_map(maps, path, options, tags, progress)
        progress.info(summary.sentence())
        output = self.finish_raster(path, *record, started, vars(summary))
        when_loaded(output, context, show_trend)
        return {"OUTPUT": output}
