"""The backend of rasterio, which is used where it is built on the GDAL of QGIS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import CRSError, RasterioError, RasterioIOError
from rasterio.features import rasterize
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window as RasterioWindow

from ..base.affine import Affine
from .crs import well_known_text
from .gdal_errors import RasterError
from .gdal_options import one_gdal_thread
from .names import gdal_name, is_virtual
from .netcdf_tags import with_attributes
from .one_pixel import read_pixel
from .raster import Band, GdalRaster, Placed, Window, require_scales, with_nan

# rasterio silences a warning while it rasterises, and filters of warnings are those of all threads.
_burning = Lock()


class RasterioRaster(GdalRaster):
    """A raster that is open for reading."""

    def __init__(self, path: Path):
        self.path = path
        with _rasterio_errors(f"{path.name} cannot be opened"):
            self._file = rasterio.open(gdal_name(path) if is_virtual(path) else path)
            self.crs = self._file.crs.to_wkt() if self._file.crs else ""
            self.bands = tuple(_describe_bands(self._file))
        require_scales(self.bands, path.name)
        self.transform = Affine(*self._file.transform[:6])
        self.shape = self._file.shape
        self.block = self._file.block_shapes[0] if self.bands else (0, 0)

    def close(self) -> None:
        self._file.close()

    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        with self._read_errors():
            tags = self._file.tags(band, ns=domain or None)
        return tags if domain else with_attributes(tags, band)

    def tiff_item(self, band: int, name: str) -> str | None:
        return self._file.get_tag_item(name, "TIFF", band)

    def overviews(self, band: int) -> list[int]:
        return self._file.overviews(band)

    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        with self._read_errors():
            return self._file.read(band, window=self._window(window), out_shape=shape)

    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        pixel = read_pixel(self, bands, window)
        if pixel is not None:
            return pixel
        nodata = self.nodata_of(bands)
        with self._read_errors():
            if nodata is not None:
                return with_nan(self._file.read(bands, window=self._window(window)), nodata)
            values = self._file.read(
                bands, window=self._window(window), out_dtype="float32", masked=True
            )
        return values.filled(np.nan)

    def _window(self, window: Window | None) -> RasterioWindow:
        return RasterioWindow(*self.sides_of(window))

    def _read_errors(self) -> AbstractContextManager[None]:
        return _rasterio_errors(f"{self.path.name} cannot be read")


open_file = RasterioRaster


def resample(values: np.ndarray, source: Placed, target: Placed, method: str) -> np.ndarray:
    """Resample values on ``source`` to ``target``; see ``warping.resample``."""
    resampled = np.full(target.shape, np.nan, dtype=np.float32)
    with _rasterio_errors("The raster cannot be resampled"):
        reproject(
            values,
            resampled,
            src_transform=rasterio.Affine(*source.transform),
            src_crs=well_known_text(source.crs),
            src_nodata=np.nan,
            dst_transform=rasterio.Affine(*target.transform),
            dst_crs=well_known_text(target.crs),
            dst_nodata=np.nan,
            resampling=Resampling[method],
        )
    return resampled


def burn(shapes: Iterable[tuple[dict, int]], target: Placed, dtype: str) -> np.ndarray:
    """Rasterise polygons; see ``warping.rasterise``."""
    transform = rasterio.Affine(*target.transform)
    with _burning, _rasterio_errors("The polygons cannot be rasterised"):
        return rasterize(shapes, target.shape, transform=transform, dtype=dtype)


def _describe_bands(file: rasterio.DatasetReader) -> Iterator[Band]:
    flags = file.mask_flag_enums
    for i in range(file.count):
        yield Band(
            dtype=file.dtypes[i],
            nodata=file.nodatavals[i],
            only_nodata=flags[i] == [MaskFlags.nodata],
            scale=file.scales[i],
            offset=file.offsets[i],
            unit=file.units[i] or "",
            description=file.descriptions[i] or "",
        )


@contextmanager
def _rasterio_errors(problem: str) -> Iterator[None]:
    """Raise RasterError instead of the errors of rasterio."""
    try:
        with one_gdal_thread():
            yield
    except (RasterioError, RasterioIOError, CRSError, UnicodeDecodeError) as error:
        raise RasterError(f"{problem}: {error}") from None
