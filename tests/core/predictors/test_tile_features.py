"""A tile read at once has the bits of the features read month by month."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.predictors import antecedent_means as means_module
from gwsa.gwsa_plugin.core.predictors import tile_features
from gwsa.gwsa_plugin.core.predictors.antecedent_means import (
    antecedent_means,
    column_means,
    means_by_window,
    sums_are_exact,
)
from gwsa.gwsa_plugin.core.predictors.catalogue import Predictor
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection, read_pixels
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.predictors.stored_features import (
    StoredFeature,
    TileFeature,
    feature_values,
    take_rows,
)
from gwsa.gwsa_plugin.core.predictors.tile_features import (
    TileRasters,
    _subtract,
    decoded_pixels,
    months_in_memory,
)

KNOWN = np.arange("2001-01", "2004-01", dtype="datetime64[M]")
MONTHS = KNOWN[20:32]
WINDOWS = (3, 1, 24, 12)
PIXELS = 1500
# Scale and offset of rasters, and whether sums of 36 of their values are exact.
SCALINGS = {
    "power of two": (2.0**-9, 8.0, True),
    "tenths": (0.1, 0.0, True),
    "kelvin": (0.02, 273.15, True),
    "negative": (-0.01, 5.5, True),
    "tiny scale and large offset": (1e-7, 1000.0, False),
    "beyond the digits of a sum": (1e-12, 3e5, False),
}


@pytest.fixture(params=["numba", "numpy"])
def compiled(request, monkeypatch):
    """Run a test with the compiled loops and without them."""
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        for module in (means_module, tile_features):
            monkeypatch.setattr(module, "_kernel", lambda: None)


def stored(scaling, missing=0.1, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-32767, 32768, (KNOWN.size, PIXELS)).astype(np.int16)
    numbers[rng.random(numbers.shape) < missing] = -32768
    numbers[:, 7] = -32768
    return StoredFeature(numbers, *scaling[:2], -32768)


def empty_means(months, windows, columns):
    return np.empty((len(windows), months.size, columns.size), dtype=np.float32)


def assert_same_bits(one, other):
    assert one.dtype == other.dtype == np.float32
    np.testing.assert_array_equal(one.view(np.int32), other.view(np.int32))


@pytest.mark.parametrize("scaling", SCALINGS.values(), ids=SCALINGS)
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_means_of_stored_numbers_have_the_bits_of_sums_month_by_month(compiled, scaling, missing):
    values = stored(scaling, missing)
    columns = np.flatnonzero(np.random.default_rng(1).random(PIXELS) < 0.7).astype(np.int32)
    assert sums_are_exact(KNOWN.size, [scaling[:2]]) == scaling[2]
    ours = empty_means(MONTHS, WINDOWS, columns)
    column_means(values, columns, KNOWN, MONTHS, WINDOWS, ours)
    expected = antecedent_means(values.values()[:, columns], KNOWN, MONTHS, WINDOWS)
    assert_same_bits(ours, np.ascontiguousarray(expected.swapaxes(0, 1)))


def test_windows_before_the_first_month_are_over_the_known_ones(compiled):
    values = stored(SCALINGS["tenths"])
    columns = np.arange(PIXELS, dtype=np.int32)
    months = np.concatenate([KNOWN[:3], KNOWN[-1:] + 30])
    ours = empty_means(months, (2, 24), columns)
    column_means(values, columns, KNOWN, months, (2, 24), ours)
    expected = antecedent_means(values.values(), KNOWN, months, (2, 24)).swapaxes(0, 1)
    np.testing.assert_array_equal(ours, expected)
    assert np.isnan(ours[:, -1]).all()


@pytest.mark.parametrize("pair", [("tenths", "kelvin"), ("power of two", "negative")])
def test_means_of_differences_have_the_bits_of_sums_month_by_month(compiled, pair):
    one, other = (stored(SCALINGS[name], seed=number) for number, name in enumerate(pair))
    columns = np.arange(0, PIXELS, 2, dtype=np.int32)
    values = np.empty((KNOWN.size, columns.size), dtype=np.float32)
    _subtract(one, other, columns, values)
    assert_same_bits(values, one.values()[:, columns] - other.values()[:, columns])
    assert sums_are_exact(KNOWN.size, [SCALINGS[name][:2] for name in pair])
    ours = empty_means(MONTHS, WINDOWS, columns)
    means_by_window(values, KNOWN, MONTHS, WINDOWS, ours, exact=True)
    expected = antecedent_means(values, KNOWN, MONTHS, WINDOWS).swapaxes(0, 1)
    assert_same_bits(ours, np.ascontiguousarray(expected))


def test_sums_are_divided_as_by_a_division():
    """The corrected product with the reciprocal is the quotient, for every length of a window."""
    kernel = pytest.importorskip("gwsa.gwsa_plugin.core.predictors.antecedent_means_numba")
    random = np.random.default_rng(5)
    totals = random.normal(0, 1, 20_000) * 2.0 ** random.integers(-30, 30, 20_000)
    totals[:1000] = np.rint(totals[:1000])
    quotients = np.empty(totals.size)
    for count in (*range(1, 61), 120, 240, 299):
        kernel._divide_by(totals, np.zeros(totals.size), float(count), quotients)
        np.testing.assert_array_equal(quotients, totals / count)


def test_rows_and_months_of_a_feature_are_selected():
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    feature = TileFeature(values, np.array([1, 2, 3]), np.array([0, 2, 4], dtype=np.int32))
    chosen = feature.select(np.array([0, 2]), np.array([1, 2]))
    assert chosen.rows == 2
    assert chosen.month(1, slice(0, 2)).tolist() == [17.0, 19.0]
    static = TileFeature(values[:1], np.array([0]))
    assert static.rows == 5
    assert static.select(np.array([2]), np.array([3, 4])).month(0, slice(0, 2)).tolist() == [3, 4]
    assert feature._replace(columns=None).month(2, slice(1, 4)).tolist() == [16.0, 17.0, 18.0]


def test_a_tile_has_the_features_that_are_read_month_by_month(small_world):
    """Lags, means and a difference, of a part of the pixels, with terms that share the rasters."""
    predictors = small_world.predictors
    rain = next(one for one in predictors.predictors if one.monthly)
    changed = replace(rain, lags=(0, 2), means=(3, 6))
    again = replace(rain, name="again", lags=(1,), means=(6, 12))
    difference = Predictor(
        "difference", kind="monthly", lags=(0, 1), means=(3,), difference=(rain.name, "again")
    )
    statics = tuple(one for one in predictors.predictors if not one.monthly)
    ours = replace(predictors, predictors=(*statics, changed, again, difference))
    months = predictors.months[5:9]
    tile = Tile(slice(0, 48), slice(0, 40))
    pixels = predictors.land(tile)
    selection = PixelSelection(tile, pixels)
    rasters = TileRasters(ours, (ours.predictors, (changed,)), months, selection)
    assert rasters.rows == np.count_nonzero(pixels)
    expected = read_pixels(ours, months, selection)
    for rows in (slice(0, 100), slice(100, rasters.rows)):
        first, second = rasters.features(rows)
        for month, features in enumerate(expected):
            for one, other in zip(first, features):
                values = one.month(month, slice(0, one.rows))
                assert_same_bits(values, feature_values(take_rows(other, rows)))
        monthly = first[len(statics) :]
        assert all(one.values is other.values for one, other in zip(second[:2], monthly))
        assert second[2].values.base is monthly[2].values.base, "computed once"


@pytest.mark.parametrize(("dtype", "size"), [("int16", 2), ("float32", 4)])
def test_the_bound_of_memory_counts_each_raster_once(tmp_path, monkeypatch, dtype, size):
    """Rain is read for its own lags and for the difference, 23 months back."""
    rain = Predictor("rain", kind="monthly", files="fine/rain_{YYYY}.tif", lags=(0, 1), means=(12,))
    loss = Predictor("loss", kind="monthly", files="fine/loss_{YYYY}.tif", lags=(0,))
    surplus = Predictor("surplus", kind="monthly", difference=("rain", "loss"), means=(12, 24))
    soil = Predictor("soil", kind="static", files="fine/soil.tif")
    needed = (rain, loss, surplus, soil, rain)
    predictors = predictor_set(tmp_path, {rain: dtype, loss: "float32"})
    selection = PixelSelection(Tile(slice(0, 10), slice(0, 10)), ...)
    for months in (1, 5, 30):
        bound = 100 * (size + 4) * (23 + months)
        monkeypatch.setattr(tile_features, "FEATURE_BYTES", bound)
        assert months_in_memory(predictors, needed, selection) == months
    monkeypatch.setattr(tile_features, "FEATURE_BYTES", 1)
    assert months_in_memory(predictors, needed, selection) == 1


@pytest.mark.parametrize(
    ("tile", "pixels"),
    [
        (Tile(slice(0, 16), slice(0, 16)), 32 * 16),
        (Tile(slice(16, 48), slice(0, 16)), 64 * 16),
        (Tile(slice(31, 33), slice(15, 33)), 64 * 48),
        (Tile(slice(64, 70), slice(32, 40)), 32 * 16),
    ],
)
def test_blocks_are_decoded_as_a_unit(tmp_path, tile, pixels):
    """Blocks of 32 rows and 16 columns, also those that the edge of the raster cuts."""
    rain = Predictor("rain", kind="monthly", files="fine/rain_{YYYY}.tif")
    predictors = predictor_set(tmp_path, {rain: "int16"}, blockysize=32, blockxsize=16)
    assert decoded_pixels(predictors, (rain,), tile) == pixels


def predictor_set(folder, dtypes, **blocks):
    """A set of monthly rasters of the given types in the first of MONTHS, 70 x 40 pixels."""
    grid = Grid(70.0, 33.0, 0.01, 0.01, 70, 40)
    (folder / "fine").mkdir()
    options = {"blockxsize": 16, "blockysize": 16, **blocks}
    for predictor, dtype in dtypes.items():
        nodata = -32768 if dtype == "int16" else np.nan
        profile = geotiff_profile(grid, 1, dtype=dtype, nodata=nodata, predictor=2, **options)
        path = folder / predictor.file_of(MONTHS[0])
        with rasterio.open(path, "w", **profile) as target:
            target.descriptions = [str(MONTHS[0])]
    return PredictorSet(
        folder, grid, 10, tuple(dtypes), MONTHS[:1], MONTHS[:0], "fine/land.tif", False
    )
