"""The water balance against worlds of known groundwater and published Central Valley series."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.balance.sigma import Sigma, groundwater_sigma
from gwsa.gwsa_plugin.core.balance.water_balance import groundwater, groundwater_series
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, in_baseline, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, read_stack
from gwsa.gwsa_plugin.core.gldas.anomalies import GldasOptions, gldas_anomalies

GRID = Grid(70.0, 30.0, 0.25, 0.25, 3, 4)
MONTHS = month_range("2003-06", "2010-06")
STORES = ("SMS", "SWES", "CWS")
level = st.floats(-500, 500, width=32)
cells = arrays(np.float32, GRID.shape, elements=level)


def stack(name, values=None, months=MONTHS, grid=GRID, **changes) -> MonthlyStack:
    """An anomaly against 2004-2009 with random values, observed in every month, by default."""
    if values is None:
        random = np.random.default_rng(sum(map(ord, name)))
        values = random.normal(0, 10, (months.size, *grid.shape)).astype(np.float32)
        if in_baseline(months).any():
            values = values - values[in_baseline(months)].mean(axis=0)
    made = MonthlyStack.on_calendar(grid, months, values, name)
    return replace(made, **changes)


@pytest.fixture
def world():
    """GWSA, and the TWSA and stores that give it."""
    truth = stack("GWSA")
    stores = [stack(name) for name in STORES]
    return truth, stack("TWSA", truth.values + sum(store.values for store in stores)), stores


class Log(Progress):
    def __init__(self):
        self.logged = []
        self.warned = []

    def info(self, text):
        self.logged.append(text)

    def warn(self, text):
        self.warned.append(text)


def test_the_balance_gives_back_the_groundwater(world):
    truth, twsa, stores = world
    gwsa = groundwater(twsa, stores)
    np.testing.assert_allclose(gwsa.values, truth.values, atol=1e-4)
    assert (gwsa.variable, gwsa.unit, gwsa.tags["GWSA_BASELINE"]) == (
        "GWSA",
        "cm",
        "2004-01..2009-12",
    )


@settings(max_examples=25, deadline=None)
@given(cells, st.integers(0, 3))
def test_a_level_added_to_one_input_changes_nothing(shift, which):
    """Inputs on different baselines are converted to one."""
    inputs = [stack(name) for name in ("TWSA", *STORES)]
    gwsa = groundwater(inputs[0], inputs[1:])
    inputs[which] = replace(inputs[which], values=inputs[which].values + shift)
    np.testing.assert_allclose(groundwater(inputs[0], inputs[1:]).values, gwsa.values, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(arrays(np.float64, 12, elements=st.floats(-1e3, 1e3)), min_size=8, max_size=8),
    st.floats(-5, 5),
)
def test_the_series_is_linear_in_all_its_terms(series, factor):
    one = series[:4]
    other = series[4:]
    both = [a + factor * b for a, b in zip(one, other)]
    expected = groundwater_series(*one) + factor * groundwater_series(*other)
    np.testing.assert_allclose(groundwater_series(*both), expected, atol=1e-8)


def test_a_series_does_not_change_its_inputs():
    twsa = np.ones(3)
    np.testing.assert_array_equal(
        groundwater_series(twsa, np.ones(3), np.array([0, np.nan, 1])), [0, np.nan, -1]
    )
    np.testing.assert_array_equal(twsa, 1)


def test_only_the_shared_months_and_cells_remain(world):
    truth, twsa, stores = world
    stores[0] = stores[0].crop(GRID.subgrid(slice(1, 3), slice(0, 3)))
    stores[2] = stores[2].select(np.datetime64("2004-01"), np.datetime64("2010-02"))
    gwsa = groundwater(twsa.crop(GRID.subgrid(slice(0, 3), slice(1, 4))), stores)
    assert gwsa.grid.bounds == pytest.approx((70.25, 29.25, 70.75, 29.75))
    np.testing.assert_array_equal(gwsa.months, month_range("2004-01", "2010-02"))
    np.testing.assert_allclose(gwsa.values, truth.values[7:81, 1:3, 1:3], atol=1e-4)


def test_filled_and_missing_months_stay_so(world):
    _, twsa, stores = world
    source = list(twsa.source)
    source[80] = FILLED
    source[82] = MISSING
    values = twsa.values.copy()
    values[82] = np.nan
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
    np.testing.assert_array_equal(gwsa.months_with_source(MISSING), MONTHS[80:82])
    assert log.warned == [
        "SWES (swes.tif) has no values for 2010-02..2010-03: GWSA is missing there."
    ]


def test_cells_that_a_store_lacks_are_missing_and_counted(world):
    _, twsa, stores = world
    values = stores[1].values.copy()
    values[:, 0, :2] = np.nan
    log = Log()
    gwsa = groundwater(twsa, [stores[0], replace(stores[1], values=values), stores[2]], log)
    assert np.isnan(gwsa.values[:, 0, :2]).all() and np.isfinite(gwsa.values[:, 1:]).all()
    assert log.warned == ["SWES has no values in 2 of 12 cells: GWSA is missing there."]


def test_an_input_that_is_not_in_centimetres_is_refused(world):
    _, twsa, stores = world
    with pytest.raises(InputError, match="SMS is in percent; give it in cm"):
        groundwater(twsa, [replace(stores[0], unit="percent")])
    with pytest.raises(InputError, match="sigma is in cm2; give it in cm"):
        groundwater_sigma(twsa, Sigma(constant(1.0, unit="cm2")))


def test_a_stack_without_the_baseline_needs_the_tag(world):
    truth, twsa, stores = world
    late = stores[0].select(np.datetime64("2008-01"), np.datetime64("2010-06"))
    with pytest.raises(InputError, match=r"SMS lacks 2004-01\.\.2007-12 of the baseline"):
        groundwater(twsa, [late, *stores[1:]])
    gwsa = groundwater(twsa, [late.tagged(GWSA_BASELINE="2004-01..2009-12"), *stores[1:]])
    np.testing.assert_allclose(gwsa.values, truth.values[-30:], atol=1e-4)


def test_a_stack_without_any_value_is_named_with_its_region(world):
    """The reason is not the period: the store has no values where TWSA is."""
    _, twsa, stores = world
    empty = replace(stores[0], values=stores[0].values * np.nan)
    with pytest.raises(
        InputError, match="SMS has no values between 70 and .* give a stack of this"
    ):
        groundwater(twsa, [empty, *stores[1:]])


def test_inputs_without_common_cells_or_months_are_named(world):
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
    with pytest.raises(
        InputError, match="TWSA covers 2003-06 to 2010-06 and SMS 2015-01 to 2015-12"
    ):
        groundwater(twsa, [later])


def test_no_common_land_is_refused(world):
    _, twsa, stores = world
    west = twsa.values.copy()
    west[:, :, :2] = np.nan
    east = stores[0].values.copy()
    east[:, :, 2:] = np.nan
    with pytest.raises(InputError, match="TWSA and SMS have no cell and month in common"):
        groundwater(replace(twsa, values=west), [replace(stores[0], values=east)])


def constant(value, **changes) -> MonthlyStack:
    return stack("sigma", np.full((MONTHS.size, *GRID.shape), value, dtype=np.float32), **changes)


def test_sigmas_add_as_squares(world):
    gwsa = groundwater(world[1], world[2])
    sigma = groundwater_sigma(
        gwsa, Sigma(constant(2.0), stores={"SMS": 3.0, "SWES": 6.0, "CWS": 0.0})
    )
    np.testing.assert_allclose(sigma.values, 7.0, rtol=1e-6)
    assert "GWSA_SIGMA" not in sigma.tags and sigma.source == gwsa.source


def test_an_unknown_sigma_gives_a_lower_bound_with_a_tag_and_a_warning(world):
    gwsa = groundwater(world[1], world[2])
    log = Log()
    sigma = groundwater_sigma(
        gwsa, Sigma(constant(2.0), stores={"SMS": 3.0, "SWES": None, "CWS": None}), log
    )
    np.testing.assert_allclose(sigma.values, np.sqrt(13), rtol=1e-6)
    assert (sigma.tags["GWSA_SIGMA"], sigma.tags["GWSA_SIGMA_WITHOUT"]) == (
        "lower bound",
        "SWES, CWS",
    )
    assert log.warned == [
        "The sigma of GWSA is a lower bound: the sigma of SWES, CWS is not known everywhere."
    ]


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


def test_a_filled_month_does_not_have_the_sigma_of_a_solution(world):
    _, twsa, stores = world
    gwsa = groundwater(replace(twsa, source=(FILLED, *twsa.source[1:])), stores)
    sigma = groundwater_sigma(gwsa, Sigma(constant(2.0), stores=dict.fromkeys(STORES, 1.0)))
    np.testing.assert_allclose(sigma.values[:2, 0, 0], np.sqrt([3, 7]), rtol=1e-6)
    assert sigma.tags["GWSA_SIGMA_WITHOUT"] == "TWSA"


def test_sigma_is_nan_where_gwsa_is(world):
    _, twsa, stores = world
    values = twsa.values.copy()
    values[:, 0, 0] = np.nan
    values[3] = np.nan
    gwsa = groundwater(replace(twsa, values=values), stores)
    sigma = groundwater_sigma(gwsa, Sigma(stores={"SMS": 1.0}))
    np.testing.assert_array_equal(np.isnan(sigma.values), np.isnan(gwsa.values))


def test_sigma_on_fewer_months_is_aligned_by_month(world):
    gwsa = groundwater(world[1], world[2])
    few = constant(2.0).select(MONTHS[10], MONTHS[19])
    known = np.isfinite(groundwater_sigma(gwsa, Sigma(few)).values).all(axis=(1, 2))
    np.testing.assert_array_equal(MONTHS[known], MONTHS[10:20])


def test_sigma_without_any_term_is_refused(world):
    gwsa = groundwater(world[1], world[2])
    with pytest.raises(InputError, match="give SIGMA_TWSA"):
        groundwater_sigma(gwsa, Sigma(stores=dict.fromkeys(STORES)))


@pytest.mark.slow
def test_the_error_of_gwsa_in_the_sample_world_is_that_of_twsa(sample_world):
    """TWSA has 1 cm of noise and GLDAS none, so the error of GWSA is that noise."""
    truth = {name: read_stack(sample_world / "truth" / f"{name}.tif") for name in ("TWSA", "GWSA")}
    water = gldas_anomalies(
        sample_world / "gldas", truth["GWSA"].grid.bounds, GldasOptions(margin_km=0)
    )
    noise = np.random.default_rng(5).normal(0, 1, truth["TWSA"].values.shape).astype(np.float32)
    noisy = replace(truth["TWSA"], values=truth["TWSA"].values + noise)
    gwsa = groundwater(noisy, list(water.stacks.values()))
    error = (gwsa.values - truth["GWSA"].values)[:, gwsa.valid]
    assert np.sqrt((error**2).mean()) == pytest.approx(1, abs=0.03)


VALLEY_MONTHS = month_range("2002-04", "2017-01")
VALLEY = {
    "TWS": ("grace.csv", "grace_mean"),
    "soil": ("RS_analysis_dat_cvws.csv", "sm_gldas_cvws"),
    "snow": ("UCB_LRM_SWE.csv", "swe_lrm"),
    "reservoirs": ("cvws_Sres.csv", "Sres"),
}
TERRACLIMATE = {"soil": ("RS_analysis_dat_cvws.csv", "sm_tc_cvws")}
GLDAS_SNOW = {"snow": ("RS_analysis_dat_cvws.csv", "swe_gldas_cvws")}
SNODAS = {"snow": ("SNODAS_SWE.csv", "swe_snodas")}
SNODAS_MONTHS = np.setdiff1d(
    month_range("2003-09", "2017-01"), np.array(["2005-07", "2006-09"], "datetime64[M]")
)
CHOICES = {
    "upper bound of GRACE": {"TWS": ("grace.csv", "grace_max")},
    "lower bound of GRACE": {"TWS": ("grace.csv", "grace_min")},
    "soil moisture of TerraClimate": TERRACLIMATE,
    "snow of Daymet": {"snow": ("RS_analysis_dat_cvws.csv", "swe_dmet_cvws")},
    "snow of TerraClimate": {"snow": ("RS_analysis_dat_cvws.csv", "swe_tc_cvws")},
    "snow of FLDAS": {"snow": ("RS_analysis_dat_cvws.csv", "swe_fldas_cvws")},
    "snow of GLDAS": GLDAS_SNOW,
    "no soil moisture": {"soil": None},
    "no snow": {"snow": None},
    "reservoirs on the valley floor only": {"reservoirs": ("cv_Sres.csv", "Sres")},
    "no reservoirs": {"reservoirs": None},
    "soil moisture of TerraClimate, snow of GLDAS": {**TERRACLIMATE, **GLDAS_SNOW},
    "snow of GLDAS, no reservoirs": {**GLDAS_SNOW, "reservoirs": None},
    "snow of SNODAS, from September 2003": SNODAS,
    "the same months, snow of UCB-LRM": {"months": SNODAS_MONTHS},
    "soil moisture of TerraClimate, snow of SNODAS, from September 2003": {
        **TERRACLIMATE,
        **SNODAS,
    },
    "the components of the first table, until December 2014": {
        "months": month_range("2002-04", "2014-12")
    },
}
PAGE = Path(__file__).parents[3] / "docs" / "central_valley.md"


@pytest.fixture
def valley(real_data):
    return real_data / "published" / "centralvalley_RS_GW"


def test_the_trend_of_central_valley_is_that_of_ahamed_et_al(valley):
    """Monthly km³ of Ahamed et al. 2022 (doi:10.1016/j.scitotenv.2021.150635).

    The trend lies between those of the groundwater model C2VSim and of the wells in the same
    months; see docs/central_valley.md.
    """
    model = _trend(_column(valley, "C2VSIM_GWS.csv", "Cum_GWS_km3"))
    wells = _trend(_column(valley, "Well_GWS_km3_5Mon_movAvg_allMon.csv", "GWS_km3_5MA"))
    assert (model, wells) == (pytest.approx(-2.80, abs=0.01), pytest.approx(-3.80, abs=0.01))
    assert _valley_trend(valley) == pytest.approx(-2.75, abs=0.01)


@pytest.mark.parametrize("choice", CHOICES)
def test_other_choices_of_components_give_the_trends_in_the_docs(valley, choice):
    trend = _valley_trend(valley, **CHOICES[choice])
    assert f"| {choice} | {trend:.2f} |" in PAGE.read_text(encoding="utf-8")
    assert -3.9 <= round(trend, 1) <= -1.9


def test_the_docs_state_the_trend_of_each_component(valley):
    trends = {name: _trend(_column(valley, *column)) for name, column in VALLEY.items()}
    stated = re.findall(
        r"^\| (?:total|less) .* \| (-.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [f"{trend:.2f}" for trend in trends.values()] == stated


def _valley_trend(folder, months=VALLEY_MONTHS, **other) -> float:
    """Trend in km³/yr of the balance of VALLEY with some components replaced, None for none."""
    terms = [_column(folder, *column) for column in {**VALLEY, **other}.values() if column]
    return _trend(np.where(np.isin(VALLEY_MONTHS, months), groundwater_series(*terms), np.nan))


def _trend(series: np.ndarray) -> float:
    """Least-squares slope per year of the months that have a value."""
    known = np.isfinite(series)
    return np.polyfit(decimal_years(VALLEY_MONTHS)[known], series[known], 1)[0]


def _column(folder, file: str, name: str) -> np.ndarray:
    """A column of a file on VALLEY_MONTHS, NaN where it has no value.

    The first column of the file is a day, or a year with a month in the second one.
    """
    with open(folder / file, encoding="utf-8-sig", newline="") as lines:
        values = {_month(row): row[name] for row in csv.DictReader(lines)}
    return np.array([float(values.get(str(month)) or "nan") for month in VALLEY_MONTHS])


def _month(row: dict) -> str:
    date = next(iter(row.values()))
    if "Month" in row:
        return f"{date}-{int(row['Month']):02d}"
    if "/" in date:
        month, _, year = date.split("/")
        return f"{year}-{int(month):02d}"
    return date[:7]
