"""Fixtures that install the package of the last commit in a clean profile and run QGIS."""

import json
import os
import re
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

from gwsa.setup.make_package import make_package

from .stages import STAGES

# The profile, which is made anew in each session, and compiled code, which is kept.
FOLDER = Path(__file__).parents[2] / "build" / "smoke"
# The wrapper qgis_process of Debian 12 passes an option that the program rejects (QGIS #57683).
QGIS_PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
# Messages that QGIS prints in a minimal installation, independent of the algorithm.
NOISE = re.compile(
    r"Problem with (GRASS|SAGA) installation|.*setapi\(\) is deprecated"
    r"|ERROR 1: .*compute statistics"
    r"|ERROR 5: .*dfMax should be strictly greater than dfMin"  # histogram of a constant raster
)


# A library that is not there has no spec, and importing it raises ModuleNotFoundError.
HIDE = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_visible(name, path=None, target=None):
    return None if name.partition(".")[0] in {libraries} else find(name, path, target)

PathFinder.find_spec = find_visible
"""


class Run(NamedTuple):
    """Result of one run of qgis_process.

    ``json`` is its output, or None. ``errors`` are the different lines of its error output without
    ``NOISE``.
    """

    code: int
    json: dict | None
    errors: list[str]


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    """gwsa.zip, created as by `make package`."""
    path = tmp_path_factory.mktemp("package") / "gwsa.zip"
    make_package(path)
    return path


@pytest.fixture(scope="session")
def environment(package, tmp_path_factory) -> dict[str, str]:
    """Environment of the QGIS programs, with a clean profile in which the plugin is enabled."""
    profile = FOLDER / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    plugins = profile / "profiles" / "default" / "python" / "plugins"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(plugins)
    _date_by_content(plugins)
    environment = {
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "NUMBA_CACHE_DIR": str(FOLDER / "numba"),
        "OMP_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(runtime),
    }
    enable = [QGIS_PROCESS, "plugins", "enable", "gwsa"]
    subprocess.run(enable, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(scope="session")
def qgis_process(environment):
    """Function that runs qgis_process, ``qgis_process("run", "gwsa:fillgaps", INPUT=...)``.

    It returns a Run. ``python_path`` is placed first in the Python path, ``variables`` are added to
    the environment.
    """

    def qgis_process(
        *arguments: str,
        python_path: Path | None = None,
        variables: dict[str, str] | None = None,
        **parameters,
    ) -> Run:
        extra = {"PYTHONPATH": str(python_path)} if python_path else {}
        extra |= variables or {}
        options = [f"--{name}={value}" for name, value in parameters.items()]
        run = _run({**environment, **extra}, *arguments, *options)
        lines = [line for line in run.stderr.splitlines() if line and not NOISE.match(line)]
        output = json.loads(run.stdout) if run.stdout else None
        return Run(run.returncode, output, list(dict.fromkeys(lines)))

    return qgis_process


class Chain(NamedTuple):
    """Folder with the outputs of all stages, and the result of each run."""

    folder: Path
    runs: dict[str, Run]


@pytest.fixture(scope="session")
def chain(qgis_process, without_xgboost, tmp_path_factory) -> Chain:
    """Run every stage; only downscaling can import xgboost."""
    folder = tmp_path_factory.mktemp("chain")
    runs = {}
    for name, stage in STAGES.items():
        python_path = None if name == "downscale" else without_xgboost
        parameters = stage.parameters(folder)
        runs[name] = qgis_process("run", f"gwsa:{name}", python_path=python_path, **parameters)
    return Chain(folder, runs)


@pytest.fixture(scope="session")
def without_xgboost(tmp_path_factory) -> Path:
    """Folder with a module xgboost that is as good as missing."""
    folder = tmp_path_factory.mktemp("without_xgboost")
    (folder / "xgboost.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'xgboost'\", name='xgboost')\n"
    )
    return folder


@pytest.fixture(scope="session")
def simulate(tmp_path_factory):
    """Function that returns a folder for ``python_path`` in which a platform is simulated.

    ``simulate(libraries)`` hides these libraries from Python by a file that Python runs when it
    starts. Nothing else of the platform is simulated.
    """

    def simulate(libraries: frozenset[str]) -> Path:
        folder = tmp_path_factory.mktemp("platform")
        (folder / "sitecustomize.py").write_text(HIDE.format(libraries=set(libraries)))
        return folder

    return simulate


def _date_by_content(folder: Path) -> None:
    """Date the modules that use numba by the content of all of them, which call each other.

    Numba uses again what it compiled in an earlier session where path, date and size are the same.
    """
    contents = {path: path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    compiled = {path: content for path, content in contents.items() if b"numba" in content}
    date = zlib.crc32(b"".join(compiled.values()))
    for path in compiled:
        os.utime(path, (date, date))


def _run(environment, *arguments):
    command = [QGIS_PROCESS, "--json", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
