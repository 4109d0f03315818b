"""The Python libraries of the plugin and the installations of QGIS, as two tables of facts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

REQUIREMENTS = Path(__file__).parents[1] / "resources" / "requirements"


class Library(NamedTuple):
    """A Python library and the packages that contain it.

    Attributes
    ----------
    name : str
        Name of the module.
    needed_for : str
        What needs it.
    optional : bool
        True if everything works without it.
    debian, osgeo4w, conda : str
        Package of Debian, of OSGeo4W and of conda-forge; empty if there is none.
    pip : str
        Packages of PyPI, with those they need besides numpy. Empty if they must not be installed.
    distributions : tuple of str
        Names under which the module is distributed.
    """

    name: str
    needed_for: str
    optional: bool
    debian: str
    osgeo4w: str
    conda: str
    pip: str
    distributions: tuple[str, ...]

    @property
    def requirements(self) -> Path | None:
        """The file of pinned packages with their hashes, where the plugin has one."""
        path = REQUIREMENTS / f"{self.name}.txt"
        return path if path.is_file() else None


# Debian: packages of Debian 12. OSGeo4W: setup.ini of its network installer, in which xgboost and
# distributed are missing. The wheels of rasterio and h5py contain a GDAL and an HDF5 of their own,
# which fail in a process that has loaded those of QGIS, so pip must not install them. Versions
# are given where the newest does not work with numpy 1.23 or needs other packages than those named.
LIBRARIES = (
    Library("scipy", "all stages", False,
            "python3-scipy", "python3-scipy", "scipy", "scipy", ("scipy",)),
    Library("xgboost", "Downscale to 1 km", False,
            "python3-xgboost", "", "xgboost", "xgboost-cpu", ("xgboost-cpu", "xgboost")),
    Library("matplotlib", "reports", False,
            "python3-matplotlib", "python3-matplotlib", "matplotlib",
            "matplotlib==3.9.4 contourpy==1.3.0 cycler fonttools importlib-resources kiwisolver "
            "packaging pillow pyparsing python-dateutil six zipp", ("matplotlib",)),
    Library("jinja2", "reports", False,
            "python3-jinja2", "python3-jinja2", "jinja2", "jinja2 markupsafe", ("jinja2",)),
    Library("rasterio", "faster reading and writing of rasters", True,
            "python3-rasterio", "python3-rasterio", "rasterio", "", ("rasterio",)),
    Library("numba", "faster gap filling and maps", True,
            "python3-numba", "python3-numba", "numba", "numba llvmlite", ("numba",)),
    Library("h5py", "faster reading of GLDAS", True,
            "python3-h5py", "python3-h5py", "h5py", "", ("h5py",)),
    Library("distributed", "maps on a Dask cluster", True,
            "python3-distributed", "", "distributed",
            "distributed==2024.8.0 dask==2024.8.0 click cloudpickle fsspec "
            "importlib-metadata==8.5.0 locket msgpack packaging partd psutil pyyaml "
            "sortedcontainers tblib toolz tornado urllib3 zict zipp", ("distributed",)),
)  # fmt: skip
BY_NAME = {library.name: library for library in LIBRARIES}


class Platform(NamedTuple):
    """A kind of installation of QGIS.

    Attributes
    ----------
    title : str
        Name for users.
    packages : str
        Field of ``Library`` with its packages; empty where only pip installs libraries.
    install, reinstall : str
        Commands for ``{packages}``.
    python : str
        How commands of pip begin.
    openmp : str
        Command for the OpenMP runtime, without which xgboost does not load.
    pip : str
        Command that adds pip to the Python of QGIS.
    """

    title: str
    packages: str = ""
    install: str = ""
    reinstall: str = ""
    python: str = "{python}"
    openmp: str = ""
    pip: str = "{python} -m ensurepip --user"


_APT = "sudo apt install"
_CONDA = "conda install --prefix {prefix} --channel conda-forge"
_OSGEO4W = "OSGeo4W Setup, Advanced Install, {packages}"
_VISUAL_C = "winget install Microsoft.VCRedist.2015+.x64"
# Sources, as read in 2026. None of these systems but Debian was at hand.
# - Flatpak: pip is only in the SDK, hence --devel (flathub/org.qgis.qgis, README and #80).
# - conda: the manual of "conda install".
# - Windows: without the Visual C++ Redistributable xgboost does not load (its Installation Guide).
# - macOS: Python needs PYTHONHOME (opengisch/qfieldsync #805). OpenMP: dmlc/xgboost #10440.
PLATFORMS = {
    "flatpak": Platform("Flatpak", python="flatpak run --devel --command=python3 org.qgis.qgis",
                        pip="flatpak install flathub org.kde.Sdk"),
    "conda": Platform("conda", "conda", f"{_CONDA} {{packages}}",
                      f"{_CONDA} --force-reinstall {{packages}}", pip=f"{_CONDA} pip"),
    "msi": Platform("Windows (installer)", openmp=_VISUAL_C),
    "osgeo4w": Platform("Windows (OSGeo4W)", "osgeo4w", _OSGEO4W, f"{_OSGEO4W}: Reinstall",
                        openmp=_VISUAL_C),
    "macos": Platform("macOS", python="PYTHONHOME={home} {python}", openmp="brew install libomp"),
    "debian": Platform("Debian or Ubuntu", "debian", f"{_APT} {{packages}}",
                       f"{_APT} --reinstall {{packages}}", openmp=f"{_APT} libgomp1",
                       pip=f"{_APT} python3-pip"),
    "linux": Platform("Linux"),
}  # fmt: skip


def this_platform() -> Platform:
    """Return the installation of QGIS that runs."""
    return PLATFORMS[_detect_platform()]


def _detect_platform() -> str:
    if Path("/.flatpak-info").exists():
        return "flatpak"
    if Path(sys.prefix, "conda-meta").is_dir():
        return "conda"
    if sys.platform == "win32":
        # Only the MSI has this file (QGIS, ms-windows/osgeo4w/createmsi.pl).
        root = Path(os.environ.get("OSGEO4W_ROOT", sys.prefix))
        return "msi" if (root / "preremove-conf.bat").exists() else "osgeo4w"
    if sys.platform == "darwin":
        return "macos"
    return "debian" if Path("/etc/debian_version").exists() else "linux"
