"""Products against wells whose improvement is known, and the coverage of the intervals."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.stack_tags import FOOTPRINT_TAG
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.comparison_wells import (
    UNCHANGED,
    _bootstrap,
    compare_at_wells,
    footprint_width,
)
from gwsa.gwsa_plugin.core.wells.map_detail import WellRecords
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells
from gwsa.tests.core.results.products import Lines

COARSE = Grid(70.0, 35.0, 1.0, 1.0, 6, 10)
FACTOR = 4
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2004-01", "2008-12")
COUNT = 200
WEST = 73.0


def block_means(values):
    shape = (-1, COARSE.rows, FACTOR, COARSE.columns, FACTOR)
    return values.reshape(shape).mean(axis=(2, 4))


@pytest.fixture(scope="module")
def truth():
    """A signal common to each cell, and detail inside, cm, shape (months, rows, columns)."""
    rng = np.random.default_rng(0)
    years = decimal_years(MONTHS)[:, None, None]
    x, y = np.meshgrid(FINE.longitudes, FINE.latitudes)
    detail = 4 * rng.standard_normal(FINE.shape) * np.sin(2 * np.pi * years / 3)
    return 8 * np.sin(2 * np.pi * years + x / 4 + y / 3) + detail


@pytest.fixture(scope="module")
def maps(truth, tmp_path_factory):
    """The truth, a product that is the truth in the west and the coarse field elsewhere, coarse."""
    folder = tmp_path_factory.mktemp("maps")
    coarse = block_means(truth)
    steps = coarse.repeat(FACTOR, axis=1).repeat(FACTOR, axis=2)
    partly = np.where(FINE.longitudes < WEST, truth, steps)
    tiles = np.arange(COARSE.columns)[None, :] // 2 + 5 * (np.arange(COARSE.rows)[:, None] // 3)
    stacks = {
        "truth": MonthlyStack.on_calendar(FINE, MONTHS, truth, "GWSA"),
        "partly": MonthlyStack.on_calendar(FINE, MONTHS, partly, "GWSA"),
        "coarse": MonthlyStack.on_calendar(COARSE, MONTHS, coarse, "GWSA"),
    }
    tiled = MonthlyStack(
        COARSE, MONTHS, stacks["coarse"].values, stacks["coarse"].source, "GWSA",
        tags={FOOTPRINT_TAG: "150"}, tiles=tiles.astype(np.int32),
    )  # fmt: skip
    for name, stack in {**stacks, "coarse": tiled}.items():
        write_stack(folder / f"{name}.tif", stack)
    return {name: YearlyMaps.from_files([folder / f"{name}.tif"]) for name in stacks}


@pytest.fixture(scope="module")
def records(truth):
    """Wells at the centres of pixels, with little noise."""
    rng = np.random.default_rng(3)
    pixels = rng.choice(FINE.rows * FINE.columns, COUNT, replace=False)
    rows, columns = np.divmod(pixels, FINE.columns)
    wells = Wells.from_columns(
        range(COUNT), FINE.longitudes[columns], FINE.latitudes[rows], specific_yield=0.1
    )
    depth = 20 - truth[:, rows, columns].T / 10 + 0.01 * rng.standard_normal((COUNT, MONTHS.size))
    days = np.tile(MONTHS.astype("datetime64[D]") + 14, COUNT)
    readings = Readings.from_columns(wells, np.repeat(wells.ids, MONTHS.size), days, depth.ravel())
    return WellRecords(wells, readings, Rules(min_years=1))


@pytest.fixture(scope="module")
def scores(maps, records):
    products = {"first": maps["truth"], "other": maps["partly"]}
    return compare_at_wells(records, products, ("coarse field", maps["coarse"]), MONTHS, 150.0)


def improvement(scores, field, rival, measure):
    return next(
        one
        for one in scores.improvements
        if (one.field, one.rival, one.measure) == (field, rival, measure)
    )


@pytest.mark.parametrize("measure", ["r", "RMSE"])
def test_the_truth_is_closer_at_all_wells(scores, measure):
    found = improvement(scores, "first", "coarse field", measure)
    assert found.share.estimate == 1 and found.share.upper == 1
    # Exact limit of so many independent blocks, and not a width of 0.
    assert found.share.lower == pytest.approx(0.05 ** (1 / scores.blocks), abs=1e-9)
    assert found.change.lower > 0


@pytest.mark.parametrize("measure", ["r", "RMSE"])
def test_a_product_with_detail_in_the_west_is_closer_there(scores, measure):
    found = improvement(scores, "other", "coarse field", measure)
    west = (scores.longitude < WEST).mean()
    assert found.share.estimate == pytest.approx(west, abs=1e-9)
    assert found.unchanged == round((1 - west) * scores.longitude.size)
    assert found.share.lower < west < found.share.upper
    against = improvement(scores, "first", "other", measure)
    assert against.share.estimate == pytest.approx(1 - west, abs=1e-9)


def test_gains_of_mascons_are_those_of_their_wells(scores, maps, truth):
    assert len(scores.mascons) == 10
    assert sum(one.wells for one in scores.mascons) == COUNT
    assert all(one.gain > 0.9 for one in scores.mascons)
    assert all(one.values == one.wells * MONTHS.size for one in scores.mascons)
    first = next(one for one in scores.mascons if one.number == 0)
    assert (first.longitude, first.latitude) == (71.0, 33.5)


def test_without_a_coarse_field_the_other_product_is_the_rival(maps, records):
    products = {"first": maps["truth"], "other": maps["coarse"]}
    scores = compare_at_wells(records, products, None, MONTHS, 150.0)
    assert [one.rival for one in scores.improvements] == [
        "other", "other", "other, interpolated", "other, interpolated",
    ]  # fmt: skip
    assert improvement(scores, "first", "other", "r").share.estimate == 1
    assert len(scores.mascons) == 10


def test_all_fields_have_the_same_months(maps, records):
    """Months that COARSE lacks are used for no field."""
    products = {"first": maps["truth"], "other": maps["partly"]}
    some = MONTHS[::2]
    scores = compare_at_wells(records, products, ("coarse field", maps["coarse"]), some, 150.0)
    assert all(one.values == one.wells * some.size for one in scores.mascons)
    with pytest.raises(InputError, match="none of the compared months"):
        late = month_range("2015-01", "2018-12")
        compare_at_wells(records, products, ("coarse field", maps["coarse"]), late, 150.0)


def test_few_wells_or_blocks_have_no_interval(maps, records):
    products = {"first": maps["truth"], "other": maps["partly"]}
    coarse = ("coarse field", maps["coarse"])
    wide = compare_at_wells(records, products, coarse, MONTHS, 3000.0)
    assert "blocks are fewer than the 4" in wide.too_few
    assert np.isnan(wide.improvements[0].share.lower)
    assert wide.improvements[0].share.estimate == 1


def test_the_width_of_blocks_is_that_of_the_tags(maps):
    log = Lines()
    assert footprint_width([maps["truth"], maps["coarse"]], log) == 150
    assert not log.text
    assert footprint_width([maps["truth"]], log) == 300
    assert FOOTPRINT_TAG in log.text


def test_identical_fields_improve_no_well():
    share, change = _bootstrap(np.full(50, UNCHANGED / 2), [np.arange(50) // 5] * 4)
    assert share.estimate == 0 and share.lower == 0
    assert share.upper == pytest.approx(1 - 0.05 ** (1 / 10))


@pytest.mark.slow
def test_intervals_contain_the_true_share():
    """Changes that wells of a block share, of which 60 % are improvements in the population."""
    rng = np.random.default_rng(7)
    blocks = np.repeat(np.arange(24), 5)
    hits = []
    for _ in range(150):
        common = rng.standard_normal(24)[blocks] + 0.5 * rng.standard_normal(blocks.size)
        share, _ = _bootstrap(common + 0.2533 * np.sqrt(1.25), [blocks])
        hits.append(share.lower <= 0.6 <= share.upper)
    assert 0.82 <= np.mean(hits) <= 0.97
