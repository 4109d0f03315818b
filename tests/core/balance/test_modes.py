"""The balance at the footprint of GRACE against worlds of known groundwater."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.balance.modes import balance
from gwsa.gwsa_plugin.core.balance.options import FOOTPRINT, PUBLISHED, BalanceOptions
from gwsa.gwsa_plugin.core.balance.sigma import Sigma, groundwater_sigma
from gwsa.gwsa_plugin.core.balance.water_balance import groundwater
from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import in_baseline, month_range
from gwsa.gwsa_plugin.core.files.stack import (
    FILLED,
    OBSERVED,
    MonthlyStack,
    read_stack,
    write_stack,
)
from gwsa.gwsa_plugin.core.files.stack_tags import region_tag
from gwsa.gwsa_plugin.core.grace.footprint import Footprint
from gwsa.tests.core.gldas.gldas_layouts import Log

# Cells of 1 degree: three widths of 250 km are 7 to 9 cells.
GRID = Grid(60.0, 45.0, 1.0, 1.0, 28, 32)
INNER = GRID.subgrid(slice(9, 19), slice(10, 22))
MONTHS = month_range("2004-01", "2010-03")
WIDTH = 250.0
SEEN = BalanceOptions(FOOTPRINT, WIDTH)
SHARP = BalanceOptions(PUBLISHED, WIDTH)
ROWS, COLUMNS = np.indices(GRID.shape)
TILES = (ROWS // 2 * 16 + COLUMNS // 2).astype(np.int32)
LAND = (ROWS + COLUMNS > 8) & (COLUMNS < 30)


def stack(name, values, source=None) -> MonthlyStack:
    made = MonthlyStack.on_calendar(GRID, MONTHS, values, name, source=source)
    return made.tagged(**region_tag(INNER))


def field(seed, size) -> np.ndarray:
    """Anomalies against the baseline on land, independent in all cells and months."""
    values = np.random.default_rng(seed).normal(0, size, (MONTHS.size, *GRID.shape))
    values -= values[in_baseline(MONTHS)].mean(axis=0)
    return np.where(LAND, values, np.nan)


@pytest.fixture(scope="module")
def operator():
    return Footprint(GRID, LAND, WIDTH, TILES)


@pytest.fixture(scope="module")
def seen_groundwater(operator):
    """The groundwater as GRACE sees it, on the region."""
    return operator.apply(field(1, 4))[:, 9:19, 10:22]


@pytest.fixture
def stores():
    return [stack("SMS", field(2, 8)), stack("SWES", field(3, 3)), stack("CWS", field(4, 0.2))]


@pytest.fixture
def twsa(operator):
    """TWSA that is the footprint of all stores exactly."""
    total = operator.apply(field(1, 4) + field(2, 8) + field(3, 3) + field(4, 0.2))
    return replace(stack("TWSA", total), tiles=TILES)


def test_at_the_footprint_the_groundwater_as_grace_sees_it_is_found(twsa, stores, seen_groundwater):
    gwsa = balance(twsa, stores, SEEN)
    assert gwsa.grid.same_as(INNER) and gwsa.variable == "GWSA"
    np.testing.assert_allclose(gwsa.values, seen_groundwater, atol=2e-5)


def test_sharp_stores_leave_their_detail_in_the_groundwater(twsa, stores, seen_groundwater):
    gwsa = balance(twsa, stores, SHARP)
    error = gwsa.values - seen_groundwater
    sharp = sum(store.crop(INNER).values for store in stores)
    assert np.nanstd(error) > 0.8 * np.nanstd(sharp)


def test_published_values_are_those_of_the_sharp_balance(twsa, stores):
    gwsa = balance(twsa, stores, SHARP)
    expected = groundwater(twsa.crop(INNER), [store.crop(INNER) for store in stores])
    assert gwsa.values.tobytes() == expected.values.tobytes()


@pytest.mark.parametrize("options", [SEEN, SHARP])
def test_mode_width_and_tiles_are_carried(twsa, stores, options, tmp_path):
    write_stack(tmp_path / "gwsa.tif", balance(twsa, stores, options))
    found = read_stack(tmp_path / "gwsa.tif")
    assert found.tags["GWSA_BALANCE_MODE"] == options.mode
    assert found.tags["GWSA_FOOTPRINT_KM"] == "250"
    assert found.tags["GWSA_FOOTPRINT_SOURCE"] == "given"
    assert "GWSA_FOOTPRINT_INTERVAL_KM" not in found.tags
    np.testing.assert_array_equal(found.tiles, TILES[9:19, 10:22])


def test_tiles_of_a_stack_from_elsewhere_are_found(twsa, stores, seen_groundwater):
    gwsa = balance(replace(twsa, tiles=None), stores, SEEN)
    np.testing.assert_allclose(gwsa.values, seen_groundwater, atol=2e-5)
    assert len(np.unique(gwsa.tiles)) == len(np.unique(TILES[9:19, 10:22]))


def test_cells_that_all_differ_are_no_tiles(stores):
    blurred = Footprint(GRID, LAND, WIDTH)
    total = blurred.apply(field(1, 4) + field(2, 8) + field(3, 3) + field(4, 0.2))
    gwsa = balance(stack("TWSA", total), stores, SEEN)
    assert gwsa.tiles is None
    expected = blurred.apply(field(1, 4))[:, 9:19, 10:22]
    np.testing.assert_allclose(gwsa.values, expected, atol=2e-5)


def test_without_the_tag_all_common_cells_are_the_region(twsa, stores):
    part = GRID.subgrid(slice(3, 25), slice(2, 30))
    plain = [replace(one, tags={}) for one in (twsa, *stores)]
    gwsa = balance(plain[0].crop(part), plain[1:], SEEN)
    assert gwsa.grid.same_as(part)


def test_the_region_is_that_of_all_inputs(twsa, stores):
    """TWSA of the globe and GLDAS of a region, for example."""
    assert balance(replace(twsa, tags={}), stores, SEEN).grid.same_as(INNER)


def test_filled_months_are_balanced(twsa, stores, seen_groundwater):
    source = tuple(FILLED if 4 < i < 8 else OBSERVED for i in range(MONTHS.size))
    values = twsa.values.copy()
    # The margin of filled months is not filled.
    outside = np.ones(GRID.shape, dtype=bool)
    outside[9:19, 10:22] = False
    values[5:8, outside] = np.nan
    gwsa = balance(replace(twsa, values=values, source=source), stores, SEEN)
    assert gwsa.source == source
    np.testing.assert_allclose(gwsa.values, seen_groundwater, atol=2e-5)


def test_the_width_is_estimated_from_observed_months(twsa, stores):
    """What is in filled months does not change it."""
    source = tuple(FILLED if i % 9 == 4 else OBSERVED for i in range(MONTHS.size))
    values = twsa.values.copy()
    values[4::9] = np.random.default_rng(5).normal(0, 50, values[4::9].shape)
    tags = [
        balance(replace(twsa, values=array, source=source), stores).tags
        for array in (twsa.values, values)
    ]
    names = [name for name in tags[0] if name.startswith("GWSA_FOOTPRINT")]
    assert {name: tags[0][name] for name in names} == {name: tags[1][name] for name in names}
    assert tags[0]["GWSA_FOOTPRINT_SOURCE"] == "estimated"
    lower, upper = map(float, tags[0]["GWSA_FOOTPRINT_INTERVAL_KM"].split())
    assert lower < WIDTH < upper


def test_gain_factors_and_the_footprint_exclude_each_other(twsa, stores):
    scaled = twsa.tagged(GWSA_GAIN_FACTORS="applied")
    with pytest.raises(InputError, match="gain factors.* choose MODE published"):
        balance(scaled, stores, SEEN)
    balance(scaled, stores, SHARP)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BalanceOptions("sharp"), "sharp is not a mode"),
        (BalanceOptions(footprint_km=0), "footprint of 0 km is not possible"),
        (BalanceOptions(footprint_km=-5), "footprint of -5 km is not possible"),
        (BalanceOptions(PUBLISHED, 1e5), "footprint of 100000 km is not possible"),
        (BalanceOptions(footprint_km=float("nan")), "footprint of nan km is not possible"),
    ],
)
def test_impossible_options_are_refused(twsa, stores, options, message):
    with pytest.raises(InputError, match=message):
        balance(twsa, stores, options)


def test_stores_that_were_filtered_before_give_a_warning(twsa, stores):
    filtered = [stores[0].tagged(GWSA_GAUSSIAN_KM="300"), *stores[1:]]
    log = Log()
    balance(twsa, filtered, SEEN, log)
    assert any("SMS was smoothed by a Gaussian filter of 300 km" in line for line in log.lines)


def unknown_cells(log) -> list[str]:
    return [line for line in log.lines if "more than a tenth of the footprint" in line]


def test_a_margin_of_three_widths_gives_no_warning(twsa, stores):
    log = Log()
    balance(twsa, stores, SEEN, log)
    assert unknown_cells(log) == []


def test_cells_at_the_edge_of_the_stores_are_counted(twsa, stores):
    """Without margin the cells at the edge have half of their footprint outside."""
    log = Log()
    balance(twsa, [store.crop(INNER) for store in stores], SEEN, log)
    (line,) = unknown_cells(log)
    assert "750 km larger" in line and "of the 120 cells" in line


def test_land_without_stores_is_unknown(twsa, stores):
    """A part of the land is ice in GLDAS, for which there is no storage."""
    values = stores[0].values.copy()
    values[:, 9:15, 10:14] = np.nan
    log = Log()
    gwsa = balance(twsa, [replace(stores[0], values=values), *stores[1:]], SEEN, log)
    assert np.isnan(gwsa.values[:, :6, :4]).all() and np.isfinite(gwsa.values[:, 6:, 4:]).all()
    assert len(unknown_cells(log)) == 1
    assert any("SMS has no values in 24 of 120 cells" in line for line in log.lines)


def test_months_that_a_store_lacks_are_missing(twsa, stores):
    values = stores[1].values.copy()
    values[-2:] = np.nan
    log = Log()
    gwsa = balance(twsa, [stores[0], replace(stores[1], values=values), stores[2]], SEEN, log)
    assert np.isnan(gwsa.values[-2:]).all() and np.isfinite(gwsa.values[:-2]).all()
    assert any("SWES has no values for 2010-02..2010-03" in line for line in log.lines)


def test_a_constant_sigma_is_the_same_at_the_footprint(twsa, stores):
    """The blur of a constant is the constant."""
    sigmas = {}
    for options in (SEEN, SHARP):
        gwsa = balance(twsa, stores, options)
        known = Sigma(replace(twsa, values=np.full_like(twsa.values, 2)), stores={"SMS": 1.5})
        sigmas[options.mode] = groundwater_sigma(gwsa, known).values
    np.testing.assert_allclose(sigmas[FOOTPRINT], 2.5, rtol=1e-6)
    np.testing.assert_array_equal(sigmas[FOOTPRINT], sigmas[PUBLISHED])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_field_for_two_terms_is_refused(place):
    """A copy under another name has no tag that could betray it."""
    varied = np.random.default_rng(3).normal(size=(3, 4, 5)).astype("f4")
    fields = [varied, varied + 1, varied * 2, varied - 3]
    fields[place + 1] = fields[place]
    months = month_range("2010-01", "2010-03")
    grid = Grid(70.0, 32.0, 0.25, 0.25, 4, 5)
    tags = {"GWSA_BASELINE": "2004-01..2009-12"}
    twsa, *stores = (
        MonthlyStack.on_calendar(grid, months, field, name).tagged(**tags)
        for name, field in zip(("TWSA", "SMS", "SWES", "CWS"), fields)
    )
    names = ("TWSA", "SMS", "SWES", "CWS")[place : place + 2]
    with pytest.raises(InputError, match=f"{' and '.join(names)} hold the same values"):
        balance(twsa, stores)


def moved(stack, west):
    """The same stack at other longitudes."""
    shift = west - stack.grid.west
    region = replace(INNER, west=INNER.west + shift)
    return replace(stack, grid=replace(stack.grid, west=west)).tagged(**region_tag(region))


@pytest.mark.parametrize("options", [SEEN, SHARP])
def test_the_balance_across_180_degrees_is_that_of_elsewhere(twsa, stores, options):
    expected = balance(twsa, stores, options)
    found = balance(moved(twsa, 165.0), [moved(store, 165.0) for store in stores], options)
    assert found.grid.bounds == (175.0, 26.0, 187.0, 36.0)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


@pytest.mark.parametrize("options", [SEEN, SHARP])
def test_stores_of_the_globe_are_found_on_both_sides_of_180_degrees(twsa, stores, options):
    """Stores on -180..180, with the columns beyond 180 degrees at their west."""
    expected = balance(twsa, stores, options)
    globe = Grid(-180.0, 45.0, 1.0, 1.0, 28, 360)
    spread = []
    for store in stores:
        values = np.full((MONTHS.size, *globe.shape), np.nan, dtype=np.float32)
        values[:, :, (np.arange(32) + 345) % 360] = store.values
        spread.append(MonthlyStack.on_calendar(globe, MONTHS, values, store.variable))
    found = balance(moved(twsa, 165.0), spread, options)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-4)


def test_stores_in_longitudes_of_0_to_360_are_found(twsa, stores):
    expected = balance(moved(twsa, -100.0), [moved(store, -100.0) for store in stores], SHARP)
    others = [replace(moved(store, 260.0), tags={}) for store in stores]
    found = balance(moved(twsa, -100.0), others, SHARP)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.grid == expected.grid


@pytest.mark.parametrize("options", [SEEN, SHARP], ids=["seen", "sharp"])
def test_a_balance_that_does_not_fit_into_memory_is_refused(twsa, stores, options, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1.5 * twsa.values.nbytes)
    with pytest.raises(InputError, match="^The balance of 75 months of 28 x 32 cells needs about"):
        balance(twsa, stores, options)
