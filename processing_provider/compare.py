"""gwsa:compare: compare two products with each other and with wells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.months import parse_month
from .base import POLYGONS, tr
from .layers import open_layer
from .monthly_maps import add_maps, read_maps
from .other_maps import add_other_maps, read_other_maps
from .polygon_layers import joined_by_name, read_polygons
from .well_fields import field_of
from .well_parameters import FIELDS, WellAlgorithm

# Raster output -> label, score of the core and help.
MAPS = {
    "BIAS": (
        "Bias", "bias",
        "GeoTIFF of the mean of first minus other over the common months, cm, after both have a "
        "mean of 0 in the baseline. 0 where the baseline is all common months.",
    ),
    "CORRELATION": (
        "Correlation", "correlation",
        "GeoTIFF of Pearson's r of the monthly series, season included.",
    ),
    "RESIDUAL_CORRELATION": (
        "Correlation without season and trend", "correlation without season and trend",
        "GeoTIFF of Pearson's r of what is left of both series after a fit of a linear trend with "
        "annual and semi-annual waves. A common season alone does not make it high.",
    ),
    "RMSE": (
        "Root mean square difference", "RMSE",
        "GeoTIFF of the root mean square difference of the monthly series, cm, after both have a "
        "mean of 0 in the baseline.",
    ),
    "TREND": (
        "Trend difference", "trend difference",
        "GeoTIFF of the trend of the first minus that of the other, cm/yr: Theil-Sen slopes of the "
        "deseasonalised series. It takes most of the time, without numba about 2 ms per cell.",
    ),
}  # fmt: skip


class Compare(WellAlgorithm):
    """Algorithm that compares two products on a common grid, and both with wells."""

    ID = "compare"
    NAME = "Compare two products"
    SHORT = "Compares maps with another product, and both with wells."
    GROUP = "results"
    HELP = (
        "Compares two products of monthly storage, such as the 1 km maps and G3P or another "
        "downscaling, in their common months. Both are averaged by area to a common grid, by "
        "default that of the product with the larger cells, and referred to one baseline. Maps "
        "show bias, correlation, RMSE and the difference of the trends; report and table have "
        "their distribution, weighted by area, and the scores of aquifers. With wells the report "
        "states at which share of them a product is closer than the coarse field or than the other "
        "product, with intervals from blocks of wells that are at least as wide as the footprint "
        "of GRACE. It also states whether the tags show that both products come from the same "
        "GRACE data: their agreement then validates neither."
    )
    TAGS = ("G3P", "validation", "bias", "correlation", "RMSE", "trend", "wells", "mascon")
    VARIABLES = {"COARSE": "GWSA"}

    def initAlgorithm(self, config=None):
        add_maps(self)
        add_other_maps(self)
        self.add_region("Only this region is compared; empty for the common area of both.")
        self.add_period("of the comparison")
        self._add_rules()
        self._add_wells()
        self._add_outputs()

    def _add_rules(self):
        self.add(
            QgsProcessingParameterRasterLayer("GRID", tr("Grid of the comparison"), optional=True),
            "A raster in degrees whose cells are used. Leave empty for the grid of the product "
            "with the larger cells. Values are means by area; on smaller cells they are repeated.",
            advanced=True,
        )
        for name, label in (("BASELINE_START", "First"), ("BASELINE_END", "Last")):
            self.add(
                QgsProcessingParameterString(
                    name, tr(f"{label} month of the baseline (YYYY-MM)"), optional=True
                ),
                f"{label} month of the period in which both products get a mean of 0. Leave both "
                "empty for 2004 to 2009, or for all common months if fewer than 24 are in it.",
                advanced=True,
            )
        self.add(
            QgsProcessingParameterBoolean("FILLED", tr("Use filled months"), defaultValue=False),
            "Also compare months that a product states to be filled (GWSA_SOURCE=filled), which "
            "are interpolated and not observed.",
            advanced=True,
        )

    def _add_wells(self):
        self.add(
            QgsProcessingParameterFeatureSource(
                "AQUIFERS", tr("Aquifers"), POLYGONS, optional=True
            ),
            "Polygons whose mean series are compared. They also give wells their specific yield.",
        )
        self.add_wells(optional=True, use="Wells to compare both products with.")
        self.add(
            QgsProcessingParameterRasterLayer("COARSE", tr("Coarse GWSA stack"), optional=True),
            "The coarse field over which wells may be improved, such as the stack that was "
            "downscaled. Leave empty to compare with the other product alone.",
        )
        self.add_specific_yield()
        self.add(
            QgsProcessingParameterNumber(
                "FOOTPRINT",
                tr("Width of blocks of wells (km)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=1,
                maxValue=5000,
            ),
            "Least width of the blocks that are drawn for intervals. Leave empty for the width of "
            "the footprint of GRACE in the tags of the products, or 300 km if none has it.",
            advanced=True,
        )
        self.add_well_fields(FIELDS)
        self.add_well_rules()

    def _add_outputs(self):
        for name, (label, _, help) in MAPS.items():
            self.add(QgsProcessingParameterRasterDestination(name, tr(label), optional=True), help)
        files = {
            "REPORT": ("Report", "HTML", True, "One HTML file with maps, tables and charts."),
            "TABLE": (
                "Table of regions", "CSV", False,
                "CSV with the scores of the common area and of each polygon.",
            ),
            "SCORES": ("Scores", "JSON", False, "JSON file with all results."),
        }  # fmt: skip
        for name, (label, kind, default, help) in files.items():
            parameter = QgsProcessingParameterFileDestination(
                name,
                tr(label),
                f"{kind} (*.{kind.lower()})",
                optional=True,
                createByDefault=default,
            )
            self.add(parameter, help, advanced=name == "SCORES")

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.results.comparison import Product, common_months, compare
        from ..gwsa_plugin.core.results.comparison_grid import common_grid
        from ..gwsa_plugin.core.results.comparison_origin import independence
        from ..gwsa_plugin.core.results.comparison_summary import lead

        started = now()
        maps = [read(self, parameters, context) for read in (read_maps, read_other_maps)]
        names = product_names(*maps)
        first, other = (Product(name, one) for name, one in zip(names, maps))
        options = self._options(parameters, context)
        polygons = self._polygons(parameters, context, progress)
        months = common_months(first, other, options).months
        # Refuses products of different regions before the wells are read.
        common_grid(maps[0].grid, maps[1].grid, names, options.grid, options.region)
        wells = self._wells(parameters, context, (first, other), months, progress.part(0.0, 0.2))
        paths = {name: self.output_path(parameters, name, context) for name in MAPS}
        chosen = {MAPS[name][1]: path for name, path in paths.items() if path}
        digests = [file_digests(one, progress) for one in maps]
        inputs = {
            role: files if len(files) > 1 else next(iter(files))
            for role, files in zip(("FIRST", "OTHER"), digests)
        }
        settings = {name: str(value) for name, value in vars(options).items()}
        tags = provenance(self.ID, inputs, settings, progress)
        origins = [origin(*pair) for pair in zip(names, maps, digests)]
        statement = independence(*origins)
        comparison = compare(
            first, other, options, chosen, polygons, tags, progress.part(0.2, 0.98)
        )
        progress.info(f"{lead(comparison, wells)} {statement}")
        outputs = {
            name: self.finish_raster(path, {}, settings, started)
            for name, path in paths.items()
            if path
        }
        found = comparison, statement, wells
        outputs.update(self._write_files(parameters, context, found, progress.part(0.98, 1.0)))
        return outputs

    def _options(self, parameters, context):
        from ..gwsa_plugin.core.base.grid import Grid
        from ..gwsa_plugin.core.rasters.reading import open_lonlat
        from ..gwsa_plugin.core.results.comparison import CompareOptions

        texts = {
            name: self.parameterAsString(parameters, name, context).strip()
            for name in ("BASELINE_START", "BASELINE_END")
        }
        if bool(texts["BASELINE_START"]) != bool(texts["BASELINE_END"]):
            raise InputError("Give both BASELINE_START and BASELINE_END, or neither.")
        baseline = [parse_month(text, name) for name, text in texts.items() if text]
        grid = None
        path = self.input_path(parameters, "GRID", context)
        if path:
            with open_lonlat(path) as source:
                grid = Grid.from_transform(source.transform, source.shape, path.name)
        return CompareOptions(
            period=self.period(parameters, context),
            baseline=(baseline[0], baseline[1]) if baseline else None,
            region=self.region(parameters, context),
            grid=grid,
            use_filled=self.parameterAsBool(parameters, "FILLED", context),
            least_months=self.parameterAsInt(parameters, "MIN_MONTHS", context),
        )

    def _polygons(self, parameters, context, progress):
        layer = open_layer(self, parameters, "AQUIFERS", context)
        if layer is None:
            return []
        chosen = {"AQUIFER_FIELD": self.parameterAsString(parameters, "AQUIFER_FIELD", context)}
        field = field_of(layer, chosen, "AQUIFER_FIELD")
        polygons = joined_by_name(read_polygons(layer, field, (), progress))
        return [polygon.aquifer for polygon in polygons]

    def _wells(self, parameters, context, products, months, progress):
        """Compare both products with wells; None without wells."""
        from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps
        from ..gwsa_plugin.core.results.comparison_wells import compare_at_wells, footprint_width
        from ..gwsa_plugin.core.wells.map_detail import warn_if_uncorrected

        records = self.well_records(parameters, context, progress.part(0.0, 0.3))
        path = self.input_path(parameters, "COARSE", context)
        if records is None:
            if path:
                raise InputError("COARSE is used with wells only; give WELLS, or leave it empty.")
            return None
        first, other = products
        coarse = None
        if path and not any(path.samefile(file) for file in map_files(other.maps)):
            coarse = ("the coarse field", YearlyMaps.from_files([path]))
            warn_if_uncorrected(first.maps, coarse[1], progress)
        everything = [first.maps, other.maps, *([coarse[1]] if coarse else [])]
        width = self.number(parameters, "FOOTPRINT", context) or footprint_width(
            everything, progress
        )
        rules = replace(records.rules, bounds=self.region(parameters, context))
        return compare_at_wells(
            replace(records, rules=rules),
            {first.name: first.maps, other.name: other.maps},
            coarse,
            months,
            width,
            progress.part(0.3, 1.0),
        )

    def _write_files(self, parameters, context, found, progress) -> dict:
        from ..gwsa_plugin.core.results.comparison_tables import (
            as_record,
            write_scores,
            write_table,
        )

        paths = {
            name: self.output_path(parameters, name, context)
            for name in ("REPORT", "TABLE", "SCORES")
        }
        if paths["REPORT"]:
            from ..gwsa_plugin.core.results.comparison_report import write_comparison_report

            write_comparison_report(paths["REPORT"], *found, progress)
        if paths["TABLE"]:
            write_table(paths["TABLE"], found[0])
        if paths["SCORES"]:
            write_scores(paths["SCORES"], as_record(*found))
        return {name: str(path) for name, path in paths.items() if path}


def map_files(maps) -> list[Path]:
    """Return the files of maps, in the order of their months."""
    return list(dict.fromkeys(path for path, _ in maps.bands.values()))


def product_names(first, other) -> tuple[str, str]:
    """Name two products by their file or folder, with the folder around it if both are equal."""
    places = []
    for maps in (first, other):
        files = map_files(maps)
        places.append(files[0].with_suffix("") if len(files) == 1 else files[0].parent)
    names = [place.name for place in places]
    if names[0] == names[1]:
        names = [f"{place.parent.name}/{place.name}" for place in places]
    if names[0] == names[1]:
        names = [f"{name} ({word})" for name, word in zip(names, ("first", "other"))]
    return names[0], names[1]


def file_digests(maps, progress) -> dict[Path, str]:
    """Compute the SHA-256 of each file of maps."""
    from ..gwsa_plugin.core.files.provenance import sha256

    return {path: sha256(path, progress) for path in map_files(maps)}


def origin(name: str, maps, digests: dict[Path, str]):
    """Return what the tags of a product and its digests show of its origin."""
    from ..gwsa_plugin.core.results.comparison_origin import Origin

    return Origin(name, maps.tags(), frozenset(digests.values()))
