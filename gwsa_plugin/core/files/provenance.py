"""Provenance: the tags of an output, and ``run.json`` beside it.

Tags hold the digests of the inputs and the parameters only, so that equal inputs give equal bytes.
Paths, times and library versions are written to ``run.json``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Union

from ..base.cores import usable_cores
from ..base.progress import SILENT, Progress
from ..rasters.backend import gdal_version
from ..rasters.names import read_blocks
from .atomic import atomic_file

# A file or folder, several files, or file -> SHA-256 for files that are hashed already.
Input = Union[str, Path, list, tuple, dict]

# Tags that are equal in all files of a run and in those of the same run made again.
RUN_TAGS = ("GWSA_STAGE", "GWSA_VERSION", "GWSA_INPUTS", "GWSA_PARAMETERS")
LIBRARIES = ("numpy", "scipy", "rasterio", "xgboost")
# Endings of files that do not count as content of a folder: records of runs, and the statistics,
# styles and titles that QGIS keeps beside a raster.
IGNORED_ENDINGS = ("run.json", ".aux.xml", ".qml", ".qmd")


def sha256(path: Input, progress: Progress = SILENT) -> str:
    """Compute the SHA-256 digest of a file or of several files.

    Parameters
    ----------
    path : str, Path, list or tuple of paths, or dict
        A file, a folder, several files, or file -> digest for files that are hashed already.
    progress : Progress
        Checked for cancellation only.

    Returns
    -------
    str
        Hexadecimal digest. For several files it is that of their sorted names and digests, for a
        folder that of the relative names; files with ``IGNORED_ENDINGS`` do not count.
    """
    if isinstance(path, dict):
        return _sha256_of_many([(Path(item).name, digest) for item, digest in path.items()])
    if isinstance(path, (list, tuple)):
        return _sha256_of_many([(Path(item).name, sha256(item, progress)) for item in path])
    path = Path(path)
    if path.is_dir():
        files = [
            item
            for item in path.rglob("*")
            if item.is_file() and not item.name.endswith(IGNORED_ENDINGS)
        ]
        return _sha256_of_many(
            [(item.relative_to(path).as_posix(), sha256(item, progress)) for item in files]
        )
    digest = hashlib.sha256()
    for block in read_blocks(path):
        progress.stop_if_cancelled()
        digest.update(block)
    return digest.hexdigest()


def _sha256_of_many(files: list[tuple[str, str]]) -> str:
    """Digest of (name, digest) pairs in any order."""
    digest = hashlib.sha256()
    for name, file_digest in sorted(files):
        digest.update(f"{name} {file_digest}\n".encode())
    return digest.hexdigest()


def provenance(
    stage: str, inputs: dict, parameters: dict, progress: Progress = SILENT
) -> dict[str, str]:
    """Build the provenance tags of an output.

    Parameters
    ----------
    stage : str
        Id of the algorithm.
    inputs : dict
        Role -> input as in ``sha256``; None for an input that is not given. Names and digests are
        stored, folders are not.
    parameters : dict
        Parameters on which the result depends.
    progress : Progress
        Checked for cancellation only.

    Returns
    -------
    dict of str to str
        The tags GWSA_STAGE, GWSA_VERSION, GWSA_INPUTS and GWSA_PARAMETERS. They depend only on the
        bytes of the inputs and on the parameters.
    """
    named = {
        role: {"name": _name(path), "sha256": sha256(path, progress)}
        for role, path in inputs.items()
        if path
    }
    return {
        "GWSA_STAGE": stage,
        "GWSA_VERSION": plugin_version(),
        "GWSA_INPUTS": json.dumps(named, sort_keys=True),
        "GWSA_PARAMETERS": json.dumps(parameters, sort_keys=True, default=str),
    }


def same_run(tags: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return True when two files have the tags of one run, or are both without such tags.

    Parameters
    ----------
    tags, other : mapping of str to str
        Tags of the files, of which only ``RUN_TAGS`` count.
    """
    return all(tags.get(name) == other.get(name) for name in RUN_TAGS)


def write_run(
    path: str | Path,
    stage: str,
    inputs: dict,
    parameters: dict,
    started: datetime,
    results: dict | None = None,
) -> None:
    """Write the record of a run: paths, times, machine and library versions.

    Paths in the home folder of the user begin with ``~``.

    Parameters
    ----------
    path : str or Path
        The ``run.json`` to write.
    stage, inputs, parameters
        As in ``provenance``.
    started : datetime
        Start of the run; its end is the time of this call.
    results : dict, optional
        Main results as plain values, such as the verdict on maps.
    """
    record = {
        "stage": stage,
        "version": plugin_version(),
        "inputs": {role: _as_text(value) for role, value in inputs.items() if value},
        "parameters": parameters,
        "started": started.isoformat(timespec="seconds"),
        "finished": now().isoformat(timespec="seconds"),
        "threads": usable_cores(),
        "platform": platform.platform(),
        "libraries": {"GDAL": gdal_version(), **{name: version_of(name) for name in LIBRARIES}},
    }
    if results:
        record["results"] = results
    plain = json.loads(json.dumps(record, default=str))
    text = json.dumps(_without_home(plain, str(Path.home())), indent=2)
    with atomic_file(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _as_text(value: Input) -> str | list[str]:
    """Files as texts, one or several."""
    return [str(item) for item in value] if isinstance(value, (list, tuple, dict)) else str(value)


def _without_home(value, home: str):
    """Plain values with ``~`` in place of the home folder, which has the name of the user."""
    if isinstance(value, dict):
        return {key: _without_home(item, home) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_home(item, home) for item in value]
    if not isinstance(value, str) or len(home) < 2:
        return value
    for form in (home, Path(home).as_posix()):
        value = re.sub(re.escape(form) + r"(?![\w.-])", "~", value)
    return value


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


def plugin_version() -> str:
    """Return the version in metadata.txt, the only file that states it."""
    metadata_file = Path(__file__).parents[3] / "metadata.txt"
    for line in metadata_file.read_text(encoding="utf-8").splitlines():
        if line.startswith("version="):
            return line.partition("=")[2].strip()
    raise RuntimeError("metadata.txt has no version line")


def version_of(library: str) -> str | None:
    """Return the version of a Python library, None when it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _name(path: Input) -> str:
    if isinstance(path, (list, tuple, dict)):
        return f"{Path(next(iter(path))).name} and {len(path) - 1} more"
    return Path(path).name
