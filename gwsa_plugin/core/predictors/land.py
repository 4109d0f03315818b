"""The land mask of a predictor set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..base.grid import Grid
from ..base.progress import Progress
from ..rasters.geotiff import BLOCK, DEFLATE, Header, new_geotiff
from .catalogue import Predictor
from .inputs import open_input
from .land_mask import LandMask
from .raster_pairs import block_reader, windows


def find_land(
    layers: list[tuple[Predictor, Path]], is_land: Callable, fine: Grid, progress: Progress
) -> LandMask:
    """Find the land pixels: those that at least half of the layers count as land.

    Parameters
    ----------
    layers : list of (Predictor, Path)
        Each layer and its file.
    is_land : callable
        Function from the values of a layer to bool.
    fine : Grid
        The fine grid.
    progress : Progress
        Advanced from 0 to 1.

    Returns
    -------
    LandMask
    """
    land = LandMask(fine)
    with ExitStack() as opened:
        readers = [
            block_reader(opened.enter_context(open_input(path, layer)), path, layer, 1)
            for layer, path in layers
        ]
        for rows, columns in windows(fine):
            progress.advance(rows.stop / fine.rows)
            block = fine.subgrid(rows, columns)
            votes = sum(is_land(read(block)).astype(int) for read in readers)
            land[rows, columns] = 2 * votes >= len(readers)
    return land


def write_land(land: LandMask, fine: Grid, path: Path) -> None:
    """Write the land mask as uint8: 1 on land and 0 elsewhere."""
    header = Header(fine, ("land",), unit="", tags={}, dtype="uint8", nodata=None)
    with new_geotiff(path, header, encoding={**DEFLATE, "predictor": 2}) as target:
        for top in range(0, fine.rows, BLOCK):
            strip = land[slice(top, min(top + BLOCK, fine.rows)), slice(0, fine.columns)]
            target.write(1, strip.astype(np.uint8), (top, 0))
