"""Test of the 1 km detail of maps in files against the records of wells."""

from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.stack_tags import LEAKAGE_TAG
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, UNTESTED
from gwsa.gwsa_plugin.core.wells.map_detail import (
    WellRecords,
    block_width,
    validate_detail,
    warn_if_uncorrected,
)
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells

COARSE = Grid(76.0, 30.0, 0.5, 0.5, 8, 8)
FACTOR = 5
MONTHS = month_range("2009-01", "2010-12")
COUNT = 80


class Log(Progress):
    def __init__(self):
        self.lines: list[str] = []

    def info(self, text):
        self.lines.append(text)


@pytest.fixture(scope="module")
def values():
    """Storage at the fine scale: smooth over cells, with detail inside them."""
    rng = np.random.default_rng(2)
    cells = rng.standard_normal((MONTHS.size, *COARSE.shape)).repeat(FACTOR, 1).repeat(FACTOR, 2)
    return (5 * cells + 2 * rng.standard_normal(cells.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def maps(values, tmp_path_factory):
    """The fine field, and its cell means with and without a width of the footprint."""
    folder = tmp_path_factory.mktemp("maps")
    means = values.reshape(MONTHS.size, COARSE.rows, FACTOR, COARSE.columns, FACTOR).mean((2, 4))
    fine = MonthlyStack.on_calendar(COARSE.refine(FACTOR), MONTHS, values, "GWSA")
    coarse = MonthlyStack.on_calendar(COARSE, MONTHS, means, "GWSA")
    stacks = {
        "fine": fine,
        "coarse": coarse,
        "wide": coarse.tagged(GWSA_FOOTPRINT_KM="110"),
    }
    for name, stack in stacks.items():
        write_stack(folder / f"{name}.tif", stack)
    return {name: YearlyMaps.from_files([folder / f"{name}.tif"]) for name in stacks}


@pytest.fixture(scope="module")
def records(values):
    """Wells whose levels follow the fine field, with half of the true specific yield."""
    rng = np.random.default_rng(3)
    grid = COARSE.refine(FACTOR)
    pixels = rng.choice(grid.rows * grid.columns, COUNT, replace=False)
    rows, columns = np.divmod(pixels, grid.columns)
    wells = Wells.from_columns(
        range(COUNT), grid.longitudes[columns], grid.latitudes[rows], specific_yield=0.05
    )
    depth = 20 - values[:, rows, columns].T / 10 + 0.02 * rng.standard_normal((COUNT, MONTHS.size))
    days = np.tile(MONTHS.astype("datetime64[D]") + 14, COUNT)
    readings = Readings.from_columns(wells, np.repeat(wells.ids, MONTHS.size), days, depth.ravel())
    return WellRecords(wells, readings, Rules(min_years=1))


def test_detail_of_the_true_field_is_confirmed(maps, records):
    found, comparison = validate_detail(records, maps["fine"], maps["wide"])
    assert found.verdict == CONFIRMED and found.lower > 0.3
    assert found.factor == pytest.approx(1, abs=0.1)
    assert found.width_km == 110


def test_unusable_wells_are_no_test(maps, records):
    unusable = WellRecords(records.wells, records.readings, Rules(min_years=8))
    found, comparison = validate_detail(unusable, maps["fine"], maps["wide"])
    assert found.verdict == UNTESTED
    assert "fewer than the 8 that a well must span" in found.sentences()


def test_width_of_blocks(maps):
    log = Log()
    assert block_width(maps["wide"], log) == 110
    assert not log.lines
    assert block_width(maps["coarse"], log) == pytest.approx(55.6, abs=0.1)
    assert "width of the footprint of GRACE is unknown" in log.lines[0]


@pytest.mark.parametrize(
    ("product", "coarse", "count"),
    [
        ({LEAKAGE_TAG: "corrected"}, {}, 1),
        ({LEAKAGE_TAG: "corrected"}, {LEAKAGE_TAG: "corrected"}, 0),
        ({}, {}, 0),
    ],
)
def test_another_coarse_field_is_warned_of(product, coarse, count):
    warnings = []
    fields = (SimpleNamespace(tags=lambda tags=tags: tags) for tags in (product, coarse))
    warn_if_uncorrected(*fields, SimpleNamespace(warn=warnings.append))
    assert len(warnings) == count
