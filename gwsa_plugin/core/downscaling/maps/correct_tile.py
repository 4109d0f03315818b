"""The correction of one tile of the maps of a year, and its encoding.

A tile is encoded into a file of its own, whose blocks are joined to the map of the year when all
tiles exist. So no task is longer than a tile takes, apart from copying bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...base.months import calendar_month
from ...base.progress import Progress
from ...base.tiles import Tile
from ...files.checkpoint import require_folder, save_checkpoint
from ..skill.closure import TileClosure, TileRecorder
from .encoded_tiles import save_tile
from .map_job import MapJob
from .predict_tile import part_file, read_part

NODES = "nodes.npy"


class YearOfPart(NamedTuple):
    """A year among those that were predicted together.

    Parameters
    ----------
    year : int
        The year.
    wanted : numpy.ndarray of int
        Numbers of its months.
    rows : slice
        Their positions among the predicted months.
    """

    year: int
    wanted: np.ndarray
    rows: slice


def save_nodes(folder: Path, product: str, nodes: np.ndarray) -> None:
    """Save the nodes of the correction for ``correct_tile``.

    Parameters
    ----------
    folder, product
        As ``correct_tile``.
    nodes : numpy.ndarray of float64, shape (months, rows, columns)
        Results of ``MassConservation.nodes``, cm.
    """
    save_checkpoint(folder / product / NODES, partial(np.save, arr=nodes))


def correct_tile(
    job: MapJob, product: str, folder: Path, part: YearOfPart, tile: Tile, progress: Progress
) -> TileClosure:
    """Correct the predictions of a tile and encode them.

    Parameters
    ----------
    job : MapJob
        The job.
    product : str
        Name of the product.
    folder : Path
        Folder with the predictions and the nodes. The encoded tile is written there.
    part : YearOfPart
        The year.
    tile : Tile
        Tile of coarse cells.
    progress : Progress
        Only checked for cancellation.

    Returns
    -------
    TileClosure

    Raises
    ------
    InputError
        When this machine cannot access the folder.
    """
    require_folder(folder, job.predictors.folder)
    recorder = TileRecorder(job.conservation, tile)
    fields = _correct(job, product, folder, part, tile, recorder, progress)
    path = encoded_file(folder, product, part.year, tile)
    save_tile(path, job.conservation, job.options, tile, fields)
    return recorder.closure()


def _correct(
    job: MapJob,
    product: str,
    folder: Path,
    part: YearOfPart,
    tile: Tile,
    recorder: TileRecorder,
    progress: Progress,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield band and corrected values of each month, float32, and record their closure."""
    bands = calendar_month(job.months[part.wanted])
    nodes = np.load(folder / product / NODES, mmap_mode="r")[part.rows]
    pixels = job.conservation.pixels(tile)
    for band, month_nodes, before in zip(
        bands, nodes, read_part(folder, product, tile, pixels, part.rows)
    ):
        progress.stop_if_cancelled()
        after = before + job.conservation.bilinear(month_nodes, tile)
        recorder.add(before, after)
        yield int(band), after.astype(np.float32)


def encoded_file(folder: Path, product: str, year: int, tile: Tile) -> Path:
    """Return the path of an encoded tile of a year."""
    predicted = part_file(folder, product, tile)
    return predicted.with_name(f"{predicted.stem}_{year}.blocks")
