"""The program of the running Python, which ``sys.executable`` is not inside QGIS."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def python_home() -> Path:
    """Return the folder above the standard library of the running Python."""
    library = Path(os.__file__).parent
    return library.parent if sys.platform == "win32" else library.parents[1]


def find_python() -> Path | None:
    """Return the program of the running Python; None if there is none.

    ``sys.executable`` is QGIS itself on Windows and macOS (QGIS #66672), and the first python3 of
    the PATH on Linux. The program is beside the libraries: in the folder of ``Lib`` on Windows, in
    ``bin`` elsewhere (QGIS #67318), and in ``Contents/MacOS`` of QGIS 3.44.4 and later on macOS
    (QGIS #64195).
    """
    home = python_home()
    name = f"python{python_version()}"
    programs = (
        [home / "python.exe"]
        if sys.platform == "win32"
        else [home / "bin" / name, home / "bin" / "python3", home.parent / "MacOS" / name]
    )
    return next((program for program in programs if program.is_file()), None)


def python_version() -> str:
    """Return the version of Python as in ``3.12``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
