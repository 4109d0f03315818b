"""The yearly 1 km maps: predicted strip by strip, corrected month by month, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio

from .aquifers import KM_PER_DEGREE, blend
from .conservation import spread
from .months import calendar_month, month_range, year_of
from .predictors import FINE
from .progress import Progress
from .region_models import RegionModels
from .scene import FEATURE_BYTES, STRIP_CELLS, Scene
from .seams import edge_ratio
from .stack import MISSING, UNIT, creation, describe_band
from .threads import run_all

TOLERANCE_CM = 1e-3  # between a cell of the coarse field and the mean of its pixels, before encoding
LERC_ERROR_CM = 0.005


@dataclass(frozen=True, eq=False)
class Part:
    """``models`` predict ``cells`` (bool, coarse shape) in ``months`` (bool, (months,))."""

    models: RegionModels
    cells: np.ndarray
    months: np.ndarray


@dataclass(frozen=True, eq=False)
class Maker:
    """One product: the folder of its yearly files, and the parts that together predict every cell and month once."""

    folder: Path
    parts: list[Part]


@dataclass
class Closure:
    """How the block means of the maps compare with the coarse field, gathered while the maps are written.

    ``raw`` and ``corrected``: of the predictions and of the maps before encoding, cm, (months, rows, columns).
    ``seams``: of both in each month, how much steeper they are across edges of cells than inside, (months, 2).
    ``stretch``: the largest correction over the largest residual that it removes.
    """

    raw: np.ndarray
    corrected: np.ndarray
    seams: np.ndarray
    stretch: float = 0.0
    paths: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Mapping:
    """``feather_km``: the half-width of the belt along aquifer borders where models are blended. ``exact``: float32 as
    computed instead of LERC within 0.005 cm."""

    feather_km: float = 25.0
    exact: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def encoding(self) -> dict:
        if self.exact:
            return {"compress": "ZSTD", "predictor": 3}
        # LERC keeps plain centimetres within the stated error; every reader built on GDAL decodes it.
        return {"compress": "LERC_ZSTD", "max_z_error": LERC_ERROR_CM, "predictor": 1}


def write_maps(scene: Scene, makers: list[Maker], mapping: Mapping, scratch: Path, progress: Progress) -> list[Closure]:
    """``GWSA_YYYY.tif`` of each maker, twelve bands January..December; months that are not mapped are all nodata.

    The features are read once for all makers. Returns the closure of each. RuntimeError when a coarse cell's mean is
    not kept to 1e-3 cm.
    """
    shape = scene.samples.target.shape
    closures = [Closure(*np.full((2, *shape), np.nan), np.full((shape[0], 2), np.nan)) for _ in makers]
    years = np.unique(year_of(scene.months))
    for year, part in zip(years, progress.parts(len(years))):
        _write_year(scene, int(year), makers, closures, mapping, scratch, part)
        progress.say(f"{year} is mapped.")
    return closures


def _write_year(scene, year: int, makers, closures, mapping, scratch: Path, progress: Progress) -> None:
    wanted = np.flatnonzero(year_of(scene.months) == year)
    shape = (wanted.size, *scene.predictors.grid.shape)
    raws = [
        np.memmap(scratch / f"raw_{i}.f32", dtype=np.float32, mode="w+", shape=shape) for i in range(len(makers))
    ]  # fmt: skip
    firsts = range(0, scene.gwsa.grid.rows, STRIP_CELLS)
    strips = [partial(_predict_strip, scene, makers, mapping, wanted, raws, first) for first in firsts]
    run_all(strips, progress.part(0.0, 0.85))
    for maker, raw, closure in zip(makers, raws, closures):
        path = maker.folder / f"GWSA_{year}.tif"
        _correct_and_write(scene, path, wanted, raw, closure, mapping)
        closure.paths.append(path)
        progress.stop_if_cancelled()
    progress.advance(1.0)


def _predict_strip(scene: Scene, makers, mapping: Mapping, wanted: np.ndarray, raws, top: int, go_on) -> None:
    """Predict the coarse cells from row ``top`` on, as many months at a time as the memory bound allows."""
    factor = scene.predictors.factor
    rows = slice(top * factor, min(top + STRIP_CELLS, scene.gwsa.grid.rows) * factor)
    pixels = scene.conservation.pixels[rows]
    if not pixels.any():
        return
    parts = [(raw, part) for maker, raw in zip(makers, raws) for part in _on_strip(scene, maker, mapping, rows)]
    months = max(1, FEATURE_BYTES // (4 * len(scene.predictors.features) * pixels.size))
    for first in range(0, wanted.size, months):
        chosen = wanted[first : first + months]
        features = scene.predictors.read(FINE, scene.months[chosen], rows)
        for i, month in enumerate(chosen, start=first):
            table = features[i - first][:, pixels]
            for raw, part in parts:
                go_on()
                if part.months[month]:
                    raw[i, rows][part.pixels] = part.models.predict(table[:, part.pixels[pixels]], part.weights)


class _OnStrip(NamedTuple):
    """A part on a strip of coarse cells: the pixels of the strip that it predicts (bool), the models' weights there."""

    models: RegionModels
    months: np.ndarray
    pixels: np.ndarray
    weights: dict[int, np.ndarray]


