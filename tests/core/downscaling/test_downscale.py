"""Downscaling of a small world with a known truth: mass, skill, files and refused inputs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import xgboost

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.maps import map_job
from gwsa.gwsa_plugin.core.downscaling.maps import predict_tile as mapping
from gwsa.gwsa_plugin.core.downscaling.maps.encoding import EXACT, LERC
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.skill.scores import write_scores
from gwsa.gwsa_plugin.core.downscaling.skill.verdict import layer_title
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, UNTESTED
from gwsa.gwsa_plugin.core.wells.map_detail import WellRecords
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells

pytestmark = pytest.mark.slow

OPTIONS = DownscaleOptions(
    least_area=20_000,
    feather_km=10,
    method=PUBLISHED,
    validation="full",
    boosting=Boosting(trees=60, depth=4, rate=0.15),
    blocking=Blocking(0.75, 0.25),
)
# For tests whose models need no skill.
QUICK = replace(OPTIONS, validation="quick", stopping=False, boosting=Boosting(trees=5, depth=2))


@pytest.fixture(scope="module")
def made(small_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downscaled")
    outputs = Outputs(folder / "maps", folder / "models", folder / "held_out")
    sigma = replace(small_world.gwsa, values=np.full_like(small_world.gwsa.values, 1.5))
    world = small_world
    return downscale(
        world.gwsa,
        world.predictors,
        world.aquifers,
        outputs,
        OPTIONS,
        sigma,
        {"GWSA_STAGE": "downscale"},
    )


def rmse(field, truth):
    return float(np.sqrt(np.nanmean((field - truth) ** 2)))


def test_each_coarse_cell_keeps_its_value_in_the_files(small_world, made):
    product, conservation = YearlyMaps.from_files(made.years), made.domain.conservation
    assert made.scores["closure"]["worst_cm"] < 1e-3
    assert (
        made.scores["closure"]["n"]
        == made.scores["closure_raw"]["n"]
        == 24 * conservation.cells.sum()
    )
    for month, coarse in zip(small_world.gwsa.months, small_world.gwsa.values):
        difference = conservation.block_mean(product.read(month)) - coarse
        assert np.nanmax(np.abs(difference)) < 0.006


def test_held_out_maps_are_better_than_bilinear_and_mean_preserving_interpolation(
    small_world, made, tmp_path
):
    """Held-out models predict detail that interpolation lacks."""
    held_out = YearlyMaps.in_folder(made.years[0].parents[1] / "held_out")
    conservation = made.domain.conservation
    assert isinstance(conservation, MassConservation)
    ours, bilinear, mean_preserving = np.zeros((3, small_world.gwsa.months.size))
    for i, (month, coarse) in enumerate(
        zip(small_world.gwsa.months, small_world.gwsa.values.astype(float))
    ):
        truth = small_world.truth[i]
        ours[i] = rmse(held_out.read(month), truth)
        bilinear[i] = rmse(conservation.bilinear(coarse), truth)
        mean_preserving[i] = rmse(conservation.mean_preserving(coarse), truth)
    assert ours.mean() < 0.95 * mean_preserving.mean()
    assert ours.mean() < 0.95 * bilinear.mean()
    assert made.scores["held_out"]["contrast"]["nse"] > 0.4


def test_unrelated_predictors_change_little(small_world, tmp_path):
    """With shuffled targets, the map is close to mean-preserving interpolation."""
    rng = np.random.default_rng(0)
    shuffled = small_world.gwsa.values.reshape(24, -1)
    shuffled = np.stack([rng.permutation(month) for month in shuffled]).reshape(
        small_world.gwsa.values.shape
    )
    shuffled = np.where(np.isfinite(shuffled), shuffled, 0).astype(np.float32)
    world = replace(small_world.gwsa, values=shuffled)
    made = downscale(world, small_world.predictors, [], Outputs(tmp_path / "maps"), OPTIONS)
    assert made.scores["held_out"]["contrast"]["nse"] < 0.05
    product, conservation = YearlyMaps.from_files(made.years), made.domain.conservation
    for month, coarse in zip(world.months[::6], world.values[::6].astype(float)):
        alone = conservation.mean_preserving(coarse)
        assert rmse(product.read(month), alone) < 0.15 * np.nanstd(alone)


def test_models_are_in_the_format_of_xgboost_and_list_their_regions(made):
    folder = made.years[0].parents[1] / "models"
    contents = json.loads((folder / "models.json").read_text())
    assert contents["features"] == ["soil", "relief", "rain", "rain_lag1"]
    assert contents["models"]["model_1.ubj"] == ["large"]
    assert set(contents["models"]["model_0.ubj"]) == {"background", "small"}
    for name in contents["models"]:
        assert xgboost.Booster(model_file=str(folder / name)).num_features() == 4
    rows = {row["name"]: row for row in made.regions}
    assert rows["large"]["model"] == "own" and rows["small"]["model"] == "all"
    assert rows["small"]["cells"] == 1


def test_files_have_twelve_named_bands_and_state_their_source(small_world, tmp_path):
    gwsa = small_world.gwsa.select(np.datetime64("2009-03"), np.datetime64("2010-12"))
    gwsa = replace(gwsa, source=("filled", *gwsa.source[1:]))
    gwsa.values[3] = np.nan
    made = downscale(gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), QUICK)
    with rasterio.open(made.years[0]) as source:
        assert source.descriptions == tuple(f"2009-{month:02d}" for month in range(1, 13))
        assert source.units == ("cm",) * 12
        words = [source.tags(band)["GWSA_SOURCE"] for band in source.indexes]
        assert (
            words
            == ["missing"] * 2 + ["filled"] + ["observed"] * 2 + ["missing"] + ["observed"] * 6
        )
        empty = [not np.isfinite(source.read(band)).any() for band in source.indexes]
        assert empty == [word == "missing" for word in words]
        assert (np.isfinite(source.read(12)) == small_world.land).all()


def test_sigma_exceeds_that_of_the_coarse_field_and_is_tagged_as_lower_bound(made):
    with rasterio.open(made.sigma[0]) as source:
        assert source.tags()["GWSA_SIGMA"].startswith("lower bound: detail sigma modelled")
        assert (source.read(1)[made.domain.conservation.pixels()] > 1.5).all()


def test_a_second_run_writes_the_same_bytes(small_world, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        world = small_world
        downscale(
            world.gwsa,
            world.predictors,
            world.aquifers,
            Outputs(folder / "maps", folder / "models"),
            QUICK,
        )
    one, two = (
        {path.name: path.read_bytes() for path in folder.rglob("*.*")} for folder in folders
    )
    assert one == two and len(one) == 5


def test_exact_values_are_those_before_encoding(small_world, tmp_path):
    options = replace(QUICK, encoding=EXACT)
    made = downscale(
        small_world.gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), options
    )
    product = YearlyMaps.from_files(made.years)
    means = made.domain.conservation.block_mean(product.read("2009-05"))
    assert np.nanmax(np.abs(means - small_world.gwsa.values[4])) < 1e-4


def test_scores_are_json_without_nan(made, tmp_path):
    write_scores(tmp_path / "scores.json", made.scores)
    scores = json.loads(
        (tmp_path / "scores.json").read_text(), parse_constant=lambda text: pytest.fail(text)
    )
    assert scores["closure_raw"]["rmse_cm"] > scores["closure"]["rmse_cm"]


class StopSoon(Progress):
    def is_cancelled(self):
        return self.fraction > 0.5

    fraction = 0.0

    def show(self, fraction):
        self.fraction = fraction


def test_the_target_anomaly_conserves_mass_and_has_skill(small_world, tmp_path):
    """The correction restores level and trend: the cell means are those of the coarse field."""
    options = replace(OPTIONS, target="anomaly", validation="quick")
    made = downscale(
        small_world.gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), options
    )
    assert made.scores["closure"]["worst_cm"] < 1e-3
    assert made.scores["reduced_resolution"]["blocked"]["gain_over_mean_preserving"] > 0.2
    assert made.scores["closure_raw"]["nse"] > 0.3


def test_random_samples_give_a_larger_gain_than_blocks(made):
    gains = {
        kind: back["gain_over_mean_preserving"]
        for kind, back in made.scores["reduced_resolution"].items()
    }
    assert set(gains) == {"blocked", "forward", "random"}
    assert 0 < gains["blocked"] < gains["random"]


def test_the_correction_adds_no_seam(made):
    # The tolerance is for cells of few pixels.
    assert made.scores["seams"]["most_changed"] == pytest.approx(1, abs=0.08)


def test_applicability_and_explanation_are_written_to_the_given_files(small_world, tmp_path):
    outputs = Outputs(
        tmp_path / "maps", applicability=tmp_path / "area.tif", explanation=tmp_path / "shap.csv"
    )
    downscale(small_world.gwsa, small_world.predictors, [], outputs, QUICK)
    with rasterio.open(outputs.applicability) as source:
        inside = source.read(2)
    assert np.nanmean(inside) > 0.5 and np.nanmin(inside) >= 0
    assert outputs.explanation.read_text().startswith(
        "region,predictor,feature,shap_cm,gain\nbackground,soil,soil,"
    )


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 4 x 4 cells, of which the small world has nine."""
    monkeypatch.setattr(tiles, "LEAST_SIDE", 32)


