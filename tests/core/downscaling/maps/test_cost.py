"""What is told before maps are made: as many predictions as there are, no less disk than they take, and room for it."""

from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.maps import cost as module
from gwsa.gwsa_plugin.core.downscaling.maps.cost import Cost, estimate_cost, report_cost
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.yearly import maps_in, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, train


class Listener(Progress):
    def __init__(self):
        self.said, self.warned = [], []
        self.info, self.warn = self.said.append, self.warned.append


@pytest.fixture(scope="module")
def job(small_world):
    domain = make_domain(
        small_world.gwsa, small_world.predictors, small_world.aquifers, (None, None), SILENT
    )
    everywhere = np.ones(domain.samples.target.size, dtype=bool)
    models = RegionModels(
        {ALL: train(domain.samples, everywhere, Boosting(trees=20, depth=3))},
        np.zeros(3, dtype=int),
    )
    part = ModelUse(models, domain.cells, np.ones(domain.months.size, dtype=bool))
    return MapJob.of(domain, {"maps": [part], "held_out": [part]}, MapOptions(feather_km=10))


def test_as_many_predictions_as_there_are_and_no_less_disk(job, tmp_path):
    expected = estimate_cost(job, tmp_path, SILENT)
    assert not list(tmp_path.iterdir())
    assert expected.rows == job.conservation.pixels().sum() * 24 * 2
    assert expected.seconds > 0 and expected.memory > 0
    write_maps(job, tmp_path, SILENT)
    pixels = expected.rows * 1.0
    maps = sum(path.stat().st_size for name in job.products for path in maps_in(tmp_path, name))
    assert expected.disk > 4 * pixels and maps < expected.disk + 100_000  # of headers and tags


def test_a_sentence_and_a_warning_where_there_is_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e9))
    listener = Listener()
    report_cost(Cost(3_000_000, 5.0, 1e9, 1e9), tmp_path, listener)
    assert listener.said == [
        "3.0 million predictions will take about 5 seconds, and up to 1.0 GB of disk and 1.0 GB of memory."
    ]
    assert not listener.warned
    report_cost(Cost(5_000_000_000, 7200.0, 3e9, 1e9), tmp_path, listener)
    assert "5,000.0 million predictions will take about 120 minutes" in listener.said[1]
    assert len(listener.warned) == 1 and "make room" in listener.warned[0]
