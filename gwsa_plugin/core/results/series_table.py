"""Tables of the series of polygons: a line for each month, and a row for each polygon."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..files.atomic import atomic_file
from .polygon_series import KM3_PER_CM_KM2, PolygonSeries
from .storage_trends import LEAST_MONTHS, StorageTrends

HEADER = (
    "polygon", "month", "source", "mean_cm", "sigma_cm", "volume_km3", "sigma_km3", "covered_km2",
)  # fmt: skip
# A polygon with this share of its area is not called incomplete.
COMPLETE = 0.95


def write_series(path: str | Path, series: PolygonSeries) -> None:
    """Write the monthly series as CSV, with a line for each polygon and month.

    Parameters
    ----------
    path : str or Path
        Replaced when the table is complete. Fields without a value are empty.
    series : PolygonSeries
    """
    unknown = np.full(series.mean_cm.shape, np.nan)
    sigma = unknown if series.sigma_cm is None else series.sigma_cm
    volumes = series.covered_km2 * KM3_PER_CM_KM2
    columns = (series.mean_cm, sigma, series.volume_km3, sigma * volumes, series.covered_km2)
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for index, name in enumerate(series.names):
            rows = zip(series.months, series.source, zip(*(column[index] for column in columns)))
            for month, source, values in rows:
                writer.writerow([name, month, source, *map(_text, values)])


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def polygon_columns(series: PolygonSeries, trends: StorageTrends) -> dict[str, np.ndarray]:
    """Columns of a table with a row for each polygon.

    Parameters
    ----------
    series : PolygonSeries
    trends : StorageTrends

    Returns
    -------
    dict of str to ndarray, shape (polygons,)
        Areas in km², means in cm, trends in cm/yr and km³/yr with 90 % limits, the change over the
        period in km³, and the annual wave. NaN where unknown.
    """
    volume = series.largest_covered_km2 * KM3_PER_CM_KM2
    lower, upper = trends.interval
    years = _years(series)
    known = np.isfinite(series.mean_cm)
    return {
        "area_km2": series.area_km2,
        "covered_km2": series.largest_covered_km2,
        "share": series.share,
        "first": _months(series, known.argmax(axis=1), known),
        "last": _months(series, known.shape[1] - 1 - known[:, ::-1].argmax(axis=1), known),
        "months": known.sum(axis=1),
        "filled": (known & series.filled).sum(axis=1),
        "trend_cm": trends.slope,
        "trend_cm_lower": lower,
        "trend_cm_upper": upper,
        "trend_km3": trends.slope * volume,
        "trend_km3_lower": lower * volume,
        "trend_km3_upper": upper * volume,
        "change_km3": trends.slope * volume * years,
        "change_km3_lower": lower * volume * years,
        "change_km3_upper": upper * volume * years,
        "p": trends.p,
        "amplitude_cm": trends.amplitude,
        "peak_month": trends.peak_month,
    }


def statements(columns: dict[str, np.ndarray], names: Sequence[str]) -> list[str]:
    """State in a sentence for each polygon how much storage changed, and how sure that is.

    Parameters
    ----------
    columns : dict of str to ndarray
        From ``polygon_columns``.
    names : sequence of str

    Returns
    -------
    list of str
    """
    rows = (dict(zip(columns, values)) for values in zip(*columns.values()))
    return [_statement(name, row) for name, row in zip(names, rows)]


def by_covered_area(series: PolygonSeries) -> list[int]:
    """Indices of the polygons with values, the largest covered area first."""
    order = np.argsort(-series.largest_covered_km2, kind="stable")
    return [int(index) for index in order if series.largest_covered_km2[index] > 0]


def _statement(name: str, row: dict) -> str:
    part = "" if row["share"] >= COMPLETE else f" ({100 * row['share']:.0f} % of it has values)"
    if np.isnan(row["trend_km3"]):
        return f"{name}{part}: no trend, because fewer than {LEAST_MONTHS} months have values."
    trend = f"{row['trend_km3']:+.3g} km³/yr ({row['trend_cm']:+.2f} cm/yr)"
    change = f"{row['first']} to {row['last']}: {trend}, {row['change_km3']:+.3g} km³ in all"
    if np.isnan(row["trend_km3_lower"]):
        return f"{name}{part}, {change}; how sure that is cannot be stated."
    limits = f"90 % interval {row['change_km3_lower']:+.3g} to {row['change_km3_upper']:+.3g}"
    is_sure = row["trend_km3_lower"] > 0 or row["trend_km3_upper"] < 0
    verb = ("lost" if row["trend_km3"] < 0 else "gained") if is_sure else "shows no sure change"
    return f"{name}{part} {verb}, {change} ({limits})."


def _years(series: PolygonSeries) -> np.ndarray:
    """Years from the first to the last month with a value, both included."""
    known = np.isfinite(series.mean_cm)
    first = known.argmax(axis=1)
    last = known.shape[1] - known[:, ::-1].argmax(axis=1)
    return (last - first) / 12.0


def _months(series: PolygonSeries, index: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known.any(axis=1), series.months[index].astype(str), "")
