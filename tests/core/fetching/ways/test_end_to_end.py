"""What is fetched of each source goes through its catalogue into a predictor set."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching.outputs import CATALOGUE, finish
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.tests.core.fetching.ways.conftest import fetch_all, order_of
from gwsa.tests.servers.fields import field_on
from gwsa.tests.servers.small_predictors import STATIC, plane

COARSE = Grid(77.0, 29.5, 0.25, 0.25, 2, 2)
MONTHS = np.arange("2010-03", "2010-05", dtype="datetime64[M]")
# Source -> its predictors, and how far a value may be from the plane, in its unit: half of a stored
# step, and the difference between the mean over a pixel and the interpolation.
SOURCES = {
    "terraclimate": {
        "precipitation": 0.06, "potential_evapotranspiration": 0.06,
        "vapour_pressure_deficit": 0.006, "radiation": 0.06, "actual_evapotranspiration": 0.06,
        "runoff": 0.06,
    },
    "chelsa": {"temperature": 0.06},
    "soilgrids": {"sand": 0.1, "clay": 0.1, "bulk_density": 0.01},
    "copernicus_dem": {"elevation": 0.2},
    "modis_ndvi": {"ndvi": 1e-4},
    "modis_lai": {"lai": 0.06},
    "modis_lst": {"land_surface_temperature": 0.02},
}  # fmt: skip


@pytest.fixture
def build(tmp_path):
    """Build the set of a catalogue on a grid where all is land."""
    paths = tmp_path / "twsa.tif", tmp_path / "land.tif"
    for path, value in zip(paths, (0.0, 1.0)):
        values = np.full((2, *COARSE.shape), value)
        write_stack(path, MonthlyStack.on_calendar(COARSE, MONTHS, values, "TWSA"))

    def run(catalogue, progress):
        inputs = Inputs(catalogue, *paths)
        return build_predictors(inputs, tmp_path / "set", (MONTHS[0], MONTHS[-1]), 30, progress)

    return run


@pytest.mark.usefixtures("quick_tasks")
@pytest.mark.parametrize("source", SOURCES)
def test_the_predictor_set_has_the_values_of_the_world(source, client, steps, build, tmp_path):
    plan, outcome = fetch_all(order_of(source), tmp_path / "in", client, steps)
    assert outcome.failed == []
    catalogue = finish(plan, outcome.record, steps)[CATALOGUE]
    built = build(catalogue, steps)
    values = read_features(built, "fine", MONTHS)
    assert np.isfinite(values).all() and built.land().all()
    fine = COARSE.refine(30)
    for name, tolerance in SOURCES[source].items():
        place = built.features.index(name)
        for number, month in enumerate(MONTHS):
            at = None if name in STATIC else month
            truth = plane(name, fine.longitudes, fine.latitudes, at)
            if source == "soilgrids":
                # The mean of the depths, of which the upper ones have less.
                truth = truth - (0.2 * 5 + 0.1 * 10) / 30
            np.testing.assert_allclose(values[number, place], truth, rtol=0, atol=tolerance)


def test_slope_is_that_of_the_plane(client, steps, build, tmp_path):
    plan, outcome = fetch_all(order_of("copernicus_dem"), tmp_path / "in", client, steps)
    catalogue = finish(plan, outcome.record, steps)[CATALOGUE]
    built = build(catalogue, steps)
    slope = read_features(built, "fine", MONTHS)[0, built.features.index("slope")]
    metres = 111_195.0
    latitudes = COARSE.refine(30).latitudes[:, None]
    east = 300.0 / (metres * np.cos(np.radians(latitudes)))
    truth = np.degrees(np.arctan(np.hypot(east, 200.0 / metres))) * np.ones(slope.shape)
    np.testing.assert_allclose(slope, truth, rtol=0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_tasks")
def test_all_sources_make_one_catalogue_with_roles_and_surplus(client, steps, build, tmp_path):
    plan, outcome = fetch_all(order_of(*SOURCES), tmp_path / "in", client, steps)
    outcome.require_all()
    catalogue = finish(plan, outcome.record, steps)[CATALOGUE]
    built = build(catalogue, steps)
    assert {item.role for item in built.predictors if item.role} == {
        "precipitation", "actual_evapotranspiration", "runoff",
    }  # fmt: skip
    assert "water_surplus_mean24" in built.features and "ndvi_mean24" in built.features
    # All months that the longest mean needs are there.
    assert not any("over fewer" in line for line in steps.lines)


def test_the_world_is_interpolated_as_it_is(predictor_world):
    grid = Grid(77.1, 29.3, 0.01, 0.01, 5, 5)
    found = field_on(predictor_world / "predictors" / "elevation.tif", 1, grid)
    np.testing.assert_allclose(
        found, plane("elevation", grid.longitudes, grid.latitudes), rtol=1e-6
    )
