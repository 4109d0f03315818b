"""Run stages in fresh processes that differ, and compare all outputs byte by byte.

``python -m gwsa.tests.faults.same_bytes FOLDER``: processes differ in cores, threads of libraries,
hash seed, time zone, locale, working folder, GDAL's cache, GDAL's Python exceptions and QGIS.
"""

from __future__ import annotations

import argparse
import locale
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# Threads of OpenMP, BLAS and numba; XGBoost uses those of OpenMP.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Process:
    """How a process differs from the usual one.

    Attributes
    ----------
    environment : dict of str to str
        Variables of the environment that are set.
    one_core : bool
        It may use one core only.
    in_qgis : bool
        QGIS is started in it first.
    elsewhere : bool
        Its working folder is that of its outputs, which it is given by relative paths.
    gdal_raises : bool
        GDAL's Python exceptions are enabled.
    """

    environment: dict[str, str] = field(default_factory=dict)
    one_core: bool = False
    in_qgis: bool = False
    elsewhere: bool = False
    gdal_raises: bool = False


USUAL = Process({"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"})
PROCESSES = {
    "one core": Process(one_core=True),
    "one thread": Process(dict.fromkeys(THREADS, "1")),
    "four threads": Process(dict.fromkeys(THREADS[:3], "4")),
    "hash seed": Process({"PYTHONHASHSEED": "42"}),
    "time zone": Process({"TZ": "Asia/Kathmandu"}),
    "C locale": Process({"LC_ALL": "C"}),
    "German locale": Process({"LC_ALL": "de_DE.UTF-8"}),
    "Turkish locale": Process({"LC_ALL": "tr_TR.UTF-8"}),
    "working folder": Process(elsewhere=True),
    "small cache": Process({"GDAL_CACHEMAX": "1"}),
    "large cache": Process({"GDAL_CACHEMAX": "2000"}),
    "GDAL threads": Process({"GDAL_NUM_THREADS": "4"}),
    "GDAL raises": Process(gdal_raises=True),
    "QGIS": Process(in_qgis=True),
    "QGIS, German": Process({"LC_ALL": "de_DE.UTF-8"}, in_qgis=True),
}


def compare(name: str, folder: Path, chosen: Iterable[str]) -> list[str]:
    """Run a stage in the usual process and in others.

    Parameters
    ----------
    name : str
        A key of ``stages.CORE``.
    folder : Path
        Working folder, which is emptied.
    chosen : iterable of str
        Keys of ``PROCESSES``.

    Returns
    -------
    list of str
        The processes whose outputs differ, each with the first files that do.
    """
    from gwsa.tests.faults.stages import CORE
    from gwsa.tests.faults.sweep import differences

    stage = CORE[name]
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs").mkdir(parents=True)
    (folder / "inputs.pickle").write_bytes(pickle.dumps(stage.prepare(folder / "inputs")))
    problem = _run(name, folder, USUAL)
    assert not problem, problem
    expected = stage.contents(folder / "out")
    found = []
    for key in chosen:
        shutil.rmtree(folder / "out")
        problem = _run(name, folder, PROCESSES[key])
        left = stage.contents(folder / "out")
        if problem or left != expected:
            found.append(f"{key}: {problem or differences(left, expected)}")
    return found


def has_locale(process: Process) -> bool:
    """Whether this machine has the locale of a process."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, process.environment.get("LC_ALL", "C"))
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return True


def _run(name: str, folder: Path, process: Process) -> str:
    """Run a stage in a new process; its last words if it fails, else nothing."""
    out = folder / "out"
    out.mkdir()
    flags = [
        flag
        for flag, value in {
            "--one-core": process.one_core,
            "--in-qgis": process.in_qgis,
            "--gdal-raises": process.gdal_raises,
        }.items()
        if value
    ]
    place = "." if process.elsewhere else str(out)
    command = [sys.executable, "-W", "ignore", "-m", "gwsa.tests.faults.same_bytes", str(folder)]
    done = subprocess.run(
        [*command, "--run", name, "--out", place, *flags],
        env={**os.environ, **USUAL.environment, **process.environment},
        cwd=out if process.elsewhere else folder,
        capture_output=True,
        check=False,
    )
    return done.stderr.decode(errors="replace")[-300:] if done.returncode else ""


def _run_here(name: str, folder: Path, out: Path, given: argparse.Namespace) -> None:
    """Run a stage in this process, which was started for it."""
    locale.setlocale(locale.LC_ALL, "")
    if given.one_core:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    if given.in_qgis:
        from gwsa.setup.start_qgis import start_application

        start_application()
    if given.gdal_raises:
        from osgeo import gdal

        gdal.UseExceptions()
    from gwsa.tests.faults.stages import CORE

    inputs = pickle.loads((folder / "inputs.pickle").read_bytes())
    if CORE[name].earlier:
        CORE[name].earlier(inputs, out)
    CORE[name].run(inputs, out)
    sys.stdout.flush()
    # QGIS can crash at its end, after which nothing is written.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", nargs="*", default=[], help="all by default")
    parser.add_argument("--processes", nargs="*", default=[], choices=PROCESSES, metavar="NAME")
    for flag in ("--one-core", "--in-qgis", "--gdal-raises"):
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.folder.absolute()
    if given.run:
        _run_here(given.run, folder, given.out, given)
    from gwsa.tests.faults.stages import CORE

    chosen = [key for key in given.processes or PROCESSES if has_locale(PROCESSES[key])]
    failed = False
    for name in given.stages or CORE:
        found = compare(name, folder / name, chosen)
        print(f"{name}: {len(chosen)} processes, {len(found)} with other bytes", flush=True)
        for problem in found:
            print(f"    {problem}", flush=True)
        failed |= bool(found)
        shutil.rmtree(folder / name)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
