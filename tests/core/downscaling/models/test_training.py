"""The loss ignores regional signals, and training uses only the given samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.compute.threads import TaskProgress
from gwsa.gwsa_plugin.core.downscaling.models.training import (
    Boosting,
    gains,
    local_contrast,
    neighbourhoods,
    train,
)
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

pytestmark = pytest.mark.slow

FEW = Boosting(trees=40, depth=3, rate=0.2)
ALL = np.ones(10 * 12 * 12, bool)


def places(where):
    """Samples without features in the places ``where``, bool, (months, rows, columns)."""
    return Samples(*np.nonzero(where), *(np.zeros(where.sum()) for _ in range(3)), ())


def samples(seed=0, level=0.0):
    """Only the first feature matters; ``level`` adds a signal that is uniform in each month."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((10, 3, 12, 12)).astype(np.float32)
    pixels = np.repeat(np.moveaxis(features, 1, -1)[:, :, :, None], 2, axis=3)
    target = 3 * np.tanh(features[:, 0]) + level * rng.standard_normal((10, 1, 1))
    cells = np.moveaxis(features, 1, -1).reshape(-1, 3)
    place = np.nonzero(np.ones(target.shape))
    return Samples(
        *place, target.ravel().astype(np.float32), cells, pixels.reshape(-1, 2, 3), ("a", "b", "c")
    )


@given(seed=st.integers(0, 100), fraction=st.floats(0.05, 1.0), chosen=st.floats(0.05, 1.0))
def test_a_neighbourhood_is_the_chosen_cells_of_its_month_within_two_rows_and_columns(
    seed, fraction, chosen
):
    rng = np.random.default_rng(seed)
    there, values = rng.random((3, 7, 9)) < fraction, rng.standard_normal((3, 7, 9))
    samples = places(there)
    where = rng.random(samples.month.size) < chosen
    month, *cell = (axis[where] for axis in (samples.month, samples.row, samples.column))
    near = month == month[:, None]
    for axis in cell:
        near &= np.abs(axis - axis[:, None]) <= 2
    own = values[there][where]
    expected = np.array([own[others].mean() for others in near])
    assert np.allclose(neighbourhoods(samples, where) @ own, expected, atol=1e-12)


@given(seed=st.integers(0, 100))
def test_contrast_ignores_a_uniform_signal(seed):
    rng = np.random.default_rng(seed)
    samples = places(rng.random((3, 9, 9)) < 0.7)
    values = rng.standard_normal(samples.month.size)
    around = neighbourhoods(samples, np.ones(samples.month.size, bool))
    shifted = values + rng.standard_normal(3)[samples.month] * 50
    assert np.allclose(
        local_contrast(values, around, 1.0), local_contrast(shifted, around, 1.0), atol=1e-9
    )


@given(seed=st.integers(0, 100))
def test_means_of_cells_leave_unknown_values_out(seed):
    rng = np.random.default_rng(seed)
    field = np.where(rng.random((4, 3, 5)) < 0.6, rng.standard_normal((4, 3, 5)), np.nan)
    samples, known = places(rng.random(field.shape) < 0.8), np.zeros(field.shape, bool)
    place = samples.month, samples.row, samples.column
    known[place] = np.isfinite(field[place])
    for cell, mean in np.ndenumerate(samples.mean_by_cell(field[place], (3, 5))):
        own = field[(slice(None), *cell)][known[(slice(None), *cell)]]
        assert mean == pytest.approx(own.mean()) if own.size else np.isnan(mean)


def test_a_uniform_signal_does_not_change_the_response():
    for level in (0.0, 30.0):
        data = samples(level=level)
        booster = train(data, ALL, FEW)
        probe = np.zeros((50, 3), np.float32)
        probe[:, 0] = np.linspace(-1.5, 1.5, 50)
        predicted = booster.inplace_predict(probe)
        assert np.corrcoef(predicted, np.tanh(probe[:, 0]))[0, 1] > 0.95
        assert np.ptp(predicted) > 3.5
        assert next(iter(gains(booster))) == "a" and sum(gains(booster).values()) == pytest.approx(
            1
        )


def test_other_samples_are_not_trained_on():
    data, spoiled = samples(), samples()
    where = data.column < 8
    spoiled.target[~where] = 1e6
    spoiled.cells[~where] = np.nan
    spoiled.pixels[~where] = np.nan
    one, other = (train(each, where, FEW).save_raw() for each in (data, spoiled))
    assert one == other


def test_a_model_can_be_continued():
    data = samples()
    base = train(data, ALL, FEW)
    assert train(data, ALL, Boosting(trees=5, depth=3), base).num_boosted_rounds() == 45
    assert base.num_boosted_rounds() == 40


def test_training_can_be_cancelled():
    with pytest.raises(Cancelled):
        train(samples(), ALL, FEW, progress=TaskProgress(lambda: True))


def test_an_empty_training_set_is_refused():
    with pytest.raises(InputError, match="overlap"):
        train(samples(), ~ALL, FEW)


def test_the_response_is_learned_from_pixels_not_from_their_means():
    """Pixels have mean 0 in all cells and differ in spread; the target is their mean square."""
    rng = np.random.default_rng(3)
    spread = rng.uniform(0, 2, (ALL.size, 1, 1))
    pixels = (spread * rng.standard_normal((ALL.size, 8, 1))).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    target, place = (pixels[..., 0] ** 2).mean(axis=1), np.nonzero(np.ones((10, 12, 12)))
    booster = train(Samples(*place, target, pixels.mean(axis=1), pixels, ("x",)), ALL, FEW)
    far, near = booster.inplace_predict(np.array([[2.0], [0.0]], np.float32))
    assert far - near > 2
