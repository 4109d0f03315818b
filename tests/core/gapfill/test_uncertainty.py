"""Tests of the calibration of sigma on the errors in artificial gaps."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import ArtificialGaps, fill_artificial_gaps
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions, fill_series
from gwsa.gwsa_plugin.core.gapfill.uncertainty import (
    ONE_SIGMA,
    calibrate,
    sigma,
    variability,
)
from gwsa.tests.core.gapfill.gaps import GRACE, by, mask


def errors_at(positions, sizes, seed=0):
    """Artificial gaps of 200 series of variability 1 whose errors have these sizes."""
    errors = np.abs(np.random.default_rng(seed).normal(size=(200, len(positions)))) * sizes
    return ArtificialGaps(
        truth=np.zeros(errors.shape),
        filled={"method": errors},
        positions=np.array(positions),
        folds=np.arange(len(positions)) // 4,
        block=11,
    )


def test_each_position_has_the_quantile_of_its_own_errors():
    positions = np.tile(np.arange(4), 8)
    sizes = np.array([1.0, 3.0, 10.0, 40.0])[positions]
    gaps = errors_at(positions, sizes)
    calibration = calibrate(gaps, "method", np.ones(200))
    for position, ratio in enumerate(calibration.ratios):
        own = gaps.filled["method"][:, positions == position]
        assert ratio == np.quantile(own, ONE_SIGMA)
    assert calibration.ratios == pytest.approx([1.0, 3.0, 10.0, 40.0], rel=0.1)
    assert calibration.months.tolist() == [8] * 4
    assert calibration.coverage == pytest.approx(np.full(4, ONE_SIGMA), abs=0.03)


def test_each_missing_month_has_the_sigma_of_its_position():
    positions = np.tile(np.arange(4), 8)
    sizes = np.array([1.0, 3.0, 10.0, 40.0])[positions]
    calibration = calibrate(errors_at(positions, sizes), "method", np.ones(200))
    one, two, near, far = calibration.ratios
    missing = mask("x.xx..x.........x")
    expected = [one, two, two, near, near, near, far, far, far, near, near, near]
    found = sigma(calibration, np.array([1.0, 2.0]), missing)
    np.testing.assert_allclose(found, np.outer([1.0, 2.0], expected))


def test_sigma_of_a_position_ignores_the_errors_at_other_positions():
    positions = np.tile(np.arange(4), 8)
    gaps = errors_at(positions, np.ones(32))
    before = calibrate(gaps, "method", np.ones(200)).ratios
    for changed in range(4):
        gaps = errors_at(positions, np.where(positions == changed, 5.0, 1.0))
        after = calibrate(gaps, "method", np.ones(200)).ratios
        assert (after != before).nonzero()[0].tolist() == [changed]
        assert after[changed] == pytest.approx(5 * before[changed])


def test_coverage_of_a_position_is_that_of_ratios_from_the_other_folds():
    positions = np.tile(np.arange(4), 8)
    # The errors of the position deep in a gap differ from fold to fold.
    sizes = np.where(positions == 3, 1.5 ** np.arange(32), 1.0)
    gaps = errors_at(positions, sizes)
    errors = gaps.filled["method"]
    coverage = calibrate(gaps, "method", np.ones(200)).coverage
    for position in range(4):
        within = []
        for fold in range(8):
            own = errors[:, (positions == position) & (gaps.folds == fold)]
            others = errors[:, (positions == position) & (gaps.folds != fold)]
            within.append(np.mean(own <= np.quantile(others, ONE_SIGMA)))
        assert coverage[position] == pytest.approx(np.mean(within))
    assert coverage[3] != pytest.approx(coverage[2], abs=0.02)


def test_a_position_without_artificial_months_lies_between_its_neighbours():
    positions = np.tile([0, 2, 3], 8)
    sizes = np.array([1.0, np.nan, 3.0, 9.0])[positions]
    calibration = calibrate(errors_at(positions, sizes), "method", np.ones(200))
    ratios = calibration.ratios
    assert ratios[1] == pytest.approx((ratios[0] + ratios[2]) / 2)
    assert calibration.months[1] == 0 and np.isnan(calibration.coverage[1])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["harmonic", "harmonic_red"])
def test_sigma_contains_two_thirds_of_the_errors_in_the_true_gaps(method):
    random = np.random.default_rng(9)
    months = np.arange(225)
    truth = 8 * np.cos(2 * np.pi * months / 12) + np.cumsum(random.normal(size=(150, 225)), axis=1)
    truth *= random.uniform(0.2, 5, (150, 1))
    spread = variability(truth, GRACE)
    gaps = fill_artificial_gaps(truth, GRACE, {method: by(method)})
    calibration = calibrate(gaps, method, spread)
    assert 0.60 <= calibration.overall <= 0.75
    filled = fill_series(np.where(GRACE, 0.0, truth), GRACE, FillOptions(method))
    errors = np.abs(filled - truth[:, GRACE])
    assert 0.60 <= np.mean(errors <= sigma(calibration, spread, GRACE)) <= 0.75


def test_deep_in_a_gap_without_artificial_months_sigma_is_at_least_the_variability():
    missing = np.zeros(60, dtype=bool)
    missing[15:48] = True
    noise = np.random.default_rng(10).normal(size=(20, 60))
    series = 10 * np.sin(np.arange(60) * np.pi / 6) + noise
    gaps = fill_artificial_gaps(series, missing, {"harmonic": by("harmonic")})
    assert list(gaps.kinds()) == ["scattered gaps of 1 and 2 months"]
    assert calibrate(gaps, "harmonic", variability(series, missing)).ratios[3] >= 1
