"""Both backends read, resample and rasterise the same values, and the choice between them."""

import importlib
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from osgeo import gdal
from rasterio.crs import CRS

from gwsa.gwsa_plugin.core.base.affine import Affine
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters import backend as choice
from gwsa.gwsa_plugin.core.rasters import with_osgeo, with_rasterio
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.rasters.raster import AVERAGE, BILINEAR, MODE, NEAREST
from gwsa.gwsa_plugin.core.rasters.warping import rasterise, resample

BACKENDS = pytest.mark.parametrize("module", [with_rasterio, with_osgeo], ids=["rasterio", "osgeo"])
GRID = Grid(76.0, 30.0, 0.25, 0.25, 12, 16)
METRIC = "EPSG:32643"
ROTATED = rasterio.Affine(9, 1, 3e5, 2, -9, 3e6)
WINDOW = (slice(3, 9), slice(2, 13))


def write(path, values, **options):
    """A GeoTIFF as other programs write it."""
    profile = {"driver": "GTiff", "count": len(values), "dtype": values.dtype, "crs": "EPSG:4326"}
    size = {"height": values.shape[1], "width": values.shape[2]}
    transform = rasterio.Affine(*GRID.transform)
    with rasterio.open(path, "w", **{"transform": transform, **profile, **size, **options}) as file:
        file.write(values)
    return path


def numbers(dtype="int16", bands=2, shape=GRID.shape):
    rng = np.random.default_rng(5)
    return rng.integers(0, 200, (bands, *shape)).astype(dtype)


def masked(path):
    with rasterio.open(path, "r+") as file:
        file.write_mask(np.arange(GRID.rows * GRID.columns).reshape(GRID.shape) % 3 > 0)


def transparent(path):
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [*file.colorinterp[:-1], rasterio.enums.ColorInterp.alpha]


def described(path):
    with rasterio.open(path, "r+") as file:
        file.scales = [0.5, 2.0]
        file.offsets = [1.0, -3.0]
        file.units = ["cm", ""]
        file.set_band_description(1, "2009-01")
        file.update_tags(GWSA_UNIT="cm")
        file.update_tags(2, GWSA_SOURCE="observed")
        file.update_tags(ns="GWSA_TILES", tiles="1")


def with_overviews(path):
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.average)


def unchanged(path):
    pass


@pytest.mark.parametrize(
    ("dtype", "options", "change"),
    [
        ("int16", {}, unchanged),
        ("int16", {"nodata": 7}, unchanged),
        ("uint8", {}, masked),
        ("uint8", {}, transparent),
        ("uint8", {"nodata": 7, "interleave": "pixel", "photometric": "MINISBLACK"}, unchanged),
        ("int16", {"nodata": 7}, described),
        ("float32", {"nodata": np.nan}, with_overviews),
        ("float64", {"nodata": -9999.0}, described),
        (
            "float32",
            {"crs": METRIC, "transform": rasterio.Affine(9, 1, 3e5, 2, -9, 3e6)},
            unchanged,
        ),
    ],
)
def test_both_backends_read_the_same(tmp_path, dtype, options, change):
    path = write(tmp_path / "file.tif", numbers(dtype), **options)
    change(path)
    with with_rasterio.open_file(path) as one, with_osgeo.open_file(path) as other:
        assert (one.transform, one.shape) == (other.transform, other.shape)
        assert CRS.from_wkt(one.crs) == CRS.from_wkt(other.crs)
        np.testing.assert_equal([*map(tuple, one.bands)], [*map(tuple, other.bands)])
        for domain in ("", "GWSA_TILES", "IMAGE_STRUCTURE"):
            assert one.tags(domain=domain) == other.tags(domain=domain)
        assert one.tags(2) == other.tags(2)
        assert one.overviews(1) == other.overviews(1)
        for window in (None, WINDOW):
            np.testing.assert_array_equal(
                one.read_floats([2, 1], window), other.read_floats([2, 1], window)
            )
            for arguments in ((1, window), (2, window, (4, 5))):
                first, second = one.read(*arguments), other.read(*arguments)
                assert first.dtype == second.dtype
                np.testing.assert_array_equal(first, second)


