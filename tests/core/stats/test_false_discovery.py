import numpy as np

from gwsa.gwsa_plugin.core.stats.false_discovery import PValueCounts, round_p
from gwsa.gwsa_plugin.core.stats.trends import benjamini_hochberg


def test_adjusted_values_are_exactly_those_of_all_tests_together():
    generator = np.random.default_rng(1)
    p = generator.random(20000) ** generator.choice([1, 3, 12], 20000)
    p[::7] = np.nan
    p[::501] = 1.0
    rounded = round_p(p)
    counts = PValueCounts()
    for part in np.array_split(rounded, 7):
        counts.add(part)
    assert counts.total == np.isfinite(p).sum()
    found = counts.look_up(counts.adjusted(), rounded)
    np.testing.assert_allclose(found, benjamini_hochberg(rounded), rtol=1e-6)


def test_rounding_keeps_five_digits_and_the_ends():
    p = np.array([0.0, 1e-300, 1e-9, 0.0123456789, 0.5, 1.0, np.nan])
    rounded = round_p(p)
    assert rounded.dtype == np.float32
    assert rounded[0] == rounded[1] == np.float32(2.0**-40)
    np.testing.assert_allclose(rounded[2:6], p[2:6], rtol=1e-5)
    assert rounded[5] == 1.0
    assert np.isnan(rounded[6])
    np.testing.assert_array_equal(round_p(rounded), rounded)


def test_counts_weigh_as_repeated_tests():
    p = np.array([0.001, 0.02, 0.3, np.nan])
    counts = np.array([3, 1, 4, 5])
    repeated = benjamini_hochberg(np.repeat(p, counts))
    found = np.repeat(benjamini_hochberg(p, counts), counts)
    np.testing.assert_allclose(found, repeated)
