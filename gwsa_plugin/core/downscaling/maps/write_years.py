"""The yearly 1 km maps, made in three steps.

All tiles of a year are predicted, then the correction of each month is solved, then the year is
corrected, encoded and written tile by tile. Tiles of a year are predicted while the previous year
is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from ...base.months import calendar_month, calendar_year, month_range
from ...base.progress import Progress
from ...base.tiles import tile_side
from ...base.units import CM
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...files.checkpoint import require_folder, seal
from ...files.stack import MISSING
from ...rasters.geotiff import UNIT_TAG, GeoTiff, Header, new_geotiff
from ...spatial.mass_conservation import MassConservation
from ..skill.closure import ClosureRecorder
from .map_job import MapJob, MapOptions
from .predict_tile import make_folders, predict_tile, read_part


def write_maps(
    job: MapJob, folder: Path, progress: Progress, run: Callable[..., list] = run_all
) -> dict[str, list[Path]]:
    """Write ``GWSA_YYYY.tif`` of each product into a folder of its name in ``folder``.

    A file has twelve bands, January to December. Months that are not mapped are all nodata.

    Parameters
    ----------
    job : MapJob
        The job.
    folder : Path
        Existing folder. It may hold results of an interrupted run of the same job, which are used.
    progress : Progress
        Receives log lines and the fraction done.
    run : callable
        Runs the tasks and returns their results, as ``run_all`` does.

    Returns
    -------
    dict of str to list of Path
        Closure files of each product in the order of years. They are in ``folder`` too.

    Raises
    ------
    RuntimeError
        When a block mean differs from the coarse value by 1e-3 cm or more.
    """
    month_years = calendar_year(job.months)
    years = [int(year) for year in np.unique(month_years)]
    *steps, last_step = progress.parts(len(years) + 1)
    writing: list[Callable] = []
    for number, (year, step) in enumerate(zip(years, steps)):
        products = [name for name in job.products if not _is_written(folder, name, year)]
        make_folders(folder / str(year), products)
        wanted = np.flatnonzero(month_years == year)
        predicting = [
            partial(predict_tile, job, products, folder / str(year), wanted, tile)
            for tile in (job.tiles if products else [])
        ]
        # The previous year is written while this one is predicted.
        means = run([*writing, *predicting], step)[len(writing) :]
        if number:
            _remove_parts(folder, years[number - 1])
        progress.info(f"{year} is predicted.")
        writing = [
            _writing_task(job, name, folder, year, wanted, [tile[name] for tile in means])
            for name in products
        ]
    run(writing, last_step)
    _remove_parts(folder, years[-1])
    progress.info("All years are written.")
    return {name: [_closure_file(folder, name, year) for year in years] for name in job.products}


def maps_in(folder: Path, product: str) -> list[Path]:
    """Return the maps of a product that ``write_maps`` wrote into ``folder``."""
    return sorted((folder / product).glob("GWSA_*.tif"))


@contextmanager
def create_year(
    path: Path,
    conservation: MassConservation,
    options: MapOptions,
    tags: dict[str, str],
    sources: dict[np.datetime64, str],
    progress: Progress,
) -> Iterator[GeoTiff]:
    """Create the GeoTIFF of a year and yield it for writing.

    It has twelve bands, is sparse, and gets overviews if it is large.

    Parameters
    ----------
    path : Path
        The new file, whose name ends with the year.
    conservation : MassConservation
        Gives the fine grid.
    options : MapOptions
        Gives the encoding.
    tags : dict of str to str
        Tags of the file.
    sources : dict of datetime64 to str
        Month -> source of GWSA, for the mapped months.
    progress : Progress
        Only checked for cancellation.
    """
    year = path.stem[-4:]
    months = month_range(f"{year}-01", f"{year}-12")
    factor = conservation.factor
    header = Header(
        conservation.coarse.refine(factor),
        names=tuple(map(str, months)),
        unit=CM,
        tags={**tags, UNIT_TAG: CM},
        sources=tuple(sources.get(month, MISSING) for month in months),
        step=options.storage.step,
    )
    encoding = {**options.storage.options, "sparse_ok": True}
    with new_geotiff(path, header, tile_side(factor) * factor, encoding) as target:
        yield target
        target.add_overviews(progress)


def _remove_parts(folder: Path, year: int) -> None:
    """Delete the checkpoints of a written year.

    The tasks do not delete them, because a cluster may have to run a task again.
    """
    shutil.rmtree(folder / str(year), ignore_errors=True)


def _is_written(folder: Path, product: str, year: int) -> bool:
    return (
        _map_file(folder, product, year).exists() and _closure_file(folder, product, year).exists()
    )


def _map_file(folder: Path, product: str, year: int) -> Path:
    return folder / product / f"GWSA_{year}.tif"


def _closure_file(folder: Path, product: str, year: int) -> Path:
    """The closure of a year, which is written when its map is complete."""
    return folder / product / f"{year}.npz"


def _writing_task(
    job: MapJob, name: str, folder: Path, year: int, wanted: np.ndarray, means: list[np.ndarray]
) -> Callable:
    """The task that writes a year.

    The correction is solved here, since the nodes of all tiles of a month depend on each other.
    ``wanted`` are the numbers of the months and ``means`` the block means of each tile, cm.
    """
    raw = np.full((wanted.size, *job.conservation.cells.shape), np.nan)
    for tile, tile_means in zip(job.tiles, means):
        raw[:, tile.rows, tile.columns] = tile_means
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
    raw: np.ndarray,
    nodes: list[np.ndarray],
    progress: Progress,
) -> None:
    """Correct and write the map of a year, then its closure."""
    require_folder(folder, job.predictors.folder)
    path = _map_file(folder, name, year)
    months = job.months[wanted]
    bands = calendar_month(months)
    target = [job.target[number] for number in wanted]
    recorder = ClosureRecorder(job.conservation, months, wanted, target, raw)
    sources = {job.months[number]: job.sources[number] for number in wanted}
    tags = {**job.options.tags, "GWSA_VARIABLE": "GWSA"}
    with (
        atomic_file(path) as part,
        create_year(part, job.conservation, job.options, tags, sources, progress) as geotiff,
    ):
        for tile in job.tiles:
            pixels = job.conservation.pixels(tile)
            corner = tile.fine(job.conservation.factor).corner
            for i, before in enumerate(read_part(folder / str(year), name, tile, pixels)):
                progress.stop_if_cancelled()
                after = before + job.conservation.bilinear(nodes[i], tile)
                geotiff.write(int(bands[i]), after.astype(np.float32), corner)
                recorder.add(i, tile, before, after)
    seal(path)
    recorder.closure().save(_closure_file(folder, name, year))
