"""The kernel predicts the same bits as XGBoost for any model, rows and processor."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.downscaling.forest import engine, model
from gwsa.gwsa_plugin.core.downscaling.forest.arranged_forest import Coding
from gwsa.gwsa_plugin.core.downscaling.forest.engine import evaluator
from gwsa.gwsa_plugin.core.predictors.stored_features import StoredFeature, TileFeature

pytestmark = pytest.mark.slow

kernel = pytest.importorskip(
    "gwsa.gwsa_plugin.core.downscaling.forest.kernel", reason="numba is not installed"
)

recode = pytest.importorskip("gwsa.gwsa_plugin.core.downscaling.forest.recode")

WAYS = [False, True] if kernel.can_permute() else [False]
SETTINGS = {
    "tree_method": "hist",
    "max_bin": 255,
    "base_score": 0.0,
    "nthread": 1,
    "min_child_weight": 0,
}
TINIEST, HUGE = np.float32(1e-45), np.float32(3e38)
SPECIAL = np.float32([0.0, -0.0, TINIEST, -TINIEST, 1e-39, HUGE, -HUGE, np.inf, -np.inf, np.nan])
COLUMNS = {
    "normal": lambda random, rows: random.normal(size=rows),
    "far from zero": lambda random, rows: 280 + 10 * random.normal(size=rows),
    "ties": lambda random, rows: random.integers(-3, 4, rows),
    "constant": lambda random, rows: np.full(rows, 7.0),
    "about zero": lambda random, rows: random.choice(
        [0.0, -0.0, TINIEST, -TINIEST, 1e-39, -1e-38], rows
    ),
    "huge": lambda random, rows: HUGE * random.uniform(-1, 1, rows),
    "skewed": lambda random, rows: np.exp(8 * random.normal(size=rows)),
    "missing": lambda random, rows: np.full(rows, np.nan),
}


def unexpected(text):
    raise AssertionError(text)


def assert_same_bits(one, other):
    assert one.dtype == other.dtype == np.float32
    np.testing.assert_array_equal(one.view(np.int32), other.view(np.int32))


def table(random, kinds, rows, missing):
    """A table with columns of the given kinds and a fraction of missing values."""
    values = np.stack([COLUMNS[kind](random, rows) for kind in kinds], axis=1).astype(np.float32)
    values[random.random(values.shape) < missing] = np.nan
    return values


def grown(random, features, trees=5, base=None, **changes):
    """A model of a response to the first feature, with another value where it is missing."""
    response = np.nan_to_num(np.tanh(features[:, 0]), nan=9) * 5 + random.normal(size=len(features))
    data = xgboost.DMatrix(features, response.astype(np.float32))
    return xgboost.train({**SETTINGS, "max_depth": 4, **changes}, data, trees, xgb_model=base)


def probes(random, booster, features):
    """Rows of the training, and rows at thresholds, next to them and of special floats."""
    forest = model.read_forest(booster)
    thresholds = np.append(forest.value[~forest.is_leaf], np.float32(0))
    beside = [np.nextafter(thresholds, np.float32(side)) for side in (-np.inf, np.inf)]
    pool = np.concatenate([thresholds, *beside, SPECIAL])
    at_thresholds = random.choice(pool, (400, features.shape[1]))
    return np.concatenate([features, at_thresholds]).astype(np.float32)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    depth=st.integers(1, 8),
    changes=st.fixed_dictionaries(
        {},
        optional={
            # Pruned trees, some of a single leaf.
            "gamma": st.just(20.0),
            # Trees with one long branch.
            "grow_policy": st.just("lossguide"),
            "base_score": st.just(0.7),
            "min_child_weight": st.just(30.0),
            "subsample": st.just(0.5),
        },
    ),
    continued=st.booleans(),
)
def test_any_forest_predicts_the_bits_of_xgboost(seed, kinds, missing, depth, changes, continued):
    random = np.random.default_rng(seed)
    features = table(random, kinds, 700, missing)
    booster = grown(random, features, max_depth=depth, **changes)
    if continued:
        booster = grown(random, features[:99], 3, booster, max_depth=max(1, depth - 2), **changes)
    rows = probes(random, booster, features)
    expected = booster.inplace_predict(rows)
    for way in WAYS:
        assert_same_bits(evaluator(booster, unexpected, permuting=way).predict(rows.T), expected)


@pytest.mark.parametrize("rows", [0, 1, 511, 512, 513, 40_000])
@pytest.mark.parametrize("way", WAYS)
def test_any_number_of_rows_is_predicted(rows, way):
    random = np.random.default_rng(rows)
    booster = grown(random, table(random, ["normal", "ties"], 500, 0.1), 40)
    probe = table(random, ["normal", "ties"], rows, 0.1)
    predicted = evaluator(booster, unexpected, permuting=way).predict(np.ascontiguousarray(probe.T))
    assert predicted.shape == (rows,)
    if rows:
        assert_same_bits(predicted, booster.inplace_predict(probe))


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1.0, 0.01, -0.25, 1e-3, 1e-42, 1e34]),
    offset=st.sampled_from([0.0, -0.0, 280.0, -1e-3]),
    nodata=st.sampled_from([-32768, 0, 255]),
)
def test_stored_values_are_coded_like_floats(seed, scale, offset, nodata):
    random = np.random.default_rng(seed)
    everything = StoredFeature(
        random.permutation(np.arange(-32768, 32768, dtype=np.int16)), scale, offset, nodata
    )
    values = everything.values()
    assert np.isnan(values).sum() == 1
    other = random.normal(size=values.size).astype(np.float32)
    booster = grown(random, np.stack([values, other], axis=1)[:3000], max_depth=6)
    expected = booster.inplace_predict(np.stack([values, other], axis=1))
    for way in WAYS:
        assert_same_bits(
            evaluator(booster, unexpected, permuting=way).predict([everything, other]), expected
        )


def test_a_feature_may_have_more_thresholds_than_a_byte_counts():
    random = np.random.default_rng(8)
    booster = None
    for shift in range(4):
        features = table(random, ["normal", "far from zero"], 6000, 0.05) + np.float32(shift / 1000)
        booster = grown(random, features, 15, booster, max_depth=8)
    forest = model.read_forest(booster)
    thresholds = [
        np.unique(forest.value[~forest.is_leaf & (forest.feature == number)]) for number in (0, 1)
    ]
    assert max(values.size for values in thresholds) > 600
    rows = probes(random, booster, features)
    for way in WAYS:
        assert_same_bits(
            evaluator(booster, unexpected, permuting=way).predict(rows.T),
            booster.inplace_predict(rows),
        )


def test_255_thresholds_with_both_directions_of_missing_values():
    random = np.random.default_rng(9)
    features = random.integers(0, 255, (5000, 1)).astype(np.float32) / 64 - 2
    features[random.random(5000) < 0.2] = np.nan
    booster = grown(random, features, 150, max_depth=8)
    forest = model.read_forest(booster)
    splits = ~forest.is_leaf
    assert np.unique(forest.value[splits]).size == 255
    assert np.unique(forest.missing_left[splits]).size == 2
    rows = probes(random, booster, features)
    for way in WAYS:
        assert_same_bits(
            evaluator(booster, unexpected, permuting=way).predict(rows.T),
            booster.inplace_predict(rows),
        )


def test_a_model_with_a_custom_objective_is_predicted():
    random = np.random.default_rng(1)
    features = table(random, ["normal"] * 3, 1000, 0.1)
    target = features.sum(axis=1)

    def absolute(prediction, _):
        return np.sign(prediction - np.nan_to_num(target)), np.ones(len(prediction))

    booster = xgboost.train(
        {**SETTINGS, "max_depth": 5}, xgboost.DMatrix(features), 20, obj=absolute
    )
    assert_same_bits(
        evaluator(booster, unexpected).predict(features.T), booster.inplace_predict(features)
    )


@pytest.mark.parametrize("kernel_available", [True, False])
def test_trees_that_models_share_are_evaluated_once(kernel_available, monkeypatch):
    if not kernel_available:
        monkeypatch.setattr(engine, "_import_compiled", no_numba)
    random = np.random.default_rng(2)
    features = table(random, ["normal", "ties", "skewed"], 50_000, 0.1)
    first = grown(random, features, 10)
    further = grown(random, features[:300], 4, first)
    shared = evaluator(first, ignored).predict(features.T)
    before = shared.copy()
    rest = evaluator(further, ignored, skip=first.num_boosted_rounds())
    assert_same_bits(rest.predict(features.T, onto=shared), further.inplace_predict(features))
    assert_same_bits(shared, before)
    nothing_more = evaluator(first, ignored, skip=first.num_boosted_rounds())
    assert_same_bits(nothing_more.predict(features.T, onto=shared), shared)


def test_threads_may_share_an_evaluator():
    random = np.random.default_rng(3)
    features = table(random, ["normal", "skewed"], 60_000, 0.1)
    booster = grown(random, features, 30)
    ours = evaluator(booster, unexpected)
    stored = StoredFeature(np.arange(-30_000, 30_000, dtype=np.int16), 1e-3, 0.0, 5)
    inputs = [
        [features[:, 0], stored],
        [stored, features[:, 1]],
        features.T,
        features.T[:, ::-1],
    ] * 3
    alone = [ours.predict(one) for one in inputs]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(evaluator(booster, unexpected).predict, inputs)):
            assert_same_bits(one, other)


def ignored(text):
    pass


def no_numba():
    raise model.Unsupported("numba could not be used (it is not installed)")


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"booster": "dart"}, "kind dart"),
        ({"objective": "reg:logistic", "base_score": 0.5}, "reg:logistic"),
        ({"num_parallel_tree": 3}, "several trees"),
        ({"max_depth": 10}, "deeper"),
    ],
)
def test_xgboost_predicts_unsupported_models_and_the_reason_is_reported(changes, reason):
    random, reported = np.random.default_rng(4), []
    features = table(random, ["normal", "ties"], 3000, 0.1)
    booster = xgboost.train(
        {**SETTINGS, **changes}, xgboost.DMatrix(features, random.random(3000)), 5
    )
    predicted = evaluator(booster, reported.append).predict(features.T)
    assert_same_bits(predicted, booster.inplace_predict(features))
    assert len(reported) == 1 and reason in reported[0] and reported[0].endswith(".")


def test_splits_by_category_are_left_to_xgboost():
    random, reported = np.random.default_rng(5), []
    features = random.integers(0, 8, (500, 1)).astype(np.float32)
    data = xgboost.DMatrix(
        features, np.sin(features[:, 0] * 9), feature_types=["c"], enable_categorical=True
    )
    booster = xgboost.train({**SETTINGS, "max_cat_to_onehot": 1}, data, 3)
    assert_same_bits(
        evaluator(booster, reported.append).predict(features.T), booster.inplace_predict(features)
    )
    assert "categories" in reported[0]


def test_without_numba_xgboost_predicts_stored_values_too(monkeypatch):
    random, reported = np.random.default_rng(6), []
    stored = StoredFeature(random.integers(-500, 500, 40_000).astype(np.int16), 0.01, 3.0, -7)
    features = np.stack([stored.values(), random.normal(size=40_000).astype(np.float32)], axis=1)
    booster = grown(random, features)
    ours = evaluator(booster, unexpected).predict([stored, features[:, 1]])
    monkeypatch.setattr(engine, "_import_compiled", no_numba)
    assert_same_bits(evaluator(booster, reported.append).predict([stored, features[:, 1]]), ours)
    assert "numba" in reported[0]


@pytest.mark.parametrize("ours", [True, False])
def test_features_that_the_model_does_not_know_are_refused(ours, monkeypatch):
    if not ours:
        monkeypatch.setattr(engine, "_import_compiled", no_numba)
    random = np.random.default_rng(7)
    booster = grown(random, table(random, ["normal", "ties"], 500, 0.1))
    predictor = evaluator(booster, ignored)
    nine = np.zeros(9, np.float32)
    eight = np.zeros(8, np.float32)
    for wrong, onto in (([nine] * 3, None), ([nine, eight], None), ([nine, nine], eight)):
        with pytest.raises(ValueError, match="takes 2 features of one length"):
            predictor.predict(wrong, onto)


def test_a_year_at_once_has_the_bits_of_its_months():
    """Static features, lags of a raster at some columns or a run, and a model continued later."""
    random = np.random.default_rng(5)
    rows, months = 1300, 5
    stored = random.integers(-900, 900, (months + 2, 2000)).astype(np.int16)
    stored[random.random(stored.shape) < 0.05] = -32768
    columns = np.sort(random.choice(2000, rows, replace=False)).astype(np.int32)
    raster = StoredFeature(stored, 0.01, 3.5, -32768)
    floats = table(random, ["normal"] * months, rows, 0.1).T.copy()
    static = table(random, ["ties"], rows, 0.1).T.copy()
    features = [
        TileFeature(raster, np.arange(2, months + 2), columns),
        TileFeature(raster, np.arange(months), columns),
        TileFeature(floats, np.arange(months)),
        TileFeature(static, np.array([0])),
        TileFeature(floats, np.arange(months)[::-1].copy(), np.arange(rows, dtype=np.int32)),
        TileFeature(raster, np.arange(1, months + 1), np.arange(7, 7 + rows, dtype=np.int32)),
    ]
    every = [
        np.stack([feature.month(month, slice(0, rows)) for feature in features], axis=1)
        for month in range(months)
    ]
    booster = grown(random, every[0], 30, max_depth=5)
    booster = grown(random, every[1][::3], 9, booster, max_depth=3)
    expected = np.stack([booster.inplace_predict(one) for one in every])
    margin = random.normal(size=expected.shape).astype(np.float32)
    added = np.stack(
        [
            booster.inplace_predict(one, base_margin=base, validate_features=False)
            for one, base in zip(every, margin)
        ]
    )
    for way in WAYS:
        ours = evaluator(booster, unexpected, permuting=way)
        assert_same_bits(ours.predict_months(features, months), expected)
        assert_same_bits(ours.predict_months(features, months, margin), added)
        some = np.array([7, 8, 900], dtype=np.int32)
        chosen = [feature.select(np.array([0, 3]), some) for feature in features]
        assert_same_bits(ours.predict_months(chosen, 2), expected[[0, 3]][:, some])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_import_compiled", no_numba)
        plain = evaluator(booster, lambda text: None)
        assert_same_bits(plain.predict_months(features, months, margin), added)


@pytest.mark.skipif(not kernel.can_permute(), reason="the processor cannot permute bytes")
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 128, 254])
def test_codes_are_the_same_with_and_without_permuting(count):
    random = np.random.default_rng(count)
    thresholds = np.unique(random.normal(size=count).astype(np.float32))
    values = np.concatenate([random.normal(size=4000), SPECIAL, thresholds]).astype(np.float32)
    feature = TileFeature(values[None], np.array([0]))
    codes = np.zeros((2, 1, values.size), dtype=np.uint8)
    for permuting in (False, True):
        coder = recode.Coder(Coding(0, thresholds), permuting)
        coder.code(feature, slice(3, values.size), codes[int(permuting)][:, 3:])
    expected = np.searchsorted(thresholds, values, side="right")
    expected[np.isnan(values)] = 255
    assert (codes[:, 0, 3:] == expected[3:]).all()
