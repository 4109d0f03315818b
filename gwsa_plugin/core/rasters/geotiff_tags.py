"""Change the tags of GeoTIFFs that are finished.

The library of TIFF ends the process at some failures of a disk (libtiff 4.5.0), so that a child
process does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from osgeo import gdal

from .child_process import MOST_SECONDS, Ended, OpenFile, trouble
from .gdal_errors import RasterError, gdal_errors
from .gdal_options import one_gdal_thread


def update_tags(path: Path, tags: Mapping[str, str | None]) -> None:
    """Change tags of a finished GeoTIFF; its pixels and their places in the file are kept.

    A file that has these tags already is not written.

    Parameters
    ----------
    path : Path
        The file.
    tags : mapping
        Name -> text, or None to delete the tag.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    if _has_tags(path, tags):
        return
    _set_tags(path, tags)
    if not _has_tags(path, tags):
        raise RasterError(f"{path.name} cannot be written: its tags are not those that were set")


def _has_tags(path: Path, tags: Mapping[str, str | None]) -> bool:
    present = _open(path, gdal.GA_ReadOnly).GetMetadata()
    return all(present.get(name) == text for name, text in tags.items())


def _set_tags(path: Path, tags: Mapping[str, str | None]) -> None:
    if trouble():
        OpenTags(path).set(tags)
        return
    try:
        file = OpenFile("tags", path.absolute(), seconds=MOST_SECONDS)
        try:
            file.call("set", tags, size=np.inf)
        finally:
            file.close()
    except Ended:
        raise RasterError(
            f"{path.name} cannot be written: the process that writes it ended"
        ) from None


class OpenTags:
    """The tags of a finished GeoTIFF that is open for writing."""

    def __init__(self, path: Path):
        self._problem = f"{path.name} cannot be written"
        self._file = _open(path, gdal.GA_Update)

    def set(self, tags: Mapping[str, str | None]) -> None:
        """Set tags, and close the file."""
        with gdal_errors(self._problem):
            for name, text in tags.items():
                self._file.SetMetadataItem(name, text)
            self._file.FlushCache()
            self.close()

    def close(self) -> None:
        """Close the file; it may have been closed."""
        self._file = None


def _open(path: Path, mode: int) -> gdal.Dataset:
    """Open a file, which the disk may refuse."""
    with gdal_errors(f"{path.name} cannot be written"), one_gdal_thread():
        return gdal.Open(str(path), mode)
