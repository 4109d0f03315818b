"""Tests of the tables and the report of recharge."""

import csv
import re

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.polygon_series import KM3_PER_CM_KM2, polygon_series
from gwsa.gwsa_plugin.core.results.recharge import RechargeOptions
from gwsa.gwsa_plugin.core.results.recharge_report import ASSUMPTIONS, write_recharge_report
from gwsa.gwsa_plugin.core.results.recharge_tables import (
    POLYGON_FIELDS,
    YEAR_COLUMNS,
    polygon_recharge,
    polygon_rows,
    write_years,
)
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer

MONTHS = month_range("2005-01", "2014-12")
GRID = Grid(70.0, 30.0, 0.5, 0.5, 4, 12)
JUNE = RechargeOptions(first_month=6)
PULSE = 12.0


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


AQUIFERS = [
    Aquifer("pulses", box(70, 28, 72, 30)),
    Aquifer("falls <b>", box(72, 28, 74, 30)),
    Aquifer("sea", box(74, 28, 76, 30)),
]


@pytest.fixture
def series(tmp_path):
    """The west has pulses of 12 cm in September, the middle only falls, the east has no values."""
    kept = np.exp(-1 / 5)
    storage = [0.0]
    for month in MONTHS[1:]:
        arrived = PULSE * kept**0.5 * (calendar_month(month) == 9)
        storage.append(-10 + (storage[-1] + 10) * kept + arrived)
    values = np.full((MONTHS.size, *GRID.shape), np.nan)
    values[:, :, :4] = np.array(storage)[:, None, None]
    values[:, :, 4:8] = -np.arange(MONTHS.size)[:, None, None]
    source = [FILLED if number in (50, 51) else OBSERVED for number in range(MONTHS.size)]
    stack = MonthlyStack.on_calendar(GRID, MONTHS, values, "GWSA", source=source)
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, 0 * values + 0.5, "GWSA_SIGMA")
    write_stack(tmp_path / "gwsa.tif", stack)
    write_stack(tmp_path / "sigma.tif", sigma)
    maps, errors = (YearlyMaps.from_files([tmp_path / f"{n}.tif"]) for n in ("gwsa", "sigma"))
    return polygon_series(maps, AQUIFERS, errors)


def test_rows_of_polygons(series):
    estimates = polygon_recharge(series, JUNE)
    rows = [dict(zip(POLYGON_FIELDS, row)) for row in polygon_rows(series, estimates)]
    pulses, falls, sea = rows
    assert pulses["recharge_cm"] == pytest.approx(PULSE, rel=0.02)
    assert pulses["recharge_km3"] == pytest.approx(
        pulses["recharge_cm"] * series.largest_covered_km2[0] * KM3_PER_CM_KM2
    )
    assert (pulses["years"], pulses["filled_years"], pulses["status"]) == (9, 1, "estimated")
    assert pulses["constant_months"] == pytest.approx(5, rel=0.01)
    assert pulses["low_cm"] < pulses["recharge_cm"] < pulses["high_cm"]
    assert pulses["lowest_cm"] == pytest.approx(pulses["highest_cm"], rel=0.05)
    assert np.isnan(falls["recharge_cm"]) and "no master recession" in falls["status"]
    assert np.isnan(falls["low_cm"]) and falls["years"] == 0
    assert sea["status"] == "no values" and sea["covered_km2"] == 0


def test_table_of_years(series, tmp_path):
    write_years(tmp_path / "years.csv", series, polygon_recharge(series, JUNE))
    with open(tmp_path / "years.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == YEAR_COLUMNS
    assert {row["polygon"] for row in rows} == {"pulses"}
    incomplete = [row for row in rows if not row["recharge_cm"]]
    assert [row["months"] for row in incomplete] == ["4", "7"]
    for row in rows[1:-1]:
        assert float(row["recharge_cm"]) == pytest.approx(PULSE, rel=0.02)
        parts = float(row["rise_cm"]) + float(row["drained_cm"])
        assert float(row["recharge_cm"]) == pytest.approx(parts, abs=2e-4)
        assert row["first"].endswith("-06") and row["last"].endswith("-05")
        assert float(row["low_cm"]) < float(row["recharge_cm"]) < float(row["high_cm"])
    assert [row["filled"] for row in rows if row["filled"] != "0"] == ["2"]


def test_report_has_a_chart_a_polygon_and_the_assumptions(series, tmp_path):
    write_recharge_report(tmp_path / "report.html", series, polygon_recharge(series, JUNE), JUNE)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<img") == 1
    assert "falls &lt;b&gt;" in html and "falls <b>" not in html
    for sentence in ASSUMPTIONS:
        assert sentence.replace("'", "&#39;") in html
    assert re.search(r"Net recharge of 1 of 3 polygons?", html)
    assert "Filled months: 2009-03..2009-04" in html


def test_report_without_any_estimate(series, tmp_path):
    estimates = polygon_recharge(series, JUNE)
    nothing = [estimates[1]] * 3
    write_recharge_report(tmp_path / "report.html", series, nothing, JUNE)
    assert "could not be estimated" in (tmp_path / "report.html").read_text(encoding="utf-8")
