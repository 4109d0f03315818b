"""Which files a catalogue or a predictor set may name: those in its own folder.

A catalogue from someone else could name private files of the user, whose values would be copied
into a predictor set, or an address that learns who opens it. Rasters such as VRTs name files too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from ..base.errors import InputError
from ..rasters.names import first_bytes, is_virtual
from .catalogue import Catalogue
from .files import matching_files
from .paths import absolute_path

# Elements of a VRT that name a file. The texts of others have no effect outside.
SOURCE = re.compile(
    r"<(?:Source(?:Filename|Dataset)|SrcDataSource|Filename|File)\b([^>]*)>(.*?)</", re.DOTALL
)
RELATIVE = re.compile(r"relativeToVRT\s*=\s*[\"']1[\"']")
DRIVER = re.compile(r'[A-Za-z][A-Za-z0-9_]+:"?(.+?)"?(?::[^:/\\]*)?$')
# A VRT is read up to this size; a larger one has no place in a catalogue.
LONGEST_TEXT = 1 << 24
MOST_LEVELS = 8


def is_outside(name: str, folder: Path) -> bool:
    """Return True for a name outside a folder: absolute, with ``..``, in an archive, on a server.

    Parameters
    ----------
    name : str
        Path relative to the folder, or absolute. Links count by their own place.
    folder : Path
    """
    if is_virtual(Path(name)):
        return True
    place = Path(os.path.normcase(absolute_path(folder)))
    path = Path(os.path.normcase(absolute_path(folder / name)))
    return place not in path.parents


def require_inside(name: str, folder: Path, where: str, remedy: str) -> None:
    """Check a file that a catalogue or a predictor set names, and the files that it names itself.

    Parameters
    ----------
    name : str
        Path relative to the folder, or absolute.
    folder : Path
        Folder of the catalogue or of the set.
    where : str
        What names the file, for messages.
    remedy : str
        What to do, for messages.

    Raises
    ------
    InputError
        When a file is outside the folder or on the network.
    """
    if is_outside(name, folder):
        raise InputError(f"{where} names {name}, which is outside its folder; {remedy}.")
    for inside in _named_outside(folder / name, folder, 0):
        raise InputError(
            f"{where} names {name}, which itself names {inside}, outside the folder; {remedy}."
        )


def require_own_files(catalogue: Catalogue, name: str) -> None:
    """Check all files that a catalogue names, before any is opened.

    Raises
    ------
    InputError
        When one is outside its folder; OUTSIDE of Build predictors allows it.
    """
    remedy = (
        "move it into the folder, or set OUTSIDE of Build predictors if you trust the catalogue"
    )
    folder = catalogue.folder
    named = [(f"{item.name} in {name}", item.files) for item in catalogue.with_files]
    for where, files in named:
        require_inside(files, folder, where, remedy)
    for item, (where, _) in zip(catalogue.with_files, named):
        for path, *_ in matching_files(item, folder) if item.monthly else ():
            require_inside(str(path.absolute()), folder, where, remedy)
    if catalogue.land:
        require_inside(str(catalogue.land.absolute()), folder, f'"land" in {name}', remedy)


def _named_outside(path: Path, folder: Path, level: int) -> Iterator[str]:
    """The names outside the folder in a raster that is a text, such as a VRT."""
    start = first_bytes(path, 64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"<", b"{")):
        return
    if not start.startswith(b"<VRTDataset") or path.stat().st_size > LONGEST_TEXT:
        # Other texts that GDAL opens as rasters describe servers.
        yield "a server"
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    yield from _sources_outside(text, path.parent, folder, level)


def _sources_outside(text: str, beside: Path, folder: Path, level: int) -> Iterator[str]:
    if level > MOST_LEVELS:
        yield "too many others in turn"
        return
    for attributes, content in SOURCE.findall(text):
        name = unescape(content).strip()
        if name.startswith("<"):
            yield from _sources_outside(name, beside, folder, level + 1)
            continue
        driver = DRIVER.match(name)
        if driver and not re.match(r"[A-Za-z]:[/\\]", name):
            name = driver[1]
        relative = bool(RELATIVE.search(attributes)) and not is_virtual(Path(name))
        path = beside / name if relative else Path(name)
        if "://" in name or is_virtual(path) or is_outside(str(path.absolute()), folder):
            yield name
        else:
            yield from _named_outside(path, folder, level + 1)
