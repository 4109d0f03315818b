"""The estimated cost counts all predictions and is an upper bound of the disk space."""

from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.maps import cost as module
from gwsa.gwsa_plugin.core.downscaling.maps.cost import (
    BLOCK_PIXELS,
    CODE_BYTES,
    NODE_BYTES,
    PART_BYTES,
    TASK_BYTES,
    Cost,
    Seconds,
    Sizes,
    estimate_cost,
    report_cost,
    simulated_seconds,
)
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import SHARES, maps_in, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, train


class Listener(Progress):
    def __init__(self):
        self.lines, self.warnings = [], []
        self.info, self.warn = self.lines.append, self.warnings.append


@pytest.fixture(scope="module")
def job(small_world):
    domain = make_domain(
        small_world.gwsa, small_world.predictors, small_world.aquifers, (None, None), SILENT
    ).with_features(SILENT)
    everywhere = np.ones(domain.samples.target.size, dtype=bool)
    models = RegionModels(
        {ALL: train(domain.samples, everywhere, Boosting(trees=20, depth=3))},
        np.zeros(3, dtype=int),
    )
    use = ModelUse(models, domain.cells, np.ones(domain.months.size, dtype=bool))
    products = {"maps": [use], "held_out": [use]}
    return MapJob.from_domain(domain, products, MapOptions(feather_km=10))


def test_all_predictions_are_counted_and_the_disk_space_is_an_upper_bound(job, tmp_path):
    expected = estimate_cost(job, tmp_path, SILENT)
    assert not list(tmp_path.iterdir())
    assert expected.predictions == job.conservation.pixels().sum() * 24 * 2
    assert expected.seconds > 0 and expected.memory > 0
    write_maps(job, tmp_path, SILENT)
    maps = sum(path.stat().st_size for name in job.products for path in maps_in(tmp_path, name))
    # Headers and tags are not in the estimate.
    assert maps < expected.disk + 100_000
    assert expected.disk > 4 * expected.predictions


# Two years of a tile, one period each, are predicted for two products; then each of four maps is
# corrected and joined. Two workers have work until the end; the maps keep four of them busy.
@pytest.mark.parametrize(
    ("workers", "predictions", "maps"), [(1, 2, 4), (2, 1, 2), (4, 1, 1), (80, 1, 1)]
)
def test_the_time_is_that_of_the_schedule(job, tmp_path, monkeypatch, workers, predictions, maps):
    monkeypatch.setattr(module, "years_together", lambda job: 1)
    monkeypatch.setattr(module, "_time_tile", lambda *given: (0.5, 0.1))
    monkeypatch.setattr(module, "_time_solution", lambda job: 0.0)

    def run(works, progress, at_once):
        at_once(workers)
        return [work(SILENT) for work in works]

    assert len(job.tiles) == 1
    expected = estimate_cost(job, tmp_path, SILENT, run)
    join = SHARES[2] / SHARES[1]
    assert expected.seconds == pytest.approx(12 * (0.5 * predictions + 0.1 * (1 + join) * maps))


def test_the_correction_is_solved_between_the_tasks(job, monkeypatch):
    """However many workers there are, months of products are solved one after the other."""
    monkeypatch.setattr(module, "years_together", lambda job: 2)
    seconds = Seconds(predict=1.0, correct=0.0, solve=0.01)
    for workers in (1, 80):
        found = simulated_seconds(job, seconds, Sizes(*np.ones((3, 1))), workers)
        assert found == pytest.approx(24 * (1 + 2 * 0.01))


def test_small_tiles_take_less_time(job, monkeypatch):
    monkeypatch.setattr(module, "years_together", lambda job: 2)
    seconds = Seconds(predict=1.0, correct=0.0, solve=0.0)
    sizes = Sizes(*np.tile([1.0, 0.5, 0.25, 0.25], (3, 1)))
    alone, two = (simulated_seconds(job, seconds, sizes, workers) for workers in (1, 2))
    assert alone == pytest.approx(24 * 2)
    assert two == pytest.approx(24)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("workers", [2, 8, 16])
def test_the_time_of_one_tile_gives_that_of_all(job, monkeypatch, share, workers):
    """Tiles of a coast, on rasters of other blocks: decoding takes a share of the time."""
    monkeypatch.setattr(module, "years_together", lambda job: 2)
    rng = np.random.default_rng(3)
    mapped, decoded = rng.uniform(0.05, 1, 60), rng.choice([1.0, 2.0, 4.0], 60)
    sizes = Sizes(mapped / mapped.mean(), decoded / decoded.mean(), np.ones(60))
    truth = share * sizes.decoded + (1 - share) * sizes.mapped
    measured = truth[sizes.average] / sizes.predict[sizes.average]
    estimate = simulated_seconds(job, Seconds(measured, 0.0, 0.0), sizes, workers)
    true_sizes = Sizes(truth, truth, np.ones(60))
    expected = simulated_seconds(job, Seconds(1.0, 0.0, 0.0), true_sizes, workers)
    assert estimate == pytest.approx(expected, rel=0.2)


def test_tiles_are_compared_by_pixels_and_blocks(job, monkeypatch):
    """Nine tiles of 32 x 32 pixels in a raster of one block, which is decoded for each of them."""
    monkeypatch.setattr(tiles, "LEAST_SIDE", 32)
    sizes = Sizes.from_job(job)
    pixels = np.array([job.conservation.pixels(tile).sum() for tile in job.tiles])
    np.testing.assert_allclose(sizes.mapped, pixels / pixels.mean())
    np.testing.assert_allclose(sizes.decoded, 1)
    np.testing.assert_allclose(sizes.encoded, 1)
    np.testing.assert_allclose(sizes.predict, (sizes.mapped + 1) / 2)
    assert pixels[sizes.average] == pixels.max() < 32**2 * sizes.mapped.size


def test_the_memory_is_that_of_rasters_predictions_and_features(job, tmp_path):
    """Two products in 24 months. Rain is float32, with one month before; it has two features."""
    side = job.conservation.block_side
    task = (
        side**2 * 4 * (24 + 1)
        + 24 * CODE_BYTES * BLOCK_PIXELS * 4
        + PART_BYTES * 24 * side**2 * 2
        + TASK_BYTES
    )
    cells = NODE_BYTES * job.conservation.cells.sum()

    for workers in (2, 16):

        def run(works, progress, at_once, workers=workers):
            at_once(workers)
            return [work(SILENT) for work in works]

        found = estimate_cost(job, tmp_path, SILENT, run).memory
        assert found == pytest.approx(workers * task + cells)


def test_the_cost_is_logged_with_a_warning_if_the_disk_is_too_small(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e9))
    listener = Listener()
    report_cost(Cost(3_000_000, 5.0, 1e9, 1e9), tmp_path, listener)
    assert listener.lines == [
        "3.0 million pixels and months will take about 5 seconds and need up to 1.0 GB of disk "
        "space and 1.0 GB of memory."
    ]
    assert not listener.warnings
    report_cost(Cost(5_000_000_000, 7200.0, 3e9, 1e9), tmp_path, listener)
    assert "5,000.0 million pixels and months will take about 120 minutes" in listener.lines[1]
    (warning,) = listener.warnings
    assert "has 2.0 GB of free space" in warning
