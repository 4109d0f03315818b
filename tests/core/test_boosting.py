"""What the loss leaves out, what training sees, and that a model is the same wherever it is trained."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.boosting import Boosting, Samples, gains, local_contrast, train
from gwsa.gwsa_plugin.core.errors import Cancelled, InputError

FEW = Boosting(trees=40, depth=3, rate=0.2)


def samples(seed=0, level=0.0):
    """Only the first feature matters; ``level`` adds a signal of the whole month, which no feature tells."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((10, 3, 12, 12)).astype(np.float32)
    pixels = np.repeat(np.moveaxis(features, 1, -1)[:, :, :, None], 2, axis=3)
    target = 3 * np.tanh(features[:, 0]) + level * rng.standard_normal((10, 1, 1))
    usable = np.ones(target.shape, bool)
    cells = np.moveaxis(features, 1, -1)
    return Samples(target.astype(np.float32), usable, cells[usable], pixels[usable], ("a", "b", "c"))


@given(seed=st.integers(0, 100))
def test_contrast_ignores_what_neighbours_share(seed):
    rng = np.random.default_rng(seed)
    values, where = rng.standard_normal((3, 9, 9)), rng.random((3, 9, 9)) < 0.7
    shifted = values + rng.standard_normal((3, 1, 1)) * 50
    assert np.allclose(local_contrast(values, where, 1.0), local_contrast(shifted, where, 1.0), atol=1e-9)
    assert (local_contrast(values, where)[~where] == 0).all()


def test_a_signal_of_the_whole_month_does_not_disturb():
    for level in (0.0, 30.0):
        data = samples(level=level)
        booster = train(data, np.ones(data.target.shape, bool), FEW)
        probe = np.zeros((50, 3), np.float32)
        probe[:, 0] = np.linspace(-1.5, 1.5, 50)
        predicted = booster.inplace_predict(probe)
        assert np.corrcoef(predicted, np.tanh(probe[:, 0]))[0, 1] > 0.95
        assert np.ptp(predicted) > 3.5
        assert next(iter(gains(booster))) == "a" and sum(gains(booster).values()) == pytest.approx(1)


def test_samples_outside_are_not_seen():
    data, spoiled = samples(), samples()
    where = np.zeros(data.target.shape, bool)
    where[:, :, :8] = True
    spoiled.target[~where] = 1e6
    spoiled.cells[~where[spoiled.usable]] = np.nan
    spoiled.pixels[~where[spoiled.usable]] = np.nan
    one, other = (train(each, where, FEW).save_raw() for each in (data, spoiled))
    assert one == other


def test_only_usable_samples_are_trained_on():
    data = samples()
    everywhere = np.ones(data.target.shape, bool)
    usable = np.random.default_rng(2).random(data.target.shape) < 0.5
    kept = usable[data.usable]
    some = replace(data, usable=usable, cells=data.cells[kept], pixels=data.pixels[kept])
    assert train(some, everywhere, FEW).save_raw() == train(data, usable, FEW).save_raw()


def test_a_model_can_begin_from_another():
    data = samples()
    everywhere = np.ones(data.target.shape, bool)
    base = train(data, everywhere, FEW)
    assert train(data, everywhere, Boosting(trees=5, depth=3), base).num_boosted_rounds() == 45
    assert base.num_boosted_rounds() == 40


def test_training_stops_when_asked():
    def stop():
        raise Cancelled

    data = samples()
    with pytest.raises(Cancelled):
        train(data, np.ones(data.target.shape, bool), FEW, go_on=stop)


def test_nothing_to_learn_from_is_said():
    data = samples()
    with pytest.raises(InputError, match="overlap"):
        train(data, np.zeros(data.target.shape, bool), FEW)


def test_pixels_tell_what_their_means_cannot():
    """Cells whose pixels have one mean and differ in spread only: the target is the mean of the squares."""
    rng = np.random.default_rng(3)
    spread = rng.uniform(0, 2, (10, 12, 12, 1, 1))
    pixels = (spread * rng.standard_normal((10, 12, 12, 8, 1))).astype(np.float32)
    pixels -= pixels.mean(axis=3, keepdims=True)
    target = (pixels[..., 0] ** 2).mean(axis=3)
    usable = np.ones(target.shape, bool)
    booster = train(Samples(target, usable, pixels.mean(axis=3)[usable], pixels[usable], ("x",)), usable, FEW)
    far, near = booster.inplace_predict(np.array([[2.0], [0.0]], np.float32))
    assert far - near > 2
