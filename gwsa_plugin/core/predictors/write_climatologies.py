"""Write the climatologies of a predictor set, which would otherwise be computed in each run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.progress import Progress
from ..base.tiles import Tile
from ..compute.threads import run_all
from ..files.provenance import plugin_version
from ..rasters.geotiff import Header, new_geotiff
from ..rasters.reading import open_raster
from .catalogue import Predictor
from .climatologies import compute_climatology, with_climatology
from .features import PixelSelection
from .predictor_set import CLIMATOLOGIES, PredictorSet
from .raster_pairs import BLOCK, Pair, Region, compression, windows
from .raster_record import has_digests


@dataclass(frozen=True, eq=False)
class SetInTwoFolders(PredictorSet):
    """A set that is being built: rasters that are kept are in the folder of the earlier set."""

    earlier: Path = Path()

    def path_of(self, predictor: Predictor, scale: str, month=None) -> Path:
        path = super().path_of(predictor, scale, month)
        return path if path.exists() else self.earlier / path.relative_to(self.folder)


def write_climatologies(
    predictors: SetInTwoFolders,
    region: Region,
    pairs: Sequence[Pair],
    record: Mapping[str, dict],
    progress: Progress,
) -> bool:
    """Write the climatologies of the monthly predictors, unless the earlier set has the same.

    Parameters
    ----------
    predictors : SetInTwoFolders
        The set, whose rasters are complete.
    region : Region
        Grids and land.
    pairs : sequence of Pair
        All pairs of the set, with their origins.
    record : mapping of str to dict
        Record of the rasters of the earlier set.
    progress : Progress
        Receives the fraction done.

    Returns
    -------
    bool
        Whether the set has climatologies: False without monthly predictors.
    """
    monthly = with_climatology(predictors)
    if not monthly:
        return False
    tags = _tags(predictors, pairs)
    if _is_kept(predictors.earlier, tags, record):
        return True
    names = tuple(f"mean_{one.name}" for one in monthly)
    header = Header(region.fine, names, tuple(one.unit for one in monthly), tags)
    blocks = [Tile(*window) for window in windows(region.fine)]
    with new_geotiff(predictors.folder / CLIMATOLOGIES, header, BLOCK, compression()) as target:
        for block, part in zip(blocks, progress.parts(len(blocks))):
            land = region.land[block.rows, block.columns]
            selection = PixelSelection(block, land)
            tasks = [partial(compute_climatology, predictors, one, selection) for one in monthly]
            for band, mean in enumerate(run_all(tasks, part), start=1):
                field = np.full(land.shape, np.nan, dtype=np.float32)
                field[land] = mean
                target.write(band, field, block.corner)
    return True


def _tags(predictors: PredictorSet, pairs: Sequence[Pair]) -> dict[str, str]:
    """Tags that identify everything the climatologies depend on."""
    monthly = {pair.file: pair.origin for pair in pairs if pair.predictor.monthly}
    inputs = [monthly, str(predictors.months[0]), str(predictors.months[-1])]
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    return {
        "GWSA_VARIABLE": "climatologies",
        "GWSA_VERSION": plugin_version(),
        "GWSA_INPUTS": json.dumps({"rasters": digest}),
    }


def _is_kept(earlier: Path, tags: Mapping[str, str], record: Mapping[str, dict]) -> bool:
    """Whether the earlier set has these climatologies as they were written."""
    try:
        with open_raster(earlier / CLIMATOLOGIES) as source:
            is_same = not tags.items() - source.tags().items()
    except InputError:
        return False
    return is_same and has_digests(earlier, record, [CLIMATOLOGIES])
