"""GeoTIFFs that benchmarks and tests write with rasterio, as other tools do."""

import numpy as np
from rasterio.crs import CRS

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.geotiff import SOURCE_TAG


def geotiff_profile(grid: Grid, bands: int, **options) -> dict:
    """Rasterio's profile of a compressed float32 GeoTIFF on ``grid``."""
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "nodata": np.nan,
        "count": bands,
        "width": grid.columns,
        "height": grid.rows,
        "crs": CRS.from_string(grid.crs),
        "transform": grid.transform,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "interleave": "band",
        "compress": "DEFLATE",
        "predictor": 3,
        "bigtiff": "IF_SAFER",
    }
    return {**profile, **options}


def describe_band(target, band: int, month, source: str) -> None:
    """Write the month and the source of one band of an open raster."""
    target.set_band_description(band, str(month))
    target.update_tags(band, **{SOURCE_TAG: source})
