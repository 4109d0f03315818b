"""Rasters that are whole files, but state or contain what is wrong or unusual."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

SOURCE = "GWSA_SOURCE"
# One cell of one band.
PLACE = (5, 1, 2)


@dataclass
class Content:
    """All of a raster: values, profile, and names, units and tags of its bands."""

    values: np.ndarray
    profile: dict
    names: list
    units: list
    tags: dict
    band_tags: list

    def keep(self, bands: list[int]) -> None:
        self.values = self.values[bands]
        for name in ("names", "units", "band_tags"):
            setattr(self, name, [getattr(self, name)[band] for band in bands])


def read(path: Path) -> Content:
    with rasterio.open(path) as file:
        return Content(
            file.read(),
            dict(file.profile),
            list(file.descriptions),
            [unit or "" for unit in file.units],
            file.tags(),
            [file.tags(band) for band in file.indexes],
        )


def write(path: Path, content: Content) -> None:
    count, height, width = content.values.shape
    profile = {**content.profile, "count": count, "height": height, "width": width}
    profile["dtype"] = content.values.dtype
    for name in ("tiled", "blockxsize", "blockysize"):
        profile.pop(name, None)
    path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile) as file:
            file.write(content.values)
            file.descriptions = tuple(content.names)
            file.units = tuple(content.units)
            file.update_tags(**content.tags)
            for band, tags in enumerate(content.band_tags, 1):
                file.update_tags(band, **tags)


def changing(change: Callable) -> Callable:
    """Make a function of a path from one that changes a ``Content``."""

    def damage(path: Path, *arguments: str) -> None:
        content = read(path)
        change(content, *arguments)
        write(path, content)

    damage.__name__ = change.__name__
    return damage


def crs(content: Content, name: str) -> None:
    content.profile["crs"] = None if name == "none" else name


def mercator(content: Content) -> None:
    """Metres of the Mercator projection at nearly the same place."""
    old = content.profile["transform"]
    scale = 111_319.49
    content.profile["crs"] = "EPSG:3857"
    content.profile["transform"] = Affine(
        old.a * scale, 0, old.c * scale, 0, old.e * scale, old.f * scale
    )


def shift(content: Content, east: str, north: str) -> None:
    shifted = Affine.translation(float(east), float(north)) * content.profile["transform"]
    content.profile["transform"] = shifted


def transform(content: Content, *numbers: str) -> None:
    """Numbers of the transform; ``-`` keeps one."""
    old = content.profile["transform"][:6]
    new = [one if number == "-" else float(number) for one, number in zip(old, numbers)]
    content.profile["transform"] = Affine(*new)


def south_up(content: Content) -> None:
    """Rows from south to north, which is the same map."""
    old = content.profile["transform"]
    rows = content.values.shape[1]
    content.values = content.values[:, ::-1]
    content.profile["transform"] = Affine(old.a, 0, old.c, 0, -old.e, old.f + rows * old.e)


def all_values(content: Content, number: str) -> None:
    content.values = np.full_like(content.values, float(number))


def one_value(content: Content, number: str) -> None:
    band, row, column = PLACE
    content.values[min(band, len(content.values) - 1), row, column] = float(number)


def one_cell(content: Content, number: str) -> None:
    content.values[:, PLACE[1], PLACE[2]] = float(number)


def times(content: Content, factor: str) -> None:
    content.values = content.values * np.float32(factor)


def unit(content: Content, *name: str) -> None:
    """Another unit, with the same numbers; none without a name."""
    content.units = [" ".join(name)] * len(content.units)
    content.tags.pop("GWSA_UNIT", None)
    if name:
        content.tags["GWSA_UNIT"] = " ".join(name)


def in_mm(content: Content) -> None:
    """The same values in another unit."""
    times(content, "10")
    unit(content, "mm")


def no_names(content: Content) -> None:
    content.names = [""] * len(content.names)


def name_band(content: Content, name: str) -> None:
    """Another name of the sixth band."""
    content.names[PLACE[0]] = name


def name_last(content: Content, name: str) -> None:
    content.names[-1] = name


def reversed_bands(content: Content) -> None:
    content.keep(list(range(len(content.names)))[::-1])


def without_band(content: Content, number: str) -> None:
    content.keep([band for band in range(len(content.names)) if band != int(number)])


def first_bands(content: Content, count: str) -> None:
    content.keep(list(range(min(int(count), len(content.names)))))


def no_tags(content: Content) -> None:
    content.tags = {}
    content.band_tags = [{} for _ in content.band_tags]


def tag(content: Content, name: str, value: str) -> None:
    content.tags[name] = value


def source(content: Content, value: str) -> None:
    """Another value of the tag for the source of each band."""
    content.band_tags = [{**tags, SOURCE: value} for tags in content.band_tags]


def as_type(content: Content, kind: str, nodata: str) -> None:
    """Whole or complex numbers, with a value for missing ones that may be undeclared."""
    undeclared = nodata == "undeclared"
    number = -9999 if undeclared else float(nodata)
    filled = np.where(np.isfinite(content.values), content.values, number)
    content.values = filled.astype(kind)
    content.profile.update(nodata=None if undeclared else number, predictor=1)


def rows(content: Content, count: str) -> None:
    """The first rows."""
    content.values = content.values[:, : int(count)]


def columns(content: Content, count: str) -> None:
    """The first columns."""
    content.values = content.values[:, :, : int(count)]


RASTERS = {
    one.__name__: changing(one)
    for one in (
        crs, mercator, shift, transform, south_up, all_values, one_value, one_cell, times, unit,
        in_mm, no_names, name_band, name_last, reversed_bands, without_band, first_bands, no_tags,
        tag, source, as_type, rows, columns,
    )
}  # fmt: skip
