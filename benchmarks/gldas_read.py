"""Read the six GLDAS variables of a monthly file as gwsa:gldasanomaly does, and through GDAL."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.gwsa_plugin.core.rasters.decompress import libdeflate
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf

from .gldas_global import FILL, GRANULE, base_fields, write_file
from .result import race

REPEATS = 15


def measure_gldas_read(folder: Path, granule: Path = GRANULE) -> dict:
    """Measure milliseconds per file in one thread, and compare all values with the written ones.

    Parameters
    ----------
    folder : Path
        Folder for the file, which is deleted at the end.
    granule : Path
        An official file from which the fields are taken, if it exists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "granule.nc4"
    fields = base_fields(granule)
    write_file(path, fields)
    contestants = {"ours": partial(_read, path), "peer": partial(_read_with_gdal, path)}
    equal = all(_equal_fields(read(), fields) for read in contestants.values())
    ours, peer = (1e3 * seconds for seconds in race(contestants, REPEATS).values())
    path.unlink()
    return {
        "values": {"h5py": float(hdf5.usable()), "libdeflate": float(libdeflate() is not None)},
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": equal,
        "unit": "ms",
        "peer_name": "GDAL's NetCDF driver",
    }


def _read(path: Path) -> list[np.ndarray]:
    """Read as the plugin does, through h5py where it can be used; south first, NaN off the land."""
    with open_netcdf(path) as file:
        return [file.read(name)[0] for name in VARIABLES]


def _read_with_gdal(path: Path) -> list[np.ndarray]:
    """Read the same values as a user of rasterio does."""
    values = []
    for name in VARIABLES:
        with rasterio.open(f"netcdf:{path}:{name}") as source:
            field = source.read(1)
        field[field == FILL] = np.nan
        values.append(field[::-1])
    return values


def _equal_fields(read: list[np.ndarray], fields: dict[str, np.ndarray]) -> bool:
    expected = (np.where(fields[name] == FILL, np.nan, fields[name]) for name in VARIABLES)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in zip(read, expected))
