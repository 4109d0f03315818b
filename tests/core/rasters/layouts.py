"""Small GeoTIFFs in many layouts, for the readers that decode blocks themselves."""

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff

GRID = Grid(76.0, 30.0, 0.01, 0.01, 40, 56)
DEFLATED = {"compress": "DEFLATE", "predictor": 3, "sparse_ok": True}
LAYOUTS = {
    "tiles": DEFLATED,
    "levels of compression": {**DEFLATED, "zlevel": 1},
    "other predictor": {**DEFLATED, "predictor": 2},
    "no predictor": {**DEFLATED, "predictor": 1},
    "no compression": {},
    "LZW": {**DEFLATED, "compress": "LZW"},
    "strips": {**DEFLATED, "tiled": False},
    "by pixel": {**DEFLATED, "interleave": "pixel"},
}


def write(path, options=DEFLATED, nodata=np.nan, **header):
    """Noise of two bands in blocks of 16 x 16 pixels; the block in the middle has no value."""
    values = np.random.default_rng(3).normal(0, 10, (2, *GRID.shape)).astype("float32")
    values[:, 2, 3] = nodata
    values[:, 16:32, 16:32] = nodata
    values[1, 16:32, 16:32] = 7
    texts = {"names": ("2001-01", "2001-02"), "unit": "cm", "tags": {}}
    with new_geotiff(path, Header(GRID, **texts, nodata=nodata, **header), 16, options) as file:
        for band, field in enumerate(values, start=1):
            file.write(band, field.astype(header.get("dtype", "float32")))
    return path, np.where(values == nodata, np.float32(np.nan), values)


def mark_as_big_endian(path):
    """Set the first bytes of a file; GDAL itself cannot read its big-endian files of floats."""
    content = bytearray(path.read_bytes())
    content[:2] = b"MM"
    path.write_bytes(content)
