"""Tests of the skill of ``auto`` in artificial gaps of real series and of the sample world."""

import pytest

from gwsa.benchmarks.gapfill_skill import RIVALS, auto, by, sample_of
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import fill_artificial_gaps, scores
from gwsa.gwsa_plugin.core.gapfill.methods import AUTO
from gwsa.gwsa_plugin.core.gapfill.ssa import has_numba
from gwsa.gwsa_plugin.core.gapfill.uncertainty import calibrate, variability
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

RECORD = tuple(month_range("2002-04", "2020-12")[[0, -1]])
SERIES = 4
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_numba(), reason="numba is not installed; without it this takes minutes"
    ),
]


@pytest.fixture(scope="module")
def india(real_data):
    path = real_data / "grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
    return sample_of(import_twsa(path, TwsaOptions(period=RECORD)).twsa, SERIES)


@pytest.fixture(scope="module")
def sample(sample_world):
    options = TwsaOptions(sample_world / PARTS["LAND_MASK"], (77.0, 29.0, 79.0, 31.0), RECORD)
    return sample_of(import_twsa(sample_world / PARTS["TWSA"], options).twsa, SERIES)


@pytest.mark.slow
@pytest.mark.parametrize("world", ["india", "sample"])
def test_auto_is_about_as_good_as_the_best_single_method(world, request):
    """``auto`` makes its choice with the scored gaps withheld. ``make bench`` uses more series."""
    series, missing = request.getfixturevalue(world)
    fills = {AUTO: auto, **{name: by(options) for name, options in RIVALS.items()}}
    gaps = fill_artificial_gaps(series, missing, fills)
    for kind in gaps.kinds():
        rmse = {score.method: score.rmse for score in scores(gaps, fills) if score.kind == kind}
        assert rmse[AUTO] <= 1.04 * min(rmse.values())
        assert rmse[AUTO] < min(rmse["harmonic"], rmse["ssa_24_10"])
    assert 0.60 <= calibrate(gaps, AUTO, variability(series, missing)).overall <= 0.75
