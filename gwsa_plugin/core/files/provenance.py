"""Where an output comes from: what travels in its tags, and what only ``run.json`` beside it holds."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from ..base.progress import SILENT, Progress
from .atomic import atomic_file

LIBRARIES = ("numpy", "scipy", "rasterio", "xgboost")
BYSTANDERS = ("run.json", ".aux.xml", ".qml")  # of a run, and of looking at a raster in QGIS


def sha256(path, progress: Progress = SILENT) -> str:
    """Hex digest of a file, or of the names and digests of several: a list of files, a folder's, or file -> digest of
    files that are hashed already.

    Of a folder the files count that hold its content; a viewer's statistics and styles come and go.
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
            if item.is_file() and not item.name.endswith(BYSTANDERS)
        ]
        return _sha256_of_many(
            [(item.relative_to(path).as_posix(), sha256(item, progress)) for item in files]
        )
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            progress.stop_if_cancelled()
            digest.update(block)
    return digest.hexdigest()


def _sha256_of_many(files: list[tuple[str, str]]) -> str:
    """Of names and digests."""
    digest = hashlib.sha256()
    for name, of_file in sorted(files):
        digest.update(f"{name} {of_file}\n".encode())
    return digest.hexdigest()


def provenance(
    stage: str, inputs: dict, parameters: dict, progress: Progress = SILENT
) -> dict[str, str]:
    """Tags that depend on nothing but the inputs' bytes and the parameters, so that outputs are byte-identical.

    ``inputs`` is role -> path, list of files, or file -> digest of files that are hashed already (None is left out);
    names and digests are kept, folders are not.
    """
    named = {
        role: {"name": _name(path), "sha256": sha256(path, progress)} for role, path in inputs.items() if path
    }  # fmt: skip
    return {
        "GWSA_STAGE": stage,
        "GWSA_VERSION": plugin_version(),
        "GWSA_INPUTS": json.dumps(named, sort_keys=True),
        "GWSA_PARAMETERS": json.dumps(parameters, sort_keys=True, default=str),
    }


def write_run(path, stage: str, inputs: dict, parameters: dict, started: datetime) -> None:
    """``path`` (a run.json): paths, times, machine and library versions of one run."""
    record = {
        "stage": stage,
        "version": plugin_version(),
        "inputs": {role: str(value) for role, value in inputs.items() if value},
        "parameters": parameters,
        "started": started.isoformat(timespec="seconds"),
        "finished": now().isoformat(timespec="seconds"),
        "threads": os.cpu_count(),
        "platform": platform.platform(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
    }
    with atomic_file(path) as part:
        part.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")


def now() -> datetime:
    return datetime.now(timezone.utc)


def plugin_version() -> str:
    """The version in metadata.txt, the one place that states it."""
    facts = Path(__file__).parents[3] / "metadata.txt"
    for line in facts.read_text(encoding="utf-8").splitlines():
        if line.startswith("version="):
            return line.partition("=")[2].strip()
    raise RuntimeError("metadata.txt has no version line")


def _name(path) -> str:
    if isinstance(path, (list, tuple, dict)):
        return f"{Path(next(iter(path))).name} and {len(path) - 1} more"
    return Path(path).name


def version_of(library: str) -> str | None:
    """None where it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
