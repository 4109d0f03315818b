"""``inputs.json``: what was fetched, from where, under which licence, and how it was checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..base.errors import InputError
from ..files.atomic import replace_text
from .sources import Source

NAME = "inputs.json"
FACTS = ("title", "version", "doi", "citation", "licence", "resolution", "page")


@dataclass(frozen=True)
class Entry:
    """One file that was fetched.

    Attributes
    ----------
    path : str
        Path in the folder of the inputs, with ``/``.
    source : str
        Name of its source.
    release : str
        Version of the source that it belongs to.
    url : str
        Address that it came from.
    version : str
        What tells a later version of the file from this one.
    bytes : int
    sha256 : str
    verified : str
        ``checksum``, ``length`` or ``unverified``, see ``download``.
    fetched : str
        Date, YYYY-MM-DD.
    region : list of float
        West, south, east, north of the region that it was fetched for, degrees; empty if unknown.
    """

    path: str
    source: str
    release: str
    url: str
    version: str
    bytes: int
    sha256: str
    verified: str
    fetched: str
    region: list[float] = field(default_factory=list)


@dataclass
class Record:
    """The files in a folder of inputs.

    Attributes
    ----------
    folder : Path
    bounds : list of float
        West, south, east, north of the region, degrees.
    period : list of str
        First and last month of the maps.
    entries : dict of str to Entry
        Path -> file.
    catalogue : str
        SHA-256 of the catalogue that was written; empty before one was.
    """

    folder: Path
    bounds: list[float] = field(default_factory=list)
    period: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    catalogue: str = ""

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Read the record of a folder; an empty one where there is none.

        Raises
        ------
        InputError
            When the file is not a record.
        """
        path = folder / NAME
        if not path.exists():
            return cls(folder)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            entries = {item["path"]: Entry(**item) for item in content["files"]}
            catalogue = content.get("catalogue", "")
            return cls(folder, content["region"], content["period"], entries, catalogue)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{path} is not a record of fetched files; move it away, or choose another folder."
            ) from None

    def write(self, sources: dict[str, Source]) -> None:
        """Write the record with the facts of its sources."""
        used = sorted({entry.source for entry in self.entries.values()})
        content = {
            "format": 1,
            "region": self.bounds,
            "period": self.period,
            "catalogue": self.catalogue,
            "sources": {
                name: {fact: getattr(sources[name], fact) for fact in FACTS}
                for name in used
                if name in sources
            },
            "files": [asdict(self.entries[path]) for path in sorted(self.entries)],
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        replace_text(self.folder / NAME, text)
