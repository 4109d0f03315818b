"""What was written to a GeoTIFF is compared with what can be read from it."""

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.rasters.cog import write_cog
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, can_compress, new_geotiff
from gwsa.gwsa_plugin.core.rasters.read_back import Sums, require_copy

GRID = Grid(70.0, 33.0, 0.25, 0.25, 40, 50)
KINDS = {
    "float": ({}, {"compress": "DEFLATE"}),
    "nodata": ({"nodata": -9999.0}, {"compress": "DEFLATE"}),
    "int16": ({"dtype": "int16", "nodata": -32768}, {"compress": "DEFLATE"}),
    "uint8": ({"dtype": "uint8", "nodata": None}, {"compress": "DEFLATE"}),
    "sparse": ({}, {"compress": "DEFLATE", "sparse_ok": True}),
    "lerc": ({}, {"compress": "LERC_ZSTD", "max_z_error": 0.01}),
}


def values():
    field = np.random.default_rng(1).integers(1, 100, GRID.shape).astype("float32")
    field[:16, :16] = np.nan
    return field


@pytest.fixture(params=KINDS)
def kind(request):
    settings, encoding = KINDS[request.param]
    if not can_compress(encoding["compress"]):
        pytest.skip(f"this GDAL has no {encoding['compress']}")
    header = Header(GRID, ("a", "b"), "cm", {"TAG": "text"}, ("observed", "missing"), **settings)
    return header, encoding


def written(path, kind, after=lambda target: None):
    """Write one band in windows that cut blocks, and the corner of another."""
    header, encoding = kind
    field = values()
    if header.dtype != "float32" or header.nodata == -9999.0:
        field = np.nan_to_num(field, nan=header.nodata or 0)
    with new_geotiff(path, header, 16, encoding) as target:
        for top in (0, 10, 20, 30):
            target.write(1, field[top : top + 10], (top, 0))
        target.write(2, field[16:32, 16:32], (16, 16))
        target.write_tag("LATER", "text")
        after(target)


def test_what_was_written_is_accepted(tmp_path, kind, gdal_habit):
    written(tmp_path / "map.tif", kind)


def test_a_value_that_was_lost_is_found(tmp_path, kind):
    def lose(target):
        target._file.GetRasterBand(1).WriteArray(np.full((1, 1), 7.5), 20, 20)

    with pytest.raises(RasterError, match=r"map\.tif cannot be written: what is read"):
        written(tmp_path / "map.tif", kind, lose)


@pytest.mark.parametrize(
    "lose",
    [
        lambda file: file.SetMetadataItem("LATER", None),
        lambda file: file.GetRasterBand(2).SetDescription(""),
        lambda file: file.GetRasterBand(1).SetMetadataItem("GWSA_SOURCE", "filled"),
    ],
)
def test_metadata_that_were_lost_are_found(tmp_path, kind, lose):
    with pytest.raises(RasterError, match="what is read"):
        written(tmp_path / "map.tif", kind, lambda target: lose(target._file))


def test_a_copy_with_another_value_is_found(tmp_path):
    plain, copy = tmp_path / "plain.tif", tmp_path / "copy.tif"
    written(plain, (Header(GRID, ("a", "b"), "cm", {"TAG": "text"}), {"compress": "DEFLATE"}))
    write_cog(plain, copy, SILENT)
    require_copy(plain, copy)
    file = gdal.Open(str(plain), gdal.GA_Update)
    file.GetRasterBand(2).WriteArray(np.zeros((1, 1)), 3, 3)
    file = None
    with pytest.raises(RasterError, match=r"copy\.tif cannot be written"):
        require_copy(plain, copy)


def test_sums_do_not_depend_on_windows():
    one, other = Sums(1, np.nan), Sums(1, np.nan)
    one.add(1, values())
    for columns in np.array_split(values(), 7, axis=1):
        other.add(1, np.ascontiguousarray(columns))
    assert one.agree_with(other)
