"""Terms are antecedent means of water surplus and runoff, and statics have climatologies."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.downscaling.prior import drivers
from gwsa.gwsa_plugin.core.downscaling.prior.drivers import (
    WINDOWS,
    driver_set,
    read_statics,
    read_terms,
    static_names,
)
from gwsa.gwsa_plugin.core.predictors import climatologies
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection


def without_role(predictors, role):
    changed = (replace(one, role="") if one.role == role else one for one in predictors.predictors)
    return replace(predictors, predictors=tuple(changed))


@pytest.fixture(scope="module")
def selection(driver_world):
    """Some pixels of all of the region."""
    pixels = np.random.default_rng(1).random(driver_world.predictors.grid.shape) < 0.3
    return PixelSelection(Tile.full(pixels.shape), pixels)


def hand_made_terms(world, month, pixels):
    """Antecedent means of all values of the record up to a month."""
    surplus = world.fields["rain"] - world.fields["evaporation"]
    return np.stack(
        [
            series[max(0, month + 1 - window) : month + 1, pixels].mean(axis=0)
            for series in (surplus, world.fields["runoff"])
            for window in WINDOWS
        ]
    )


def test_terms_are_antecedent_means(driver_world, selection):
    terms = driver_set(driver_world.predictors)
    assert terms.features == tuple(
        f"{name}_mean{window}" for name in ("surplus", "runoff") for window in (2, 4, 8, 16, 40)
    )
    months = driver_world.gwsa.months
    for number, values in enumerate(read_terms(terms, months, selection)):
        assert values.dtype == np.float32
        expected = hand_made_terms(driver_world, number, selection.pixels)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
    assert number == months.size - 1


def test_some_months_have_the_terms_of_all_months(driver_world, selection):
    terms = driver_set(driver_world.predictors)
    months = driver_world.gwsa.months
    complete = list(read_terms(terms, months, selection))
    chosen = np.array([3, 17, 59])
    for number, values in zip(chosen, read_terms(terms, months[chosen], selection)):
        np.testing.assert_array_equal(values, complete[number])


def test_terms_do_not_depend_on_the_memory_bound(driver_world, selection, monkeypatch):
    terms = driver_set(driver_world.predictors)
    months = driver_world.gwsa.months[40:44]
    at_once = list(read_terms(terms, months, selection))
    monkeypatch.setattr(drivers, "FEATURE_BYTES", 1)
    np.testing.assert_array_equal(list(read_terms(terms, months, selection)), at_once)


def test_without_runoff_only_the_surplus_is_a_driver(driver_world):
    terms = driver_set(without_role(driver_world.predictors, "runoff"))
    assert terms.features == tuple(f"surplus_mean{window}" for window in WINDOWS)


@pytest.mark.parametrize("role", ["precipitation", "actual_evapotranspiration"])
def test_without_precipitation_or_evapotranspiration_there_are_no_drivers(driver_world, role):
    assert driver_set(without_role(driver_world.predictors, role)) is None


def test_a_set_without_roles_has_no_drivers(small_world):
    assert driver_set(small_world.predictors) is None


def test_statics_are_static_predictors_and_climatologies(driver_world, selection, monkeypatch):
    predictors = driver_world.predictors
    statics = read_statics(predictors, selection, SILENT)
    names = ("soil", "mean_rain", "mean_evaporation", "mean_runoff", "mean_ndvi")
    assert static_names(predictors) == names
    assert statics.dtype == np.float32 and len(statics) == len(names)
    pixels = selection.pixels
    np.testing.assert_array_equal(statics[0], driver_world.fields["soil"][pixels])
    for values, name in zip(statics[1:], names[1:]):
        mean = driver_world.fields[name.removeprefix("mean_")].mean(axis=0, dtype=float)
        np.testing.assert_allclose(values, mean[pixels], rtol=1e-6)
    monkeypatch.setattr(climatologies, "MONTHS_AT_ONCE", 7)
    np.testing.assert_array_equal(read_statics(predictors, selection, SILENT), statics)
