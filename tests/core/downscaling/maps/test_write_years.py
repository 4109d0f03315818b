"""Years are corrected and joined as they come, with the bits of a correction in one piece."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import calendar_year
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.maps import write_years
from gwsa.gwsa_plugin.core.downscaling.maps.encoding import EXACT
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import maps_in, periods_at_once, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, train
from gwsa.gwsa_plugin.core.downscaling.skill.closure import Closure
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection, read_pixels
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff


@pytest.fixture(scope="module")
def job(small_world):
    domain = make_domain(
        small_world.gwsa, small_world.predictors, small_world.aquifers, (None, None), SILENT
    ).with_features(SILENT)
    everywhere = np.ones(domain.samples.target.size, dtype=bool)
    booster = train(domain.samples, everywhere, Boosting(trees=10, depth=3))
    models = RegionModels({ALL: booster}, np.zeros(3, dtype=int))
    use = ModelUse(models, domain.cells, np.ones(domain.months.size, dtype=bool))
    return MapJob.from_domain(domain, {"maps": [use]}, MapOptions(feather_km=10, encoding=EXACT))


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Tiles of 4 x 4 cells, of which the small world has nine."""
    monkeypatch.setattr(tiles, "LEAST_SIDE", 32)


def expected(job):
    """The corrected predictions of all months, in one piece."""
    pixels = job.conservation.pixels()
    (use,) = job.products["maps"]
    selection = PixelSelection(tiles.Tile.full(pixels.shape), pixels)
    weights = {ALL: np.ones(pixels.sum(), dtype=np.float32)}
    fields = []
    for number, features in enumerate(read_pixels(job.predictors, job.months, selection)):
        raw = np.full(pixels.shape, np.nan, dtype=np.float32)
        raw[pixels] = use.models.predict(features, weights)
        fields.append(job.conservation.correct(raw, job.target[number]).astype(np.float32))
    return np.stack(fields)


def test_maps_have_the_bits_of_a_correction_in_one_piece(job, tmp_path):
    assert len(job.tiles) == 9
    closures = write_maps(job, tmp_path, SILENT)
    bands = []
    for path in maps_in(tmp_path, "maps"):
        with rasterio.open(path) as source:
            bands.append(source.read())
            assert (
                source.block_shapes
                == [(job.conservation.block_side, job.conservation.block_side)] * 12
            )
            assert source.descriptions[0] == f"{path.stem[-4:]}-01"
    np.testing.assert_array_equal(np.concatenate(bands), expected(job))
    for number, closure in enumerate(map(Closure.read, closures["maps"])):
        assert closure.months.tolist() == list(range(12 * number, 12 * number + 12))
        means = [job.conservation.block_mean(field.astype(np.float64)) for field in bands[number]]
        np.testing.assert_allclose(closure.corrected, means, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps"]


def test_models_that_were_trained_beside_a_prior_are_mapped_without_it(job, tmp_path):
    """Leakage is measured with the models alone."""
    (use,) = job.products["maps"]
    without = replace(job, products={"maps": [replace(use, prior=0)]}, prior=None, lines=None)
    write_maps(without, tmp_path, SILENT)
    with rasterio.open(maps_in(tmp_path, "maps")[0]) as source:
        np.testing.assert_array_equal(source.read(), expected(job)[:12])


def test_the_tiles_of_few_years_lie_on_the_disk(job, tmp_path, monkeypatch):
    """Years are made one by one where that is the bound, and the others have not begun."""
    seen = []
    correct = write_years.correct_tile

    def look(*given):
        seen.append(sorted(path.name for path in tmp_path.glob("20??/maps/*_*.npy")))
        return correct(*given)

    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    monkeypatch.setattr(write_years, "correct_tile", look)
    monkeypatch.setattr(write_years, "MOST_YEARS", 1)

    def run(works, progress, at_once):
        run_all(works, progress, lambda workers: 1)

    write_maps(job, tmp_path, SILENT, run)
    years = np.unique(calendar_year(job.months)).size
    assert [len(names) for names in seen] == [9] * 9 * years


def test_years_that_are_made_together_have_the_bytes_of_single_years(job, tmp_path, monkeypatch):
    for years in (1, 2):
        monkeypatch.setattr(write_years, "MOST_YEARS", years)
        assert write_years.years_together(job) == years
        (tmp_path / str(years)).mkdir()
        write_maps(job, tmp_path / str(years), SILENT)
    single, pair = (
        [path.read_bytes() for path in maps_in(tmp_path / name, "maps")] for name in ("1", "2")
    )
    assert len(single) == 2 and single == pair


def test_a_year_that_is_written_is_not_made_again(job, tmp_path, monkeypatch):
    write_maps(job, tmp_path, SILENT)
    first, second = maps_in(tmp_path, "maps")
    before = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    write_maps(job, tmp_path, SILENT)
    assert (first.stat().st_mtime_ns, second.read_bytes()) == before


def test_the_number_of_periods_follows_the_workers():
    assert [periods_at_once(35, workers) for workers in (1, 2, 8, 16, 80)] == [3, 3, 3, 4, 12]
    assert periods_at_once(1, 80) == 82, "a small year gives work to one worker only"


def test_overviews_are_those_of_a_map_written_at_once(job, tmp_path, monkeypatch):
    monkeypatch.setattr("gwsa.gwsa_plugin.core.rasters.geotiff.MAX_SIDE_WITHOUT_OVERVIEWS", 16)
    write_maps(job, tmp_path, SILENT)
    first = maps_in(tmp_path, "maps")[0]
    fields = expected(job)[:12]
    again = tmp_path / first.name
    grid = job.conservation.coarse.refine(job.conservation.factor)
    header = Header(grid, ("",) * 12, "", {}, step=job.options.storage.step)
    with new_geotiff(again, header, 240, job.options.creation) as target:
        for band, field in enumerate(fields, start=1):
            target.write(band, field)
        target.add_overviews(SILENT)
    for level in range(3):
        with (
            rasterio.open(first, overview_level=level) as one,
            rasterio.open(again, overview_level=level) as other,
        ):
            np.testing.assert_array_equal(one.read(), other.read())


def test_a_folder_that_was_deleted_is_named(job, tmp_path):
    with pytest.raises(InputError, match="cannot access the folder"):
        write_years.correct_tile(
            job, "maps", tmp_path / "gone", np.arange(12), job.tiles[0], SILENT
        )


def test_a_wrong_correction_is_not_written(job, tmp_path):
    wrong = replace(job, target=[field.copy() for field in job.target])
    wrong.target[3][5, 7] = np.nan
    with pytest.raises(RuntimeError, match="block means differ"):
        write_maps(wrong, tmp_path, SILENT)
    assert not maps_in(tmp_path, "maps")
