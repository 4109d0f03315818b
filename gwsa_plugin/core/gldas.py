"""Anomalies of soil moisture, snow and canopy water storage from a folder of GLDAS Noah 2.1 monthly files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .errors import InputError
from .gldas_files import CM_PER_KG_M2, LAYERS, find_files, read_storage
from .progress import SILENT, Progress
from .stack import MonthlyStack

ICE_THRESHOLD = 2000.0
"""kg m-2 of snow; Noah has no glaciers, so on permanent ice its snow piles up without limit (to 112,541 kg m-2)."""

SNOW = list(LAYERS).index("SWES")


@dataclass(frozen=True)
class LandWater:
    """``stacks``: SMS, SWES and CWS, anomalies in cm; ``files``: what was read; ``ice`` of ``land`` cells are out."""

    stacks: dict[str, MonthlyStack]
    files: list[Path]
    ice: int
    land: int

    def total(self) -> MonthlyStack:
        """SMS + SWES + CWS, cm: all the water that Noah knows (no groundwater, lakes, rivers or glaciers)."""
        first, *others = self.stacks.values()
        values = sum((stack.values for stack in others), start=first.values)
        return replace(first, values=values, variable="+".join(self.stacks))


def gldas_anomalies(
    folder, region=None, period=(None, None), ice_threshold: float = ICE_THRESHOLD, progress: Progress = SILENT
) -> LandWater:
    """Storage anomalies of every month of ``period`` (first, last; None: all there is), in cm of water.

    ``region`` is west, south, east, north in degrees, snapped outward to whole cells, by default the whole grid. From
    each cell and component **one** mean over 2004-2009 is taken, the baseline of the GRACE mascons; a mean per calendar
    month would leave the storage's seasons in the groundwater. The months of the baseline are read whatever the
    period. Cells off the land are NaN, and so are those whose snow exceeds ``ice_threshold`` (kg m-2) in any month.

    GLDAS Noah 2.1: Rodell et al. 2004, doi:10.1175/BAMS-85-3-381; granules of doi:10.5067/SXAVCZFAQLNO. Version 2.2
    assimilates GRACE and is refused. Raises InputError for unusable or missing files (see ``find_files``), and for a
    region with no land.
    """
    files = find_files(folder, period, progress.part(0, 0.1))
    rows, columns = files.grid.window(region or files.grid.bounds)
    grid = files.grid.sub(rows, columns)
    storage = read_storage(list(files.paths.values()), (rows, columns), progress.part(0.1, 0.95))
    land, ice = _mask_ice(storage, ice_threshold)
    if ice == land:
        raise InputError(
            f"The region has {land} GLDAS land cells and {ice} of them are permanent ice (snow above {ice_threshold:g} "
            "kg m-2), so nothing is left; choose a region with land or a higher ice threshold."
        )
    progress.say(f"GLDAS: {len(files.paths)} monthly files read, {files.period[0]} to {files.period[1]} kept.")
    progress.say(f"{ice} of {land} land cells are permanent ice (snow above {ice_threshold:g} kg m-2) and left out.")
    months = np.array(list(files.paths), dtype="datetime64[M]")
    stacks = {
        name: MonthlyStack.on_calendar(grid, months, storage[:, i], name).anomaly().select(*files.period)
        for i, name in enumerate(LAYERS)
    }
    progress.advance(1)
    return LandWater(stacks, list(files.paths.values()), ice, land)


def _mask_ice(storage: np.ndarray, threshold: float) -> tuple[int, int]:
    """Make the permanent ice NaN in every component; the numbers of land cells and of ice cells among them."""
    snow = storage[:, SNOW]
    land = np.isfinite(snow).any(axis=0)
    ice = (snow > threshold * CM_PER_KG_M2).any(axis=0)
    storage[:, :, ice] = np.nan
    return int(land.sum()), int(ice.sum())
