import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.nan_mean import nan_mean


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_nan_mean_is_the_mean_of_finite_values(seed, gaps):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 10, (6, 3, 2)).astype("float32")
    values[rng.random(values.shape) < gaps] = np.nan
    for place in np.ndindex(3, 2):
        series = values[(slice(None), *place)]
        finite = series[np.isfinite(series)]
        expected = finite.astype(float).mean() if finite.size else np.nan
        np.testing.assert_allclose(nan_mean(values)[place], expected, rtol=1e-12)
