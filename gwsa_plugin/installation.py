"""Installation of libraries into the profile by pip, and their removal.

pip itself is run by the caller. A file in the folder lists what was installed, so that only this
is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from importlib import invalidate_caches, metadata
from pathlib import Path

from .core.base.interpreter import python_home
from .libraries import BY_NAME
from .qgis_python import dependencies_folder

RECORD = "installed_by_gwsa.json"
# Settings of the user that contradict --target, or that demand another Python than that of QGIS.
_OVERRIDES = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


class InUse(Exception):
    """Files cannot be removed; the message states why and what to do."""


def pip_variables(proxy: str | None = None) -> dict[str, str]:
    """Return the environment variables for pip, in addition to those of QGIS.

    All other settings of the user apply: variables, pip.ini or pip.conf, and the proxy.

    Parameters
    ----------
    proxy : str, optional
        Address of the proxy in the settings of QGIS, used if the environment has none.
    """
    variables = dict(_OVERRIDES)
    if sys.platform == "darwin":
        variables["PYTHONHOME"] = str(python_home())
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        if proxy and not (os.environ.get(name) or os.environ.get(name.lower())):
            variables[name] = proxy
    return variables


def record_installed(names: Iterable[str]) -> None:
    """List libraries that pip has installed in the folder of the profile."""
    wanted = {name for library in names for name in BY_NAME[library].distributions}
    listed = _listed() | {
        _name(found): found.version for found in _in_folder() if _name(found) in wanted
    }
    (dependencies_folder() / RECORD).write_text(json.dumps(listed), encoding="utf-8")


def installed() -> list[str]:
    """Return the names of the packages that were installed here and are unchanged since."""
    return [_name(found) for found in _ours()]


def remove_installed() -> None:
    """Remove the packages that were installed here.

    Raises
    ------
    InUse
        When a file is in use or cannot be deleted.
    """
    folder = dependencies_folder()
    for found in _ours():
        paths = [Path(str(found.locate_file(file))) for file in found.files or ()]
        try:
            _delete([path for path in paths if folder in path.parents], folder)
        except OSError as error:
            raise InUse(
                f"{error.filename} cannot be deleted ({error.strerror}). Restart QGIS and remove "
                f"{_name(found)} before a stage has used it."
            ) from None
    (folder / RECORD).unlink(missing_ok=True)
    invalidate_caches()


def _delete(files: Sequence[Path], folder: Path) -> None:
    """Delete files, and the folders that contain nothing else."""
    # Windows does not delete a library that is loaded, so the libraries are the first to go.
    for file in sorted(files, key=lambda file: file.suffix not in (".dll", ".pyd")):
        file.unlink(missing_ok=True)
    for top in {folder / file.relative_to(folder).parts[0] for file in files}:
        for path in (Path(text) for text, _, _ in os.walk(top, topdown=False)):
            if path.name == "__pycache__":
                shutil.rmtree(path)
            elif not any(path.iterdir()):
                path.rmdir()


def _ours() -> list[metadata.Distribution]:
    listed = _listed()
    return [found for found in _in_folder() if listed.get(_name(found)) == found.version]


def _listed() -> dict[str, str]:
    """Name -> version of the packages that were installed here."""
    path = dependencies_folder() / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _in_folder() -> list[metadata.Distribution]:
    return list(metadata.distributions(path=[str(dependencies_folder())]))


def _name(found: metadata.Distribution) -> str:
    return found.metadata["Name"].lower().replace("_", "-")
