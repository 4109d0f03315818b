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
from ..skill.closure import TileClosure
from .encoded_tiles import save_tile
from .map_job import MapJob
from .predict_tile import part_file, read_part
from .tile_correction import TileCorrection

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
    correction = TileCorrection(job.conservation, tile)
    fields = _correct(job, product, folder, part, tile, correction, progress)
    path = encoded_file(folder, product, part.year, tile)
    save_tile(path, job.conservation, job.options, tile, fields)
    return correction.closure()


def _correct(
    job: MapJob,
    product: str,
    folder: Path,
    part: YearOfPart,
    tile: Tile,
    correction: TileCorrection,
    progress: Progress,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield band and corrected values of each month."""
    bands = calendar_month(job.months[part.wanted])
    nodes = np.load(folder / product / NODES, mmap_mode="r")[part.rows]
    predicted = read_part(folder, product, tile)[part.rows]
    for band, values, month_nodes in zip(bands, predicted, nodes):
        progress.stop_if_cancelled()
        yield int(band), correction.correct(values, month_nodes)


def encoded_file(folder: Path, product: str, year: int, tile: Tile) -> Path:
    """Return the path of an encoded tile of a year."""
    predicted = part_file(folder, product, tile)
    return predicted.with_name(f"{predicted.stem}_{year}.blocks")
