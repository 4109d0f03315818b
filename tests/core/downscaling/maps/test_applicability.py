"""The dissimilarity index follows its definition, and its map marks pixels unlike all samples."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.maps import applicability as module
from gwsa.gwsa_plugin.core.downscaling.maps.applicability import (
    Applicability,
    one_of_each_season,
    write_applicability,
)
from gwsa.gwsa_plugin.core.downscaling.maps.map_predictors import MapPredictors
from gwsa.gwsa_plugin.core.predictors.features import read_features, read_pixels
from gwsa.gwsa_plugin.core.predictors.predictor_set import FINE
from gwsa.gwsa_plugin.core.predictors.stored_features import feature_table

WEIGHTS = np.array([0.5, 0.3, 0.2])
seeds = st.integers(0, 10_000)


def training(seed, count=60):
    """Samples of four folds with different means, some values missing."""
    rng = np.random.default_rng(seed)
    folds = rng.permutation(np.arange(count) % 4)
    table = (
        rng.standard_normal((count, 3)) * [1, 20, 0.01] + folds[:, None] * [0.5, 0, 0] + [0, 300, 0]
    )
    table[rng.random(table.shape) < 0.05] = np.nan
    return table.astype(np.float32), folds


@pytest.mark.slow
@given(seed=seeds)
def test_index_and_threshold_follow_the_definition(seed):
    """They are computed pair by pair, as Meyer & Pebesma define them."""
    table, folds = training(seed, count=25)
    mean = np.nanmean(table.astype(float), axis=0)
    spread = np.nanstd(table.astype(float), axis=0)

    def scaled(row):
        return np.where(np.isnan(row), 0.0, (row - mean) / spread) * WEIGHTS

    def distance(one, other):
        return np.linalg.norm(scaled(one) - scaled(other))

    pairs = [distance(a, b) for i, a in enumerate(table) for b in table[:i]]
    others = [
        min(distance(a, b) for b, k in zip(table, folds) if k != fold)
        for a, fold in zip(table, folds)
    ]
    others = np.array(others) / np.mean(pairs)
    lower, upper = np.percentile(others, [25, 75])
    made = Applicability.fit(table, WEIGHTS, folds)
    threshold = min(upper + 1.5 * (upper - lower), others.max())
    assert made.threshold == pytest.approx(threshold, rel=1e-6)
    asked, _ = training(seed + 1, count=5)
    expected = [min(distance(row, sample) for sample in table) / np.mean(pairs) for row in asked]
    assert made.index(asked) == pytest.approx(np.array(expected), rel=1e-5)
    assert made.index(asked).dtype == np.float32


@given(seed=seeds)
def test_training_samples_have_index_0_and_far_points_are_not_applicable(seed):
    table, folds = training(seed)
    made = Applicability.fit(table, WEIGHTS, folds)
    assert (made.index(table) == 0).all()
    far = np.nan_to_num(table) + np.float32([40, 0, 0])
    assert (made.index(far) > made.threshold).all()


@given(seed=seeds, features=st.integers(1, 20), far=st.sampled_from([0.0, 100.0]))
def test_the_compiled_search_finds_the_same_index_as_the_tree(seed, features, far):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((300, features)).astype(np.float32)
    made = Applicability.fit(table, rng.random(features) + 0.01, np.arange(300) % 4)
    asked = np.concatenate([table[:20], far + rng.standard_normal((100, features))])
    compiled = made.index(asked.astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_numba_module", lambda name: None)
        plain = replace(made).index(asked.astype(np.float32))
    np.testing.assert_array_equal(compiled, plain)


@given(seed=seeds, factor=st.floats(1e-3, 1e3), offset=st.floats(-10, 10))
def test_the_unit_of_a_feature_does_not_matter(seed, factor, offset):
    table, folds = training(seed)
    asked, _ = training(seed + 1)
    one, other = (
        Applicability.fit(values(table), WEIGHTS, folds).index(values(asked))
        for values in (
            np.float64,
            lambda table: table * np.array([1, factor, 1]) + [0, factor * offset, 0],
        )
    )
    assert one == pytest.approx(other, rel=1e-4, abs=1e-6)


@given(seed=seeds, weight=st.sampled_from([0, 0.004]))
def test_features_of_little_weight_do_not_matter(seed, weight):
    table, folds = training(seed)
    rng = np.random.default_rng(seed)
    one = Applicability.fit(table, np.array([0.6, 0.4, weight]), folds)
    changed = np.column_stack([table[:, :2], 1e6 * rng.standard_normal(len(table))])
    assert (one.index(changed) == 0).all()
    other = Applicability.fit(changed, np.array([0.6, 0.4, weight]), folds)
    assert other.threshold == one.threshold


@pytest.mark.parametrize("constant", [0.1, np.nan])
def test_a_constant_feature_does_not_matter(constant):
    table, folds = training(1)
    without = Applicability.fit(table[:, :2], WEIGHTS[:2], folds)
    table[:, 2] = constant
    made = Applicability.fit(table, WEIGHTS, folds)
    assert made.threshold == pytest.approx(without.threshold)
    table[:, 2] = 7
    assert (made.index(table) == 0).all()


def test_models_that_use_no_feature_apply_everywhere():
    table, folds = training(1)
    made = Applicability.fit(table, np.zeros(3), folds)
    assert (made.index(1000 * table) <= made.threshold).all()


def test_many_samples_are_reduced_to_the_same_ones_each_time():
    table, folds = training(2, count=5000)
    one, other = (Applicability.fit(table, WEIGHTS, folds) for _ in range(2))
    assert one.samples.shape[0] == 2000
    assert one.threshold == other.threshold
    assert (one.index(table) == other.index(table)).all()


def test_a_single_fold_is_refused():
    table, folds = training(3)
    with pytest.raises(InputError, match="one fold"):
        Applicability.fit(table, WEIGHTS, np.zeros_like(folds))


def test_a_month_of_each_season_spread_over_the_period():
    """Of 48 months of each season, those at positions 6, 18, 30 and 42 are chosen in turn."""
    months = month_range("2003-01", "2018-12")
    chosen = months[one_of_each_season(months)]
    assert chosen.astype(str).tolist() == ["2005-01", "2009-03", "2013-06", "2017-09"]
    assert sorted(calendar_month(chosen) % 12 // 3) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("first", "last", "chosen"),
    [
        ("2010-06", "2010-08", ["2010-07"]),
        ("2010-05", "2010-06", ["2010-05", "2010-06"]),
        ("2010-04", "2010-07", ["2010-04", "2010-07"]),
        ("2010-01", "2010-12", ["2010-01", "2010-04", "2010-07", "2010-11"]),
    ],
)
def test_a_short_period_has_a_month_of_each_of_its_seasons(first, last, chosen):
    months = month_range(first, last)
    assert months[one_of_each_season(months)].astype(str).tolist() == chosen


def test_features_with_99_percent_of_the_weight_are_kept():
    """The first three features have 0.989 of the weight, the first four 0.991."""
    weights = np.array([0.002, 0.3, 0.002, 0.189, 0.002, 0.5, 0.002, 0.002, 0.001])
    table = np.random.default_rng(0).standard_normal((40, weights.size)).astype(np.float32)
    fitted = Applicability.fit(table, weights, np.arange(40) % 4)
    assert fitted.columns.tolist() == [5, 1, 3, 0]


def test_features_with_exactly_99_percent_of_the_weight_are_enough():
    table = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    fitted = Applicability.fit(table, np.array([39.0, 1.0, 60.0]), np.arange(40) % 4)
    assert fitted.columns.tolist() == [2, 0]


@pytest.fixture(scope="module")
def domain(small_world):
    domain = make_domain(small_world.gwsa, small_world.predictors, [], (None, None), SILENT)
    return domain.with_features(SILENT)


@pytest.fixture(scope="module")
def predictors(domain):
    """Samples with soil below average, in folds of columns; relief has no weight."""
    samples = domain.samples
    where = samples.cells[:, 0] < 0

    def read(months, selection, progress):
        for features in read_pixels(domain.predictors, months, selection):
            yield feature_table(features)

    weights = np.array([0.7, 0.0, 0.2, 0.1])
    return MapPredictors(samples.cells[where], samples.column[where] // 3, weights, read)


@pytest.fixture(scope="module")
def applicability(predictors):
    return Applicability.fit(predictors.samples, predictors.importance, predictors.folds)


def test_the_map_has_the_index_of_its_pixels(domain, predictors, applicability, tmp_path):
    path = tmp_path / "area.tif"
    write_applicability(domain, predictors, path, {"GWSA_STAGE": "downscale"})
    with rasterio.open(path) as source:
        bands, tags = source.read(), source.tags()
        assert source.descriptions == ("dissimilarity", "share applicable")
        assert source.units == ("1", "1")
        assert source.dtypes == ("float32",) * 2 and source.shape == domain.predictors.grid.shape
    assert tags["GWSA_VARIABLE"] == "area of applicability" and tags["GWSA_STAGE"] == "downscale"
    assert float(tags["GWSA_DI_THRESHOLD"]) == pytest.approx(applicability.threshold, rel=1e-5)
    pixels, months = domain.conservation.pixels(), tags["GWSA_MONTHS"].split(", ")
    assert len(months) == 4 and np.isnan(bands[:, ~pixels]).all()
    features = read_features(domain.predictors, FINE, months)[:, :, pixels]
    index = np.array([applicability.index(month.T) for month in features])
    assert np.allclose(bands[0, pixels], index.mean(axis=0), atol=1e-6)
    assert np.allclose(bands[1, pixels], (index <= applicability.threshold).mean(axis=0))
    soil = features[0, 0]
    assert bands[1, pixels][soil < -0.3].mean() > 0.9 and bands[1, pixels][soil > 1.5].max() == 0


def test_the_file_is_reproducible_and_the_only_one(domain, predictors, tmp_path):
    for name in ("one.tif", "two.tif"):
        write_applicability(domain, predictors, tmp_path / name)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tif", "two.tif"]


class Cancelling(Progress):
    def is_cancelled(self):
        return True


def test_no_file_is_left_after_cancelling(domain, predictors, tmp_path):
    with pytest.raises(Cancelled):
        write_applicability(domain, predictors, tmp_path / "area.tif", progress=Cancelling())
    assert not list(tmp_path.iterdir())


def test_a_period_of_one_season_has_one_month(domain, predictors, tmp_path):
    short = replace(domain, used=domain.used & (np.arange(domain.used.size) < 2))
    write_applicability(short, predictors, tmp_path / "area.tif")
    with rasterio.open(tmp_path / "area.tif") as source:
        assert set(np.unique(source.read(2)[domain.conservation.pixels()])) <= {0, 1}