@BACKENDS
def test_pixels_without_a_value_are_nan(tmp_path, module):
    values = numbers()
    with module.open_file(write(tmp_path / "file.tif", values, nodata=7)) as source:
        read = source.read_floats([1, 2], WINDOW)
        stored = source.read(2, WINDOW)
    expected = np.where(values == 7, np.nan, values)[:, WINDOW[0], WINDOW[1]]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, expected.astype(np.float32))
    np.testing.assert_array_equal(stored, values[1][WINDOW])


@BACKENDS
@pytest.mark.parametrize(
    "dtype, nodata",
    [
        ("uint8", 7), ("uint16", 65535), ("int32", -9999), ("int16", -32768), ("uint32", 7),
        ("float32", np.nan), ("float32", 7.0), ("float64", -9999.0), ("uint8", -9999),
    ],
)  # fmt: skip
def test_nodata_of_every_type_is_nan(tmp_path, module, dtype, nodata):
    """The values are those that a mask read beside the pixels gives."""
    values = numbers(dtype)
    if not (values.dtype.kind == "u" and nodata < 0):
        values[:, 4, 5] = nodata
    path = write(tmp_path / "file.tif", values)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number in (1, 2):
        dataset.GetRasterBand(number).SetNoDataValue(nodata)
    dataset = None
    with rasterio.open(path) as file:
        expected = file.read(masked=True).astype(np.float32).filled(np.nan)
    with module.open_file(path) as source:
        np.testing.assert_array_equal(source.read_floats([1, 2]), expected)


@BACKENDS
def test_file_that_is_no_raster_raises_raster_error(tmp_path, module, gdal_habit, capfd):
    path = tmp_path / "file.tif"
    for problem in ("absent", "text"):
        if problem == "text":
            path.write_text("no raster")
        with pytest.raises(RasterError, match="file.tif"):
            module.open_file(path)
    assert capfd.readouterr().err == ""


@BACKENDS
def test_truncated_file_raises_raster_error(tmp_path, module, gdal_habit):
    path = write(tmp_path / "file.tif", numbers(shape=(256, 256)), compress="DEFLATE")
    path.write_bytes(path.read_bytes()[:-20_000])
    with module.open_file(path) as source, pytest.raises(RasterError, match="file.tif"):
        source.read_floats([1, 2])


def smooth_field(shape):
    """A smooth field with a hole."""
    rows, columns = np.indices(shape)
    field = np.round(3 * np.sin(rows / 3) + columns / 4, 1).astype(np.float32)
    field[4:6, 5:8] = np.nan
    return field


@pytest.mark.parametrize("method", [NEAREST, BILINEAR, AVERAGE, MODE])
@pytest.mark.parametrize(
    "target",
    [
        GRID.refine(5),
        Grid(76.1, 29.9, 0.6, 0.6, 5, 6),
        Grid(3e5, 3.31e6, 20_000.0, 20_000.0, 14, 18, METRIC),
        Grid(100.0, 30.0, 0.25, 0.25, 4, 4),
    ],
    ids=["finer", "coarser", "metric", "outside"],
)
def test_both_backends_resample_to_the_same(method, target):
    field = smooth_field(GRID.shape)
    one = with_rasterio.resample(field, GRID, target, method)
    other = with_osgeo.resample(field, GRID, target, method)
    assert other.dtype == np.float32
    np.testing.assert_array_equal(one, other)


def test_average_of_complete_cells_is_their_mean(gdal_backend):
    field = np.arange(12 * 16, dtype=np.float32).reshape(GRID.shape)
    field[0, 0] = np.nan
    means = resample(field, GRID, GRID.coarsen(4), AVERAGE)
    blocks = field.reshape(3, 4, 4, 4)
    np.testing.assert_allclose(means, np.nanmean(blocks, axis=(1, 3)), rtol=1e-6)


