"""Tables of the series at places: as text to paste into a spreadsheet, and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..base.months import month_range
from ..files.atomic import atomic_file
from .place_series import Place, Series

CSV_HEADER = (
    "place", "longitude", "latitude", "series", "kind", "month", "value_cm", "sigma_cm", "source",
)  # fmt: skip
# Enough for values that are stored to 1/128 cm.
_DECIMALS = 4


def wide_table(places: Sequence[Place], keys: Sequence[str]) -> str:
    """Return the series side by side, one row for each month, separated by tabs.

    Parameters
    ----------
    places : sequence of Place
    keys : sequence of str
        Products in the order of their columns.

    Returns
    -------
    str
        Empty without a series. A value that is not known is an empty cell.
    """
    columns = [(place, one) for place in places for one in place.all_series(keys)]
    if not columns:
        return ""
    months = all_months([one for _, one in columns])
    header = ["month", *(f"{place.name}: {one.name} (cm)" for place, one in columns)]
    rows = [[str(month), *(_number(one.at(month)[0]) for _, one in columns)] for month in months]
    return "\n".join("\t".join(row) for row in (header, *rows)) + "\n"


def write_csv(path: str | Path, places: Sequence[Place], keys: Sequence[str]) -> None:
    """Write the series under each other, one row for each month that has a value.

    The columns are CSV_HEADER. Values and sigma are in cm; sigma is empty where it is not known.

    Parameters
    ----------
    path : str or Path
        A file of that name is replaced when the new one is complete.
    places : sequence of Place
    keys : sequence of str
        Products in the order of their rows.
    """
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_HEADER)
        for place in places:
            where = (place.name, f"{place.longitude:.6f}", f"{place.latitude:.6f}")
            for one in place.all_series(keys):
                for index in np.flatnonzero(np.isfinite(one.values)):
                    month = one.months[index]
                    value, sigma = map(_number, one.at(month))
                    source = one.source[index]
                    writer.writerow([*where, one.name, one.kind, month, value, sigma, source])


def all_months(series: Sequence[Series]) -> np.ndarray:
    """Return every month from the first to the last of at least one series, datetime64[M]."""
    return month_range(min(one.months[0] for one in series), max(one.months[-1] for one in series))


def _number(value: float) -> str:
    return f"{value:.{_DECIMALS}f}" if np.isfinite(value) else ""
