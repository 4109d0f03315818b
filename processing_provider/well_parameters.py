"""Parameters of wells and their readings, for all algorithms that compare maps with wells."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import (
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsVectorLayer,
)

from ..gwsa_plugin.core.wells.reading_kind import DEPTH, ELEVATION, FEET, METRES
from .base import TABLES, GwsaAlgorithm, tr
from .layers import is_commented, open_layer

# The choices of VALUE and UNIT in the order of the parameters; the last one is to recognise them.
QUANTITIES = (DEPTH, ELEVATION)
UNITS = (METRES, FEET)
# Parameter -> parameter of its layer, label and help.
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
        "Degrees, or degrees and minutes, for a table without geometry. By default a field named "
        "longitude, lon, dec_long_va or x.",
    ),
    "LATITUDE_FIELD": (
        "WELLS", "Latitude",
        "Degrees, or degrees and minutes, for a table without geometry. By default a field named "
        "latitude, lat, dec_lat_va or y.",
    ),
    "READING_WELL_FIELD": (
        "OBSERVATIONS", "Well of a reading",
        "The identifier that WELLS has too. By default a field with one of the names listed there.",
    ),
    "DATE_FIELD": (
        "OBSERVATIONS", "Date",
        "Dates, or texts such as 2004-05-31. By default a field named date, datetime, lev_dt or "
        "day.",
    ),
    "VALUE_FIELD": (
        "OBSERVATIONS", "Water level",
        "By default a field named depth_to_water, dtw, value, depth, dtw_ft, lev_va, elevation, "
        "wte or sl_lev_va.",
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


class WellAlgorithm(GwsaAlgorithm):
    """Base class of the algorithms that compare maps with wells."""

    def checkParameterValues(self, parameters, context):
        # QGIS cannot open files of the USGS unless they are named .tsv or .csv.
        table = QgsVectorLayer("NoGeometry", "table", "memory")
        tables = {
            name: table for name in ("WELLS", "OBSERVATIONS") if is_commented(parameters.get(name))
        }
        return super().checkParameterValues({**parameters, **tables}, context)

    def add_wells(self, optional: bool, use: str = "") -> None:
        """Add WELLS, OBSERVATIONS, VALUE and UNIT.

        Parameters
        ----------
        optional : bool
            Whether the algorithm runs without wells.
        use : str
            What the wells are for, added to the help.
        """
        help = (
            "A point layer, or a table with longitude and latitude. It can be a long table that "
            "also has the readings."
        )
        self.add(
            QgsProcessingParameterFeatureSource("WELLS", tr("Wells"), TABLES, optional=optional),
            f"{use} {help}".strip(),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "OBSERVATIONS", tr("Readings"), TABLES, optional=True
            ),
            "A table with one row for each reading (well, date, value) or with one column for each "
            "month. Leave empty if WELLS has the readings.",
        )
        self.add(
            QgsProcessingParameterEnum(
                "VALUE",
                tr("Readings are"),
                [*map(tr, QUANTITIES), tr("recognised from the name of the field")],
                defaultValue=len(QUANTITIES),
            ),
            "Depths grow downwards, elevations upwards. Names such as wte, elevation, masl or "
            "sl_lev_va are recognised as elevations; all others are depths. The log states what "
            "was understood.",
        )
        self.add(
            QgsProcessingParameterEnum(
                "UNIT",
                tr("Unit of the readings"),
                [*map(tr, UNITS), tr("recognised from the name of the field")],
                defaultValue=len(UNITS),
            ),
            "Names that end in _ft or feet, and lev_va of the USGS, are recognised as feet; all "
            "others are metres. The log states what was understood.",
        )

    def add_specific_yield(self) -> None:
        """Add SPECIFIC_YIELD."""
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

    def add_well_fields(self, names: Iterable[str]) -> None:
        """Add some of FIELDS."""
        for name in names:
            parent, label, help = FIELDS[name]
            field = QgsProcessingParameterField(
                name, tr(label), parentLayerParameterName=parent, optional=True
            )
            self.add(field, help, advanced=True)

    def add_well_rules(self) -> None:
        """Add the rules for usable readings and wells."""
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

    def well_records(self, parameters, context, progress, aquifer_field="AQUIFER_FIELD"):
        """Read the wells and their readings.

        Parameters
        ----------
        parameters, context
            As in ``processAlgorithm``.
        progress : Progress
            Receives the fraction done.
        aquifer_field : str
            Parameter with the field that identifies an aquifer.

        Returns
        -------
        WellRecords or None
            None if WELLS is empty.

        Raises
        ------
        InputError
            When a layer cannot be opened or lacks a field.
        """
        from ..gwsa_plugin.core.wells.map_detail import WellRecords
        from ..gwsa_plugin.core.wells.quality_control import Rules
        from .well_layers import in_aquifers, read_wells
        from .well_readings import kind_of_readings, read_readings

        if not parameters.get("WELLS"):
            return None
        chosen = {name: self.parameterAsString(parameters, name, context) for name in FIELDS}
        chosen["AQUIFER_FIELD"] = self.parameterAsString(parameters, aquifer_field, context)
        layer = open_layer(self, parameters, "WELLS", context)
        table = open_layer(self, parameters, "OBSERVATIONS", context)
        aquifers = open_layer(self, parameters, "AQUIFERS", context)
        wells = read_wells(layer, chosen, progress.part(0.0, 0.3))
        if table is None:
            table = layer
            wells = wells.merge_records()
        if aquifers is not None:
            wells = in_aquifers(wells, aquifers, chosen, progress.part(0.3, 0.5))
        other = self.number(parameters, "SPECIFIC_YIELD", context)
        if other is not None:
            wells = wells.with_default_yield(other)
        kind = kind_of_readings(
            table,
            chosen,
            _chosen(UNITS, self.parameterAsEnum(parameters, "UNIT", context)),
            _chosen(QUANTITIES, self.parameterAsEnum(parameters, "VALUE", context)),
        )
        rules = Rules(
            elevation=kind.is_elevation,
            min_years=self.parameterAsDouble(parameters, "MIN_YEARS", context),
            min_months=self.parameterAsInt(parameters, "MIN_MONTHS", context),
            outlier=self.parameterAsDouble(parameters, "OUTLIER", context),
        )
        readings = read_readings(table, chosen, wells, kind, progress.part(0.5, 1.0))
        return WellRecords(wells, readings, rules)


def _chosen(choices: tuple[str, ...], number: int) -> str:
    """The chosen one; an empty text to recognise it."""
    return choices[number] if number < len(choices) else ""
