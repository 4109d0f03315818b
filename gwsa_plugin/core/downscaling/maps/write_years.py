"""The yearly 1 km maps, made in steps.

All tiles of a few years are predicted, then the correction of each month is solved, then the tiles
are corrected and encoded, then they are joined to the map of each year. Years are predicted
together because they need the same earlier months of the predictors. Several of these periods are
in progress at the same time, so that no worker waits for the end of one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby, product
from math import ceil
from pathlib import Path

import numpy as np

from ...base.months import calendar_year
from ...base.progress import Progress
from ...base.tiles import Tile
from ...compute.steps import Steps
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...files.checkpoint import require_folder, seal
from ...files.stack_files import VARIABLE_TAG
from ...predictors.features import PixelSelection
from ...predictors.tile_features import months_in_memory
from ..skill.closure import Closure, TileClosure, join_closures
from .correct_tile import YearOfPart, correct_tile, encoded_file, save_nodes
from .encoded_tiles import join_tiles
from .map_job import MapJob
from .predict_tile import make_folders, predict_tile

# Workers that one more period gives work while others end. The overviews of a large year, which one
# worker makes, take about an eighth of the time of its tiles.
WORKERS_OF_A_PERIOD = 8
# Years that are predicted together at most, since their tiles lie on the disk.
MOST_YEARS = 3
# Shares of prediction, correction and joining in the time.
SHARES = (0.72, 0.25, 0.03, 0.0)


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
        Runs the tasks, as ``run_all`` does.

    Returns
    -------
    dict of str to list of Path
        Closure files of each product in the order of years. They are in ``folder`` too.

    Raises
    ------
    RuntimeError
        When a block mean differs from the coarse value by 1e-3 cm or more.
    """
    years = [int(year) for year in np.unique(calendar_year(job.months))]
    together = years_together(job)
    works = []
    for first in range(0, len(years), together):
        missing = {
            year: [name for name in job.products if not _is_written(folder, name, year)]
            for year in years[first : first + together]
        }
        # After an interrupted run, the years of a period can lack other products.
        for products, members in groupby(missing, missing.__getitem__):
            if products:
                works.append(_Period(job, folder, products, list(members), progress).steps())
    run(works, progress, partial(periods_at_once, len(job.tiles)))
    progress.info("All years are written.")
    return {name: [_closure_file(folder, name, year) for year in years] for name in job.products}


