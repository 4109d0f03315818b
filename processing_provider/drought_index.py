"""gwsa:droughtindex: the GRACE groundwater drought index as maps and of polygons, and droughts."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..gwsa_plugin.core.base.errors import InputError
from .base import GwsaAlgorithm, tr
from .monthly_maps import add_maps, read_maps
from .polygon_maps import add_polygons, add_sigma, average, read_outlines
from .styles.loading import LayerGroup, load
from .styles.rasters import style_raster, write_styles
from .vector_output import Place, write_features

OUTPUTS = ("OUTPUT", "FOLDER", "EVENTS", "SERIES")
# Labels in the order of ``SCALES`` of the core.
SCALE_LABELS = (
    "one standard deviation of all months, as published (Thomas et al. 2017)",
    "the standard deviation of the calendar month",
)


class DroughtIndex(GwsaAlgorithm):
    """Algorithm that standardises GWSA by its climatology and finds droughts."""

    ID = "droughtindex"
    NAME = "Drought index"
    SHORT = "Standardises groundwater storage by calendar month and lists droughts."
    GROUP = "results"
    HELP = (
        "Computes the GRACE groundwater drought index (GGDI, Thomas et al. 2017): the deviation of "
        "groundwater storage from the mean of its calendar month, divided by the standard "
        "deviation of the deviations. The index is written for each pixel, as a monthly stack or "
        "as yearly files, and for the mean of each polygon, with a table of the droughts: months "
        "in sequence with an index at or below a threshold. Negative values are drier than usual "
        "for the season; -1, -1.5 and -2 begin moderate, severe and extreme drought (McKee et al. "
        "1993). Steady depletion makes late years a drought and early ones a surplus, unless the "
        "trend is removed (DETREND): choose whether depletion counts as drought. Filled months "
        "have an index, but the climatology comes from observed months alone. Without polygons "
        "the tables have the mean of all pixels."
    )
    TAGS = ("drought", "GGDI", "standardised index", "anomaly", "climatology", "drought events")

    def initAlgorithm(self, config=None):
        add_maps(self)
        add_polygons(
            self,
            "Polygons whose mean storage is standardised. Without them the tables have the mean of "
            "all pixels.",
            optional=True,
        )
        self._add_options()
        self._add_reference()
        add_sigma(self)
        self._add_outputs()

    def _add_options(self):
        integer = QgsProcessingParameterNumber.Type.Integer
        real = QgsProcessingParameterNumber.Type.Double
        self.add(
            QgsProcessingParameterBoolean("DETREND", tr("Remove the trend"), defaultValue=False),
            "Remove the linear trend of each pixel and polygon before. Otherwise depletion counts "
            "as drought, as in the published index.",
        )
        self.add(
            QgsProcessingParameterEnum(
                "SCALE", tr("Deviations are divided by"), list(map(tr, SCALE_LABELS)), False, 0
            ),
            "The first choice is the published index. The second one gives all calendar months the "
            "same spread, where storage varies more in some seasons than in others; each standard "
            "deviation then comes from a value a year only.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "THRESHOLD", tr("Threshold of a drought"), real, -1.0, minValue=-5, maxValue=-0.01
            ),
            "Months with an index at or below it are months of drought.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "DURATION", tr("Least duration (months)"), integer, 3, minValue=1, maxValue=120
            ),
            "Shorter droughts are not listed. A missing month ends a drought.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "LEAST_YEARS", tr("Least number of years"), integer, 5, minValue=3, maxValue=100
            ),
            "Calendar months with fewer observed values in the reference have no index.",
            advanced=True,
        )

    def _add_reference(self):
        for name, label in (("START", "First month"), ("END", "Last month")):
            parameter = QgsProcessingParameterString(
                name, tr(f"{label} of the reference (YYYY-MM)"), optional=True
            )
            self.add(
                parameter,
                f"{label} whose values define the climatology, written as YYYY-MM. The index is "
                "written for all months. Leave empty for all months of the maps.",
            )

    def _add_outputs(self):
        table = QgsProcessing.SourceType.TypeVector
        self.add(
            QgsProcessingParameterRasterDestination(
                "OUTPUT", tr("Drought index (stack)"), optional=True
            ),
            "GeoTIFF with a band for each month from the first to the last, at the resolution of "
            "the maps.",
        )
        self.add(
            QgsProcessingParameterFolderDestination(
                "FOLDER", tr("Drought index (yearly files)"), optional=True, createByDefault=False
            ),
            "Folder for GGDI_YYYY.tif with twelve bands each, better for large maps. Such files of "
            "an earlier run in it are removed.",
        )
        self.add(
            QgsProcessingParameterFeatureSink("EVENTS", tr("Drought events"), table, optional=True),
            "Table (a layer without geometry, or CSV) of the droughts of each polygon: first and "
            "last month, duration, most negative index and its month, severity (sum of the index "
            "with the opposite sign), class, deviation of storage (cm) and deficit (km³) in the "
            "worst month, number of filled months, and whether the drought may have been longer "
            "because it begins or ends beside a month without an index.",
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                "SERIES", tr("Index of each polygon"), table, optional=True, createByDefault=False
            ),
            "Table with a row for each polygon and month: index, its sigma if that of the maps is "
            "known, deviation and storage in cm, and whether the month was observed or filled.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.results.drought_index import (
            SCALES,
            IndexOptions,
            months_without_index,
            reference_months,
        )

        if not any(parameters.get(name) for name in OUTPUTS):
            raise InputError(f"No output is chosen; choose at least one of {', '.join(OUTPUTS)}.")
        started = now()
        first, last = self.period(parameters, context)
        options = IndexOptions(
            scale=SCALES[self.parameterAsEnum(parameters, "SCALE", context)],
            detrend=self.parameterAsBoolean(parameters, "DETREND", context),
            first=first,
            last=last,
            least_years=self.parameterAsInt(parameters, "LEAST_YEARS", context),
        )
        maps = read_maps(self, parameters, context)
        used = reference_months(maps.months, maps.source, options)
        lacking = months_without_index(maps.months, used, options)
        if lacking:
            progress.warn(
                f"There is no index in {', '.join(lacking)}: fewer than {options.least_years} "
                "observed years in the reference."
            )
        outputs = {}
        wants_tables = parameters.get("EVENTS") or parameters.get("SERIES")
        wants_maps = parameters.get("OUTPUT") or parameters.get("FOLDER")
        tables = progress.part(0.0, 0.3 if wants_maps else 1.0)
        if wants_tables:
            outputs.update(self._write_tables(parameters, context, maps, options, tables))
        if wants_maps:
            part = progress.part(0.3 if wants_tables else 0.0, 1.0)
            outputs.update(
                self._write_maps(parameters, context, (maps, used), options, started, part)
            )
        return outputs

    def _write_tables(self, parameters, context, maps, options, progress) -> dict:
        from ..gwsa_plugin.core.results.drought_index import reference_months
        from ..gwsa_plugin.core.results.drought_tables import (
            EVENT_FIELDS,
            INDEX_FIELDS,
            event_rows,
            index_rows,
            polygon_index,
        )

        outlines = read_outlines(self, parameters, context, progress.part(0.0, 0.1))
        part = progress.part(0.1, 1.0)
        series = average(self, maps, outlines, parameters, context, part)
        used = reference_months(series.months, series.source, options)
        found = polygon_index(series, used, options)
        threshold = self.parameterAsDouble(parameters, "THRESHOLD", context)
        duration = self.parameterAsInt(parameters, "DURATION", context)
        events = list(event_rows(series, found, threshold, duration))
        progress.info(
            f"{len(events)} droughts in {len({row[0] for row in events})} of {len(series.names)} "
            f"polygons: at least {duration} months with an index at or below {threshold:g}."
        )
        tables = {
            "EVENTS": (EVENT_FIELDS, events),
            "SERIES": (INDEX_FIELDS, index_rows(series, found)),
        }
        return {
            name: write_features(
                Place(self, parameters, name, context),
                fields,
                QgsWkbTypes.Type.NoGeometry,
                ((row, None) for row in rows),
            )
            for name, (fields, rows) in tables.items()
            if parameters.get(name)
        }

    def _write_maps(self, parameters, context, given, options, started, progress) -> dict:
        from ..gwsa_plugin.core.files.provenance import provenance
        from ..gwsa_plugin.core.results.drought_maps import write_index_maps

        stack, folder = (
            self.output_path(parameters, name, context) if parameters.get(name) else None
            for name in ("OUTPUT", "FOLDER")
        )
        maps, used = given
        files = list(dict.fromkeys(path for path, _ in maps.bands.values()))
        record = ({"GWSA": files}, options.record())
        tags = provenance(self.ID, *record, progress.part(0.0, 0.1))
        part = progress.part(0.1, 1.0).timed("Drought index")
        years = write_index_maps(maps, used, options, tags, stack, folder, part)
        outputs = {}
        if stack:
            outputs["OUTPUT"] = self.finish_raster(stack, *record, started)
        if folder:
            self.write_record(folder / "run.json", *record, started)
            outputs["FOLDER"] = str(folder)
            _load_years(years, context)
        return outputs


def _load_years(years: list[Path], context) -> None:
    """Load the yearly files as a group with the newest on top."""
    write_styles(years)
    group = LayerGroup(tr("Drought index"))

    def show(layer):
        style_raster(layer)
        group.show_newest(layer)

    for path in years:
        load(path, path.stem, context, show)
