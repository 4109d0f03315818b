"""Each method of downscaling on a world that follows its drivers, and what the evidence decides."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.compute.steps import Steps
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.maps import predict_tile as mapping
from gwsa.gwsa_plugin.core.downscaling.maps.encoding import EXACT
from gwsa.gwsa_plugin.core.downscaling.maps.leakage import LEAKAGE_TAG
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import FOOTPRINT, INTERPOLATION, PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.prior import fields
from gwsa.gwsa_plugin.core.downscaling.prior.lines import without_lines
from gwsa.gwsa_plugin.core.downscaling.prior.prior import Prior
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, REFUTED, UNTESTED
from gwsa.gwsa_plugin.core.wells.map_detail import WellRecords
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells

pytestmark = pytest.mark.slow

OPTIONS = DownscaleOptions(
    feather_km=10,
    encoding=EXACT,
    validation="full",
    stopping=False,
    boosting=Boosting(trees=5, depth=2),
)


def run(world, folder, options=OPTIONS, held_out=True, **how):
    outputs = Outputs(
        folder / "maps",
        folder / "models",
        folder / "held_out" if held_out else None,
        corrected=folder / "corrected.tif",
    )
    return downscale(world.gwsa, world.predictors, [], outputs, options, **how)


@pytest.fixture(scope="module")
def made(driver_world, tmp_path_factory):
    """The result with the default method."""
    assert OPTIONS.method == FOOTPRINT
    return run(driver_world, tmp_path_factory.mktemp("footprint"))


def read_maps(result, folder="maps") -> np.ndarray:
    """All maps, shape (months, rows, columns)."""
    product = YearlyMaps.in_folder(result.years[0].parents[1] / folder)
    return np.stack([product.read(month) for month in result.domain.months])


def tags_of(result, path=None) -> dict:
    """Tags of the first map, or of another raster."""
    with rasterio.open(path or result.years[0]) as source:
        return source.tags()


def saved_models(result) -> dict:
    return json.loads((result.years[0].parents[1] / "models/models.json").read_text())


def block_means(result, maps) -> np.ndarray:
    return np.stack([result.domain.conservation.block_mean(month) for month in maps])


def interpolated(domain) -> np.ndarray:
    """Mean-preserving interpolation of coarse GWSA."""
    return np.stack([domain.conservation.mean_preserving(month) for month in domain.target])


def error(world, maps) -> float:
    """RMSE without level and trend, which the truth does not have, cm."""
    land = world.conservation.pixels()
    left = without_lines((maps - world.truth)[:, land].astype(float), world.gwsa.months)
    return float(np.sqrt(np.mean(left**2)))


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def assert_is_interpolation(result):
    """The maps interpolate the balance, and nothing claims more."""
    np.testing.assert_allclose(read_maps(result), interpolated(result.domain), atol=1e-4)
    np.testing.assert_allclose(
        read_maps(result, "held_out"), interpolated(result.domain), atol=1e-4
    )
    assert saved_models(result)["prior"] is None
    assert LEAKAGE_TAG not in tags_of(result)
    path = result.years[0].parents[1] / "corrected.tif"
    assert LEAKAGE_TAG not in tags_of(result, path)
    corrected = read_stack(path)
    np.testing.assert_allclose(corrected.values, result.domain.gwsa.values, atol=1e-4)


def test_cell_means_of_the_maps_are_those_of_the_corrected_field(made):
    path = made.years[0].parents[1] / "corrected.tif"
    assert tags_of(made)[LEAKAGE_TAG] == tags_of(made, path)[LEAKAGE_TAG]
    corrected = read_stack(path)
    for folder in ("maps", "held_out"):
        difference = block_means(made, read_maps(made, folder)) - corrected.values
        assert np.nanmax(np.abs(difference)) < 1e-3
    assert made.scores["closure"]["worst_cm"] < 1e-3
    assert np.abs(corrected.values - made.domain.gwsa.values).max() > 1


def test_the_maps_are_closer_to_the_truth_than_interpolation(driver_world, made):
    competitor = error(driver_world, interpolated(made.domain))
    assert error(driver_world, read_maps(made)) < 0.5 * competitor
    assert error(driver_world, read_maps(made, "held_out")) < 0.6 * competitor


def test_the_evidence_is_stated_with_the_maps(made):
    evidence = made.verdict.evidence
    assert evidence.verdict == UNTESTED and evidence.maps_detail
    assert tags_of(made)["GWSA_EVIDENCE"] == evidence.text
    assert made.verdict.last_line.startswith(evidence.text)
    assert made.scores["evidence"]["verdict"] == UNTESTED
    assert made.scores["unseen_years"]["gain_over_climatology"] > 0.2
    assert made.fitted.unseen_years.passed and made.fitted.unseen_footprints.untestable


def test_the_saved_prior_is_that_of_the_maps(made):
    saved = saved_models(made)
    assert Prior.from_record(saved["prior"]).as_record() == made.fitted.prior.prior.as_record()
    assert saved["share"] == 0 == made.fitted.models.shrinkage


def test_held_out_predictions_are_those_of_priors_without_the_held_out_data(made):
    domain = made.domain
    number = np.full(domain.cells.shape, -1)
    number[domain.cells] = np.arange(domain.cells.sum())
    validation = made.fitted.validations["blocked"]
    for held in validation.held_out:
        assert held.prior.as_record() == made.fitted.prior.without(held.split).as_record()
        where = held.split.held(domain.samples)
        seen = held.observed_prior[domain.samples.month, domain.samples.at(number)]
        np.testing.assert_allclose(validation.detail[where], seen[where], atol=1e-6)
    assert np.isfinite(validation.detail).all()


def test_sigma_of_the_corrected_field_and_of_the_maps_exceeds_that_of_the_balance(
    driver_world, tmp_path
):
    gwsa = driver_world.gwsa
    sigma = replace(gwsa, values=np.full_like(gwsa.values, 1.5), variable="GWSA_SIGMA")
    gwsa = gwsa.select(gwsa.months[0], gwsa.months[-13])
    outputs = Outputs(tmp_path / "maps", corrected_sigma=tmp_path / "sigma.tif")
    result = downscale(gwsa, driver_world.predictors, [], outputs, OPTIONS, sigma)
    corrected = read_stack(outputs.corrected_sigma)
    assert corrected.months.size == 48 and (corrected.values > 1.5).all()
    conservation = result.domain.conservation
    with rasterio.open(result.sigma[0]) as source:
        fine = source.read(1)[conservation.pixels()]
    assert (fine > 1.5).all()


def test_interpolation_maps_the_balance(driver_world, tmp_path):
    result = run(driver_world, tmp_path, replace(OPTIONS, method=INTERPOLATION))
    assert_is_interpolation(result)
    assert result.fitted.prior is None and result.verdict.evidence is None
    assert "GWSA_EVIDENCE" not in tags_of(result) and "evidence" not in result.scores
    assert saved_models(result)["share"] == 0


def test_published_maps_trees_of_the_balance(driver_world, tmp_path):
    options = replace(OPTIONS, method=PUBLISHED, boosting=Boosting(trees=20, depth=3))
    result = run(driver_world, tmp_path, options)
    assert result.fitted.prior is None and result.verdict.evidence is None
    assert saved_models(result)["prior"] is None and LEAKAGE_TAG not in tags_of(result)
    maps = read_maps(result)
    np.testing.assert_allclose(block_means(result, maps), result.domain.target, atol=1e-3)
    assert result.fitted.models.shrinkage > 0
    assert not np.allclose(maps, interpolated(result.domain), atol=0.05, equal_nan=True)


def test_drivers_that_explain_nothing_are_refuted(unrelated_world, tmp_path):
    result = run(unrelated_world, tmp_path)
    evidence = result.verdict.evidence
    assert evidence.verdict == REFUTED and "no more than climatology" in evidence.reason
    assert result.fitted.prior is not None and not result.fitted.unseen_years.passed
    assert_is_interpolation(result)
    assert tags_of(result)["GWSA_EVIDENCE"] == evidence.text
    assert not result.scores["evidence"]["maps_detail"]


def test_a_short_record_is_interpolated(driver_world, tmp_path):
    period = tuple(np.array(["2004-01", "2006-04"], dtype="datetime64[M]"))
    result = run(driver_world, tmp_path, replace(OPTIONS, period=period))
    evidence = result.verdict.evidence
    assert evidence.verdict == UNTESTED and "too short" in evidence.reason
    assert_is_interpolation(result)


def make_wells(made, factor: float) -> WellRecords:
    """Sixty wells whose storage is the interpolated field plus a factor times the detail."""
    corrected = read_stack(made.years[0].parents[1] / "corrected.tif")
    conservation = made.domain.conservation
    bilinear = np.stack([conservation.bilinear(month) for month in corrected.values.astype(float)])
    storage = bilinear + factor * (read_maps(made) - bilinear)
    rows, columns = np.nonzero(conservation.pixels())
    chosen = np.random.default_rng(3).choice(rows.size, 60, replace=False)
    rows, columns = rows[chosen], columns[chosen]
    grid = made.domain.predictors.grid
    wells = Wells.from_columns(
        range(60), grid.longitudes[columns], grid.latitudes[rows], specific_yield=0.1
    )
    days = made.domain.months.astype("datetime64[D]") + 14
    depth = 20 - storage[:, rows, columns].T / 10
    readings = Readings.from_columns(
        wells, np.repeat(wells.ids, days.size), np.tile(days, 60), depth.ravel()
    )
    return WellRecords(wells, readings, Rules(min_years=1))


def test_wells_that_contradict_the_prior_leave_interpolation(driver_world, made, tmp_path):
    result = run(driver_world, tmp_path, wells=make_wells(made, -1.0))
    evidence = result.verdict.evidence
    assert evidence.verdict == REFUTED and "wells contradict" in evidence.reason
    assert_is_interpolation(result)
    assert tags_of(result)["GWSA_EVIDENCE"] == evidence.text
    assert {path.name for path in tmp_path.iterdir()} == {
        "maps", "models", "held_out", "corrected.tif",
    }  # fmt: skip


def test_wells_that_follow_the_maps_confirm_them(driver_world, made, tmp_path):
    result = run(driver_world, tmp_path, wells=make_wells(made, 1.0))
    evidence = result.verdict.evidence
    assert evidence.verdict == CONFIRMED == result.verdict.detail.verdict
    np.testing.assert_array_equal(read_maps(result), read_maps(made))


def test_trees_are_added_where_held_out_footprints_test_them(driver_world, tmp_path):
    gwsa = driver_world.gwsa.tagged(GWSA_FOOTPRINT_KM="120")
    options = replace(OPTIONS, blocking=Blocking(1.0, 0.5))
    result = run(replace(driver_world, gwsa=gwsa), tmp_path, options)
    assert not result.fitted.unseen_footprints.untestable
    shrinkages = [held.models.shrinkage for held in result.fitted.validations["blocked"].held_out]
    assert max(shrinkages) > 0
    corrected = read_stack(tmp_path / "corrected.tif")
    means = block_means(result, read_maps(result))
    assert np.nanmax(np.abs(means - corrected.values)) < 1e-3


class Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


def test_without_roles_trees_are_trained_as_published(driver_world, tmp_path):
    predictors = driver_world.predictors
    plain = tuple(replace(one, role="") for one in predictors.predictors)
    world = replace(driver_world, predictors=replace(predictors, predictors=plain))
    warnings = Warnings()
    result = run(world, tmp_path / "plain", progress=warnings)
    assert any("no predictors have the roles precipitation" in text for text in warnings.texts)
    assert result.fitted.prior is None and result.verdict.evidence is None
    published = run(driver_world, tmp_path / "published", replace(OPTIONS, method=PUBLISHED))
    np.testing.assert_array_equal(read_maps(result), read_maps(published))


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 4 x 4 cells, of which the world has four."""
    monkeypatch.setattr(tiles, "LEAST_SIDE", 16)


