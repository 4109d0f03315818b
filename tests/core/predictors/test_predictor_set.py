"""Read a predictor set: names, order, lags, means, classes, tiles and messages for invalid sets."""

import json

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.predictors import bands as module
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection, read_features, read_pixels
from gwsa.gwsa_plugin.core.predictors.files import read_stored
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.predictors.stored_features import StoredFeature, feature_values

FACTOR = 3
COARSE = Grid(10.0, 46.0, 0.25, 0.25, 2, 4)
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2003-11", "2005-02")
# The month that evaporation has no band for.
LACKED = np.datetime64("2004-05")
ENTRIES = [
    {
        "name": "elevation",
        "group": "topography",
        "unit": "m",
        "kind": "static",
        "files": "fine/elevation.tif",
    },
    {
        "name": "landcover",
        "kind": "static",
        "files": "fine/landcover.tif",
        "aggregation": "fraction",
        "classes": [1, 4],
    },
    {"name": "rain", "kind": "monthly", "files": "fine/rain_{YYYY}.tif", "lags": [0, 2]},
]
WITH_SURPLUS = [
    {
        "name": "surplus",
        "unit": "mm",
        "difference": ["rain", "evaporation"],
        "lags": [0, 1],
        "means": [3, 12],
    },
    *ENTRIES,
    {"name": "evaporation", "kind": "monthly", "files": "fine/evaporation.tif", "means": [2]},
]


def truth(grid, month):
    """Rain that identifies the pixel and the month."""
    return np.arange(grid.rows * grid.columns).reshape(grid.shape) + 1000.0 * (
        month - MONTHS[0]
    ).astype(int)


def write(path, grid, bands, names=None, **options):
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(path, "w", **geotiff_profile(grid, len(bands), **options)) as target:
        target.write(np.asarray(bands, dtype=target.dtypes[0]))
        if names is not None:
            target.descriptions = [str(name) for name in names]


@pytest.fixture
def codes():
    return np.random.default_rng(1).choice([1, 2, 4, 65535], FINE.shape)


@pytest.fixture
def folder(tmp_path, gdal_backend, codes):
    """A set made by hand, without the months in predictors.json."""
    for scale, grid in (("fine", FINE), ("coarse", COARSE)):
        write(tmp_path / scale / "elevation.tif", grid, [np.full(grid.shape, 250.0)])
        for year in (2003, 2004, 2005):
            months = MONTHS[MONTHS.astype("datetime64[Y]") == np.datetime64(str(year))]
            write(
                tmp_path / scale / f"rain_{year}.tif",
                grid,
                [truth(grid, month) for month in months],
                months,
            )
    write(
        tmp_path / "fine" / "landcover.tif",
        FINE,
        [codes],
        dtype="uint16",
        nodata=65535,
        predictor=2,
    )
    fractions = [np.full(COARSE.shape, 0.25), np.full(COARSE.shape, 0.5)]
    write(tmp_path / "coarse" / "landcover.tif", COARSE, fractions, ["landcover_1", "landcover_4"])
    write(
        tmp_path / "fine" / "land.tif",
        FINE,
        [np.eye(*FINE.shape)],
        dtype="uint8",
        nodata=None,
        predictor=2,
    )
    shape = {
        "west": 10.0,
        "north": 46.0,
        "dx": 0.25 / FACTOR,
        "dy": 0.25 / FACTOR,
        "rows": 6,
        "columns": 12,
    }
    describe(tmp_path, grid={**shape, "factor": FACTOR})
    return tmp_path


def describe(folder, **changes):
    content = {"format": 1, "land": "fine/land.tif", "predictors": ENTRIES}
    if (folder / "predictors.json").exists():
        content = json.loads((folder / "predictors.json").read_text())
    (folder / "predictors.json").write_text(json.dumps({**content, **changes}))


def test_names_grids_and_months(folder):
    predictors = PredictorSet.open(folder)
    assert predictors.features == ("elevation", "landcover_1", "landcover_4", "rain", "rain_lag2")
    assert (
        predictors.grid.same_as(FINE)
        and predictors.coarse_grid.same_as(COARSE)
        and predictors.factor == FACTOR
    )
    assert predictors.months.tolist() == MONTHS.tolist()


