"""Import of the required libraries, with the command that installs a missing one."""

from __future__ import annotations

import os
import site
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

APT = {
    name: f"python3-{name}"
    for name in ("rasterio", "scipy", "xgboost", "matplotlib", "jinja2", "distributed")
}
PIP = {
    **{name: name for name in APT},
    "xgboost": "xgboost" if sys.platform == "darwin" else "xgboost-cpu",
}


class MissingLibrary(Exception):
    """A library is missing or unusable; the message contains the command that installs it."""


def require(*libraries: str) -> None:
    """Import libraries.

    Parameters
    ----------
    *libraries : str
        Names of Python packages.

    Raises
    ------
    MissingLibrary
        When a library cannot be imported, or when rasterio has another version of GDAL than QGIS.
    """
    for name in libraries:
        try:
            _import(name)
        except ImportError as error:
            raise MissingLibrary(
                f"The Python library {name} is required but cannot be loaded ({error}); "
                f"install it with: {install_command(name)}, then restart QGIS."
            ) from None
    if "rasterio" in libraries:
        _require_same_gdal()


def install_command(name: str) -> str:
    """Return the command that installs a library on this operating system."""
    if Path("/etc/debian_version").exists():
        return f"sudo apt install {APT[name]}"
    if sys.platform == "win32":
        return f"python -m pip install --no-deps {PIP[name]} (in the OSGeo4W Shell)"
    if sys.platform == "darwin":
        python = "/Applications/QGIS.app/Contents/MacOS/bin/python3"
        return f"{python} -m pip install --no-deps {PIP[name]}"
    return f"python3 -m pip install --user --no-deps {PIP[name]}"


def _import(name: str):
    """Import a library from the Python path of QGIS or from the folder of the QPIP plugin."""
    try:
        with _prefer_own_symbols(name):
            return import_module(name)
    except ImportError:
        folder = _qpip_folder()
        if folder is None or str(folder) in sys.path:
            raise
    # QPIP adds this folder to the path itself, but qgis_process does not load QPIP.
    site.addsitedir(str(folder))
    with _prefer_own_symbols(name):
        return import_module(name)


@contextmanager
def _prefer_own_symbols(name: str):
    """Make rasterio use the GDAL in its wheel instead of the symbols of the GDAL of QGIS."""
    deep = getattr(os, "RTLD_DEEPBIND", None)
    if name != "rasterio" or deep is None or "rasterio" in sys.modules:
        yield
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | deep)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)


def _qpip_folder() -> Path | None:
    """Folder in which the QPIP plugin installs libraries, if it exists."""
    from qgis.core import QgsApplication

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "python" / "dependencies" / version
    return folder if folder.is_dir() else None


def _require_same_gdal() -> None:
    import rasterio
    from osgeo import gdal

    if rasterio.__gdal_version__ != gdal.__version__:
        raise MissingLibrary(
            f"rasterio has GDAL {rasterio.__gdal_version__} and QGIS has GDAL {gdal.__version__}, "
            "and two versions of GDAL in one process are not safe; replace rasterio by the build "
            f"for QGIS: {install_command('rasterio')}."
        )
