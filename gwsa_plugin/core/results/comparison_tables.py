"""Tables of a comparison: CSV of regions, and JSON of everything."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..files.atomic import atomic_file
from .comparison import Comparison
from .comparison_scores import CORRELATION, OFFSET, RESIDUAL_CORRELATION, RMSE, TREND, RegionScore
from .comparison_wells import WellScores
from .comparison_windows import PERCENTILES

# Column -> value of a region.
COLUMNS = {
    "region": lambda region: region.name,
    "area_km2": lambda region: region.area_km2,
    "compared_km2": lambda region: region.compared_km2,
    "months": lambda region: region.months,
    "offset_removed_cm": lambda region: region.cells.get(OFFSET, np.nan),
    "bias_cm": lambda region: region.bias,
    "r_of_mean": lambda region: region.correlation,
    "rmse_of_mean_cm": lambda region: region.rmse,
    "r_of_cells": lambda region: region.cells.get(CORRELATION, np.nan),
    "r_without_season_and_trend_of_cells": lambda region: region.cells.get(
        RESIDUAL_CORRELATION, np.nan
    ),
    "rmse_of_cells_cm": lambda region: region.cells.get(RMSE, np.nan),
    "trend_first_cm_per_yr": lambda region: region.trend_first,
    "trend_other_cm_per_yr": lambda region: region.trend_other,
    "trend_difference_cm_per_yr": lambda region: region.trend_difference,
    "trend_difference_of_cells_cm_per_yr": lambda region: region.cells.get(TREND, np.nan),
    "p_of_trend_difference": lambda region: region.p_difference,
}


def write_table(path: str | Path, comparison: Comparison) -> None:
    """Write the scores of the regions atomically as CSV.

    One row for the complete common area and for each polygon. Columns that end in ``_of_mean`` and
    the trends are of the area-weighted mean series, those that end in ``_of_cells`` are
    area-weighted means of the scores of the cells. Empty where there is no value.

    Parameters
    ----------
    path : str or Path
    comparison : Comparison
    """
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for region in comparison.regions:
            writer.writerow([_cell(value(region)) for value in COLUMNS.values()])


def as_record(comparison: Comparison, independence: str, wells: WellScores | None) -> dict:
    """Return the results as plain values for JSON, None for NaN.

    Parameters
    ----------
    comparison : Comparison
    independence : str
        From ``comparison_origin.independence``.
    wells : WellScores or None
    """
    months = comparison.periods.months
    baseline = comparison.periods.baseline
    record = {
        "first": comparison.first,
        "other": comparison.other,
        "independence": independence,
        "months": int(months.size),
        "period": [str(months[0]), str(months[-1])],
        "baseline": [str(baseline[0]), str(baseline[-1])],
        "bounds": list(comparison.grid.bounds),
        "cell_degrees": [comparison.grid.dx, comparison.grid.dy],
        "maps": {
            name: {
                "mean": summary.mean,
                **{f"p{q}": value for q, value in zip(PERCENTILES, summary.percentiles)},
                "area_km2": summary.area_km2,
            }
            for name, summary in comparison.summaries.items()
        },
        "regions": [_region(region) for region in comparison.regions],
    }
    if wells:
        record["wells"] = _wells(wells)
    return _plain(record)


def write_scores(path: str | Path, record: dict) -> None:
    """Write a record of ``as_record`` atomically as JSON."""
    with atomic_file(path) as part:
        text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")


def _region(region: RegionScore) -> dict:
    return {name: value(region) for name, value in COLUMNS.items()}


def _wells(wells: WellScores) -> dict:
    return {
        "given": wells.given,
        "used": int(wells.longitude.size),
        "left_out": wells.left_out,
        "blocks": wells.blocks,
        "block_width_km": wells.width_km,
        "median_r": {name: r for name, (r, _) in wells.medians.items()},
        "median_rmse_cm": {name: error for name, (_, error) in wells.medians.items()},
        "improvements": [
            {
                "field": one.field,
                "rival": one.rival,
                "measure": one.measure,
                "share": one.share._asdict(),
                "median_change": one.change._asdict(),
                "unchanged": one.unchanged,
            }
            for one in wells.improvements
        ],
        "no_intervals_because": wells.too_few,
        "mascons": [asdict(gain) for gain in wells.mascons],
    }


def _cell(value):
    """A cell of the table: empty for NaN, six significant digits."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    return value


def _plain(value):
    """Replace NaN by None in nested lists and dicts."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
