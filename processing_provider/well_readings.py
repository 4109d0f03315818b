"""Tables of readings of wells: one row for each reading, or one column for each month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..gwsa_plugin.core.base.columns import parse_numbers
from ..gwsa_plugin.core.base.dates import parse_days
from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.wells.reading_kind import ReadingKind, recognise_reading
from ..gwsa_plugin.core.wells.tables import Readings, Wells, unmatched
from ..gwsa_plugin.core.wells.wide_tables import melt, month_columns, season_columns
from .layers import Layer, TextTable, name_some
from .well_fields import field_of, label, name_examples, required_field

# Fraction of the readings of which the loss is a warning.
MANY = 0.1


class _Rows(NamedTuple):
    """Readings as they are in a table: identifiers, dates, days, levels, and what holds these."""

    ids: Sequence
    dates: Sequence
    days: np.ndarray
    levels: Sequence
    holder: str


def kind_of_readings(
    table: Layer | TextTable, chosen: dict[str, str], unit: str, quantity: str
) -> ReadingKind:
    """Find the unit and the quantity of the readings of a table.

    Parameters
    ----------
    table : Layer or TextTable
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    unit, quantity : str
        As chosen by the user; empty to recognise them from the name of the field.
    """
    return recognise_reading(field_of(table, chosen, "VALUE_FIELD") or "", unit, quantity)


def read_readings(
    table: Layer | TextTable,
    chosen: dict[str, str],
    wells: Wells,
    kind: ReadingKind,
    progress: Progress,
) -> Readings:
    """Read a table of readings; the log states what was read and what is left out.

    Parameters
    ----------
    table : Layer or TextTable
        With one row for each reading, or one column for each month.
    chosen : dict of str to str
        Parameter -> name of its field, or empty for the usual names.
    wells : Wells
    kind : ReadingKind
        What the readings are.
    progress : Progress
        Receives the fraction done and lines on what was read.

    Returns
    -------
    Readings

    Raises
    ------
    InputError
        When a field is missing, when there are no dates, when no reading belongs to a well, or when
        depths are implausible.
    """
    rows = _read_rows(table, chosen, progress)
    name = f"The {rows.holder} of {table.name}"
    levels = kind.in_metres(parse_numbers(rows.levels, name), name)
    readings = Readings.from_columns(wells, rows.ids, rows.days, levels)
    _log(rows, levels, f"of {table.name}, {kind.quantity} in {kind.unit}", progress)
    if difference := unmatched(wells, rows.ids):
        many = readings.unlisted > MANY * levels.size
        (progress.warn if many else progress.info)(f"{difference}.")
    return readings


def _log(rows: _Rows, levels: np.ndarray, what: str, progress: Progress) -> None:
    undated = np.isnat(rows.days)
    empty = np.isnan(levels) & ~undated
    usable = ~undated & ~empty
    months = rows.days[usable].astype("datetime64[M]")
    span = f" {months.min()}..{months.max()}" if months.size else ""
    text = f"{usable.sum():,} readings{span} {what}, from its {rows.holder}"
    for missing, values, name in ((undated, rows.dates, "date"), (empty, rows.levels, "number")):
        if missing.any():
            examples = name_examples(values[i] for i in np.flatnonzero(missing))
            text += f"; {missing.sum():,} without a {name}{examples} left out"
    many = usable.sum() < (1 - MANY) * usable.size
    (progress.warn if many else progress.info)(f"{text}.")


def _read_rows(table: Layer | TextTable, chosen: dict[str, str], progress: Progress) -> _Rows:
    date_field = field_of(table, chosen, "DATE_FIELD")
    if date_field:
        well_field = required_field(table, chosen, "READING_WELL_FIELD")
        value_field = required_field(table, chosen, "VALUE_FIELD")
        read = table.columns({well_field, date_field, value_field}, progress)
        dates = read[date_field]
        days = parse_days(dates, label(table, date_field))
        return _Rows(read[well_field], dates, days, read[value_field], f"field {value_field}")
    months = month_columns(table.fields)
    if months:
        return _read_months(table, chosen, months, progress)
    year, seasons = season_columns(table.fields)
    if year:
        return _read_seasons(table, chosen, year, seasons, progress)
    raise InputError(
        f"{table.name} has no field of dates among {name_some(table.fields)}; give the table of "
        "readings (well, date, value) as OBSERVATIONS, or choose its field as DATE_FIELD."
    )


def _read_months(table, chosen, months: dict[str, np.datetime64], progress: Progress) -> _Rows:
    well_field = required_field(table, chosen, "READING_WELL_FIELD")
    read = table.columns({well_field, *months}, progress)
    columns = [(months[name], read[name]) for name in months]
    ids, days, levels = melt(read[well_field], columns)
    return _Rows(ids, days, days, levels, f"table of {len(months)} months")


def _read_seasons(table, chosen, year_field, seasons: dict[str, int], progress) -> _Rows:
    """Read a table with one row for each year and one column for each calendar month."""
    well_field = required_field(table, chosen, "READING_WELL_FIELD")
    read = table.columns({well_field, year_field, *seasons}, progress)
    years = parse_numbers(read[year_field], label(table, year_field))
    columns = []
    for year in np.unique(years[(years >= 1800) & (years <= 2100)]).astype(int):
        rows = years == year
        for name, month in seasons.items():
            column = [level if row else None for level, row in zip(read[name], rows)]
            columns.append((np.datetime64(f"{year}-{month:02d}", "M"), column))
    ids, days, levels = melt(read[well_field], columns)
    return _Rows(ids, days, days, levels, f"table of months by {year_field}")