def test_results_do_not_depend_on_tiles(small_world, tmp_path, monkeypatch):
    """The maps are equal within the error of the encoding of one of them."""
    world = small_world
    given = world.gwsa, world.predictors, world.aquifers
    made = downscale(*given, Outputs(tmp_path / "untiled"), QUICK)
    assert len(made.domain.tiles) == 1
    monkeypatch.setattr(tiles, "LEAST_SIDE", 32)
    again = downscale(*given, Outputs(tmp_path / "tiled"), replace(QUICK, encoding=EXACT))
    assert len(again.domain.tiles) == 9
    untiled, tiled = (YearlyMaps.from_files(result.years) for result in (made, again))
    for month in untiled.months:
        np.testing.assert_allclose(tiled.read(month), untiled.read(month), atol=0.0051)
    for name in ("closure_raw", "held_out"):
        assert json.dumps(again.scores[name]) == json.dumps(made.scores[name])


def test_a_resumed_run_writes_the_same_bytes(small_world, small_tiles, tmp_path, monkeypatch):
    outputs = [
        Outputs(tmp_path / name / "maps", held_out=tmp_path / name / "held_out")
        for name in ("one", "two")
    ]
    downscale(small_world.gwsa, small_world.predictors, [], outputs[0], QUICK)
    predict, predicted = mapping._predict, []

    def predict_some(*given):
        if len(predicted) == 2 + 5:
            raise Cancelled
        predicted.append(given)
        return predict(*given)

    with monkeypatch.context() as interrupting, pytest.raises(Cancelled):
        interrupting.setattr(mapping, "_predict", predict_some)
        interrupting.setattr(threads, "usable_cores", lambda: 1)
        downscale(small_world.gwsa, small_world.predictors, [], outputs[1], QUICK)
    unfinished = tmp_path / "two/.maps.unfinished"
    assert list((tmp_path / "two").iterdir()) == [unfinished]
    assert len(list(unfinished.rglob("*.npy"))) == 2 * 5
    monkeypatch.setattr(
        mapping, "_predict", lambda *given: predicted.append(given) or predict(*given)
    )
    downscale(small_world.gwsa, small_world.predictors, [], outputs[1], QUICK)
    assert len(predicted) == 2 * 2 + 9, "each tile once, and two in each run to estimate the cost"
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_checkpoints_of_another_run_are_deleted(small_world, tmp_path):
    given, other = (small_world.gwsa, small_world.predictors, []), replace(QUICK, encoding=EXACT)
    with pytest.raises(Cancelled):
        downscale(*given, Outputs(tmp_path / "maps"), QUICK, progress=StopSoon())
    downscale(*given, Outputs(tmp_path / "maps"), other)
    downscale(*given, Outputs(tmp_path / "undisturbed"), other)
    assert contents(tmp_path / "maps") == contents(tmp_path / "undisturbed")
    assert {path.name for path in tmp_path.iterdir()} == {"maps", "undisturbed"}


