"""A file that can be fetched, as a plan lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..base.grid import Bounds

NETCDF = "netcdf"
TIFF = "tiff"
TEXT = "text"
ZIP = "zip"


class Wanted(NamedTuple):
    """What is asked of a source.

    Attributes
    ----------
    bounds : tuple of float
        West, south, east, north of the region, degrees; east above 180 in a region across 180°.
    months : ndarray of datetime64[M]
        Months, ascending. Files of all months, and static ones, are asked for in any case.
    """

    bounds: Bounds
    months: np.ndarray


class Checksum(NamedTuple):
    """A checksum that a source publishes.

    Attributes
    ----------
    algorithm : str
        Name as in ``hashlib``, such as ``md5`` or ``sha256``.
    value : str
        Hexadecimal digits in lower case.
    """

    algorithm: str
    value: str


@dataclass(frozen=True)
class RemoteFile:
    """One file that a source offers.

    Attributes
    ----------
    source : str
        Name of the source.
    url : str
        Its address.
    path : str
        Path in the folder of the inputs, with ``/``.
    form : str
        NETCDF, TIFF, TEXT or ZIP: what the content must be.
    size : (int, int)
        Least and greatest number of bytes that come; equal where the size is published.
    checksum : Checksum, optional
        Where the source publishes one.
    version : str
        What tells a later version of the file from this one, such as a date of revision; empty
        where nothing does.
    login : str
        Name of the login that it needs; empty for none.
    settings : dict
        What the way of the source needs to fetch this file.
    newest : bool
        Whether the name changes with each version, so that the file takes the place of the one
        that its source had before.
    months : tuple of datetime64[M]
        Months that it is of; empty for a static file, and for one whose months are not known.
    """

    source: str
    url: str
    path: str
    form: str
    size: tuple[int, int]
    checksum: Checksum | None = None
    version: str = ""
    login: str = ""
    settings: dict = field(default_factory=dict)
    newest: bool = False
    months: tuple[np.datetime64, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def published_size(self) -> int | None:
        """Number of bytes that the source publishes; None where it does not."""
        return self.size[0] if self.size[0] == self.size[1] else None


def with_month(text: str, month: np.datetime64 | None) -> str:
    """Return an address or a path with a month in the place of ``{YYYY}`` and ``{MM}``."""
    if month is None:
        return text
    year, number = str(month).split("-")
    return text.replace("{YYYY}", year).replace("{MM}", number)
