"""Models of averages underestimate contrast, and the calibration slope shows by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.folds import Split
from gwsa.gwsa_plugin.core.downscaling.models.bins import Bins
from gwsa.gwsa_plugin.core.downscaling.models.contrast_scaling import (
    LARGEST_SLOPE,
    average_blocks,
    contrast_slope,
    contrast_sums_across_scales,
    group_into_blocks,
)
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

pytestmark = pytest.mark.slow

FEW = Boosting(trees=40, depth=4, rate=0.2, least_rows=5)
SHAPE = (6, 17, 24)
NO_SPLITS = np.zeros((0, 2))


def samples(seed=0, signal=1.0) -> Samples:
    """A linear response to one feature, whose spread among pixels is twice that among cells.

    Trees that are trained on averages underestimate it.
    """
    random = np.random.default_rng(seed)
    cells = random.standard_normal((*SHAPE, 2)).astype(np.float32)
    pixels = cells[..., None, :] + random.standard_normal((*SHAPE, 8, 2)).astype(np.float32)
    target = signal * 3 * pixels[..., 0].mean(axis=-1) + 0.1 * random.standard_normal(SHAPE)
    there = random.random(SHAPE) < 0.95
    values = target[there].astype(np.float32), pixels.mean(axis=3)[there], pixels[there]
    return Samples(*np.nonzero(there), *values, ("a", "b"))


def halves() -> Split:
    cells, months = np.zeros(SHAPE[1:], bool), np.arange(SHAPE[0]) < 3
    cells[:, 12:] = True
    return Split(cells, months, np.zeros_like(cells), months)


def contrast_sums(data: Samples, split: Split, bins: Bins | None = None) -> tuple[float, float]:
    return contrast_sums_across_scales(data, split, FEW, bins or Bins(data), SILENT)


def test_a_linear_response_has_a_slope_above_one_and_noise_has_not():
    signal = np.array([contrast_sums(samples(), halves())])
    assert 1.02 < contrast_slope(signal, NO_SPLITS) <= LARGEST_SLOPE
    noise = np.array([contrast_sums(samples(signal=0.0), halves())])
    assert noise[0, 1] > 0 and contrast_slope(noise, NO_SPLITS) == 1


def test_the_slope_is_one_without_data():
    nowhere = replace(halves(), cells=np.zeros(SHAPE[1:], bool))
    assert contrast_sums(samples(), nowhere) == (0.0, 0.0)
    assert contrast_slope(NO_SPLITS, NO_SPLITS) == 1
    assert contrast_slope(np.zeros((3, 2)), np.zeros((3, 2))) == 1


def test_the_larger_slope_is_used_and_limited():
    too_flat, right, far_too_flat = (
        np.array([[covariance, 2.0], [1.0, 1.0]]) for covariance in (2.3, 1.0, 9.0)
    )
    assert contrast_slope(right, too_flat) == contrast_slope(too_flat, right) == pytest.approx(1.1)
    assert contrast_slope(right, right) == 1
    assert contrast_slope(right, far_too_flat) == LARGEST_SLOPE


def test_averages_are_those_of_complete_blocks():
    data = samples()
    number = np.full(SHAPE, -1)
    number[data.month, data.row, data.column] = np.arange(data.target.size)
    places = [(m, r, c) for m in range(6) for r in range(0, 16, 2) for c in range(0, 24, 2)]
    blocks = {(m, r, c): number[m, r : r + 2, c : c + 2].ravel() for m, r, c in places}
    blocks = {place: block for place, block in blocks.items() if (block >= 0).all()}
    averages = average_blocks(data, group_into_blocks(data))
    assert list(zip(averages.month, 2 * averages.row, 2 * averages.column)) == list(blocks)
    assert averages.pixels.shape == (len(blocks), 8, 2)
    for block, target, cells, pixels in zip(
        blocks.values(), averages.target, averages.cells, averages.pixels
    ):
        np.testing.assert_allclose(target, data.target[block].mean(), rtol=1e-5)
        np.testing.assert_allclose(cells, data.cells[block].mean(axis=0), rtol=1e-4, atol=1e-6)
        block_pixels = data.pixels[block].reshape(-1, 2)
        assert all((block_pixels == pixel).all(axis=1).any() for pixel in pixels)


def test_excluded_samples_are_not_used():
    data, split = samples(), halves()
    spoiled = replace(data, cells=data.cells.copy(), pixels=data.pixels.copy())
    excluded = ~split.trained(data) & ~split.held(data)
    spoiled.cells[excluded], spoiled.pixels[excluded] = 99, 99
    bins = Bins(data)
    assert contrast_sums(data, split, bins) == contrast_sums(spoiled, split, bins)
