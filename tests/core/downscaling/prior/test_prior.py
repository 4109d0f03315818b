"""Amplitude and response of the prior, and its record."""

import json

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.downscaling.prior.prior import AMPLITUDES, Prior, Standard

STANDARD = Standard(np.array([10.0, -1.0]), np.array([2.0, 0.5]))
PRIOR = Prior(
    ("surplus_mean2", "surplus_mean8", "runoff_mean2"),
    np.array([0.5, 0.0, 2.0]),
    ("soil", "relief"),
    STANDARD,
    np.array([0.3, -0.2]),
)


def test_the_record_restores_the_prior():
    record = json.loads(json.dumps(PRIOR.as_record(), allow_nan=False))
    restored = Prior.from_record(record)
    assert restored.as_record() == PRIOR.as_record()
    rng = np.random.default_rng(0)
    statics, terms = rng.standard_normal((2, 7)) + 5, rng.standard_normal((3, 7))
    np.testing.assert_array_equal(restored.amplitude(statics), PRIOR.amplitude(statics))
    np.testing.assert_array_equal(restored.response(terms), PRIOR.response(terms))


def test_the_response_is_a_weighted_sum_of_the_terms():
    terms = np.array([[1.0, 2.0], [5.0, 6.0], [-1.0, 0.25]], dtype=np.float32)
    np.testing.assert_allclose(PRIOR.response(terms), [0.5 - 2.0, 1.0 + 0.5])


def test_the_amplitude_is_linear_in_standardised_statics():
    statics = np.array([[10.0, 12.0, 8.0], [-1.0, -1.0, -0.5]])
    np.testing.assert_allclose(PRIOR.amplitude(statics), [1, 1.3, 1 - 0.3 - 0.2], rtol=1e-6)


def test_missing_statics_count_as_the_mean():
    statics = np.array([[np.nan, np.nan, 12.0], [np.nan, -0.5, np.nan]])
    np.testing.assert_allclose(PRIOR.amplitude(statics), [1.0, 0.8, 1.3], rtol=1e-6)


def test_statics_and_amplitude_are_limited():
    extreme = np.array([[1e6, -1e6, 15.0, 5.0], [-1.0, -1.0, -1.0, -1.0]])
    # Limited to 2.5 standard deviations.
    np.testing.assert_allclose(PRIOR.amplitude(extreme), [1.75, 0.25, 1.75, 0.25], rtol=1e-6)
    steep = Prior(PRIOR.terms, PRIOR.responses, PRIOR.statics, STANDARD, np.array([2.0, 0.0]))
    np.testing.assert_array_equal(steep.amplitude(extreme[:, :2]), AMPLITUDES[::-1])


def test_the_standard_is_mean_and_deviation_of_known_values():
    rng = np.random.default_rng(1)
    statics = rng.normal(3, 2, (3, 20, 8)).astype(np.float32)
    statics[0, 4] = np.nan
    statics[1] = 7.0
    statics[2] = np.nan
    standard = Standard.from_statics(statics)
    assert standard.mean[:2] == pytest.approx([np.nanmean(statics[0], dtype=float), 7])
    assert standard.deviation[0] == pytest.approx(np.nanstd(statics[0], dtype=float))
    assert standard.deviation[1:].tolist() == [1, 1]
    scaled = standard.apply(statics)
    assert np.isfinite(scaled).all() and (scaled[1:] == 0).all() and (scaled[0, 4] == 0).all()
