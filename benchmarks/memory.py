"""Compare estimates of memory with the peaks of fresh processes: python -m gwsa.benchmarks.memory.

Each stage runs on inputs of three sizes. An estimate is what ``require_memory`` is given, on top of
what the process has at that moment. All series of the inputs differ. Linux only.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.balance.modes import balance
from gwsa.gwsa_plugin.core.balance.options import PUBLISHED, BalanceOptions
from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import BASELINE, month_range, period_name
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.gapfill.fill import fill_gaps
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions
from gwsa.gwsa_plugin.core.gldas.anomalies import GldasOptions, gldas_anomalies
from gwsa.gwsa_plugin.core.gldas.land_storage import LAYERS
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.tests.core.gldas.gldas_layouts import file_name, write_granule
from gwsa.tests.core.grace.mascon_layouts import JPL, Layout, write_mascons

SIDES = (100, 200, 400)
MONTHS = month_range("2002-04", "2022-03")
GAPS = [2, 14, 100, 101, 150, 180, 181, 182, 200]
STORES = ("SMS", "SWES", "CWS")
CELL = 0.25
JPL_WITHOUT_LIST = {key: text for key, text in JPL.items() if key != "months_missing"}
MB = 1e6


def latitudes(side: int) -> np.ndarray:
    return 50.0 - CELL * (np.arange(side)[::-1] + 0.5)


def longitudes(side: int) -> np.ndarray:
    return CELL * (np.arange(side) + 0.5)


def write_stacks(folder: Path, side: int) -> None:
    """TWSA with gaps, and the stores."""
    rng = np.random.default_rng(side)
    grid = Grid(0.0, 50.0, CELL, CELL, side, side)
    for name in ("TWSA", *STORES):
        values = rng.normal(0, 5, (MONTHS.size, side, side)).astype("f4")
        if name == "TWSA":
            values[GAPS] = np.nan
        stack = MonthlyStack.on_calendar(grid, MONTHS, values, name)
        write_stack(folder / f"{name}.tif", stack.tagged(GWSA_BASELINE=period_name(BASELINE)))


def write_grace(folder: Path, side: int) -> None:
    months = np.delete(MONTHS, GAPS)
    place = longitudes(side), latitudes(side)
    layout = Layout(*place, months, chunks=(1, side, side), attributes=JPL_WITHOUT_LIST)
    rng = np.random.default_rng(side)
    values = rng.normal(0, 5, (months.size, side, side)).astype("f4")
    write_mascons(folder / "grace.nc", layout, values)


def write_gldas(folder: Path, side: int) -> None:
    """Three different months, of which all files are links."""
    rng = np.random.default_rng(side)
    (folder / "gldas").mkdir()
    different = [folder / f"{number}.nc4" for number in range(3)]
    for path in different:
        fields = rng.uniform(5, 50, (6, side, side)).astype("f4")
        fields[:, :, : side // 3] = -9999
        write_granule(path, fields, lat=latitudes(side), lon=longitudes(side))
    for number, month in enumerate(MONTHS):
        os.link(different[number % 3], folder / "gldas" / file_name(month))


def read(folder: Path) -> None:
    read_stack(folder / "TWSA.tif")


def fill(folder: Path) -> None:
    result = fill_gaps(read_stack(folder / "TWSA.tif"), FillOptions(method="harmonic"))
    write_stack(folder / "filled.tif", result.filled)


def import_grace(folder: Path) -> None:
    result = import_twsa(folder / "grace.nc", TwsaOptions(sigma_cm=1.0))
    write_stack(folder / "twsa.tif", result.twsa)
    write_stack(folder / "sigma.tif", result.sigma)


def anomaly_of_gldas(folder: Path, gaussian_km: float = 0.0) -> None:
    water = gldas_anomalies(folder / "gldas", None, GldasOptions(gaussian_km=gaussian_km))
    water.write({name: folder / f"{name}_new.tif" for name in (*LAYERS, "OUTPUT")})


def smoothed_gldas(folder: Path) -> None:
    anomaly_of_gldas(folder, 100.0)


def subtract(folder: Path, options: BalanceOptions = BalanceOptions(footprint_km=250.0)) -> None:
    twsa, *stores = (read_stack(folder / f"{name}.tif") for name in ("TWSA", *STORES))
    write_stack(folder / "gwsa.tif", balance(twsa, stores, options))


def subtract_as_published(folder: Path) -> None:
    subtract(folder, BalanceOptions(PUBLISHED, 250.0))


INPUTS = (write_stacks, write_grace, write_gldas)
STAGES: dict[str, Callable[[Path], None]] = {
    "read": read,
    "fill": fill,
    "import": import_grace,
    "gldas": anomaly_of_gldas,
    "gldas, smoothed": smoothed_gldas,
    "balance": subtract,
    "balance, published": subtract_as_published,
}


def measure(work: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Run work in a child; return the bytes that were estimated, and those that it took."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        before = _resident()
        estimates = [0.0]
        require = memory.require_memory

        def note(needed: float, *others) -> None:
            estimates.append(_resident() - before + needed)
            require(needed, *others)

        for module in list(sys.modules.values()):
            if getattr(module, "require_memory", None) is require:
                module.require_memory = note  # type: ignore[attr-defined]
        work(folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(writing, f"{max(estimates)} {peak - before}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        estimate, peak = map(float, stream.read().split())
    return estimate, peak


def _resident() -> int:
    text = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", nargs="*", type=int, default=SIDES, help="cells of a side")
    parser.add_argument("--stages", nargs="*", default=list(STAGES))
    given = parser.parse_args()
    for side in given.sides:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for write in INPUTS:
                measure(lambda folder: write(folder, side), folder)  # noqa: B023
            for stage in given.stages:
                estimate, peak = measure(STAGES[stage], folder)
                print(
                    f"{stage}, {side} x {side} cells: estimate {estimate / MB:.0f} MB, peak "
                    f"{peak / MB:.0f} MB, {estimate / peak - 1:+.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
