"""Readings of a well: found beside its layer or in the project, and read in the background."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProject,
    QgsVectorLayer,
)

from ...gwsa_plugin.core.base.columns import parse_flags, parse_numbers
from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.base.progress import Progress
from ...gwsa_plugin.core.results.place_series import Series, WellReadings, well_series
from ...gwsa_plugin.core.wells.quality_control import Rules
from ...gwsa_plugin.core.wells.tables import Readings, Wells, as_id
from ...gwsa_plugin.core.wells.wide_tables import month_columns, season_columns
from ...processing_provider.layers import (
    Layer,
    TextTable,
    is_commented,
    is_file,
    open_text_table,
    plain_value,
)
from ...processing_provider.well_fields import USUAL_NAMES
from ...processing_provider.well_readings import kind_of_readings, read_readings

# Property of a layer of wells: the file with its readings, if the user has chosen one.
READINGS_PROPERTY = "gwsa/readings"
# Files beside a layer of wells that are taken for its readings.
USUAL_FILES = ("observations.csv", "readings.csv")
# The storage coefficient that gwsa:validatewells used, after those of a layer of wells.
_USED_COEFFICIENT = "storage"
# Source and provider of a table, or its rows.
Table = Union[tuple[str, str], TextTable]
_CHOSEN = dict.fromkeys(("READING_WELL_FIELD", "DATE_FIELD", "VALUE_FIELD"), "")


@dataclass(frozen=True)
class Well:
    """A well and where its readings may be.

    Parameters
    ----------
    name : str
    longitude, latitude : float
        Degrees.
    coefficient : float
        Specific yield, or storativity of a confined well; NaN where unknown.
    tables : tuple
        The tables that may have its readings, the likeliest first: source and provider of each, or
        the rows of the well in a temporary layer.
    """

    name: str
    longitude: float
    latitude: float
    coefficient: float
    tables: tuple[Table, ...]


def well_of(layer: QgsVectorLayer, feature: QgsFeature, longitude: float, latitude: float) -> Well:
    """Read identifier and storage coefficient of a feature, and find tables of readings.

    Raises
    ------
    InputError
        When the layer has no field of identifiers.
    """
    values = {name.lower(): feature[name] for name in feature.fields().names()}
    identifier = _first(values, USUAL_NAMES["WELL_FIELD"])
    if identifier is None:
        usual = ", ".join(USUAL_NAMES["WELL_FIELD"][:3])
        raise InputError(f"{layer.name()} has none of the fields {usual} … that name a well.")
    name = as_id(plain_value(identifier))
    tables = tuple(_tables(layer, name))
    return Well(name, longitude, latitude, _coefficient(values), tables)


def read_well(well: Well, reference: Series | None, progress: Progress) -> Series:
    """Read the first table that has readings of a well, and convert them to storage.

    Parameters
    ----------
    well : Well
    reference : Series or None
        Series of which the well takes the zero.
    progress : Progress

    Raises
    ------
    InputError
        When there are no readings of the well, or as in ``well_series``.
    """
    problem = ""
    for table in well.tables:
        try:
            readings, is_elevation = _read(well, table, progress)
        except InputError as error:
            problem = problem or str(error)
            continue
        rules = Rules(elevation=is_elevation)
        return well_series(f"Well {well.name}", readings, rules, reference)
    if well.tables:
        raise InputError(problem)
    raise InputError(
        f"No readings of well {well.name} are known; choose their file with “Readings of wells”, "
        "or add their table to the project."
    )


def has_readings(fields: Iterable[str]) -> bool:
    """Whether a table with these fields has readings of wells."""
    names = [name.lower() for name in fields]
    if not set(names) & set(USUAL_NAMES["READING_WELL_FIELD"]):
        return False
    has_values = bool(set(names) & set(USUAL_NAMES["VALUE_FIELD"]))
    has_dates = bool(set(names) & set(USUAL_NAMES["DATE_FIELD"]))
    return has_dates and has_values or bool(month_columns(fields) or season_columns(fields)[0])


def _tables(layer: QgsVectorLayer, well: str) -> Iterator[Table]:
    chosen = layer.customProperty(READINGS_PROPERTY)
    if chosen:
        yield str(chosen), "ogr"
        return
    others = QgsProject.instance().mapLayers().values()
    for one in (layer, *(other for other in others if other is not layer)):
        if isinstance(one, QgsVectorLayer) and has_readings(one.fields().names()):
            is_temporary = one.providerType() == "memory"
            yield _rows(one, well) if is_temporary else (one.source(), one.providerType())
    path = layer.source().partition("|")[0]
    if is_file(path):
        for name in USUAL_FILES:
            beside = Path(path).with_name(name)
            if beside.is_file():
                yield str(beside), "ogr"


def _rows(layer: QgsVectorLayer, well: str) -> TextTable:
    """Return the rows of a well in a temporary layer, which only this thread can read."""
    names = layer.fields().names()
    present = {name.lower(): name for name in names}
    identifier = _first(present, USUAL_NAMES["READING_WELL_FIELD"])
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    request.setSubsetOfAttributes([layer.fields().lookupField(identifier)])
    features = layer.getFeatures(request)
    own = [one.id() for one in features if as_id(plain_value(one[identifier])) == well]
    request = QgsFeatureRequest(own).setFlags(QgsFeatureRequest.Flag.NoGeometry)
    rows = [
        [plain_value(value) for value in one.attributes()] for one in layer.getFeatures(request)
    ]
    return TextTable(layer.name(), {name: [row[i] for row in rows] for i, name in enumerate(names)})


def _read(well: Well, given: Table, progress: Progress) -> tuple[WellReadings, bool]:
    """Return the readings of a table and whether they are elevations."""
    table = given if isinstance(given, TextTable) else _open(*given)
    kind = kind_of_readings(table, _CHOSEN, "", "")
    wells = Wells.from_columns([well.name], well.longitude, well.latitude, well.coefficient)
    readings: Readings = read_readings(table, _CHOSEN, wells, kind, progress)
    return WellReadings(readings.day, readings.level, well.coefficient), kind.is_elevation


def _open(source: str, provider: str) -> Layer | TextTable:
    if is_commented(source):
        return open_text_table(Path(source))
    layer = QgsVectorLayer(source, Path(source.partition("|")[0]).name, provider)
    if not layer.isValid():
        raise InputError(f"{layer.name()} cannot be opened as a table of readings.")
    context = QgsProcessingContext()
    features = QgsProcessingFeatureSource(layer, context)
    # The source reads from the layer, which Python would delete.
    features.layer = layer
    return Layer(layer.name(), layer.fields().names(), features, layer.crs(), context)


def _first(values: dict, names: Iterable[str]):
    return next((values[name] for name in names if name in values), None)


def _coefficient(values: dict) -> float:
    confined = _first(values, USUAL_NAMES["CONFINED_FIELD"])
    is_confined = confined is not None and bool(parse_flags([plain_value(confined)])[0])
    name = "STORATIVITY_FIELD" if is_confined else "YIELD_FIELD"
    given = _first(values, (*USUAL_NAMES[name], _USED_COEFFICIENT))
    return float(parse_numbers([plain_value(given)])[0])
