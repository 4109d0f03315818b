"""The yearly 1 km maps in three steps: tiles are predicted, the months of the year solved, then the year is corrected,
encoded and written, tile by tile. Tiles of a year are predicted while the year before is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from ...base.months import calendar_month, calendar_year, month_range
from ...base.progress import Progress
from ...base.tiles import Tile, tile_side
from ...base.units import CM
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...files.geotiff import Header, new_geotiff
from ...files.stack import MISSING
from ...spatial.mass_conservation import MassConservation
from ..skill.closure import Closure
from ..skill.seams import edge_steps, ratio_of, surrounded
from .predict_tile import MapJob, MapOptions, make_folders, predict_tile, read_part, require_folder

TOLERANCE_CM = (
    1e-3  # between a cell of the coarse field and the mean of its pixels, before encoding
)


def write_maps(
    job: MapJob, folder: Path, progress: Progress, run: Callable = run_all
) -> dict[str, list[Path]]:
    """``GWSA_YYYY.tif`` of each product, in a folder of its name in ``folder``; twelve bands January..December, months
    that are not mapped are all nodata.

    ``folder`` may hold what an interrupted run of the same job left. ``run``: who runs the tasks, as ``run_all`` does.
    Returns for each product the files of the closure of its years, in their order; they lie in ``folder`` too.
    RuntimeError when a coarse cell's mean is not kept to 1e-3 cm.
    """
    years, writing = [int(year) for year in np.unique(calendar_year(job.months))], []
    for before, year, part in zip([None, *years], [*years, None], progress.parts(len(years) + 1)):
        products = [name for name in job.products if year and not _is_written(folder, name, year)]
        make_folders(folder / str(year), products)
        wanted = np.flatnonzero(calendar_year(job.months) == year) if products else []
        tiles = job.tiles if products else []
        predicting = [
            partial(predict_tile, job, products, folder / str(year), wanted, tile) for tile in tiles
        ]
        means = run([*writing, *predicting], part)[len(writing) :]
        shutil.rmtree(
            folder / str(before), ignore_errors=True
        )  # not by its tasks, which may have to run again
        progress.info(f"{year} is predicted." if year else "All years are written.")
        writing = [
            _writing(job, name, folder, year, wanted, [of_tile[name] for of_tile in means])
            for name in products
        ]
    return {name: [_closure_file(folder, name, year) for year in years] for name in job.products}


def maps_in(folder: Path, product: str) -> list[Path]:
    """The files that ``write_maps`` wrote into ``folder``."""
    return sorted((folder / product).glob("GWSA_*.tif"))


@contextmanager
def create_year(
    path: Path,
    conservation: MassConservation,
    mapping: MapOptions,
    tags: dict,
    sources: dict,
    progress: Progress,
):
    """Yield the GeoTIFF of the year in the name of ``path`` to write to, its twelve bands described by ``sources``
    (month -> word, missing where it has none). It is sparse, and has overviews where it is large."""
    months = month_range(f"{path.stem[-4:]}-01", f"{path.stem[-4:]}-12")
    words = tuple(sources.get(month, MISSING) for month in months)
    grid, side = (
        conservation.coarse.refine(conservation.factor),
        tile_side(conservation.factor) * conservation.factor,
    )
    header = Header(grid, tuple(map(str, months)), CM, tags, words)
    with new_geotiff(path, header, side, {**mapping.encoding, "sparse_ok": True}) as target:
        yield target
        target.add_overviews(progress)


def _is_written(folder: Path, product: str, year: int) -> bool:
    return (
        _map_file(folder, product, year).exists() and _closure_file(folder, product, year).exists()
    )


def _map_file(folder: Path, product: str, year: int) -> Path:
    return folder / product / f"GWSA_{year}.tif"


def _closure_file(folder: Path, product: str, year: int) -> Path:
    """Written when the map of the year is whole."""
    return folder / product / f"{year}.npz"


def _writing(
    job: MapJob, name: str, folder: Path, year: int, wanted: np.ndarray, means: list[np.ndarray]
) -> Callable:
    """The task of writing the year of the months of the numbers ``wanted``, which are solved here: all tiles of a month
    hang together. ``means``: of the cells of each tile."""
    raw = np.full((wanted.size, *job.conservation.cells.shape), np.nan)
    for tile, of_tile in zip(job.tiles, means):
        raw[:, tile.rows, tile.columns] = of_tile
    nodes = [
        job.conservation.nodes(job.target[number] - month) for number, month in zip(wanted, raw)
    ]
    return partial(_write_year, job, name, folder, year, wanted, raw, nodes)


def _write_year(
    job: MapJob,
    name: str,
    folder: Path,
    year: int,
    wanted: np.ndarray,
    raw,
    nodes: list,
    progress: Progress,
) -> None:
    require_folder(folder, job.predictors.folder)
    parts, path = folder / str(year), _map_file(folder, name, year)
    account = ClosureRecorder(job, wanted, raw)
    sources = {job.months[month]: job.sources[month] for month in wanted}
    tags = {**job.mapping.tags, "GWSA_VARIABLE": "GWSA"}
    with (
        atomic_file(path) as whole,
        create_year(whole, job.conservation, job.mapping, tags, sources, progress) as target,
    ):
        bands = calendar_month(job.months[wanted])
        for tile in job.tiles:
            pixels, corner = (
                job.conservation.pixels(tile),
                tile.fine(job.conservation.factor).corner,
            )
            for i, before in enumerate(read_part(parts, name, tile, pixels)):
                progress.stop_if_cancelled()
                after = before + job.conservation.bilinear(nodes[i], tile)
                target.write(int(bands[i]), after.astype(np.float32), corner)
                account.add(i, tile, before, after)
    account.closure().save(_closure_file(folder, name, year))


class ClosureRecorder:
    """Gathers the closure of a year, tile by tile."""

    def __init__(self, job: MapJob, wanted: np.ndarray, raw: np.ndarray):
        self._conservation, self._months, self._wanted, self._raw = (
            job.conservation,
            job.months[wanted],
            wanted,
            raw,
        )
        self._target = np.stack([job.target[number] for number in wanted])
        self._corrected = np.full(raw.shape, np.nan)
        self._steps = np.zeros((wanted.size, 2, 2, 2, 2))
        self._changes = np.zeros(wanted.size)
        self._surrounded = surrounded(job.conservation.cells)

    def add(self, month: int, tile: Tile, before: np.ndarray, after: np.ndarray) -> None:
        """``before`` and ``after`` the correction."""
        self._corrected[month][tile] = self._conservation.block_mean(after, tile)
        factor, counted = self._conservation.factor, self._surrounded[tile]
        self._steps[month] += [edge_steps(field, counted, factor) for field in (before, after)]
        self._changes[month] = max(self._changes[month], np.nanmax(np.abs(after - before)))

    def closure(self) -> Closure:
        worst = np.nanmax(np.abs(self._corrected - self._target), axis=(1, 2))
        for month, off in zip(self._months, worst):
            if not off < TOLERANCE_CM:
                raise RuntimeError(
                    f"{month}: block means differ from the coarse field by {off:g} cm"
                )
        seams = np.array([[ratio_of(steps) for steps in of_month] for of_month in self._steps])
        residuals = np.nanmax(np.abs(self._target - self._raw), axis=(1, 2))
        return Closure(self._wanted, self._raw, self._corrected, seams, self._changes, residuals)
