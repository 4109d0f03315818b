"""The six GLDAS variables of a monthly file, as gwsa:gldasanomaly reads them and through GDAL's NetCDF driver."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.files import hdf5
from gwsa.gwsa_plugin.core.files.inflate import libdeflate
from gwsa.gwsa_plugin.core.files.netcdf import NetCdf
from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES

from .gldas_global import FILL, GRANULE, base_fields, write_file
from .result import race

REPEATS = 15


def measure_gldas_read(folder: Path, granule: Path = GRANULE) -> dict:
    """``ours`` and ``peer``: milliseconds a file, one thread. ``equal``: every value is what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    path, fields = folder / "granule.nc4", base_fields(granule)
    write_file(path, fields)
    contestants = {"ours": partial(_read, path), "peer": partial(_read_by_gdal, path)}
    equal = all(_same(read(), fields) for read in contestants.values())
    ours, peer = (1e3 * seconds for seconds in race(contestants, REPEATS).values())
    path.unlink()
    return {
        "values": {"h5py": float(hdf5.usable()), "libdeflate": float(libdeflate() is not None)},
        "ours": ours, "peer": peer, "ratio": peer / ours, "equal": equal,
        "unit": "ms", "peer_name": "GDAL's NetCDF driver",
    }  # fmt: skip


def _read(path: Path) -> list[np.ndarray]:
    """South first, NaN off the land; through h5py where that is safe."""
    if not hdf5.usable():
        file = NetCdf(path)
        return [file.read(name)[0] for name in VARIABLES]
    file = hdf5.Hdf5(path)
    values = [file.read(name)[0] for name in VARIABLES]
    file.close()
    return values


def _read_by_gdal(path: Path) -> list[np.ndarray]:
    """Likewise, as a user of rasterio would."""
    values = []
    for name in VARIABLES:
        with rasterio.open(f"netcdf:{path}:{name}") as source:
            field = source.read(1)
        field[field == FILL] = np.nan
        values.append(field[::-1])
    return values


def _same(read: list[np.ndarray], fields: dict[str, np.ndarray]) -> bool:
    truth = (np.where(fields[name] == FILL, np.nan, fields[name]) for name in VARIABLES)
    return all(np.array_equal(ours, theirs, equal_nan=True) for ours, theirs in zip(read, truth))