def _on_strip(scene: Scene, maker: Maker, mapping: Mapping, rows: slice) -> Iterator[_OnStrip]:
    factor = scene.predictors.factor
    for part in maker.parts:
        cells = part.cells[rows.start // factor : rows.stop // factor]
        pixels = scene.conservation.pixels[rows] & spread(cells, factor)
        if pixels.any():
            yield _OnStrip(part.models, part.months, pixels, _weights(scene, part.models, mapping, rows, pixels))


def _weights(scene: Scene, models: RegionModels, mapping: Mapping, rows: slice, pixels: np.ndarray) -> dict:
    """number of a model -> its weight at the pixels; the strip is widened so that the blend sees beyond it."""
    grid = scene.predictors.grid
    margin = round(2 * mapping.feather_km / (KM_PER_DEGREE * grid.dy)) + 1
    wide = slice(max(rows.start - margin, 0), min(rows.stop + margin, grid.rows))
    numbers = models.numbers(scene.regions.pixels[wide])
    inside = slice(rows.start - wide.start, rows.stop - wide.start)
    weights = blend(numbers, grid.sub(wide, slice(0, grid.columns)), mapping.feather_km)
    return {number: weight[inside][pixels] for number, weight in weights.items()}


def _correct_and_write(scene: Scene, path: Path, wanted, raw, closure: Closure, mapping: Mapping) -> None:
    months = month_range(f"{path.stem[-4:]}-01", f"{path.stem[-4:]}-12")
    places = dict(zip(calendar_month(scene.months[wanted]), range(wanted.size)))
    profile = creation(scene.predictors.grid, 12, blockxsize=512, blockysize=512, sparse_ok=True, **mapping.encoding)
    with rasterio.open(path, "w", **profile) as target:
        target.update_tags(**scene.gwsa.tags, **mapping.tags, GWSA_VARIABLE="GWSA", GWSA_UNIT=UNIT)
        target.units = (UNIT,) * 12
        for band, month in enumerate(months, start=1):
            if band not in places:
                describe_band(target, band, month, MISSING)  # a sparse file reads as nodata where nothing is written
                continue
            place = places[band]
            field = _corrected(scene, int(wanted[place]), raw[place], closure)
            target.write(field.astype(np.float32), band)
            describe_band(target, band, month, scene.source_of(month))


def _corrected(scene: Scene, month: int, raw: np.ndarray, closure: Closure) -> np.ndarray:
    """The field whose block means are the coarse values of the month (its number among the mapped ones): cm."""
    conservation, coarse = scene.conservation, scene.samples.target[month].astype(np.float64)
    closure.raw[month] = conservation.block_mean(raw)
    field = conservation.correct(raw, coarse)
    closure.corrected[month] = conservation.block_mean(field)
    worst = float(np.nanmax(np.abs(closure.corrected[month] - coarse)))
    if not worst < TOLERANCE_CM:
        raise RuntimeError(f"{scene.months[month]}: block means differ from the coarse field by {worst:g} cm")
    closure.seams[month] = [edge_ratio(each, conservation.cells, conservation.factor) for each in (raw, field)]
    residual = np.nanmax(np.abs(coarse - closure.raw[month]))
    closure.stretch = max(closure.stretch, float(np.nanmax(np.abs(field - raw)) / max(residual, 1e-9)))
    return field
