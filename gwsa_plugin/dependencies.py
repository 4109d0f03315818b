"""Import of the required libraries, with messages that state what installs or repairs them."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from .core.base.interpreter import find_python, python_home
from .libraries import BY_NAME, Library, this_platform
from .qgis_python import add_dependencies_folder, dependencies_folder, is_externally_managed

CHECK = "Plugins > GWSA > Check installation"
# Modules made with pybind11, which remembers the state of the thread that imports the first of
# them. QGIS runs algorithms in threads whose state ends with the run: imported there, the next
# import in such a thread ends Python ("non-NULL old thread state", Python 3.12 and later).
BOUND_TO_A_THREAD = ("scipy.fft", "matplotlib.ft2font")
# Library -> a compiled part of it, which can be broken although the library itself is imported.
COMPILED = {"scipy": "scipy.ndimage", "matplotlib": "matplotlib.figure"}


class MissingLibrary(Exception):
    """A library is missing or cannot be loaded; the message states what to do."""


class Found(NamedTuple):
    """What was found of a library.

    Attributes
    ----------
    version : str or None
        None if it is not installed.
    error : str or None
        Why it cannot be loaded.
    """

    version: str | None = None
    error: str | None = None


def require(*names: str) -> None:
    """Import libraries.

    Parameters
    ----------
    *names : str
        Names of libraries of the table.

    Raises
    ------
    MissingLibrary
        When some are missing; the message names all of them. When one cannot be loaded.
    """
    add_dependencies_folder()
    found = {name: find(name) for name in names}
    missing = [BY_NAME[name] for name, state in found.items() if state.version is None]
    if missing:
        raise MissingLibrary(missing_message(missing))
    for name, state in found.items():
        if state.error:
            raise MissingLibrary(broken_message(BY_NAME[name], state.error))


def import_what_binds_to_a_thread() -> None:
    """Import ``BOUND_TO_A_THREAD`` in a thread that does not end; what is missing is left out."""
    add_dependencies_folder()
    for name in BOUND_TO_A_THREAD:
        # A library that is broken is reported by the run that needs it.
        with suppress(Exception):
            importlib.import_module(name)


def not_installed(names: Sequence[str]) -> list[Library]:
    """Return the libraries that are missing, without importing the others."""
    add_dependencies_folder()
    return [BY_NAME[name] for name in names if util.find_spec(name) is None]


def find(name: str) -> Found:
    """Import a library and return its version, or why it cannot be loaded."""
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
        importlib.import_module(COMPILED.get(name, name))
    except Exception as error:  # xgboost without OpenMP raises a ValueError, its XGBoostError
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return Found()
        return Found(installed_version(name), _sentence(error))
    return Found(getattr(module, "__version__", None) or installed_version(name))


def installed_version(name: str) -> str:
    """Return the version of an installed library without importing it."""
    return _distribution(name).version


class _Distribution(NamedTuple):
    name: str
    version: str = "unknown version"
    installer: str = ""


def _distribution(name: str) -> _Distribution:
    """The installed distribution of a library, with the program that installed it."""
    for candidate in BY_NAME[name].distributions:
        try:
            found = metadata.distribution(candidate)
        except metadata.PackageNotFoundError:
            continue
        return _Distribution(candidate, found.version, (found.read_text("INSTALLER") or "").strip())
    return _Distribution(name)


def _sentence(error: Exception) -> str:
    """The error as part of a sentence, with the cause that xgboost states at the end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = re.search(r"Error message\(s\): \[.(.*?)(?:\\n|.\]$)", str(error), re.MULTILINE)
    parts = [*lines[:1], *(cause.groups() if cause else ())]
    return ": ".join(part.rstrip(".: ") for part in parts) or type(error).__name__


def missing_message(libraries: Sequence[Library]) -> str:
    """Return a message that names all missing libraries and states what installs them."""
    *others, last = (library.name for library in libraries)
    names = " and ".join([*([", ".join(others)] if others else []), last])
    are = "library {} is" if len(libraries) == 1 else "libraries {} are"
    return f"The Python {are.format(names)} not installed. {how_to_install(libraries)}."


def broken_message(library: Library, error: str) -> str:
    """Return a message about a library that is installed and cannot be loaded."""
    return (
        f"The Python library {library.name} is installed but cannot be loaded ({error}). "
        f"{how_to_repair(library, error)}, then restart QGIS."
    )


