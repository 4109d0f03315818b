"""Scores against a sample world's truth, for products of which the score is known beforehand."""

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files.geotiff import creation, describe_band
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.sample_world.score import score_truth
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

ERRORS = {"rmse_cm", "rmse_bilinear_cm", "rmse_mean_preserving_cm", "rmse_oracle_cm"}
KEYS = {*ERRORS, "r", "r_bilinear", "oracle_skill", "by_region", "by_season"}
PART_KEYS = {*ERRORS, "oracle_skill", "pixels"}


@pytest.fixture(scope="module")
def coarse(sample_world):
    return sample_world / "truth" / "GWSA.tif"


def _write(folder, grid, months, fields):
    folder.mkdir()
    with rasterio.open(folder / "GWSA_2010.tif", "w", **creation(grid, len(months))) as target:
        for band, (month, field) in enumerate(zip(months, fields), start=1):
            target.write(field.astype(np.float32), band)
            describe_band(target, band, month, "observed")
    return folder


def test_the_truth_itself_has_no_error(sample_world, coarse):
    scores = score_truth(sample_world, sample_world / "truth" / "gwsa_1km", coarse)
    assert set(scores) == KEYS
    assert scores["rmse_cm"] == 0 and scores["r"] == pytest.approx(1)
    assert 0 < scores["rmse_oracle_cm"] < scores["rmse_mean_preserving_cm"]
    assert scores["oracle_skill"] > 1


def test_no_model_goes_none_of_the_way_and_the_oracle_all_of_it(sample_world, coarse, tmp_path):
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
    for share, maps in fields.items():
        folder = _write(tmp_path / str(share), explained.grid, months, maps)
        assert score_truth(sample_world, folder, coarse)["oracle_skill"] == pytest.approx(
            share, abs=1e-5
        )


def test_only_pixels_of_the_product_count_for_everyone(sample_world, coarse, tmp_path):
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    month = truth.months[6:7]
    whole = truth.read(month[0]) + 1
    half = whole.copy()
    half[:, whole.shape[1] // 2 :] = np.nan
    scores = [
        score_truth(sample_world, _write(tmp_path / name, truth.grid, month, [field]), coarse)
        for name, field in (("whole", whole), ("half", half))
    ]
    assert scores[0]["rmse_cm"] == pytest.approx(1, abs=1e-5) and scores[1][
        "rmse_cm"
    ] == pytest.approx(1, abs=1e-5)
    assert scores[0]["rmse_oracle_cm"] != scores[1]["rmse_oracle_cm"]


def test_a_product_of_another_grid_is_refused(sample_world, coarse, tmp_path):
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    other = truth.grid.coarsen(2)
    folder = _write(tmp_path / "other", other, truth.months[:1], [np.zeros(other.shape)])
    with pytest.raises(InputError, match="pixels"):
        score_truth(sample_world, folder, coarse)


def test_regions_and_seasons_have_their_own_figures(sample_world, coarse, tmp_path):
    """Errors that are put into one aquifer and one season are found there and nowhere else."""
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        regions = rasterise(read_aquifers(sample_world), truth.grid, 30, source.read(1) > 0)
    inside = regions.pixels() == regions.names.index("Northern Plain")
    months = truth.months[[0, 2, 5, 6]]  # January, March, June, July
    fields = [truth.read(month) + 2.0 * (inside & (month >= months[2])) for month in months]
    scores = score_truth(
        sample_world, _write(tmp_path / "product", truth.grid, months, fields), coarse
    )
    by_region, by_season = scores["by_region"], scores["by_season"]
    assert set(by_region) == set(regions.names) and list(by_season) == ["DJF", "MAM", "JJA"]
    for part in (*by_region.values(), *by_season.values()):
        assert set(part) == PART_KEYS
    errors = {name: part["rmse_cm"] for name, part in by_region.items()}
    assert errors.pop("Northern Plain") == pytest.approx(np.sqrt(2), abs=1e-5) and not any(
        errors.values()
    )
    assert (
        by_season["DJF"]["rmse_cm"]
        == by_season["MAM"]["rmse_cm"]
        == 0
        < by_season["JJA"]["rmse_cm"]
    )
    counted = np.isfinite(fields[0]) & np.isfinite(_no_model(sample_world, coarse))
    assert by_region["Northern Plain"]["pixels"] == (inside & counted).sum()
    assert (
        by_season["JJA"]["pixels"]
        == sum(part["pixels"] for part in by_region.values())
        == counted.sum()
    )


def test_parts_add_up_to_the_whole(sample_world, coarse):
    scores = score_truth(sample_world, sample_world / "truth" / "explained_1km", coarse)
    for name in ERRORS:
        squares = [(part["pixels"], part[name] ** 2) for part in scores["by_region"].values()]
        counts, values = np.array(squares).T
        assert np.average(values, weights=counts) == pytest.approx(scores[name] ** 2)


def _no_model(sample_world, coarse):
    stack = read_stack(coarse)
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        return MassConservation(source.read(1) > 0, stack.grid, 30, stack.valid).mean_preserving(
            stack.values[0].astype(float)
        )