@pytest.mark.parametrize(
    ("factor", "tiles_done"), [(1.0, 2 + 3), (-1.0, 2 + 8 + 2 + 3)], ids=["prior", "interpolation"]
)
def test_a_resumed_run_writes_the_same_bytes(
    driver_world, made, small_tiles, tmp_path, monkeypatch, factor, tiles_done
):
    """Runs are interrupted while the maps of the prior, or of the interpolation, are made."""
    how = {"wells": make_wells(made, factor), "held_out": False}
    run(driver_world, tmp_path / "one", **how)
    predict, fit_tile = mapping._predict, fields._fit
    predicted, fitted = [], []

    def predict_some(*given):
        if len(predicted) == tiles_done:
            raise Cancelled
        predicted.append(given)
        return predict(*given)

    with monkeypatch.context() as interrupting:
        interrupting.setattr(mapping, "_predict", predict_some)
        interrupting.setattr(threads, "usable_cores", lambda: 1)
        with pytest.raises(Cancelled):
            run(driver_world, tmp_path / "two", **how)
    assert [path.name for path in (tmp_path / "two").iterdir()] == [".maps.unfinished"]
    monkeypatch.setattr(fields, "_fit", lambda *given: fitted.append(given) or fit_tile(*given))
    run(driver_world, tmp_path / "two", **how)
    assert not fitted, "lines are computed once"
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def run_elsewhere(tasks, progress=Progress(), at_once=None):
    """Run tasks after a round trip through pickle, as the workers of a cluster receive them."""
    return run_all([sent(task) for task in tasks], progress, at_once)


