"""Downscaling on this machine and on a Dask cluster must give the same files (`make cluster-test`).

The cluster has a scheduler and two workers, one of which is killed midway.

Usage: python3 -m gwsa.benchmarks.cluster_test FOLDER
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

from dask.distributed import Client

from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.compute.dask_cluster import task_runner
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, read_aquifers

from .worlds import shared_world

WORLD = WorldOptions((74.0, 28.0, 78.0, 32.0), start="2016-01", end="2018-12")
OPTIONS = DownscaleOptions(validation="quick", stopping=False, boosting=Boosting(trees=60))
SCHEDULER = "tcp://127.0.0.1:18786"
# Fraction of the run at which the worker is killed; maps are made from 0.4 to 0.93.
MIDWAY = 0.65
START_SECONDS = 60


def main(folder: Path) -> None:
    """Downscale a sample world in both ways and compare the bytes of the maps."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    world = shared_world(folder / "world", WORLD)
    # The workers start in a folder from which they cannot import the checkout.
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()

    def maps(name: str, run, progress: Progress) -> dict[str, bytes]:
        start = perf_counter()
        outputs = Outputs(folder / name / "maps", held_out=folder / name / "held_out")
        aquifers = read_aquifers(world.source)
        downscale(
            world.gwsa, world.predictors, aquifers, outputs, OPTIONS, progress=progress, run=run
        )
        print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
        return {
            f"{path.relative_to(folder / name)}": path.read_bytes()
            for path in (folder / name).rglob("*.tif")
        }

    here = maps("here", run_all, Printer())
    with (
        _started("scheduler", elsewhere, "--host", "127.0.0.1", "--port", "18786"),
        ExitStack() as processes,
    ):
        workers = [processes.enter_context(_worker(elsewhere, name)) for name in ("one", "two")]
        with Client(SCHEDULER, timeout=START_SECONDS) as client:
            client.wait_for_workers(len(workers), timeout=START_SECONDS)
        progress = Killer(workers[0])
        with task_runner(SCHEDULER, progress) as run:
            there = maps("there", run, progress)
    if workers[0].returncode != -9:
        sys.exit("No worker was killed.")
    differing = [name for name in here if here[name] != there.get(name)]
    if differing or here.keys() != there.keys():
        sys.exit(f"These files differ: {', '.join(differing) or here.keys() ^ there.keys()}.")
    size = sum(map(len, here.values())) / 1e6
    print(f"The bytes of all {len(here)} files are equal ({size:.1f} MB).")


class Printer(Progress):
    """Prints log lines and warnings."""

    def info(self, text):
        print(f"    {text}", flush=True)

    warn = info


class Killer(Printer):
    """Kills a process midway."""

    def __init__(self, process: subprocess.Popen):
        self._process = process

    def show(self, fraction):
        if fraction > MIDWAY and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self.info("A worker was killed.")


def _worker(folder: Path, name: str):
    options = ("--nthreads", "1", "--no-nanny", "--name", name, "--local-directory", str(folder))
    return _started("worker", folder, SCHEDULER, *options)


@contextmanager
def _started(role: str, folder: Path, *options: str) -> Iterator[subprocess.Popen]:
    """Run ``dask scheduler`` or ``dask worker`` with this Python until the context ends."""
    with open(folder / "log.txt", "a") as log:
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.dask_{role}",
            "--dashboard-address",
            ":0",
            *options,
        ]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
