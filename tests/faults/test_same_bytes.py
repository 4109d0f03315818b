"""Outputs of processes that differ, for three fast stages.

All: python -m gwsa.tests.faults.same_bytes FOLDER.
"""

from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters import geotiff
from gwsa.tests.faults.same_bytes import PROCESSES, compare, has_locale


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["aquifer_series", "trend_map"])
def test_outputs_have_the_same_bytes_in_processes_that_differ(stage, tmp_path):
    chosen = [name for name in ("four threads", "hash seed", "Turkish locale", "working folder")
              if has_locale(PROCESSES[name])]  # fmt: skip
    assert compare(stage, tmp_path / stage, chosen) == []


@pytest.mark.slow
def test_scores_of_a_downscaling_do_not_depend_on_threads_of_blas(tmp_path):
    """The prior is fitted to sums over many months and cells."""
    assert compare("downscaling", tmp_path / "downscaling", ["four threads"]) == []


def test_creation_options_are_written_as_gdal_lists_them(tmp_path, monkeypatch):
    """In a Turkish locale GDAL does not find "tiled" as "TILED"."""
    given = []
    create = geotiff.gdal.Driver.Create

    def record(driver, path, columns, rows, bands, kind, options):
        given.extend(options)
        return create(driver, path, columns, rows, bands, kind, options)

    monkeypatch.setattr(geotiff.gdal.Driver, "Create", record)
    header = geotiff.Header(Grid(70.0, 31.0, 0.25, 0.25, 4, 4), names=("a",), unit="", tags={})
    with geotiff.new_geotiff(Path(tmp_path / "a.tif"), header, 128, geotiff.DEFLATE) as file:
        file.write(1, np.zeros((4, 4), "f4"))
    assert {"TILED=TRUE", "INTERLEAVE=BAND", "COMPRESS=DEFLATE"} <= set(given)