def test_checkpoints_of_another_version_are_not_continued(small_world, tmp_path, monkeypatch):
    given = small_world.gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), QUICK
    names = []
    for version in (1, 2):
        monkeypatch.setattr(map_job, "CHECKPOINTS", version)
        with pytest.raises(Cancelled):
            downscale(*given, progress=StopSoon())
        names += [path.name for path in (tmp_path / ".maps.unfinished").iterdir()]
    assert len(set(names)) == 2


def wells_of_truth(world) -> WellRecords:
    """Sixty wells on land whose levels follow the truth."""
    rng = np.random.default_rng(3)
    grid = world.predictors.grid
    rows, columns = np.nonzero(world.land)
    chosen = rng.choice(rows.size, 60, replace=False)
    rows, columns = rows[chosen], columns[chosen]
    wells = Wells.from_columns(
        range(60), grid.longitudes[columns], grid.latitudes[rows], specific_yield=0.1
    )
    days = world.gwsa.months.astype("datetime64[D]") + 14
    depth = 20 - world.truth[:, rows, columns].T / 10
    readings = Readings.from_columns(
        wells, np.repeat(wells.ids, days.size), np.tile(days, 60), depth.ravel()
    )
    return WellRecords(wells, readings, Rules(min_years=1))


def test_wells_confirm_the_detail_and_the_maps_state_it(small_world, made, tmp_path):
    options = replace(OPTIONS, validation="quick")
    given = (small_world.gwsa, small_world.predictors, small_world.aquifers)
    found = downscale(
        *given, Outputs(tmp_path / "maps"), options, wells=wells_of_truth(small_world)
    )
    detail = found.verdict.detail
    assert detail.verdict == CONFIRMED, detail
    assert found.scores["detail"]["gain"] == detail.gain > 0.05
    for path in found.years:
        with rasterio.open(path) as source:
            tags = source.tags()
        assert tags["GWSA_DETAIL"] == CONFIRMED
        assert float(tags["GWSA_DETAIL_GAIN"]) == pytest.approx(detail.gain, abs=1e-4)
        assert tags["TIFFTAG_IMAGEDESCRIPTION"] == layer_title(path.stem[-4:], detail)
    with_wells, without = (YearlyMaps.from_files(result.years) for result in (found, made))
    for month in without.months:
        np.testing.assert_array_equal(with_wells.read(month), without.read(month))
    assert not list(tmp_path.rglob("coarse.tif"))


