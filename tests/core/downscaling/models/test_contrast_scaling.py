"""Models of averages are too flat for what they were averaged from, and by how much is found where it is known."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.folds import Split
from gwsa.gwsa_plugin.core.downscaling.models.contrast_scaling import (
    LARGEST_SLOPE,
    averaged,
    contrast_slope,
    contrast_sums_across_scales,
    in_fours,
)
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

FEW = Boosting(trees=40, depth=4, rate=0.2, least_rows=5)
SHAPE = (6, 17, 24)
NOTHING = np.zeros((0, 2))


def samples(seed=0, signal=1.0) -> Samples:
    """A straight answer to one feature, whose spread among pixels is twice that of the means over cells; trees that
    have seen means only say too little of it."""
    random = np.random.default_rng(seed)
    cells = random.standard_normal((*SHAPE, 2)).astype(np.float32)
    pixels = cells[..., None, :] + random.standard_normal((*SHAPE, 8, 2)).astype(np.float32)
    target = signal * 3 * pixels[..., 0].mean(axis=-1) + 0.1 * random.standard_normal(SHAPE)
    there = random.random(SHAPE) < 0.95
    own = target[there].astype(np.float32), pixels.mean(axis=3)[there], pixels[there]
    return Samples(*np.nonzero(there), *own, ("a", "b"))


def halves() -> Split:
    cells, months = np.zeros(SHAPE[1:], bool), np.arange(SHAPE[0]) < 3
    cells[:, 12:] = True
    return Split(cells, months, np.zeros_like(cells), months)


def test_a_straight_answer_is_found_too_flat_and_noise_is_not_stretched():
    evidence = np.array([contrast_sums_across_scales(samples(), halves(), FEW, SILENT)])
    assert 1.02 < contrast_slope(evidence, NOTHING) <= LARGEST_SLOPE
    noise = np.array([contrast_sums_across_scales(samples(signal=0.0), halves(), FEW, SILENT)])
    assert noise[0, 1] > 0 and contrast_slope(noise, NOTHING) == 1


def test_without_evidence_nothing_is_stretched():
    nowhere = replace(halves(), cells=np.zeros(SHAPE[1:], bool))
    assert contrast_sums_across_scales(samples(), nowhere, FEW, SILENT) == (0.0, 0.0)
    assert (
        contrast_slope(NOTHING, NOTHING) == contrast_slope(np.zeros((3, 2)), np.zeros((3, 2))) == 1
    )


def test_what_is_too_flat_for_cells_is_stretched_whatever_the_step_to_them_tells():
    flat, steep, far_too_flat = (
        np.array([[covariance, 2.0], [1.0, 1.0]]) for covariance in (2.3, 1.0, 9.0)
    )
    assert contrast_slope(steep, flat) == contrast_slope(flat, steep) == pytest.approx(1.1)
    assert (
        contrast_slope(steep, steep) == 1 and contrast_slope(steep, far_too_flat) == LARGEST_SLOPE
    )


def test_averages_are_those_of_whole_fours():
    given = samples()
    number = np.full(SHAPE, -1)
    number[given.month, given.row, given.column] = np.arange(given.target.size)
    windows = [(m, r, c) for m in range(6) for r in range(0, 16, 2) for c in range(0, 24, 2)]
    fours = {
        place: number[place[0], place[1] : place[1] + 2, place[2] : place[2] + 2].ravel()
        for place in windows
    }
    fours = {place: four for place, four in fours.items() if (four >= 0).all()}
    made = averaged(given, in_fours(given))
    assert list(zip(made.month, 2 * made.row, 2 * made.column)) == list(fours)
    assert made.pixels.shape == (len(fours), 8, 2)
    for four, target, cells, pixels in zip(fours.values(), made.target, made.cells, made.pixels):
        np.testing.assert_allclose(target, given.target[four].mean(), rtol=1e-5)
        np.testing.assert_allclose(cells, given.cells[four].mean(axis=0), rtol=1e-4, atol=1e-6)
        of_four = given.pixels[four].reshape(-1, 2)
        assert all((of_four == pixel).all(axis=1).any() for pixel in pixels)


def test_what_is_held_out_is_not_seen():
    given, split = samples(), halves()
    spoiled = replace(given, cells=given.cells.copy(), pixels=given.pixels.copy())
    unseen = ~split.trained(given) & ~split.held(given)
    spoiled.cells[unseen], spoiled.pixels[unseen] = 99, 99
    assert contrast_sums_across_scales(given, split, FEW, SILENT) == contrast_sums_across_scales(
        spoiled, split, FEW, SILENT
    )
