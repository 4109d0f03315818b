"""Which libraries are here, and the exact line that installs a missing one."""

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
    """The message is one sentence with the command that installs the library."""


def require(*libraries: str) -> None:
    """Import each library, or raise MissingLibrary; also when rasterio and QGIS bring two different GDALs."""
    for name in libraries:
        try:
            _import(name)
        except ImportError as error:
            raise MissingLibrary(
                f"This needs the Python library {name}, which could not be loaded here ({error}); "
                f"install it with: {install_command(name)}, then restart QGIS."
            ) from None
    if "rasterio" in libraries:
        _refuse_two_gdals()


def install_command(name: str) -> str:
    if Path("/etc/debian_version").exists():
        return f"sudo apt install {APT[name]}"
    if sys.platform == "win32":
        return f"python -m pip install --no-deps {PIP[name]} (in the OSGeo4W Shell)"
    if sys.platform == "darwin":
        return f"/Applications/QGIS.app/Contents/MacOS/bin/python3 -m pip install --no-deps {PIP[name]}"
    return f"python3 -m pip install --user --no-deps {PIP[name]}"


def _import(name: str):
    try:
        with _own_symbols(name):
            return import_module(name)
    except ImportError:
        folder = _qpip_folder()
        if folder is None or str(folder) in sys.path:
            raise
    # The QPIP plugin installs there but is not loaded by qgis_process.
    site.addsitedir(str(folder))
    with _own_symbols(name):
        return import_module(name)


@contextmanager
def _own_symbols(name: str):
    """A rasterio wheel carries its own GDAL; bound deeply it does not pick up the symbols of QGIS's."""
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
    from qgis.core import QgsApplication

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "python" / "dependencies" / version
    return folder if folder.is_dir() else None


def _refuse_two_gdals() -> None:
    import rasterio
    from osgeo import gdal

    if rasterio.__gdal_version__ != gdal.__version__:
        raise MissingLibrary(
            f"rasterio brings its own GDAL {rasterio.__gdal_version__} beside QGIS's {gdal.__version__}, and the two "
            f"disturb each other; replace it by the one built for QGIS: {install_command('rasterio')}."
        )
