"""Rasters in degrees, brought to rows from north to south and longitudes from -180 to 180."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..base.affine import Affine
from ..base.errors import InputError
from .raster import Raster, Window

# Fraction of a cell within which coordinates are the same.
TOLERANCE = 1e-3
# Width of the smallest cell in degrees, about 10 cm.
SMALLEST = 1e-6


def arranged(source: Raster, name: str) -> Raster:
    """Return a raster in degrees north-up and with longitudes from -180 to 180.

    A raster that is south-up is turned. A raster of the globe that begins at another longitude than
    -180 is cut there and put together again, and longitudes of 180 and more become negative. A
    raster that crosses 180 and does not go around the globe stays as it is.

    Parameters
    ----------
    source : Raster
        In a geographic coordinate reference system.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        When the raster is rotated, or its coordinates are no longitudes and latitudes.
    """
    transform = source.transform
    rows, columns = source.shape
    if transform.b or transform.d or transform.a <= 0 or not transform.e:
        raise InputError(f"{name} is rotated; warp it to a north-up EPSG:4326 grid first.")
    _require_degrees(transform, source.shape, name)
    upside_down = transform.e > 0
    if upside_down:
        transform = transform._replace(f=transform.f + rows * transform.e, e=-transform.e)
    cut = 0
    if abs(columns * transform.a - 360) < TOLERANCE * transform.a:
        first = math.ceil((180 - transform.c) / transform.a - TOLERANCE)
        # A raster that begins at -180 stays exactly as it is.
        if first != columns:
            cut = first % columns
            transform = transform._replace(c=transform.c + first * transform.a - 360)
    elif transform.c >= 180 - TOLERANCE * transform.a:
        transform = transform.shifted_east(-360)
    elif transform.c + columns * transform.a <= -180 + TOLERANCE * transform.a:
        transform = transform.shifted_east(360)
    if not upside_down and not cut and transform == source.transform:
        return source
    return _Arranged(source, transform, upside_down, cut)


def _require_degrees(transform: Affine, shape: tuple[int, int], name: str) -> None:
    """Refuse coordinates that are no longitudes and latitudes, beyond half a cell."""
    rows, columns = shape
    west, east = transform.c, transform.c + columns * transform.a
    south, north = sorted((transform.f, transform.f + rows * transform.e))
    half = abs(transform.e) * (0.5 + TOLERANCE)
    if min(transform.a, abs(transform.e)) < SMALLEST:
        raise InputError(
            f"{name} has cells of {transform.a:g}° x {abs(transform.e):g}°, which no raster has; "
            "correct its georeference."
        )
    if not (south >= -90 - half and north <= 90 + half and west >= -540 and east <= 540):
        raise InputError(
            f"{name} extends from {west:g} to {east:g} in x and from {south:g} to {north:g} in y, "
            "which are no longitudes and latitudes; assign the CRS of its coordinates to it and "
            "warp it to EPSG:4326."
        )


class _Arranged(Raster):
    """A raster whose rows are turned, or whose columns begin at column ``cut`` of another."""

    def __init__(self, source: Raster, transform: Affine, upside_down: bool, cut: int):
        self._source = source
        self._upside_down = upside_down
        self._cut = cut
        self.crs = source.crs
        self.transform = transform
        self.shape = source.shape
        self.block = source.block
        self.bands = source.bands

    def close(self) -> None:
        self._source.close()

    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        # Other domains, such as that of mascon tiles, are about the pixels in their old places.
        return {} if domain else self._source.tags(band)

    def overviews(self, band: int) -> list[int]:
        return self._source.overviews(band)

    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        if shape is not None:
            raise NotImplementedError("overviews of a raster that is turned or cut")
        return self._read(lambda part: self._source.read(band, part), window)

    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        return self._read(lambda part: self._source.read_floats(bands, part), window)

    def _read(self, read: Callable[[Window], np.ndarray], window: Window | None) -> np.ndarray:
        left, top, width, height = self.sides_of(window)
        rows, columns = self.shape
        if self._upside_down:
            top = rows - top - height
        parts = []
        # The columns from ``cut`` on come first.
        for begin, end, shift in ((0, columns - self._cut, self._cut),
                                  (columns - self._cut, columns, self._cut - columns)):  # fmt: skip
            first, last = max(left, begin), min(left + width, end)
            if first < last:
                parts.append(read((slice(top, top + height), slice(first + shift, last + shift))))
        values = np.concatenate(parts, axis=-1)
        return np.ascontiguousarray(values[..., ::-1, :]) if self._upside_down else values