def sent(task):
    if not isinstance(task, Steps):
        return pickle.loads(pickle.dumps(task))

    def following(make):
        return lambda results: [sent(task) for task in make(results)]

    return Steps([*map(sent, task.tasks)], [*map(following, task.following)], task.shares)


def test_tasks_that_are_sent_to_workers_give_the_same_bytes(driver_world, small_tiles, tmp_path):
    run(driver_world, tmp_path / "one")
    run(driver_world, tmp_path / "two", run=run_elsewhere)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_maps_do_not_depend_on_tiles(driver_world, made, small_tiles, tmp_path):
    tiled = run(driver_world, tmp_path, held_out=False)
    assert len(tiled.domain.tiles) == 4
    np.testing.assert_allclose(read_maps(tiled), read_maps(made), atol=1e-4)


def test_a_corrected_field_is_not_corrected_again(driver_world, made, tmp_path):
    corrected = read_stack(made.years[0].parents[1] / "corrected.tif", "GWSA")
    assert corrected.tags[LEAKAGE_TAG]
    world = replace(driver_world, gwsa=corrected)
    with pytest.raises(InputError, match="already corrected for leakage"):
        run(world, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_published_balance_has_no_prior(driver_world, tmp_path):
    gwsa = driver_world.gwsa
    sharp = replace(gwsa, tags={**gwsa.tags, "GWSA_BALANCE_MODE": "published"})
    result = run(replace(driver_world, gwsa=sharp), tmp_path)
    assert result.fitted.prior is None
    assert result.verdict.evidence is None