@pytest.mark.parametrize("scale, grid", [("fine", FINE), ("coarse", COARSE)])
def test_values_are_those_of_the_requested_months_and_tile(folder, scale, grid):
    months = np.array(["2004-12", "2003-12", "2004-01"], dtype="datetime64[M]")
    tile = Tile(slice(1, 2), slice(1, 3))
    values = read_features(PredictorSet.open(folder), scale, months, tile)
    assert values.shape == (3, 5, 1, 2) and values.dtype == np.float32
    for i, month in enumerate(months):
        assert (values[i, 3] == truth(grid, month)[tile]).all()
    assert (values[0, 4] == truth(grid, months[0] - 2)[tile]).all()
    assert (values[2, 4] == truth(grid, months[2] - 2)[tile]).all()
    assert np.isnan(values[1, 4]).all(), "there is no raster of 2003-10"
    assert (values[:, 0] == 250).all()


@pytest.fixture
def with_surplus(folder):
    """The set with a difference, rain minus evaporation.

    Evaporation has no value in the first column and no band for 2004-05.
    """
    for scale, grid in (("fine", FINE), ("coarse", COARSE)):
        known = MONTHS[MONTHS != LACKED]
        write(
            folder / scale / "evaporation.tif",
            grid,
            [evaporation(grid, month) for month in known],
            known,
        )
    describe(folder, predictors=WITH_SURPLUS)
    return PredictorSet.open(folder)


def evaporation(grid, month):
    field = np.cos(truth(grid, month))
    field[:, 0] = np.nan
    return field.astype(np.float32)


@pytest.mark.parametrize("scale, grid", [("fine", FINE), ("coarse", COARSE)])
def test_difference_and_means_over_months_with_values(with_surplus, scale, grid):
    assert with_surplus.features == (
        "surplus", "surplus_lag1", "surplus_mean3", "surplus_mean12", "elevation", "landcover_1",
        "landcover_4", "rain", "rain_lag2", "evaporation", "evaporation_mean2",
    )  # fmt: skip
    rain, loss = (
        np.array([field(grid, month) for month in MONTHS], np.float32)
        for field in (truth, evaporation)
    )
    loss[MONTHS == LACKED] = np.nan
    surplus = rain - loss
    requested = [9, 0, 7, 15, 1, 6]
    values = read_features(with_surplus, scale, MONTHS[requested])
    for i, month in enumerate(requested):
        np.testing.assert_array_equal(values[i, 0], surplus[month])
        np.testing.assert_array_equal(values[i, 1], surplus[month - 1] if month else np.nan)
        for feature, field, window in ((2, surplus, 3), (3, surplus, 12), (10, loss, 2)):
            expected = nan_mean(field[max(0, month - window + 1) : month + 1])
            np.testing.assert_allclose(values[i, feature], expected, rtol=1e-6)
    assert (
        np.isnan(values[:, [0, 2, 3, 10], :, 0]).all()
        and np.isfinite(values[:, [2, 3, 10], :, 1:]).all()
    )


def nan_mean(fields):
    known = np.isfinite(fields)
    count = known.sum(axis=0)
    return np.where(
        count, np.where(known, fields, 0).sum(axis=0, dtype=float) / np.maximum(count, 1), np.nan
    )


def test_bits_of_a_month_do_not_depend_on_other_months(with_surplus):
    tile = Tile(slice(1, 5), slice(0, 12))
    together = read_features(with_surplus, "fine", MONTHS[::-1], tile)[::-1]
    for i, month in enumerate(MONTHS):
        assert (
            read_features(with_surplus, "fine", [month], tile)[0].tobytes() == together[i].tobytes()
        )


def test_each_band_is_read_once(with_surplus, monkeypatch):
    read = []

    def counted(path, bands, window, values):
        read.extend((path, band) for band in bands)
        read_stored(path, bands, window, values)

    monkeypatch.setattr(module, "read_stored", counted)
    read_features(with_surplus, "coarse", MONTHS[[5, 12, 13]])
    assert len(read) == len(set(read))
    # Of rain, of evaporation, which has no 2004-05, and of elevation.
    wanted = 14 + 13 + 1
    assert len(read) == wanted + 2, "and two classes"


