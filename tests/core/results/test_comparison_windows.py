"""Windows of a comparison are scored in parallel, with the bytes of one after the other."""

import threading
from dataclasses import asdict

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.results import comparison_grid, comparison_windows
from gwsa.gwsa_plugin.core.results.comparison import compare
from gwsa.gwsa_plugin.core.results.comparison_scores import UNITS
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.tests.core.results.products import GRID, MONTHS, product, repeated, storage

FINE = GRID.refine(6)
RING = [[70.3, 30.2], [73.1, 30.2], [73.1, 32.7], [70.3, 32.7], [70.3, 30.2]]
POLYGON = Aquifer("polygon", {"type": "Polygon", "coordinates": [RING]})


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Products of 36 x 48 pixels that are read from their files in windows of 8 x 8."""
    monkeypatch.setattr(comparison_windows, "STRIP", 16)
    monkeypatch.setattr(comparison_grid, "MOST_HELD", 0)
    monkeypatch.setattr(comparison_grid, "MOST_READ", 8 * 8 * MONTHS.size)
    noise = np.random.default_rng(0).normal(size=(MONTHS.size, *FINE.shape))
    values = repeated(storage(GRID), 6) + noise
    return (
        product(tmp_path, "first", values, FINE),
        product(tmp_path, "other", values[:, ::-1], FINE),
    )


def made(pair, folder):
    """Bytes of the maps, and the scores."""
    paths = {name: folder / f"{name}.tif" for name in UNITS}
    result = compare(*pair, paths=paths, polygons=[POLYGON])
    scores = [repr(asdict(region)) for region in result.regions]
    return {name: path.read_bytes() for name, path in paths.items()}, scores, result.series


def test_the_bytes_do_not_depend_on_the_number_of_threads(pair, tmp_path, monkeypatch):
    expected = made(pair, tmp_path / "some")
    monkeypatch.setattr(comparison_windows, "AT_A_TIME", 1)
    maps, scores, series = made(pair, tmp_path / "one")
    assert maps == expected[0] and scores == expected[1]
    np.testing.assert_array_equal(series, expected[2])


def test_two_windows_are_scored_at_once(pair, tmp_path, monkeypatch):
    score_cells = comparison_windows.score_cells
    together = threading.Barrier(2, timeout=30)

    def wait_for_another(*arguments):
        together.wait()
        return score_cells(*arguments)

    monkeypatch.setattr(comparison_windows, "AT_A_TIME", 2)
    monkeypatch.setattr(comparison_windows, "score_cells", wait_for_another)
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    made(pair, tmp_path)
