"""The Python that QGIS runs: its rules for pip, and the folder for further libraries."""

from __future__ import annotations

import site
import sys
import sysconfig
from pathlib import Path

from .core.base.interpreter import python_version


def is_externally_managed() -> bool:
    """Return whether pip needs --break-system-packages to change libraries (PEP 668)."""
    return Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()


def dependencies_folder() -> Path:
    """Return the folder of the profile for libraries of this Python, also used by QPIP."""
    from qgis.core import QgsApplication

    profile = Path(QgsApplication.qgisSettingsDirPath())
    return profile / "python" / "dependencies" / python_version()


def add_dependencies_folder() -> None:
    """Append the folder of the profile to the Python path, behind the libraries of QGIS.

    QPIP adds it too, but qgis_process does not load QPIP.
    """
    folder = dependencies_folder()
    if folder.is_dir() and str(folder) not in sys.path:
        site.addsitedir(str(folder))
