"""Few small files in the layout of a sample world, made in a fraction of a second."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf
from gwsa.gwsa_plugin.core.sample_world import gldas_files
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

# West, south, east, north; degrees.
BOUNDS = (77.0, 29.0, 79.0, 31.0)
FIRST, LAST = "2010-01", "2010-04"


def write_small_world(folder: Path, seed: int = 1, months: int = 24) -> Path:
    """Write the mascons, the land mask and four months of GLDAS.

    Parameters
    ----------
    folder : Path
        Folder of the world.
    seed : int
        Seed of the mascons; another one is another version of their file.
    months : int
        Number of months of the mascons.

    Returns
    -------
    Path
        The folder.
    """
    rng = np.random.default_rng(seed)
    (folder / "grace").mkdir(parents=True, exist_ok=True)
    (folder / "gldas").mkdir(exist_ok=True)
    _write_grid(folder / PARTS["TWSA"], rng.normal(0, 10, (months, 24, 24)), "lwe_thickness", "cm")
    _write_grid(folder / PARTS["LAND_MASK"], rng.integers(0, 2, (1, 24, 24)), "LO_val", "1")
    land = SimpleNamespace(coarse=Grid(73.0, 35.0, 0.25, 0.25, 40, 40), land_fraction=1.0)
    land.land_fraction = np.ones(land.coarse.shape)
    for month in month_range(FIRST, LAST):
        fields = {name: rng.uniform(1, 90, land.coarse.shape) for name in gldas_files.VARIABLES}
        path = folder / "gldas" / gldas_files.file_name(month)
        gldas_files.write_month(path, land, month, fields)
    return folder


def _write_grid(path: Path, values: np.ndarray, name: str, unit: str) -> None:
    """Write values over time, latitude and longitude, compressed as the real files are."""
    months, rows, columns = values.shape
    axes = {"time": np.arange(months) * 30.0, "lat": 26 + np.arange(rows) / 4.0,
            "lon": 74 + np.arange(columns) / 4.0}  # fmt: skip
    with new_netcdf(path, {"title": "CSR GRACE and GRACE-FO MASCON RL0603M"}) as file:
        for axis, places in axes.items():
            file.dimension(axis, places.size)
            file.variable(axis, axis, "f4", {})
            file.write(axis, places.astype("f4"))
        file.variable(name, "time lat lon", "f4", {"Units": unit}, chunks=(1, rows, columns))
        file.write(name, values.astype("f4"))