def box(west, south, east, north):
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def test_last_polygon_around_a_centre_has_the_pixel(gdal_backend):
    shapes = [
        ({"type": "Polygon", "coordinates": box(76, 29, 78, 30)}, 3),
        ({"type": "Polygon", "coordinates": box(77, 29.5, 79, 30)}, 400),
    ]
    image = rasterise(shapes, GRID, "int16")
    expected = np.zeros(GRID.shape, dtype=np.int16)
    expected[:4, :8] = 3
    expected[:2, 4:12] = 400
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image, expected)


def test_overlapping_parts_of_a_polygon_leave_no_hole(gdal_backend):
    parts = [box(76, 29, 78, 30), box(77, 29, 79, 30)]
    image = rasterise([({"type": "MultiPolygon", "coordinates": parts}, 1)], GRID, "uint8")
    assert image[:4, :12].all() and image.sum() == 4 * 12


def test_both_backends_rasterise_the_same():
    rng = np.random.default_rng(8)
    shapes = []
    for number in range(1, 30):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        radius = rng.uniform(0.1, 1, 9)
        x, y = rng.uniform(76, 80), rng.uniform(27, 30)
        ring = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1).tolist()
        shapes.append(({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, number))
    shapes = json.loads(json.dumps(shapes))
    fine = GRID.refine(10)
    one = with_rasterio.burn(shapes, fine, "int16")
    assert len(np.unique(one)) > 20
    np.testing.assert_array_equal(one, with_osgeo.burn(shapes, fine, "int16"))


@pytest.fixture
def chosen():
    """The choice without what earlier tests have chosen."""
    choice.backend.cache_clear()
    yield choice.backend
    choice.backend.cache_clear()


def test_rasterio_of_the_same_gdal_is_preferred(chosen):
    assert rasterio.__gdal_version__ == gdal.__version__
    assert chosen() is with_rasterio


def test_rasterio_of_another_gdal_is_not_used(chosen, monkeypatch):
    monkeypatch.setattr(rasterio, "__gdal_version__", "2.4.0")
    assert chosen() is with_osgeo


@pytest.mark.parametrize("error", [ImportError("no DLL"), ValueError("numpy.dtype size changed")])
def test_rasterio_that_cannot_be_imported_is_not_used(chosen, monkeypatch, error):
    class Broken:
        """A loader of a library that cannot be loaded."""

        def create_module(self, spec):
            raise error

        def exec_module(self, module):
            pass

    spec = importlib.util.spec_from_loader("rasterio", Broken(), origin=rasterio.__file__)
    monkeypatch.delitem(sys.modules, "rasterio")
    finder = SimpleNamespace(find_spec=lambda name, *_: spec if name == "rasterio" else None)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert chosen() is with_osgeo


@pytest.mark.parametrize("libraries", ["rasterio.libs", "rasterio/.dylibs"])
def test_wheel_of_rasterio_is_not_even_imported(chosen, monkeypatch, tmp_path, libraries):
    (tmp_path / "rasterio").mkdir()
    (tmp_path / "rasterio/__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / libraries).mkdir()
    monkeypatch.delitem(sys.modules, "rasterio")
    monkeypatch.syspath_prepend(tmp_path)
    assert chosen() is with_osgeo


def test_affine_inverse_leads_back():
    transform = Affine(9.0, 1.0, 3e5, 2.0, -9.0, 3e6)
    there = transform.apply(5, 7)
    np.testing.assert_allclose(transform.inverse().apply(*there), (5, 7), atol=1e-9)
    assert Affine.from_gdal(*transform.to_gdal()) == transform
    assert transform.from_pixel(5, 7).apply(0, 0) == there