def test_class_codes_become_zeros_and_ones(folder, codes):
    values = read_features(PredictorSet.open(folder), "fine", MONTHS[:1])[0, 1:3]
    assert (np.isnan(values) == (codes == 65535)).all()
    assert (values[0][codes == 1] == 1).all() and (values[0][np.isin(codes, [2, 4])] == 0).all()
    assert (values[1][codes == 4] == 1).all()
    assert (read_features(PredictorSet.open(folder), "coarse", MONTHS[:1])[0, 2] == 0.5).all()


def test_land_of_a_tile(folder):
    tile = Tile(slice(2, 4), slice(1, 5))
    land = PredictorSet.open(folder).land(tile)
    assert land.dtype == bool and (land == np.eye(*FINE.shape, dtype=bool)[tile]).all()


def test_scale_in_predictors_json_replaces_that_of_the_file(folder):
    for year in (2003, 2004, 2005):
        with rasterio.open(folder / "fine" / f"rain_{year}.tif", "r+") as target:
            target.scales = [0.5] * target.count
    month = MONTHS[3:4]
    assert (
        read_features(PredictorSet.open(folder), "fine", month)[0, 3] == truth(FINE, month[0]) * 0.5
    ).all()
    describe(folder, predictors=[*ENTRIES[:2], {**ENTRIES[2], "scale": 2, "offset": 1}])
    assert (
        read_features(PredictorSet.open(folder), "fine", month)[0, 3]
        == truth(FINE, month[0]) * 2 + 1
    ).all()


def test_months_in_predictors_json_replace_those_of_the_files(folder):
    describe(folder, months=["2004-01", "2004-06"])
    predictors = PredictorSet.open(folder)
    assert predictors.months.tolist() == month_range("2004-01", "2004-06").tolist()
    assert np.isnan(read_features(predictors, "fine", predictors.months[:1])[0, 4]).all()


def test_predictors_of_a_set_are_found_by_role(folder):
    named = {**ENTRIES[2], "name": "precipitation"}
    describe(folder, predictors=[*ENTRIES[:2], named])
    predictors = PredictorSet.open(folder)
    assert predictors.by_role("precipitation") is predictors.predictors[2], (
        "a set without roles takes them from the names"
    )
    assert predictors.by_role("runoff") is None
    describe(
        folder, predictors=[{**ENTRIES[0], "name": "runoff"}, {**ENTRIES[2], "role": "runoff"}]
    )
    assert PredictorSet.open(folder).by_role("runoff").name == "rain"


def test_static_variables_alone_serve_any_month(folder):
    describe(folder, predictors=ENTRIES[:1])
    predictors = PredictorSet.open(folder)
    assert predictors.months.size == 0
    assert (read_features(predictors, "coarse", ["1999-01"]) == 250).all()


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"format": 2}, "format 1"),
        ({"grid": {"west": 1}}, "grid"),
        ({"predictors": []}, "no list"),
        ({"predictors": [ENTRIES[0], ENTRIES[0]]}, "elevation twice"),
        ({"predictors": [{**ENTRIES[0], "kind": "yearly"}]}, "static or monthly"),
        ({"predictors": [{**ENTRIES[0], "lag": [1]}]}, '"lag"'),
        ({"predictors": [{**ENTRIES[2], "lags": [-1]}]}, "lags"),
        ({"predictors": [{**ENTRIES[2], "means": [1]}]}, "means.*whole numbers from 2"),
        ({"predictors": [{**ENTRIES[2], "means": [3, 3]}]}, "means.*distinct"),
        ({"predictors": [{**ENTRIES[2], "means": 3}]}, "means.*a list"),
        ({"predictors": [{**ENTRIES[0], "means": [3]}]}, "elevation.* static but has .* means"),
        ({"predictors": [ENTRIES[2], {**ENTRIES[0], "name": "rain_lag2"}]}, "rain_lag2 twice"),
        (
            {"predictors": [{**ENTRIES[2], "means": [3]}, {**ENTRIES[0], "name": "rain_mean3"}]},
            "rain_mean3 twice",
        ),
        (
            {"predictors": [{"name": "surplus"}]},
            'surplus.* neither "files", as text, nor a "difference"',
        ),
        (
            {"predictors": [{"name": "surplus", "difference": []}]},
            "surplus.* list of two monthly predictors",
        ),
        (
            {"predictors": [{"name": "surplus", "difference": "rain"}]},
            "surplus.* list of two monthly predictors",
        ),
        (
            {"predictors": [{"name": "surplus", "difference": ["rain", "rain"]}]},
            "list of two monthly predictors",
        ),
        (
            {"predictors": [{**WITH_SURPLUS[0], "files": "fine/surplus.tif"}]},
            'both "difference" and "files"',
        ),
        ({"predictors": [{**WITH_SURPLUS[0], "scale": 2}]}, 'both "difference" and "scale"'),
        (
            {"predictors": [{**WITH_SURPLUS[0], "kind": "static", "lags": [0], "means": []}]},
            "surplus.* of kind static",
        ),
        ({"predictors": WITH_SURPLUS[:-1]}, 'names evaporation in "difference" of surplus'),
        (
            {"predictors": [*ENTRIES, {"name": "odd", "difference": ["rain", "elevation"]}]},
            "names elevation in",
        ),
        (
            {"predictors": [*ENTRIES, {"name": "odd", "difference": ["rain", "odd"]}]},
            "names odd in",
        ),
        ({"predictors": [{**ENTRIES[2], "files": "fine/snow_{YYYY}.tif"}]}, "snow_"),
        ({"predictors": [{**ENTRIES[0], "files": "elevation.tif"}]}, "not in fine/"),
        ({"months": ["2004", "2005"]}, "write it as YYYY-MM"),
    ],
)
def test_invalid_set_is_refused(folder, changes, sentence):
    describe(folder, **changes)
    with pytest.raises(InputError, match=sentence):
        PredictorSet.open(folder)


