"""Time and memory of the observation operator on a global record at 0.25°.

Usage: python3 -m gwsa.benchmarks.footprint_operator
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy import ndimage

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.grace.footprint import Footprint

from .result import peak_memory

GRID = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
# Months of the GRACE record.
MONTHS = 225
WIDTH_KM = 250.0
LAND_FRACTION = 0.3
# Rows and columns of a tile of about 1°.
TILE = 4
# Seconds and GB that the operator may take.
MOST_SECONDS = 60.0
MOST_GB = 2.0


def measure_footprint_operator(folder: Path) -> dict:
    """Measure the operator and its transpose for all months, in a process of its own.

    The result takes the place of the input, which alone takes 0.93 GB.

    Parameters
    ----------
    folder : Path
        Not used.

    Returns
    -------
    dict
        ``ours`` is the time for preparing and applying the operator, s, and ``peer`` the allowed
        one. ``equal`` is True when the peak memory is allowed, too. ``values`` has the largest
        errors of the mass of a month, relative to the mass of the absolute values, and of the
        adjoint test.
    """
    command = [sys.executable, "-m", "gwsa.benchmarks.footprint_operator"]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    values = json.loads(run.stdout)
    seconds = values["prepare (s)"] + values["apply (s)"]
    return {
        "values": {**values, "allowed memory (GB)": MOST_GB},
        "ours": seconds,
        "peer": MOST_SECONDS,
        "ratio": MOST_SECONDS / seconds,
        "equal": values["peak memory (GB)"] < MOST_GB,
        "unit": "s",
        "peer_name": "allowed",
    }


def main() -> None:
    """Measure in this process and print the measurements as JSON."""
    random = np.random.default_rng(1)
    land = _continents(random)
    rows, columns = np.indices(GRID.shape)
    tiles = np.where(land, rows // TILE * GRID.columns + columns // TILE, -1)
    start = perf_counter()
    footprint = Footprint(GRID, land, WIDTH_KM, tiles)
    prepare = perf_counter() - start
    fields = random.standard_normal((MONTHS, *GRID.shape), dtype=np.float32)
    one = fields[0].astype(float)
    before = _masses(fields, land)
    start = perf_counter()
    footprint.apply(fields, out=fields)
    seconds = perf_counter() - start
    # Of the operator for the whole record, before the transpose.
    memory = peak_memory()
    mass_error = float(np.abs(_masses(fields, land)[0] - before[0]).max() / before[1].min())
    start = perf_counter()
    footprint.transpose(fields, out=fields)
    transposed = perf_counter() - start
    print(
        json.dumps(
            {
                "prepare (s)": prepare,
                "apply (s)": seconds,
                "transpose (s)": transposed,
                "peak memory (GB)": memory,
                "error of the mass": mass_error,
                "error of the adjoint test": _adjoint_error(footprint, one, random),
                "land cells": int(land.sum()),
            }
        )
    )


def _continents(random: np.random.Generator) -> np.ndarray:
    """A land mask of large and small continents: bool, (rows, columns)."""
    noise = random.standard_normal(GRID.shape)
    height = sum(
        ndimage.gaussian_filter(noise, size, mode=("nearest", "wrap")) * size for size in (8, 40)
    )
    return height > np.quantile(height, 1.0 - LAND_FRACTION)


def _masses(fields: np.ndarray, land: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over land of value times area, and of the absolute value, for each month."""
    areas = GRID.cell_areas()[land]
    mass = np.array([field[land].astype(float) @ areas for field in fields])
    return mass, np.array([np.abs(field[land]).astype(float) @ areas for field in fields])


def _adjoint_error(footprint: Footprint, one: np.ndarray, random: np.random.Generator) -> float:
    """Relative difference of <H x, y> and <x, H' y>, in float64."""
    other = random.standard_normal(GRID.shape)
    left = np.nansum(footprint.apply(one[None])[0] * other)
    right = np.nansum(one * footprint.transpose(other[None])[0])
    return float(abs(left - right) / abs(left))


if __name__ == "__main__":
    main()