def test_maps_without_wells_state_that_they_are_untested(made):
    assert made.verdict.detail.verdict == UNTESTED
    for path in made.years:
        with rasterio.open(path) as source:
            tags = source.tags()
        assert tags["GWSA_DETAIL"] == UNTESTED and "GWSA_DETAIL_GAIN" not in tags
        assert tags["GWSA_UNSEEN_FOOTPRINTS"] == "untestable"
        assert "untested" in tags["TIFFTAG_IMAGEDESCRIPTION"]


def test_unusable_wells_leave_the_maps_untested(small_world, tmp_path):
    records = wells_of_truth(small_world)
    records = replace(records, rules=Rules(min_years=8))
    options = QUICK
    given = (small_world.gwsa, small_world.predictors, [])
    found = downscale(*given, Outputs(tmp_path / "maps"), options, wells=records)
    detail = found.verdict.detail
    assert detail.verdict == UNTESTED and "MIN_YEARS" in detail.reason


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_inputs_that_do_not_match_are_refused(small_world, tmp_path):
    outputs = Outputs(tmp_path / "maps")
    elsewhere = replace(small_world.gwsa, grid=Grid(-60.0, 0.0, 0.25, 0.25, 12, 12))
    with pytest.raises(InputError, match="overlap"):
        downscale(elsewhere, small_world.predictors, [], outputs, OPTIONS)
    coarser = replace(small_world.gwsa, grid=Grid(70.0, 33.0, 0.5, 0.5, 12, 12))
    with pytest.raises(InputError, match="0.5°"):
        downscale(coarser, small_world.predictors, [], outputs, OPTIONS)
    later = replace(small_world.gwsa, months=small_world.gwsa.months + 60)
    with pytest.raises(InputError, match="no month is in both"):
        downscale(later, small_world.predictors, [], outputs, OPTIONS)
    assert not list(tmp_path.iterdir())


