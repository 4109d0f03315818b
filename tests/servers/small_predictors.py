"""Predictors of a small region as planes, whose value at each place and month is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.base.grid import Grid

# West, south, east, north; degrees. Its coarse cell is 77 to 77.5 and 29 to 29.5.
REGION = (77.1, 29.2, 77.3, 29.3)
# The rasters reach beyond the coarse cell.
WORLD = Grid(76.9, 29.6, 1 / 120, 1 / 120, 84, 84)
YEARS = (2008, 2009, 2010)
# Name -> value at 77° east and 29° north, change for a degree to the east and to the north, and
# for a month.
PLANES = {
    "elevation": (400.0, 300.0, 200.0, 0.0),
    "sand": (40.0, 20.0, 10.0, 0.0),
    "clay": (20.0, -8.0, 12.0, 0.0),
    "bulk_density": (1.3, 0.2, -0.1, 0.0),
    "precipitation": (50.0, 30.0, 20.0, 1.0),
    "potential_evapotranspiration": (90.0, -20.0, 10.0, 0.5),
    "vapour_pressure_deficit": (1.2, 0.4, 0.2, 0.02),
    "radiation": (200.0, 30.0, -20.0, 1.0),
    "actual_evapotranspiration": (40.0, 10.0, 10.0, 0.3),
    "runoff": (8.0, 3.0, 2.0, 0.1),
    "temperature": (15.0, 4.0, -3.0, 0.2),
    "ndvi": (0.4, 0.1, 0.05, 0.002),
    "lai": (2.0, 1.0, 0.5, 0.02),
    "land_surface_temperature": (25.0, 3.0, -2.0, 0.1),
}
STATIC = ("elevation", "sand", "clay", "bulk_density")


def plane(name: str, longitudes: np.ndarray, latitudes: np.ndarray, month=None) -> np.ndarray:
    """Return the values of a predictor at all pairs of latitudes and longitudes."""
    base, east, north, later = PLANES[name]
    number = (
        0 if month is None else (np.datetime64(month, "M") - np.datetime64("2008-01")).astype(int)
    )
    return (
        base + east * (longitudes[None, :] - 77) + north * (latitudes[:, None] - 29)
        + later * number
    )  # fmt: skip


def write_small_predictors(folder: Path, names=tuple(PLANES)) -> Path:
    """Write the rasters of some predictors as a sample world has them; return the folder."""
    (folder / "predictors").mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in STATIC:
            field = plane(name, WORLD.longitudes, WORLD.latitudes)
            _write(folder / "predictors" / f"{name}.tif", [field])
            continue
        for year in YEARS:
            fields = [
                plane(name, WORLD.longitudes, WORLD.latitudes, f"{year}-{month:02d}")
                for month in range(1, 13)
            ]
            _write(folder / "predictors" / f"{name}_{year}.tif", fields)
    return folder


def _write(path: Path, fields: list[np.ndarray]) -> None:
    profile = {
        "driver": "GTiff", "width": WORLD.columns, "height": WORLD.rows, "count": len(fields),
        "dtype": "float64", "crs": WORLD.crs, "transform": rasterio.Affine(*WORLD.transform),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.stack(fields))