def test_folder_without_predictors_json_is_refused(tmp_path):
    with pytest.raises(InputError, match="no predictors.json"):
        PredictorSet.open(tmp_path)


def test_months_outside_the_set_are_refused(folder):
    with pytest.raises(InputError, match="2003-11 to 2005-02, not 2005-03"):
        read_features(PredictorSet.open(folder), "fine", ["2005-02", "2005-03"])


def test_raster_of_another_shape_or_deleted_is_refused(folder):
    predictors = PredictorSet.open(folder)
    write(folder / "fine" / "elevation.tif", COARSE, [np.zeros(COARSE.shape)])
    with pytest.raises(InputError, match="fine/elevation.tif has 2 x 4 pixels"):
        read_features(predictors, "fine", MONTHS[:1])
    (folder / "fine" / "elevation.tif").unlink()
    with pytest.raises(InputError, match="fine/elevation.tif does not exist"):
        read_features(predictors, "fine", MONTHS[:1])


@pytest.fixture
def packed(with_surplus):
    """The set with int16 rasters as well; one lacks a month and has pixels without a value."""
    folder = with_surplus.folder
    numbers = np.random.default_rng(2).integers(-300, 300, (MONTHS.size, *FINE.shape))
    numbers[:, 1, 2:5] = -32768
    known = MONTHS != LACKED
    kind = {"dtype": "int16", "nodata": -32768, "predictor": 2}
    write(folder / "fine" / "height.tif", FINE, numbers[:1], **kind)
    write(folder / "fine" / "snow.tif", FINE, numbers[known], MONTHS[known], **kind)
    height = {"name": "height", "files": "fine/height.tif", "scale": 0.25, "offset": 100}
    snow = {
        "name": "snow",
        "kind": "monthly",
        "files": "fine/snow.tif",
        "scale": 0.1,
        "lags": [0, 1, 3],
    }
    describe(folder, predictors=[height, *WITH_SURPLUS, snow])
    return PredictorSet.open(folder)


def test_selected_pixels_have_the_bits_of_the_tile(packed):
    tile = Tile(slice(1, 5), slice(0, 9))
    months = MONTHS[[8, 0, 2, 6]]
    pixels = np.random.default_rng(3).random(tile.shape) < 0.6
    tiles = read_features(packed, "fine", months, tile)[:, :, pixels]
    by_month = read_pixels(packed, months, PixelSelection(tile, pixels))
    for features, values in zip(by_month, tiles):
        read = np.array([feature_values(one) for one in features])
        np.testing.assert_array_equal(read.view(np.int32), values.view(np.int32))
    assert [isinstance(one, StoredFeature) for one in by_month[0]] == [
        True,
        *[False] * 11,
        True,
        True,
        True,
    ]
    assert np.isnan(tiles[0, -3:]).any() and np.isfinite(tiles[0, -3:]).any()


