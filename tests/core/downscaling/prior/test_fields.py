"""The prior at 1 km: its formula in each pixel, its saved lines and its cell means."""

import shutil

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.downscaling.prior import fields
from gwsa.gwsa_plugin.core.downscaling.prior.drivers import (
    driver_set,
    read_statics,
    read_terms,
    static_names,
)
from gwsa.gwsa_plugin.core.downscaling.prior.fields import PriorJob, fit_lines, read_lines
from gwsa.gwsa_plugin.core.downscaling.prior.lines import line_basis, without_lines
from gwsa.gwsa_plugin.core.downscaling.prior.prior import Prior, Standard
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet

ALL_CELLS = Tile(slice(0, 6), slice(0, 6))


def make_priors(predictors, statics):
    """Two priors with random coefficients."""
    names = static_names(predictors)
    terms = driver_set(predictors).features
    rng = np.random.default_rng(6)
    return [
        Prior(
            terms,
            rng.random(len(terms)) * (rng.random(len(terms)) < 0.5),
            names,
            Standard.from_statics(statics),
            0.2 * rng.standard_normal(len(names)),
        )
        for _ in range(2)
    ]


def make_job(world, predictors):
    """Two priors: the first is needed everywhere, the second in the north."""
    pixels = world.conservation.pixels()
    statics = read_statics(predictors, PixelSelection(Tile.full(pixels.shape), pixels), SILENT)
    everywhere = np.ones((6, 6), dtype=bool)
    north = np.arange(6)[:, None] + np.zeros(6) < 3
    return PriorJob(
        make_priors(predictors, statics),
        [everywhere, north],
        predictors,
        world.conservation,
        world.gwsa.months,
    )


@pytest.fixture(scope="module")
def job(driver_world):
    return make_job(driver_world, driver_world.predictors)


def values_of(job, folder, tile=ALL_CELLS):
    """Cell means of the first prior, and values of each in its pixels, (months, pixels)."""
    means = fit_lines(job, folder, tile, SILENT)
    terms = list(read_terms(job.drivers, job.months, job.selection(tile)))
    basis = line_basis(job.months).astype(np.float32)
    values = []
    for number, (prior, lines) in enumerate(zip(job.priors, read_lines(folder, tile))):
        pixels = job.pixels(number, tile)
        months = zip(terms, basis)
        values.append(
            np.array([lines.values(prior, month[:, pixels], line) for month, line in months])
        )
    return means, values


def test_values_are_amplitude_times_response_without_lines(job, tmp_path):
    _, values = values_of(job, tmp_path)
    selection = job.selection(ALL_CELLS)
    terms = np.stack(list(read_terms(job.drivers, job.months, selection)), axis=1).astype(float)
    statics = read_statics(job.predictors, selection, SILENT)
    assert len(values) == 2
    for number, (prior, found) in enumerate(zip(job.priors, values)):
        pixels = job.pixels(number, ALL_CELLS)
        response = without_lines(np.tensordot(prior.responses, terms[..., pixels], 1), job.months)
        expected = prior.amplitude(statics[:, pixels]) * response
        np.testing.assert_allclose(found, expected, atol=2e-4)
        assert found.std() > 0.5


def test_each_prior_has_the_pixels_of_its_cells(job, tmp_path):
    _, (everywhere, north) = values_of(job, tmp_path)
    pixels = job.conservation.pixels()
    assert everywhere.shape[1] == pixels.sum() and north.shape[1] == pixels[:12].sum()
    assert job.pixels(1, ALL_CELLS).sum() == pixels[:12].sum()


def test_cell_means_are_those_of_the_values(job, tmp_path):
    means, values = values_of(job, tmp_path)
    pixels = job.conservation.pixels()
    assert means.shape == (60, 6, 6)
    for mean, month in zip(means, values[0]):
        field = np.full(pixels.shape, np.nan)
        field[pixels] = month
        np.testing.assert_allclose(mean, job.conservation.block_mean(field), atol=2e-4)


def test_sums_of_drivers_give_the_lines_of_the_terms(job, tmp_path, monkeypatch):
    (tmp_path / "sums").mkdir()
    means, values = values_of(job, tmp_path / "sums")
    used = []
    monkeypatch.setattr(fields, "_sum_drivers", lambda *given: used.append(given))
    (tmp_path / "terms").mkdir()
    slow_means, slow_values = values_of(job, tmp_path / "terms")
    assert len(used) == 1
    np.testing.assert_allclose(means, slow_means, atol=1e-5)
    for one, other in zip(values, slow_values):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_terms_are_read_only_where_a_month_is_missing(job, tmp_path, monkeypatch):
    monkeypatch.setattr(fields, "_sum_months", lambda *given: pytest.fail("read terms"))
    fit_lines(job, tmp_path, ALL_CELLS, SILENT)


def test_lines_are_computed_once(job, tmp_path, monkeypatch):
    before, _ = values_of(job, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"0_0.npz", "0_0.npz.seal"}
    monkeypatch.setattr(fields, "_fit", lambda *given: pytest.fail("computed again"))
    after, _ = values_of(job, tmp_path)
    np.testing.assert_array_equal(after, before)


def test_an_interrupted_write_leaves_no_file(job, tmp_path, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(np, "savez", fail)
        fit_lines(job, tmp_path, ALL_CELLS, SILENT)
    assert not list(tmp_path.glob("*.npz"))
    values_of(job, tmp_path)


def test_values_do_not_depend_on_tiles(job, tmp_path, monkeypatch):
    means, values = values_of(job, tmp_path)
    monkeypatch.setattr(tiles, "tile_side", lambda factor: 4)
    (tmp_path / "tiled").mkdir()
    pixels = job.conservation.pixels()
    field = np.full((60, *pixels.shape), np.nan, dtype=np.float32)
    assert len(job.conservation.tiles) == 4
    for tile in job.conservation.tiles:
        tile_means, tile_values = values_of(job, tmp_path / "tiled", tile)
        inside = field[(..., *tile.fine(4))]
        inside[..., job.conservation.pixels(tile)] = tile_values[0]
        np.testing.assert_allclose(tile_means, means[(..., *tile)], atol=1e-5)
    np.testing.assert_array_equal(field[:, pixels], values[0])


def test_a_pixel_that_lacks_a_driver_in_any_month_is_0(driver_world, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(driver_world.predictors.folder, folder)
    with rasterio.open(folder / "fine/rain_2004.tif", "r+") as target:
        first = target.read(1)
        first[9, 10] = np.nan
        first[0:4, 8:12] = np.nan
        target.write(first, 1)
    job = make_job(driver_world, PredictorSet.open(folder))
    (tmp_path / "lines").mkdir()
    means, values = values_of(job, tmp_path / "lines")
    pixels = job.conservation.pixels()
    for number, found in enumerate(values):
        where = np.zeros(pixels.shape, dtype=bool)
        where[pixels] = job.pixels(number, ALL_CELLS)
        field = np.full((60, *pixels.shape), np.nan)
        field[:, where] = found
        assert (field[:, 9, 10] == 0).all() and (field[:, 0:4, 8:12] == 0).all()
        assert (field[:, 9, 11] != 0).any()
        if number == 0:
            assert (means[:, 0, 2] == 0).all()
            expected = job.conservation.block_mean(field[7])
            np.testing.assert_allclose(means[7], expected, atol=2e-4)
