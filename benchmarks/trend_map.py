"""Speed of the trend map against the libraries that compute it pixel by pixel.

The peer is pymannkendall's test of Hamed and Rao and scipy's Theil-Sen slope with Sen's interval,
on series that are deseasonalised already. It runs on some hundred pixels, before and after ours, so
that other load affects both, and is projected. Ours reads a monthly stack, deseasonalises, computes
all bands, with an interval that allows for noise with a memory instead of Sen's, and writes the
map, in a process of its own whose memory is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from time import process_time

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.rasters.geotiff import DEFLATE, Header, new_geotiff
from gwsa.gwsa_plugin.core.results.trend_map import write_trend_map
from gwsa.gwsa_plugin.core.stats.trend_fields import trend_fields
from gwsa.gwsa_plugin.core.stats.trends import deseasonalise

from .result import peak_memory

MONTHS = month_range("2002-04", "2020-12")
SIDE = int(os.environ.get("SIDE", 3000))
BLOCK = 240
PEER_PIXELS = 300
MEMORY = 0.7  # of the noise from month to month
LAND_PIXELS = 218e6  # between 60 degrees south and 90 degrees north, as in ``global_month``
WORKERS = 2
AGREE = 1e-6


def measure_trend_map(folder: Path) -> dict:
    """Measure the processor time of a map of SIDE x SIDE pixels, ours and of the libraries.

    ``equal`` is True if slope and p agree within 1e-6 on the pixels of the peer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stack = folder / "trend_stack.tif"
    sample = write_stack(stack)
    flat = deseasonalise(MONTHS, sample)
    half = PEER_PIXELS // 2
    peer_seconds, first = _peer(flat[:, :half])
    run = subprocess.run(
        [sys.executable, "-m", "gwsa.benchmarks.trend_map", str(stack), str(folder / "trend.tif")],
        check=True,
        capture_output=True,
        text=True,
    )
    ours = json.loads(run.stdout.splitlines()[-1])
    more_seconds, second = _peer(flat[:, half:])
    stack.unlink()
    (folder / "trend.tif").unlink()
    peer = np.concatenate([first, second], axis=1)
    fields = trend_fields(MONTHS, sample)
    # pymannkendall has no p where the corrected variance is negative.
    defined = np.isfinite(peer[1])
    difference = np.abs(peer - np.array([fields.slope, fields.p]))[:, defined].max()
    per_pixel = (peer_seconds + more_seconds) / PEER_PIXELS
    pixels = SIDE * SIDE
    return {
        "values": {
            "pixels": pixels,
            "months": MONTHS.size,
            "microseconds of a processor per pixel, file to file": 1e6 * ours["cpu"] / pixels,
            "peer, milliseconds per pixel": 1e3 * per_pixel,
            "peak memory (GB)": ours["memory"],
            "globe on two cores, projected (minutes)": ours["cpu"]
            / pixels
            * LAND_PIXELS
            / WORKERS
            / 60,
            "seconds on all threads": ours["seconds"],
            "largest difference of slope and p": difference,
            "pixels compared": float(defined.sum()),
        },
        "ours": ours["cpu"],
        "peer": per_pixel * pixels,
        "ratio": per_pixel * pixels / ours["cpu"],
        "equal": bool(difference < AGREE),
        "unit": "CPU s per map",
        "peer_name": "pymannkendall and scipy.stats.theilslopes, projected",
    }


def write_stack(path: Path) -> np.ndarray:
    """Write red noise with trends and seasons; return the series of the peer.

    Blocks of 240 x 240 pixels are one of eight random blocks each, shifted by a number of its own.

    Returns
    -------
    ndarray of float32, shape (months, PEER_PIXELS)
        The first pixels of the first row of each random block.
    """
    generator = np.random.default_rng(7)
    years = decimal_years(MONTHS)
    blocks = np.empty((8, MONTHS.size, BLOCK, BLOCK), dtype=np.float32)
    for block in blocks:
        field = generator.standard_normal((BLOCK, BLOCK), dtype=np.float32)
        slopes = generator.standard_normal((BLOCK, BLOCK), dtype=np.float32)
        for month, year in enumerate(years):
            field = MEMORY * field + generator.standard_normal((BLOCK, BLOCK), dtype=np.float32)
            season = 5 * np.cos(2 * np.pi * year)
            # As the maps are written: multiples of 1/128 cm.
            block[month] = np.rint(128 * (2 * field + season + slopes * (year - 2011))) / 128
    grid = Grid(-180 + 1 / 120, 25.0, 1 / 120, 1 / 120, SIDE, SIDE)
    sources = (OBSERVED,) * MONTHS.size
    header = Header(grid, tuple(map(str, MONTHS)), "cm", {"GWSA_VARIABLE": "GWSA"}, sources)
    encoding = {**DEFLATE, "predictor": 3, "zlevel": 1}
    with new_geotiff(path, header, BLOCK, encoding) as target:
        for month in range(MONTHS.size):
            for number, (top, left) in enumerate(np.ndindex(-(-SIDE // BLOCK), -(-SIDE // BLOCK))):
                corner = (top * BLOCK, left * BLOCK)
                shape = tuple(min(BLOCK, SIDE - first) for first in corner)
                values = blocks[number % len(blocks), month] + number
                target.write(month + 1, values[: shape[0], : shape[1]], corner)
    count = -(-PEER_PIXELS // len(blocks))
    return blocks[:, :, 0, :count].transpose(1, 0, 2).reshape(MONTHS.size, -1)[:, :PEER_PIXELS]


def _peer(flat: np.ndarray) -> tuple[float, np.ndarray]:
    """Processor seconds of the libraries, and slope and p of each series, shape (2, series)."""
    from pymannkendall import hamed_rao_modification_test
    from scipy.stats import theilslopes

    years = decimal_years(MONTHS)
    results = np.empty((2, flat.shape[1]))
    start = process_time()
    for series, values in enumerate(flat.T):
        results[0, series] = theilslopes(values, years, 0.9)[0]
        results[1, series] = hamed_rao_modification_test(values).p
    return process_time() - start, results


def _run(stack: Path, output: Path) -> None:
    """Make the map and print seconds, seconds of processors, and memory."""
    trend_fields(MONTHS, np.random.default_rng(0).standard_normal((MONTHS.size, 10)))  # compiles
    before = os.times()
    write_trend_map(YearlyMaps.from_files([stack]), output)
    after = os.times()
    print(
        json.dumps(
            {
                "seconds": after.elapsed - before.elapsed,
                "cpu": after.user + after.system - before.user - before.system,
                "memory": peak_memory(),
            }
        )
    )


if __name__ == "__main__":
    _run(*map(Path, sys.argv[1:]))
