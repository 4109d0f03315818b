"""Open the input files of predictors: rasters, and variables of NetCDF files."""

from __future__ import annotations

from math import isclose
from pathlib import Path

from ..base.errors import InputError
from ..rasters.crs import well_known_text
from ..rasters.netcdf_raster import NetCdfRaster, gridded_variables, is_grib, is_netcdf, packing
from ..rasters.raster import Raster
from ..rasters.reading import open_raster
from .catalogue import Predictor


def open_input(path: Path, predictor: Predictor) -> Raster:
    """Open an input file of a predictor: a raster, or its variable in a NetCDF file.

    Raises
    ------
    InputError
        When the file cannot be read, is GRIB, or holds several variables and none is stated.
    """
    if is_grib(path):
        raise InputError(
            f"{path.name} is in GRIB; download the NetCDF edition (of ERA5, choose NetCDF as the "
            "data format), or convert it, for example with cdo -f nc copy."
        )
    is_file_of_variables = is_netcdf(path)
    if predictor.variable and not is_file_of_variables:
        raise InputError(
            f'{path.name} is no NetCDF file, and "variable" of {predictor.name} is '
            f"{predictor.variable}; remove it from the catalogue."
        )
    source = _open_variable(path, predictor) if is_file_of_variables else open_raster(path)
    if predictor.crs:
        source.crs = well_known_text(predictor.crs)
    return source


def _open_variable(path: Path, predictor: Predictor) -> Raster:
    """Open the variable of a predictor in a NetCDF file."""
    names = gridded_variables(path)
    usual = names[0] if len(names) == 1 else predictor.name
    name = predictor.variable or usual
    if not predictor.variable and name not in names:
        raise InputError(
            f"{path.name} holds {', '.join(names) or 'no map over latitude and longitude'}; state "
            f"its variable that is {predictor.name} in the catalogue, for example "
            f'"variable": "{names[0] if names else predictor.name}".'
        )
    _require_unpacked_once(path, name, predictor)
    return NetCdfRaster(path, name)


def _require_unpacked_once(path: Path, name: str, predictor: Predictor) -> None:
    """Refuse the scale of the file in the catalogue, which would be applied twice."""
    scale, _ = packing(path, name)
    if predictor.scale is not None and scale != 1 and isclose(scale, predictor.scale, rel_tol=1e-5):
        raise InputError(
            f'"scale": {predictor.scale:g} of {predictor.name} in the catalogue is the '
            f"scale_factor of {path.name}, which is applied already; remove it from the catalogue."
        )
