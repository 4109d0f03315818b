"""Affine transformation from pixels of a raster to coordinates."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple


class Affine(NamedTuple):
    """``x = a * column + b * row + c`` and ``y = d * column + e * row + f``.

    Columns and rows are counted from the outer corner of the first pixel, and ``b`` and ``d`` are 0
    unless the raster is rotated.
    """

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @classmethod
    def from_gdal(cls, c: float, a: float, b: float, f: float, d: float, e: float) -> Affine:
        """Return the transformation of a GDAL geotransform."""
        return cls(a, b, c, d, e, f)

    def to_gdal(self) -> tuple[float, float, float, float, float, float]:
        """Return the coefficients in the order of a GDAL geotransform."""
        return self.c, self.a, self.b, self.f, self.d, self.e

    @property
    def determinant(self) -> float:
        """Area of a pixel, negative when rows run against y."""
        return self.a * self.e - self.b * self.d

    @property
    def is_invertible(self) -> bool:
        """True when all numbers are finite and pixels have an area."""
        return all(map(isfinite, self)) and self.determinant != 0

    @property
    def is_north_up(self) -> bool:
        """True when columns run east and rows run south."""
        return not self.b and not self.d and self.a > 0 and self.e < 0

    def apply(self, column: float, row: float) -> tuple[float, float]:
        """Return the coordinates of a point in pixels."""
        return (
            column * self.a + row * self.b + self.c,
            column * self.d + row * self.e + self.f,
        )

    def inverse(self) -> Affine:
        """Return the transformation from coordinates to columns and rows."""
        scale = 1.0 / self.determinant
        a = self.e * scale
        b = -self.b * scale
        d = -self.d * scale
        e = self.a * scale
        return Affine(a, b, -self.c * a - self.f * b, d, e, -self.c * d - self.f * e)

    def from_pixel(self, column: int, row: int) -> Affine:
        """Return the transformation of the window that begins at a pixel."""
        x, y = self.apply(column, row)
        return self._replace(c=x, f=y)

    def shifted_east(self, shift: float) -> Affine:
        """Return the transformation to coordinates whose x is larger by ``shift``."""
        return self._replace(c=self.c + shift)
