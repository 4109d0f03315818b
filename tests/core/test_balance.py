"""The groundwater balance against worlds whose groundwater is known, and against published Central Valley series."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.balance import Sigma, groundwater, groundwater_series, groundwater_sigma
from gwsa.gwsa_plugin.core.errors import InputError
from gwsa.gwsa_plugin.core.gldas import gldas_anomalies
from gwsa.gwsa_plugin.core.grid import Grid
from gwsa.gwsa_plugin.core.months import decimal_years, in_baseline, month_range
from gwsa.gwsa_plugin.core.progress import Progress
from gwsa.gwsa_plugin.core.stack import FILLED, MISSING, OBSERVED, MonthlyStack, read_stack

GRID = Grid(70.0, 30.0, 0.25, 0.25, 3, 4)
MONTHS = month_range("2003-06", "2010-06")
STORES = ("SMS", "SWES", "CWS")
level = st.floats(-500, 500, width=32)
cells = arrays(np.float32, GRID.shape, elements=level)


def stack(name, values=None, months=MONTHS, grid=GRID, **changes) -> MonthlyStack:
    """An anomaly against 2004-2009, random unless given, observed in every month unless said otherwise."""
    if values is None:
        random = np.random.default_rng(sum(map(ord, name)))
        values = random.normal(0, 10, (months.size, *grid.shape)).astype(np.float32)
        if in_baseline(months).any():
            values = values - values[in_baseline(months)].mean(axis=0)
    made = MonthlyStack.on_calendar(grid, months, values, name)
    return replace(made, **changes)


@pytest.fixture
def world():
    """GWSA, and the TWSA and stores that it belongs to."""
    truth, stores = stack("GWSA"), [stack(name) for name in STORES]
    return truth, stack("TWSA", truth.values + sum(store.values for store in stores)), stores


class Log(Progress):
    def __init__(self):
        self.said, self.warned = [], []

    def say(self, text):
        self.said.append(text)

    def warn(self, text):
        self.warned.append(text)


def test_the_balance_gives_back_the_groundwater(world):
    truth, twsa, stores = world
    gwsa = groundwater(twsa, stores)
    np.testing.assert_allclose(gwsa.values, truth.values, atol=1e-4)
    assert (gwsa.variable, gwsa.unit, gwsa.tags["GWSA_BASELINE"]) == ("GWSA", "cm", "2004-01..2009-12")


@settings(max_examples=25, deadline=None)
@given(cells, st.integers(0, 3))
def test_a_level_added_to_one_input_changes_nothing(shift, which):
    """Inputs on different baselines are brought to one."""
    inputs = [stack(name) for name in ("TWSA", *STORES)]
    gwsa = groundwater(inputs[0], inputs[1:])
    inputs[which] = replace(inputs[which], values=inputs[which].values + shift)
    np.testing.assert_allclose(groundwater(inputs[0], inputs[1:]).values, gwsa.values, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.lists(arrays(np.float64, 12, elements=st.floats(-1e3, 1e3)), min_size=8, max_size=8), st.floats(-5, 5))
def test_the_series_is_linear_in_all_its_terms(series, factor):
    one, other = series[:4], series[4:]
    both = [a + factor * b for a, b in zip(one, other)]
    expected = groundwater_series(*one) + factor * groundwater_series(*other)
    np.testing.assert_allclose(groundwater_series(*both), expected, atol=1e-8)


def test_a_series_does_not_change_its_inputs():
    twsa = np.ones(3)
    np.testing.assert_array_equal(groundwater_series(twsa, np.ones(3), np.array([0, np.nan, 1])), [0, np.nan, -1])
    np.testing.assert_array_equal(twsa, 1)


def test_only_the_shared_months_and_cells_remain(world):
    truth, twsa, stores = world
    stores[0] = stores[0].crop(GRID.sub(slice(1, 3), slice(0, 3)))
    stores[2] = stores[2].select(np.datetime64("2004-01"), np.datetime64("2010-02"))
    gwsa = groundwater(twsa.crop(GRID.sub(slice(0, 3), slice(1, 4))), stores)
    assert gwsa.grid.bounds == pytest.approx((70.25, 29.25, 70.75, 29.75))
    np.testing.assert_array_equal(gwsa.months, month_range("2004-01", "2010-02"))
    np.testing.assert_allclose(gwsa.values, truth.values[7:81, 1:3, 1:3], atol=1e-4)


def test_filled_and_missing_months_stay_so(world):
    _, twsa, stores = world
    source, values = list(twsa.source), twsa.values.copy()
    source[80], source[82], values[82] = FILLED, MISSING, np.nan
    gwsa = groundwater(replace(twsa, values=values, source=tuple(source)), stores)
    assert (gwsa.source[79], gwsa.source[80], gwsa.source[82]) == (OBSERVED, FILLED, MISSING)
    assert np.isnan(gwsa.values[82]).all() and np.isfinite(gwsa.values[80]).all()


def test_a_month_that_a_store_lacks_is_missing_and_named(world):
    _, twsa, stores = world
    values = stores[1].values.copy()
    values[80:82] = np.nan
    stores[1] = replace(stores[1], values=values, variable="SWES (swes.tif)")
    log = Log()
    gwsa = groundwater(twsa, stores, log)
    np.testing.assert_array_equal(gwsa.named(MISSING), MONTHS[80:82])
    assert log.warned == ["SWES (swes.tif) has no values for 2010-02..2010-03: GWSA is missing there."]


def test_a_stack_without_the_baseline_needs_the_tag(world):
    truth, twsa, stores = world
    late = stores[0].select(np.datetime64("2008-01"), np.datetime64("2010-06"))
    with pytest.raises(InputError, match=r"SMS lacks 2004-01\.\.2007-12 of the baseline"):
        groundwater(twsa, [late, *stores[1:]])
    gwsa = groundwater(twsa, [late.tagged(GWSA_BASELINE="2004-01..2009-12"), *stores[1:]])
    np.testing.assert_allclose(gwsa.values, truth.values[-30:], atol=1e-4)


def test_inputs_that_do_not_meet_are_named(world):
    _, twsa, stores = world
    shifted = replace(stores[0], grid=replace(GRID, west=70.1))
    with pytest.raises(InputError, match="cells of SMS .* do not lie on those of TWSA"):
        groundwater(twsa, [shifted])
    halved = replace(stores[0], grid=replace(GRID, dx=0.125, dy=0.125))
    with pytest.raises(InputError, match=r"SMS \(0.125° .*TWSA \(0.25°"):
        groundwater(twsa, [halved])
    far = replace(stores[0], grid=replace(GRID, west=10.0))
    with pytest.raises(InputError, match="TWSA and SMS: The inputs do not overlap"):
        groundwater(twsa, [far])
    tag = {"GWSA_BASELINE": "2004-01..2009-12"}
    later = stack("SMS", months=month_range("2015-01", "2015-12"), tags=tag)
    with pytest.raises(InputError, match="TWSA covers 2003-06 to 2010-06 and SMS 2015-01 to 2015-12"):
        groundwater(twsa, [later])


def test_no_common_land_is_refused(world):
    _, twsa, stores = world
    west, east = twsa.values.copy(), stores[0].values.copy()
    west[:, :, :2], east[:, :, 2:] = np.nan, np.nan
    with pytest.raises(InputError, match="TWSA and SMS have no cell and month in common"):
        groundwater(replace(twsa, values=west), [replace(stores[0], values=east)])


def constant(value, **changes) -> MonthlyStack:
    return stack("sigma", np.full((MONTHS.size, *GRID.shape), value, dtype=np.float32), **changes)


def test_sigmas_add_as_squares(world):
    gwsa = groundwater(world[1], world[2])
    sigma = groundwater_sigma(gwsa, Sigma(constant(2.0), stores={"SMS": 3.0, "SWES": 6.0, "CWS": 0.0}))
    np.testing.assert_allclose(sigma.values, 7.0, rtol=1e-6)
    assert "GWSA_SIGMA" not in sigma.tags and sigma.source == gwsa.source


def test_an_unknown_sigma_makes_a_lower_bound_that_says_so(world):
    gwsa = groundwater(world[1], world[2])
    log = Log()
    sigma = groundwater_sigma(gwsa, Sigma(constant(2.0), stores={"SMS": 3.0, "SWES": None, "CWS": None}), log)
    np.testing.assert_allclose(sigma.values, np.sqrt(13), rtol=1e-6)
    assert (sigma.tags["GWSA_SIGMA"], sigma.tags["GWSA_SIGMA_WITHOUT"]) == ("lower bound", "SWES, CWS")
    assert log.warned == ["The sigma of GWSA is a lower bound: that of SWES, CWS is not known everywhere."]


def test_the_filling_has_its_own_sigma_in_the_filled_months(world):
    _, twsa, stores = world
    source = tuple(FILLED if i in (5, 6) else OBSERVED for i in range(MONTHS.size))
    gwsa = groundwater(replace(twsa, source=source), stores)
    zero = dict.fromkeys(STORES, 0.0)
    sigma = groundwater_sigma(gwsa, Sigma(constant(2.0), constant(5.0), zero))
    np.testing.assert_allclose(sigma.values[4:8, 0, 0], [2, 5, 5, 2])
    alone = groundwater_sigma(gwsa, Sigma(None, constant(5.0)))
    np.testing.assert_array_equal(alone.values[4:8, 0, 0], np.float32([np.nan, 5, 5, np.nan]))
    assert alone.tags["GWSA_SIGMA_WITHOUT"] == "TWSA"


def test_sigma_is_nan_where_gwsa_is(world):
    _, twsa, stores = world
    values = twsa.values.copy()
    values[:, 0, 0], values[3] = np.nan, np.nan
    gwsa = groundwater(replace(twsa, values=values), stores)
    sigma = groundwater_sigma(gwsa, Sigma(stores={"SMS": 1.0}))
    np.testing.assert_array_equal(np.isnan(sigma.values), np.isnan(gwsa.values))


def test_sigma_on_fewer_months_is_laid_in_its_place(world):
    gwsa = groundwater(world[1], world[2])
    few = constant(2.0).select(MONTHS[10], MONTHS[19])
    known = np.isfinite(groundwater_sigma(gwsa, Sigma(few)).values).all(axis=(1, 2))
    np.testing.assert_array_equal(MONTHS[known], MONTHS[10:20])


def test_sigma_of_nothing_is_refused(world):
    gwsa = groundwater(world[1], world[2])
    with pytest.raises(InputError, match="give SIGMA_TWSA"):
        groundwater_sigma(gwsa, Sigma(stores=dict.fromkeys(STORES)))


def test_the_coarse_groundwater_of_the_sample_world_is_as_wrong_as_its_gravity(sample_world):
    """TWSA has 1 cm of noise, GLDAS none: what is wrong with GWSA is that noise and nothing else."""
    truth = {name: read_stack(sample_world / "truth" / f"{name}.tif") for name in ("TWSA", "GWSA")}
    water = gldas_anomalies(sample_world / "gldas", truth["GWSA"].grid.bounds)
    noise = np.random.default_rng(5).normal(0, 1, truth["TWSA"].values.shape).astype(np.float32)
    noisy = replace(truth["TWSA"], values=truth["TWSA"].values + noise)
    gwsa = groundwater(noisy, list(water.stacks.values()))
    error = (gwsa.values - truth["GWSA"].values)[:, gwsa.valid]
    assert np.sqrt((error**2).mean()) == pytest.approx(1, abs=0.03)


def test_central_valley_loses_what_ahamed_et_al_found(real_data):
    """Monthly km³ of Ahamed et al. 2022; C2VSim gives -2.80 and the wells -3.80 km³/yr for the same years.

    Other plausible choices of the soil moisture and snow products give -1.9 to -3.9.
    """
    folder = real_data / "published" / "centralvalley_RS_GW"
    columns = [
        ("grace.csv", "grace_mean"), ("RS_analysis_dat_cvws.csv", "sm_gldas_cvws"),
        ("UCB_LRM_SWE.csv", "swe_lrm"), ("cvws_Sres.csv", "Sres"),
    ]  # fmt: skip
    months = month_range("2002-04", "2017-01")
    gwsa = groundwater_series(*(_column(folder / file, name, months) for file, name in columns))
    trend = np.polyfit(decimal_years(months), gwsa, 1)[0]
    assert trend == pytest.approx(-2.75, abs=0.01)


def _column(path, name, months) -> np.ndarray:
    """One column on ``months``, the first column holding the last day of each."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        values = {next(iter(row.values()))[:7]: row[name] for row in csv.DictReader(file)}
    return np.array([float(values[str(month)]) for month in months])
