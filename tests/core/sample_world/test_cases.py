"""Cases change what they name and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.sample_world.cases import CASES
from gwsa.gwsa_plugin.core.sample_world.hydrology import Hydrology
from gwsa.gwsa_plugin.core.sample_world.land import make_land
from gwsa.gwsa_plugin.core.sample_world.simulation import described_drivers

GRID = Grid(10.0, 46.0, 0.25, 0.25, 4, 4)
MONTHS = month_range("2008-01", "2013-12")
AET = "actual_evapotranspiration"


def _run(case) -> tuple[np.ndarray, Hydrology]:
    """Storage of all months, and the hydrology after the last one."""
    hydrology = Hydrology(make_land(GRID, 3, case.ocean_fraction), MONTHS, 3, case)
    storage = []
    for i in range(MONTHS.size):
        hydrology.step(i)
        storage.append(hydrology.storage.copy())
    # Groundwater is in equilibrium after two years.
    return np.array(storage[24:]), hydrology


@pytest.fixture(scope="module")
def default():
    return _run(CASES["default"])


def test_aet_is_biased_or_lacks_irrigation(default):
    hydrology = default[1]
    true = hydrology.drivers[AET]
    for name, expected in (
        ("default", true),
        ("aet_high", 1.25 * true),
        ("aet_low", 0.75 * true),
        ("aet_without_irrigation", true - hydrology.irrigation),
    ):
        described = described_drivers(hydrology, CASES[name])
        np.testing.assert_allclose(described[AET], expected, rtol=1e-6)
        assert all(described[key] is hydrology.drivers[key] for key in described if key != AET)
    assert hydrology.irrigation.max() > 1


def test_slow_response_accumulates_over_years(default):
    yearly = [
        storage.reshape(-1, 12, storage[0].size).mean(axis=1).std(axis=0).mean()
        for storage in (_run(CASES["slow_response"])[0], default[0])
    ]
    assert yearly[0] > 2 * yearly[1]


def test_without_recharge_signal_storage_ignores_rain(default):
    quiet = _run(replace(CASES["default"], recharge=False))[0]
    assert quiet.std(axis=0).mean() < 0.6 * default[0].std(axis=0).mean()


def test_coast_has_more_ocean():
    fraction = make_land(GRID, 3, CASES["coast"].ocean_fraction).mask.mean()
    assert fraction < 0.65 < make_land(GRID, 3).mask.mean()
