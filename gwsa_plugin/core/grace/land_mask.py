"""Land masks of mascon products."""

from __future__ import annotations

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..rasters.netcdf import NetCdfFile
from ..rasters.netcdf_grid import GriddedVariable
from .mascons import LAND, make_regridding, read_fields

# Names of land mask variables, in the products and in the centres' mask files.
MASKS = ("LO_val", LAND, "GLDAS_mask")


def covered_by_mask(file: NetCdfFile, target: Grid) -> Grid | None:
    """Return the part of ``target`` that the land mask of a file reaches; None for nothing.

    Raises
    ------
    InputError
        When the file has no mask.
    """
    return make_regridding(_mask(file), target).covered()


def read_land(file: NetCdfFile, target: Grid) -> np.ndarray:
    """Read the land mask of a file.

    Parameters
    ----------
    file : NetCdfFile
        With a mask variable in which 1 is land.
    target : Grid
        The grid of the result.

    Returns
    -------
    ndarray of bool, shape of ``target``
        True where at least half of a cell is land.

    Raises
    ------
    InputError
        When the file has no mask or does not cover the target.
    """
    variable = _mask(file)
    regridding = make_regridding(variable, target)
    if regridding.covered() is None:
        raise InputError(f"The land mask {file.name} lies outside the region; give a global one.")
    mask = read_fields(variable, regridding)[0]
    fraction = regridding((mask == 1).astype(np.float64))
    if not np.isfinite(fraction).all():
        raise InputError(
            f"The land mask {file.name} covers only a part of the region; give a global one."
        )
    return fraction >= 0.5


def _mask(file: NetCdfFile) -> GriddedVariable:
    named = [variable for variable in MASKS if variable in file.variables]
    if not named:
        raise InputError(
            f"{file.name} has no land mask variable ({', '.join(MASKS)}); "
            "give the centre's land mask."
        )
    return GriddedVariable(file, named[0])
