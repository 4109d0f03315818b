"""Scores against the truth of a sample world, for products with a known score."""

import numpy as np
import pytest
import rasterio

from gwsa.benchmarks.rasters import describe_band, geotiff_profile
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.sample_world.score import score_truth
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

pytestmark = pytest.mark.slow

ERRORS = {"rmse_cm", "rmse_bilinear_cm", "rmse_mean_preserving_cm", "rmse_oracle_cm"}
KEYS = {*ERRORS, "r", "r_bilinear", "oracle_skill", "by_region", "by_season", "trends"}
PART_KEYS = {*ERRORS, "oracle_skill", "pixels"}


@pytest.fixture(scope="module")
def coarse(sample_world):
    return sample_world / "truth" / "GWSA.tif"


def _write(folder, grid, months, fields):
    folder.mkdir()
    with rasterio.open(
        folder / "GWSA_2010.tif", "w", **geotiff_profile(grid, len(months))
    ) as target:
        for band, (month, field) in enumerate(zip(months, fields), start=1):
            target.write(field.astype(np.float32), band)
            describe_band(target, band, month, "observed")
    return folder


def test_truth_as_product_has_no_error(sample_world, coarse):
    scores = score_truth(sample_world, sample_world / "truth" / "gwsa_1km", coarse)
    assert set(scores) == KEYS
    assert scores["rmse_cm"] == 0 and scores["r"] == pytest.approx(1)
    assert 0 < scores["rmse_oracle_cm"] < scores["rmse_mean_preserving_cm"]
    assert scores["oracle_skill"] > 1


def test_skill_is_0_for_mean_preserving_interpolation_and_1_for_the_oracle(
    sample_world, coarse, tmp_path
):
    explained = YearlyMaps.in_folder(sample_world / "truth" / "explained_1km")
    stack, months = read_stack(coarse), explained.months[:3]
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        conservation = MassConservation(source.read(1) > 0, stack.grid, 30, stack.valid)
    cells = [stack.values[stack.months == month][0].astype(float) for month in months]
    fields = {
        0.0: [conservation.mean_preserving(values) for values in cells],
        1.0: [
            conservation.correct(explained.read(month), values)
            for month, values in zip(months, cells)
        ],
    }
    for skill, maps in fields.items():
        folder = _write(tmp_path / str(skill), explained.grid, months, maps)
        scores = score_truth(sample_world, folder, coarse)
        assert scores["oracle_skill"] == pytest.approx(skill, abs=1e-5)


def test_only_pixels_of_the_product_are_scored_in_every_field(sample_world, coarse, tmp_path):
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    month = truth.months[6:7]
    complete = truth.read(month[0]) + 1
    half = complete.copy()
    half[:, complete.shape[1] // 2 :] = np.nan
    scores = [
        score_truth(sample_world, _write(tmp_path / name, truth.grid, month, [field]), coarse)
        for name, field in (("complete", complete), ("half", half))
    ]
    assert scores[0]["rmse_cm"] == pytest.approx(1, abs=1e-5)
    assert scores[1]["rmse_cm"] == pytest.approx(1, abs=1e-5)
    assert scores[0]["rmse_oracle_cm"] != scores[1]["rmse_oracle_cm"]


def test_the_trend_error_is_the_slope_that_is_added(sample_world, coarse, tmp_path):
    """The truth plus 2 cm/yr west of the middle; noise without trend changes nothing."""
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    months = truth.months[:5]
    west = np.arange(truth.grid.columns) < truth.grid.columns // 2
    offsets = [1.0, -2.0, 2.0, -2.0, 1.0]
    fields = [
        truth.read(month) + np.where(west, 2 * number / 12, 0) + offset
        for number, (month, offset) in enumerate(zip(months, offsets))
    ]
    folder = _write(tmp_path / "maps", truth.grid, months, fields)
    trends = score_truth(sample_world, folder, coarse)["trends"]
    land = np.isfinite(truth.read(months[0]))
    fraction = land[:, west].sum() / land.sum()
    assert trends["all"]["product"] == pytest.approx(2 * np.sqrt(fraction), rel=1e-3)
    assert set(trends) > {"all"} and all(part["bilinear"] > 0 for part in trends.values())


def test_a_product_of_another_grid_is_refused(sample_world, coarse, tmp_path):
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    other = truth.grid.coarsen(2)
    folder = _write(tmp_path / "other", other, truth.months[:1], [np.zeros(other.shape)])
    with pytest.raises(InputError, match="pixels"):
        score_truth(sample_world, folder, coarse)


def test_regions_and_seasons_are_scored_separately(sample_world, coarse, tmp_path):
    """Errors added to one aquifer and one season affect only the scores of these."""
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        regions = rasterise(read_aquifers(sample_world), truth.grid, 30, source.read(1) > 0)
    inside = regions.pixels() == regions.names.index("Northern Plain")
    # January, March, June and July.
    months = truth.months[[0, 2, 5, 6]]
    fields = [truth.read(month) + 2.0 * (inside & (month >= months[2])) for month in months]
    product = _write(tmp_path / "product", truth.grid, months, fields)
    scores = score_truth(sample_world, product, coarse)
    by_region, by_season = scores["by_region"], scores["by_season"]
    assert set(by_region) == set(regions.names) and list(by_season) == ["DJF", "MAM", "JJA"]
    for part in (*by_region.values(), *by_season.values()):
        assert set(part) == PART_KEYS
    errors = {name: part["rmse_cm"] for name, part in by_region.items()}
    assert errors.pop("Northern Plain") == pytest.approx(np.sqrt(2), abs=1e-5)
    assert not any(errors.values())
    assert by_season["DJF"]["rmse_cm"] == by_season["MAM"]["rmse_cm"] == 0
    assert by_season["JJA"]["rmse_cm"] > 0
    scored = np.isfinite(fields[0]) & np.isfinite(_mean_preserving(sample_world, coarse))
    assert by_region["Northern Plain"]["pixels"] == (inside & scored).sum()
    assert by_season["JJA"]["pixels"] == scored.sum()
    assert sum(part["pixels"] for part in by_region.values()) == scored.sum()


def test_errors_of_regions_add_up_to_the_overall_error(sample_world, coarse):
    scores = score_truth(sample_world, sample_world / "truth" / "explained_1km", coarse)
    for name in ERRORS:
        squares = [(part["pixels"], part[name] ** 2) for part in scores["by_region"].values()]
        counts, values = np.array(squares).T
        assert np.average(values, weights=counts) == pytest.approx(scores[name] ** 2)


def _mean_preserving(sample_world, coarse):
    stack = read_stack(coarse)
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        conservation = MassConservation(source.read(1) > 0, stack.grid, 30, stack.valid)
    return conservation.mean_preserving(stack.values[0].astype(float))