def years_together(job: MapJob) -> int:
    """Return how many years of a tile are predicted together, as far as memory allows."""
    side = Tile(*[slice(0, job.conservation.block_side)] * 2)
    needed = (*job.features, *job.terms)
    months = months_in_memory(job.predictors, needed, PixelSelection(side, ...))
    return int(np.clip(months // 12, 1, MOST_YEARS))


def periods_at_once(tiles: int, workers: int) -> int:
    """Return how many periods are in progress, whose tiles lie on the disk.

    While the last tiles of a period are predicted and its years are joined, the others have work
    for all workers.

    Parameters
    ----------
    tiles : int
        Number of tiles of the region.
    workers : int
        Number of tasks that run at the same time.
    """
    return 2 + ceil(workers / min(tiles, WORKERS_OF_A_PERIOD))


def maps_in(folder: Path, product: str) -> list[Path]:
    """Return the maps of a product that ``write_maps`` wrote into ``folder``."""
    return sorted((folder / product).glob("GWSA_*.tif"))


def name_years(years: list[int]) -> str:
    """Return the first and the last year as text, for example ``"2010 to 2012"``."""
    return str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"


def _is_written(folder: Path, product: str, year: int) -> bool:
    return (
        _map_file(folder, product, year).exists() and _closure_file(folder, product, year).exists()
    )


def _map_file(folder: Path, product: str, year: int) -> Path:
    return folder / product / f"GWSA_{year}.tif"


def _closure_file(folder: Path, product: str, year: int) -> Path:
    """The closure of a year, which is written when its map is complete."""
    return folder / product / f"{year}.npz"


@dataclass(frozen=True, eq=False)
class _Period:
    """Years that are predicted together. Its methods run here, their tasks on any worker."""

    job: MapJob
    folder: Path
    products: list[str]
    years: list[int]
    progress: Progress

    @property
    def parts(self) -> Path:
        """Folder of the tiles."""
        return self.folder / "-".join(map(str, sorted({self.years[0], self.years[-1]})))

    @cached_property
    def wanted(self) -> np.ndarray:
        """Numbers of the months."""
        return np.flatnonzero(np.isin(calendar_year(self.job.months), self.years))

    @cached_property
    def years_of_part(self) -> list[YearOfPart]:
        """The years, with their months."""
        years = calendar_year(self.job.months[self.wanted])
        first = [int(np.searchsorted(years, year)) for year in self.years]
        rows = [slice(*ends) for ends in zip(first, [*first[1:], years.size])]
        return [YearOfPart(year, self.wanted[one], one) for year, one in zip(self.years, rows)]

    def steps(self) -> Steps:
        predicting = [
            partial(predict_tile, self.job, self.products, self.parts, self.wanted, tile)
            for tile in self.job.tiles
        ]
        raw: dict[str, np.ndarray] = {}
        make_folders(self.parts, self.products)
        following = (partial(self.correct, raw), partial(self.join, raw), self.end)
        return Steps(predicting, following, SHARES)

    def correct(self, raw: dict[str, np.ndarray], means: list[dict]) -> list[Callable]:
        """Solve the correction, since the nodes of all tiles of a month depend on each other.

        ``means`` are the block means of each tile and product, cm; they are kept in ``raw``.
        """
        job = self.job
        for name in self.products:
            raw[name] = np.full((self.wanted.size, *job.conservation.cells.shape), np.nan)
            for tile, tile_means in zip(job.tiles, means):
                raw[name][:, tile.rows, tile.columns] = tile_means[name]
            nodes = [
                job.conservation.nodes(job.target[number] - month)
                for number, month in zip(self.wanted, raw[name])
            ]
            save_nodes(self.parts, name, np.stack(nodes))
        self.progress.info(f"{name_years(self.years)}: all tiles are predicted.")
        return [
            partial(correct_tile, job, name, self.parts, part, tile)
            for name, part, tile in product(self.products, self.years_of_part, job.tiles)
        ]

    def join(self, raw: dict[str, np.ndarray], closures: list[TileClosure]) -> list[Callable]:
        """Check the closure of each product and year, and join its tiles."""
        job = self.job
        remaining = iter(closures)
        tasks: list[Callable] = []
        for name, part in product(self.products, self.years_of_part):
            own = [(tile, next(remaining)) for tile in job.tiles]
            target = np.stack([job.target[number] for number in part.wanted])
            months = job.months[part.wanted]
            closure = join_closures(own, months, part.wanted, target, raw[name][part.rows])
            tasks.append(
                partial(_join_year, job, name, self.folder, self.parts, part.year, closure)
            )
        return tasks

    def end(self, results: list) -> list[Callable]:
        """Delete the tiles. The tasks do not, because a cluster may have to run them again."""
        shutil.rmtree(self.parts, ignore_errors=True)
        return []


def _join_year(
    job: MapJob,
    name: str,
    folder: Path,
    parts: Path,
    year: int,
    closure: Closure,
    progress: Progress,
) -> None:
    """Write the map of a year from its encoded tiles, then its closure."""
    require_folder(folder, job.predictors.folder)
    path = _map_file(folder, name, year)
    months = job.months[closure.months]
    sources = {month: job.sources[number] for month, number in zip(months, closure.months)}
    options = job.options.with_tags({VARIABLE_TAG: "GWSA"})
    tiles = [(tile, encoded_file(parts, name, year, tile)) for tile in job.tiles]
    with atomic_file(path) as part:
        join_tiles(part, year, job.conservation, options, sources, tiles, progress)
    seal(path)
    closure.save(_closure_file(folder, name, year))
