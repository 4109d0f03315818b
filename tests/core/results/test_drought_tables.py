"""Tests of the tables of the drought index of polygons."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.drought_index import (
    IndexOptions,
    drought_index,
    reference_months,
)
from gwsa.gwsa_plugin.core.results.drought_tables import (
    EVENT_FIELDS,
    INDEX_FIELDS,
    event_rows,
    index_rows,
    polygon_index,
)
from gwsa.gwsa_plugin.core.results.polygon_series import KM3_PER_CM_KM2, polygon_series
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer

MONTHS = month_range("2005-01", "2014-12")
GRID = Grid(70.0, 30.0, 0.5, 0.5, 4, 8)
OPTIONS = IndexOptions()
DROUGHT = slice(50, 58)


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def maps(tmp_path):
    """The west half has a drought of eight months, the east half is wet in these."""
    rng = np.random.default_rng(3)
    values = np.repeat(rng.uniform(-1, 1, (MONTHS.size, 1, 1)), 4, axis=1).repeat(8, axis=2)
    values[DROUGHT, :, :4] -= 6
    values[DROUGHT, :, 4:] += 6
    values[100] = np.nan
    source = [MISSING if number == 100 else OBSERVED for number in range(MONTHS.size)]
    stack = MonthlyStack.on_calendar(GRID, MONTHS, values, "GWSA", source=source)
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, np.full_like(values, 2.0), "GWSA_SIGMA")
    write_stack(tmp_path / "gwsa.tif", stack)
    write_stack(tmp_path / "sigma.tif", sigma)
    return tuple(YearlyMaps.from_files([tmp_path / f"{name}.tif"]) for name in ("gwsa", "sigma"))


AQUIFERS = [Aquifer("west", box(70, 28, 72, 30)), Aquifer("east", box(72, 28, 74, 30))]


def found_of(series):
    used = reference_months(series.months, series.source, OPTIONS)
    return polygon_index(series, used, OPTIONS)


def test_events_of_polygons(maps):
    series = polygon_series(maps[0], AQUIFERS)
    found = found_of(series)
    rows = [dict(zip(EVENT_FIELDS, row)) for row in event_rows(series, found, -1.0, 3)]
    assert len(rows) == 1 and all(len(EVENT_FIELDS) == len(row) for row in rows)
    event = rows[0]
    assert (event["polygon"], event["event"], event["duration"]) == ("west", 1, 8)
    assert (event["first"], event["last"]) == ("2009-03", "2009-10")
    assert (event["class"], event["open"], event["filled"]) == ("extreme", 0, 0)
    area = series.largest_covered_km2[0]
    assert event["deficit_km3"] == pytest.approx(-event["deviation_cm"] * area * KM3_PER_CM_KM2)
    worst = list(map(str, MONTHS)).index(event["minimum_month"])
    assert event["minimum"] == pytest.approx(found.values[worst, 0])


def test_index_is_that_of_the_mean_of_the_polygon(maps):
    series = polygon_series(maps[0], AQUIFERS, maps[1])
    found = found_of(series)
    used = reference_months(series.months, series.source, OPTIONS)
    alone = drought_index(series.months, series.mean_cm[1], used, OPTIONS)
    rows = [dict(zip(INDEX_FIELDS, row)) for row in index_rows(series, found)]
    assert len(rows) == 2 * MONTHS.size
    east = rows[MONTHS.size :]
    np.testing.assert_allclose([row["ggdi"] for row in east], alone.values, atol=1e-6)
    missing = east[100]
    assert missing["source"] == MISSING and np.isnan(missing["ggdi"])
    # Sigma of the mean over the standard deviation that scales the index.
    scale = east[0]["deviation_cm"] / east[0]["ggdi"]
    assert east[0]["sigma"] == pytest.approx(series.sigma_cm[1, 0] / scale, rel=1e-4)
    assert 0 < east[0]["sigma"] <= 2 / scale


def test_sigma_is_empty_where_it_is_not_known(maps):
    series = polygon_series(maps[0], AQUIFERS)
    rows = [dict(zip(INDEX_FIELDS, row)) for row in index_rows(series, found_of(series))]
    assert all(np.isnan(row["sigma"]) for row in rows)