def test_an_encoding_that_gdal_lacks_is_refused_before_training(small_world, tmp_path, monkeypatch):
    monkeypatch.setattr("gwsa.gwsa_plugin.core.downscaling.downscale.make_domain", None)
    monkeypatch.setattr(
        "gwsa.gwsa_plugin.core.downscaling.maps.encoding.can_compress",
        lambda name: name != "LERC_ZSTD",
    )
    given = (small_world.gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"))
    with pytest.raises(InputError, match="cannot write the compression LERC_ZSTD; choose another"):
        downscale(*given, replace(OPTIONS, encoding=LERC))
    assert not list(tmp_path.iterdir())


def test_a_folder_of_another_run_is_refused_before_training_or_replaced(
    small_world, tmp_path, monkeypatch
):
    """The first run has a sigma and more years and models than the second."""
    world, first, second = small_world, {"GWSA_INPUTS": "one"}, {"GWSA_INPUTS": "two"}
    outputs = Outputs(tmp_path / "maps", tmp_path / "models", tmp_path / "held_out")
    options = QUICK
    sigma = replace(world.gwsa, values=np.full_like(world.gwsa.values, 1.5))
    given = (world.gwsa, world.predictors, world.aquifers, outputs, options)
    downscale(*given, sigma, first)
    made = contents(tmp_path)
    (tmp_path / "maps" / "GWSA_2010.tif.aux.xml").write_text("statistics of the first run")
    (tmp_path / "maps" / "notes.txt").write_text("mine")
    year = replace(options, period=(world.gwsa.months[0], world.gwsa.months[11]))
    for folder in ("maps", "held_out"):
        alone = replace(Outputs(tmp_path / "new"), held_out=tmp_path / folder)
        with monkeypatch.context() as patch:
            patch.setattr("gwsa.gwsa_plugin.core.downscaling.downscale.make_domain", None)
            with pytest.raises(InputError, match=f"{folder} has GWSA_.* REPLACE"):
                downscale(world.gwsa, world.predictors, [], alone, year, tags=second)
    downscale(*given, sigma, first)
    (tmp_path / "maps" / "notes.txt").unlink()
    assert contents(tmp_path) == made
    (tmp_path / "maps" / "notes.txt").write_text("mine")
    replacing = replace(outputs, replaces=True)
    downscale(world.gwsa, world.predictors, [], replacing, year, tags=second)
    first_year = str(world.gwsa.months[0])[:4]
    left = {path.as_posix() for path in contents(tmp_path)}
    assert left == {
        f"maps/GWSA_{first_year}.tif", f"held_out/GWSA_{first_year}.tif", "maps/notes.txt",
        "models/models.json", "models/model_0.ubj",
    }  # fmt: skip


def test_a_region_inside_one_footprint_is_mapped_and_untestable(small_world, tmp_path):
    """With a footprint of 250 km, figures at reduced resolution are not stated."""
    gwsa = small_world.gwsa.tagged(GWSA_FOOTPRINT_KM="250")
    sigma = replace(gwsa, values=np.full_like(gwsa.values, 1.5))
    outputs = Outputs(tmp_path / "maps")
    result = downscale(gwsa, small_world.predictors, small_world.aquifers, outputs, QUICK, sigma)
    assert "smaller than 4 footprints" in result.fitted.unseen_footprints.untestable
    assert result.fitted.reduced_resolution == {}
    assert "250 km wide" in result.scores["reduced_resolution"]["not_made"]
    assert result.scores["unseen_footprints"]["footprints"] == 0
    for row in result.regions:
        assert np.isnan([row["rmse_cm"], row["gain_over_mean_preserving"]]).all()
        assert np.isnan(row["gain_over_bilinear"])
    assert len(result.years) == len(result.sigma) == 2
