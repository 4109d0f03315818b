"""The yearly 1 km maps: predicted strip by strip, corrected month by month, written whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import rasterio

from .aquifers import blend
from .months import calendar_month, month_range, year_of
from .predictors import FINE
from .progress import Progress
from .region_models import HeldOut, RegionModels
from .scene import Scene
from .stack import MISSING, UNIT, creation, describe_band
from .threads import run_all

TOLERANCE_CM = 1e-3  # between a cell of the coarse field and the mean of its pixels, before encoding
LERC_ERROR_CM = 0.005
FEATURE_BYTES = 96 << 20  # of the features that one thread holds


@dataclass(frozen=True, eq=False)
class Maker:
    """One product: what predicts it, and where its yearly files go."""

    folder: Path
    models: RegionModels | list[HeldOut]


@dataclass
class Closure:
    """How the block means of the maps compare with the coarse field, gathered while the maps are written.

    ``raw`` and ``corrected``: of the predictions and of the maps before encoding, cm, (months, rows, columns).
    ``stretch``: the largest correction over the largest residual that it removes.
    """

    raw: np.ndarray
    corrected: np.ndarray
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
    closures = [Closure(*np.full((2, *scene.samples.target.shape), np.nan)) for _ in makers]
    years = np.unique(year_of(scene.months))
    for done, year in enumerate(years):
        part = progress.part(done / len(years), (done + 1) / len(years))
        _write_year(scene, int(year), makers, closures, mapping, scratch, part)
        progress.say(f"{year} is mapped.")
    return closures


def _write_year(scene, year: int, makers, closures, mapping, scratch: Path, progress: Progress) -> None:
    wanted = np.flatnonzero(year_of(scene.months) == year)
    shape = (wanted.size, *scene.predictors.grid.shape)
    raws = [
        np.memmap(scratch / f"raw_{i}.f32", dtype=np.float32, mode="w+", shape=shape) for i in range(len(makers))
    ]  # fmt: skip
    strips = [partial(_predict_strip, scene, makers, mapping, wanted, raws, row) for row in range(scene.gwsa.grid.rows)]
    run_all(strips, progress.part(0.0, 0.85))
    for maker, raw, closure in zip(makers, raws, closures):
        path = maker.folder / f"GWSA_{year}.tif"
        _correct_and_write(scene, path, wanted, raw, closure, mapping)
        closure.paths.append(path)
        progress.stop_if_cancelled()
    progress.advance(1.0)


def _predict_strip(scene: Scene, makers, mapping: Mapping, wanted: np.ndarray, raws, row: int, go_on) -> None:
    """Predict one row of coarse cells, as many months at a time as the memory bound allows."""
    factor = scene.predictors.factor
    rows = slice(row * factor, (row + 1) * factor)
    pixels = scene.conservation.pixels[rows]
    if not pixels.any():
        return
    blends = [_Blender(scene, maker.models, mapping.feather_km, rows) for maker in makers]
    per_month = 4 * len(scene.predictors.features) * pixels.size
    months = max(1, FEATURE_BYTES // per_month)
    for first in range(0, wanted.size, months):
        chosen = wanted[first : first + months]
        features = scene.predictors.read(FINE, scene.months[chosen], rows)
        for i, month in enumerate(chosen, start=first):
            table = np.ascontiguousarray(features[i - first][:, pixels].T)
            for blender, raw in zip(blends, raws):
                go_on()
                raw[i, rows][pixels] = blender.predict(table, int(month))


class _Blender:
    """What one maker says of the land pixels of a strip."""

    def __init__(self, scene: Scene, models, feather_km: float, rows: slice):
        self._parts = [_Part(scene, models, None, feather_km, rows)] if isinstance(models, RegionModels) else [
            _Part(scene, held.models, held.split, feather_km, rows) for held in models
        ]  # fmt: skip

    def predict(self, table: np.ndarray, month: int) -> np.ndarray:
        field = np.zeros(len(table), dtype=np.float32)
        for part in self._parts:
            part.add(field, table, month)
        return field


class _Part:
    """Models with their weights at the pixels that they serve: all of a strip, or those of a split's cells."""

    def __init__(self, scene: Scene, models: RegionModels, split, feather_km: float, rows: slice):
        factor = scene.predictors.factor
        pixels = scene.conservation.pixels[rows]
        self._models, self._months = models, None if split is None else split.months
        cells = None if split is None else np.repeat(split.cells[rows.start // factor], factor)
        self._served = (
            np.ones(int(pixels.sum()), bool) if split is None else np.broadcast_to(cells, pixels.shape)[pixels]
        )
        self._weights = _weights(scene, models, feather_km, rows, pixels, self._served)

    def add(self, field: np.ndarray, table: np.ndarray, month: int) -> None:
        if self._served.any() and (self._months is None or self._months[month]):
            field[self._served] = self._models.predict(table[self._served], self._weights)


def _weights(scene: Scene, models: RegionModels, feather_km: float, rows: slice, pixels, served) -> dict:
    """number of a model -> its weight at the served pixels; the strip is widened so that the blend sees beyond it."""
    grid = scene.predictors.grid
    margin = round(2 * feather_km / (111.2 * grid.dy)) + 1
    wide = slice(max(rows.start - margin, 0), min(rows.stop + margin, grid.rows))
    numbers = models.numbers(scene.regions.pixels[wide])
    inside = slice(rows.start - wide.start, rows.stop - wide.start)
    weights = blend(numbers, grid.sub(wide, slice(0, grid.columns)), feather_km)
    return {number: weight[inside][pixels][served] for number, weight in weights.items()}


def _correct_and_write(scene: Scene, path: Path, wanted, raw, closure: Closure, mapping: Mapping) -> None:
    months = month_range(f"{path.stem[-4:]}-01", f"{path.stem[-4:]}-12")
    places = dict(zip(calendar_month(scene.months[wanted]), range(wanted.size)))
    profile = creation(scene.predictors.grid, 12, blockxsize=512, blockysize=512, sparse_ok=True, **mapping.encoding)
    with ExitStack() as stack:
        target = stack.enter_context(rasterio.open(path, "w", **profile))
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
    residual = np.nanmax(np.abs(coarse - closure.raw[month]))
    closure.stretch = max(closure.stretch, float(np.nanmax(np.abs(field - raw)) / max(residual, 1e-9)))
    return field
