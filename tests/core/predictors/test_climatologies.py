"""Climatologies are means over the months with a value, as stored or not, compiled or not."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.predictors import climatologies
from gwsa.gwsa_plugin.core.predictors.climatologies import _add
from gwsa.gwsa_plugin.core.predictors.stored_features import StoredFeature

SHAPE = (9, 14)
MONTHS = 40


def bands():
    """Stored months, some values missing; a pixel never has one."""
    rng = np.random.default_rng(3)
    numbers = rng.integers(-3000, 3000, (MONTHS, *SHAPE)).astype(np.int16)
    numbers[rng.random(numbers.shape) < 0.2] = -32768
    numbers[:, 4, 5] = -32768
    return [StoredFeature(one, 0.02, 273.15, -32768) for one in numbers]


def sums(features):
    columns = np.flatnonzero(np.random.default_rng(1).random(SHAPE) < 0.7).astype(np.int32)
    columns = np.union1d(columns, [4 * SHAPE[1] + 5]).astype(np.int32)
    total, count = np.zeros((2, columns.size))
    for feature in features:
        _add(feature, columns, total, count)
    return columns, total, count


def test_sums_are_over_the_months_with_a_value():
    columns, total, count = sums(bands())
    values = np.stack([one.values() for one in bands()]).reshape(MONTHS, -1)[:, columns]
    np.testing.assert_array_equal(count, np.isfinite(values).sum(axis=0))
    assert count.min() == 0 and 0 < count[count > 0].min() < MONTHS
    np.testing.assert_allclose(total, np.nansum(values, axis=0, dtype=float), rtol=1e-12)


def test_compiled_and_plain_sums_have_the_same_bits(monkeypatch):
    pytest.importorskip("numba")
    compiled = sums(bands())
    monkeypatch.setattr(climatologies, "_kernel", lambda: None)
    for one, other in zip(compiled, sums(bands())):
        np.testing.assert_array_equal(one, other)


def test_numbers_that_are_not_stored_as_int16_give_the_same_sums():
    for one, other in zip(sums(bands()), sums([one.values() for one in bands()])):
        np.testing.assert_array_equal(one, other)