def test_deleted_raster_is_refused_when_pixels_are_read(packed):
    selection = PixelSelection(Tile.full(FINE.shape), np.ones(FINE.shape, dtype=bool))
    read_pixels(packed, MONTHS[:1], selection)
    (packed.folder / "fine/height.tif").unlink()
    with pytest.raises(InputError, match="fine/height.tif cannot be read"):
        read_pixels(packed, MONTHS[:1], selection)
    with pytest.raises(InputError, match="not 2006-01"):
        read_pixels(packed, np.array(["2006-01"], dtype="datetime64[M]"), selection)


def test_internal_mask_is_applied(folder):
    masked = np.arange(FINE.rows * FINE.columns).reshape(FINE.shape) % 5 == 0
    path = folder / "fine/elevation.tif"
    write(path, FINE, [np.full(FINE.shape, 7)], dtype="int16", nodata=-32768, predictor=2)
    with rasterio.open(path, "r+") as source:
        source.write_mask(~masked)
    describe(folder, predictors=ENTRIES[:1])
    values = read_features(PredictorSet.open(folder), "fine", MONTHS[:1])[0, 0]
    assert (np.isnan(values) == masked).all() and (values[~masked] == 7).all()


STORED = {
    "int16": {"nodata": -32768, "predictor": 2},
    "uint16": {"nodata": 65535, "predictor": 2},
    "float32": {},
    "float32 with nodata -1": {"dtype": "float32", "nodata": -1},
    "float64": {},
}


@st.composite
def variables(draw):
    """How a monthly variable is stored, its numbers, and their scale and offset."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(sorted(STORED)))
    numbers = random.integers(0, 2000, (MONTHS.size, *FINE.shape)).astype(float)
    absent = random.random(numbers.shape) < draw(st.sampled_from([0, 0.1, 0.9]))
    numbers[absent] = STORED[kind].get("nodata", np.nan)
    return (
        kind,
        numbers,
        draw(st.sampled_from([1.0, 0.1, -0.25])),
        draw(st.sampled_from([0.0, -273.15])),
    )


def some(least, most, **size):
    return st.lists(st.integers(least, most), unique=True, **size)


LAGS_AND_MEANS = st.tuples(some(0, 5, min_size=1, max_size=3), some(2, 20, max_size=3))
LAST = MONTHS.size - 1


@pytest.mark.slow
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    variables(),
    variables(),
    st.tuples(*[LAGS_AND_MEANS] * 3),
    some(0, LAST, max_size=3),
    some(0, LAST, min_size=1),
    st.integers(0, 9),
)
def test_features_are_computed_from_the_stored_numbers(
    folder, one, other, lags_and_means, gaps, requested, seed
):
    stored = np.delete(np.arange(MONTHS.size), gaps)
    fields = []
    entries = []
    for name, (kind, numbers, scale, offset) in {"one": one, "other": other}.items():
        options = {"dtype": kind, **STORED[kind]}
        write(folder / f"fine/{name}.tif", FINE, numbers[stored], MONTHS[stored], **options)
        known = np.where(numbers == options.get("nodata"), np.nan, numbers).astype(np.float32)
        known[gaps] = np.nan
        fields.append(known * np.float32(scale) + np.float32(offset))
        entries.append(
            {
                "name": name,
                "kind": "monthly",
                "files": f"fine/{name}.tif",
                "scale": scale,
                "offset": offset,
            }
        )
    fields.append(fields[0] - fields[1])
    entries.append({"name": "more", "difference": ["one", "other"]})
    for entry, (lags, means) in zip(entries, lags_and_means):
        entry.update(lags=lags, means=means)
    describe(folder, predictors=entries, months=[str(MONTHS[0]), str(MONTHS[-1])])
    pixels = np.random.default_rng(seed).random(FINE.shape) < 0.7
    by_month = read_pixels(
        PredictorSet.open(folder), MONTHS[requested], PixelSelection(Tile.full(FINE.shape), pixels)
    )
    for month, features in zip(requested, by_month):
        expected = []
        for field, (lags, means) in zip(fields, lags_and_means):
            expected += [
                field[month - lag] if month >= lag else np.full(FINE.shape, np.nan) for lag in lags
            ]
            expected += [
                nan_mean(field[max(0, month - window + 1) : month + 1][::-1]) for window in means
            ]
        found = np.array([feature_values(feature) for feature in features])
        np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32)[:, pixels])
