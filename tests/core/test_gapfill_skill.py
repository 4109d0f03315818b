"""How good the choice is on hidden months that it has not seen, on real series and on the sample world."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.fill_choice import choose, fill_chosen, try_all
from gwsa.gwsa_plugin.core.fill_methods import AUTO, METHODS, FillOptions, fill_series
from gwsa.gwsa_plugin.core.fill_sigma import calibrate, variability
from gwsa.gwsa_plugin.core.hidden import hide_and_fill, scores
from gwsa.gwsa_plugin.core.months import month_range
from gwsa.gwsa_plugin.core.sample import PARTS
from gwsa.gwsa_plugin.core.ssa import has_kernel
from gwsa.gwsa_plugin.core.twsa import TwsaOptions, import_twsa

RECORD = tuple(month_range("2002-04", "2020-12")[[0, -1]])
SERIES = 12
pytestmark = pytest.mark.skipif(not has_kernel(), reason="numba is not here, and without it this takes minutes")


def some_series(stack):
    """Evenly spread over the map, float64 (series, months), and the months without a solution."""
    series = stack.values.reshape(stack.months.size, -1).T.astype(np.float64)
    series = series[np.isfinite(series).any(axis=1)]
    series = series[np.linspace(0, len(series) - 1, SERIES).astype(int)]
    missing = np.isnan(series).all(axis=0)
    return np.where(missing, 0.0, series), missing


@pytest.fixture(scope="module")
def india(real_data):
    path = real_data / "grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
    return some_series(import_twsa(path, TwsaOptions(period=RECORD)).twsa)


@pytest.fixture(scope="module")
def sample(sample_world):
    options = TwsaOptions(sample_world / PARTS["LAND_MASK"], (77.0, 29.0, 79.0, 31.0), RECORD)
    return some_series(import_twsa(sample_world / PARTS["TWSA"], options).twsa)


def auto(series, missing, number):
    trials = try_all(series, missing, variability(series, missing), 0.01)
    return fill_chosen(series, missing, choose(trials))


def by(options):
    return lambda series, missing, number: fill_series(series, missing, options)


@pytest.mark.parametrize("world", ["india", "sample"])
def test_what_auto_fills_unseen_is_about_as_good_as_the_best_single_method(world, request):
    """The blocks that judge are hidden before ``auto`` hides others to choose by."""
    series, missing = request.getfixturevalue(world)
    fills = {AUTO: auto, **{name: by(FillOptions(name)) for name in METHODS}, "plain": by(FillOptions("ssa", 24, 10))}
    hidden = hide_and_fill(series, missing, fills)
    for kind in hidden.kinds():
        rmse = {one.method: one.rmse for one in scores(hidden, fills) if one.kind == kind}
        nse = {one.method: one.nse for one in scores(hidden, fills) if one.kind == kind}
        assert rmse[AUTO] <= 1.03 * min(rmse.values())
        assert rmse[AUTO] < min(rmse["harmonic"], rmse["plain"]) and nse[AUTO] > max(nse["harmonic"], nse["plain"])
    assert 0.60 <= calibrate(hidden, AUTO, variability(series, missing)).overall <= 0.75