def what_to_do(library: Library, found: Found) -> str:
    """Return what a user of the dialog should do about a library; empty if nothing."""
    if found.error:
        return f"{how_to_repair(library, found.error)}, then restart QGIS"
    if found.version is not None:
        return ""
    ways = ["Choose Install"] if library.requirements else []
    if _package(library):
        ways.append(_command(this_platform().install, [library]))
    elif library.pip and not ways:
        ways.append(_pip_install([library]))
    return " or: ".join(ways) or "Nothing: all stages run without it"


def how_to_install(libraries: Sequence[Library]) -> str:
    """Return what installs libraries on this platform, without the full stop at the end."""
    packaged = [library for library in libraries if _package(library)]
    rest = [library for library in libraries if not _package(library)]
    pinned = [library for library in rest if library.requirements]
    others = [library for library in rest if library.pip and not library.requirements]
    steps = []
    if packaged:
        steps.append(_command(this_platform().install, packaged))
    if pinned:
        files = [str(library.requirements) for library in pinned]
        steps.append(f"{CHECK} > Install, or {pip(*install_arguments(files))}")
    if others:
        steps.append(_pip_install(others))
    return f"Install with: {'; and with: '.join(steps)}"


# The messages of macOS, Linux and Windows about a library that xgboost itself needs.
_OPENMP = re.compile(r"libomp|libgomp|one of its dependencies")


def how_to_repair(library: Library, error: str) -> str:
    """Return what makes a library load, without the full stop at the end."""
    platform = this_platform()
    if library.name == "xgboost" and platform.openmp and _OPENMP.search(error):
        return f"Install the OpenMP runtime that it needs with: {platform.openmp}"
    distribution = _distribution(library.name)
    folder = _folder(library.name)
    if dependencies_folder() in folder.parents:
        replace = f"Choose {CHECK} > Install, which replaces it" if library.requirements else ""
        return replace or f"Delete the folder {folder}"
    if distribution.installer == "pip":
        override = ["--break-system-packages"] if is_externally_managed() else []
        return f"Remove it with: {pip('uninstall', *override, distribution.name)}"
    if _package(library):
        return f"Install it again with: {_command(platform.reinstall, [library])}"
    return f"Delete the folder {folder}"


def _folder(name: str) -> Path:
    """The folder of an installed module."""
    spec = util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(name)


# --upgrade replaces a damaged copy: with --target, pip otherwise leaves existing folders alone.
_INSTALL = ("install", "--no-deps", "--only-binary=:all:", "--upgrade")


def install_arguments(requirements: Sequence[str]) -> list[str]:
    """Return the arguments of pip that install pinned packages into the folder of the profile.

    Parameters
    ----------
    requirements : sequence of str
        Files of pinned packages with their hashes.
    """
    files = [text for path in requirements for text in ("--requirement", path)]
    return [*_INSTALL, "--require-hashes", "--target", str(dependencies_folder()), *files]


def pip(*arguments: str) -> str:
    """Return the command that runs pip of QGIS's Python in a terminal."""
    return " ".join([_command(this_platform().python), "-m", "pip", *map(_quote, arguments)])


def pip_installation() -> str:
    """Return the command that adds pip to the Python of QGIS."""
    return _command(this_platform().pip)


def _pip_install(libraries: Sequence[Library]) -> str:
    """The command that installs libraries without pinned packages."""
    names = " ".join(library.pip for library in libraries).split()
    return pip(*_INSTALL, "--target", str(dependencies_folder()), *names)


def _package(library: Library) -> str:
    """The package of a library on this platform; empty if there is none."""
    field = this_platform().packages
    return getattr(library, field) if field else ""


def _command(template: str, libraries: Sequence[Library] = ()) -> str:
    """Fill in a command of the table of platforms."""
    return template.format(
        packages=" ".join(_package(library) for library in libraries),
        python=_quote(str(find_python() or "python3")),
        home=_quote(str(python_home())),
        prefix=_quote(sys.prefix),
    )


def _quote(text: str) -> str:
    """Quote a path for the shells of all platforms."""
    return f'"{text}"' if set(text) & set(" ()&'") else text
