"""Compare estimates of memory with the peaks of fresh processes: python -m gwsa.benchmarks.memory.

Stacks of random values of several sizes are read, and their gaps are filled with one method. All
of their series differ. Linux only.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.gapfill.fill import fill_gaps
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions

SIDES = (100, 200, 400)
MONTHS = month_range("2002-04", "2022-03")
GAPS = [2, 14, 100, 101, 150, 180, 181, 182, 200]
MB = 1e6


def write_input(path: Path, side: int) -> None:
    rng = np.random.default_rng(side)
    values = rng.normal(0, 5, (MONTHS.size, side, side)).astype("f4")
    values[GAPS] = np.nan
    grid = Grid(0.0, 50.0, 0.25, 0.25, side, side)
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS, values, "TWSA"))


def fill(path: Path) -> None:
    result = fill_gaps(read_stack(path), FillOptions(method="harmonic"))
    write_stack(path.with_name("filled.tif"), result.filled)


def in_fork(work: Callable[[], object]) -> float:
    """Run work in a child and return the bytes by which its memory grew."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        before = _resident()
        work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(writing, str(peak - before).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        return float(stream.read())


def _resident() -> int:
    text = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


def main() -> None:
    from gwsa.gwsa_plugin.core.files.stack_files import BYTES_PER_VALUE, READ_COPIES
    from gwsa.gwsa_plugin.core.gapfill.fill import COPIES

    with tempfile.TemporaryDirectory() as folder:
        for side in map(int, sys.argv[1:]) if sys.argv[1:] else SIDES:
            path = Path(folder) / f"{side}.tif"
            in_fork(lambda: write_input(path, side))  # noqa: B023
            size = MONTHS.size * side * side * BYTES_PER_VALUE
            estimates = {"read": READ_COPIES * size, "fill": (1 + COPIES) * size}
            for name, work in {"read": read_stack, "fill": fill}.items():
                peak = in_fork(lambda: work(path))  # noqa: B023
                print(
                    f"{name} {side} x {side} cells: estimate {estimates[name] / MB:.0f} MB, peak "
                    f"{peak / MB:.0f} MB, {estimates[name] / peak - 1:+.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
