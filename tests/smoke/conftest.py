"""The plugin as a user has it: the package of the last commit in a clean profile, driven by the real programs."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from .stages import STAGES

ROOT = Path(__file__).parents[2]
# Debian 12's wrapper of that name passes an option that the program does not know (QGIS #57683).
QGIS_PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
# What QGIS says of itself in a bare installation, whatever it runs.
NOISE = re.compile(
    r"Problem with (GRASS|SAGA) installation|.*setapi\(\) is deprecated|ERROR 1: .*compute statistics"
)


class Run(NamedTuple):
    """``json`` is what the program printed, or None; ``errors`` its complaints, each once, without QGIS's own noise."""

    code: int
    json: dict | None
    errors: list[str]


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    """gwsa.zip, made as `make package` makes it."""
    path = tmp_path_factory.mktemp("package") / "gwsa.zip"
    archive = [
        "git",
        "-C",
        str(ROOT),
        "-c",
        f"safe.directory={ROOT}",
        "archive",
        "--format=zip",
        "--prefix=gwsa/",
    ]
    subprocess.run([*archive, f"--output={path}", "HEAD"], check=True)
    return path


@pytest.fixture(scope="session")
def environment(package, tmp_path_factory) -> dict[str, str]:
    """The environment of QGIS's programs: a clean profile that holds the unzipped, enabled plugin."""
    profile, runtime = tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(profile / "profiles" / "default" / "python" / "plugins")
    environment = {
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
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
    """``qgis_process("run", "gwsa:fillgaps", INPUT=..., OUTPUT=...)`` -> Run; ``python_path`` goes before the rest."""

    def qgis_process(*arguments: str, python_path: Path | None = None, **parameters) -> Run:
        extra = {"PYTHONPATH": str(python_path)} if python_path else {}
        run = _run(
            {**environment, **extra},
            *arguments,
            *(f"--{name}={value}" for name, value in parameters.items()),
        )
        errors = dict.fromkeys(
            line for line in run.stderr.splitlines() if line and not NOISE.match(line)
        )
        return Run(run.returncode, json.loads(run.stdout) if run.stdout else None, list(errors))

    return qgis_process


class Chain(NamedTuple):
    """``folder`` holds what every stage wrote; ``runs`` is how each one ended."""

    folder: Path
    runs: dict[str, Run]


@pytest.fixture(scope="session")
def chain(qgis_process, without_xgboost, tmp_path_factory) -> Chain:
    """Every stage, run where xgboost cannot be imported unless the stage is the one that learns."""
    folder, runs = tmp_path_factory.mktemp("chain"), {}
    for name, stage in STAGES.items():
        hidden = None if name == "downscale" else without_xgboost
        runs[name] = qgis_process(
            "run", f"gwsa:{name}", python_path=hidden, **stage.parameters(folder)
        )
    return Chain(folder, runs)


@pytest.fixture(scope="session")
def without_xgboost(tmp_path_factory) -> Path:
    """A folder that hides xgboost from a Python that looks there first."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "xgboost.py").write_text("raise ImportError(\"No module named 'xgboost'\")\n")
    return folder


def _run(environment, *arguments):
    command = [QGIS_PROCESS, "--json", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
