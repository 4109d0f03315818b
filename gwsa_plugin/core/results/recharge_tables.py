"""Tables of the recharge of polygons: a row a year, and a row a polygon."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..files.atomic import atomic_file
from .polygon_series import KM3_PER_CM_KM2, PolygonSeries
from .recharge import (
    TOO_FEW,
    Recharge,
    RechargeOptions,
    estimate_recharge,
)

YEAR_COLUMNS = (
    "polygon", "year", "first", "last", "recharge_cm", "sigma_cm", "low_cm", "high_cm", "rise_cm",
    "drained_cm", "recharge_km3", "months", "filled",
)  # fmt: skip
# Column -> type, as of the fields of a layer.
POLYGON_FIELDS = {
    "name": "string",
    "recharge_cm": "double",
    "sigma_cm": "double",
    "low_cm": "double",
    "high_cm": "double",
    "recharge_km3": "double",
    "lowest_cm": "double",
    "highest_cm": "double",
    "years": "integer",
    "filled_years": "integer",
    "constant_months": "double",
    "least_rise_cm": "double",
    "area_km2": "double",
    "covered_km2": "double",
    "status": "string",
}
DECIMALS = 4


def polygon_recharge(series: PolygonSeries, options: RechargeOptions) -> list[Recharge]:
    """Estimate the recharge of each polygon.

    Parameters
    ----------
    series : PolygonSeries
    options : RechargeOptions
    """
    sigma = series.sigma_cm
    return [
        estimate_recharge(
            series.months,
            np.asarray(series.mean_cm)[number],
            None if sigma is None else np.asarray(sigma)[number],
            series.source,
            options,
        )
        for number in range(len(series.names))
    ]


def write_years(path: Path, series: PolygonSeries, estimates: Sequence[Recharge]) -> None:
    """Write the table of years as CSV, atomically.

    Parameters
    ----------
    path : Path
    series : PolygonSeries
    estimates : sequence of Recharge
        One for each polygon. A year with a missing month has empty cells.
    """
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(YEAR_COLUMNS)
        for name, area, estimate in zip(series.names, series.largest_covered_km2, estimates):
            for year in estimate.years:
                volume = year.estimate.recharge_cm * float(area) * KM3_PER_CM_KM2
                numbers = (*year.estimate, year.rise_cm, year.drained_cm, volume)
                table.writerow(
                    [
                        name,
                        year.year,
                        year.first,
                        year.last,
                        *map(_number, numbers),
                        year.months,
                        year.filled,
                    ]
                )


def polygon_rows(series: PolygonSeries, estimates: Sequence[Recharge]) -> Iterator[list]:
    """Make the rows of the layer of polygons, with the columns of ``POLYGON_FIELDS``.

    Parameters
    ----------
    series : PolygonSeries
    estimates : sequence of Recharge
        One for each polygon.

    Yields
    ------
    list
        NaN for what is not known.
    """
    for number, (name, estimate) in enumerate(zip(series.names, estimates)):
        yearly = [year.estimate.recharge_cm for year in estimate.complete]
        area = float(series.largest_covered_km2[number])
        recession = estimate.recession
        constant = recession.constant_months if recession else np.nan
        yield [
            name,
            *estimate.mean,
            estimate.mean.recharge_cm * area * KM3_PER_CM_KM2,
            min(yearly, default=np.nan),
            max(yearly, default=np.nan),
            len(yearly),
            sum(year.filled > 0 for year in estimate.complete),
            constant if np.isfinite(constant) else np.nan,
            estimate.least_rise,
            float(series.area_km2[number]),
            area,
            status(estimate),
        ]


def status(estimate: Recharge) -> str:
    """Describe whether recharge could be estimated, and if not, why.

    Parameters
    ----------
    estimate : Recharge
    """
    if not np.isfinite(estimate.values).any():
        return "no values"
    if estimate.recession is None:
        return TOO_FEW
    if not estimate.complete:
        return "no hydrological year without a missing month"
    return "estimated"


def _number(value: float) -> str:
    return "" if value != value else f"{value:.{DECIMALS}f}"
