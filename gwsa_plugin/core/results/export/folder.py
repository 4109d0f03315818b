"""The folder of an export: checksums of its files, and a name that it gets when it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...base.errors import InputError
from ...base.progress import Progress
from ...files.atomic import remove_abandoned, scratch_folder, sync, sync_all
from ...files.provenance import sha256

CHECKSUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# What QGIS and GDAL keep beside a raster does not count.
BESIDE_RASTERS = (".aux.xml", ".qml", ".qmd")
DATA = (".nc", ".tif")
# An earlier export, in the temporary folder, while the new one gets its name.
EARLIER = "earlier"


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that gets its final name at the end of the context.

    Parameters
    ----------
    path : Path
        Final name. An earlier export there is replaced; see ``require_free``.

    Yields
    ------
    Path
        The temporary folder beside it. It is deleted when the context ends with an exception;
        ``path`` is then unchanged.
    """
    _restore(path)
    require_free(path)
    with scratch_folder(path) as scratch:
        new = scratch / "complete"
        new.mkdir()
        yield new
        sync_all(new)
        require_free(path)
        earlier = scratch / EARLIER
        if path.exists():
            path.rename(earlier)
        try:
            new.rename(path)
        except OSError:
            if earlier.exists():
                earlier.rename(path)
            raise
        sync(path.parent)


def _restore(path: Path) -> None:
    """Put an earlier export back that was set aside when the process was killed."""
    for scratch in remove_abandoned(path):
        if (scratch / EARLIER).is_dir() and not path.exists():
            (scratch / EARLIER).rename(path)


def require_free(path: Path) -> None:
    """Check that a folder does not exist, is empty, or holds an earlier export alone.

    Raises
    ------
    InputError
        When it has files that its SHA256SUMS does not list, or texts that have been changed.
    """
    if not path.exists():
        return
    present = _files(path)
    listed = read_checksums(path)
    for name in sorted(present):
        is_own = name in listed or (name == CHECKSUMS and listed)
        if not is_own:
            problem = f"has {name}, which is no file of an earlier export"
        elif name in listed and not name.endswith(DATA) and sha256(path / name) != listed[name]:
            problem = f"has {name}, which was changed after the export"
        else:
            continue
        raise InputError(f"The folder {path.name} {problem}; choose another or an empty folder.")


def _files(path: Path) -> set[str]:
    """The relative paths of all files, with ``/``."""
    return {
        file.relative_to(path).as_posix()
        for file in path.rglob("*")
        if file.is_file() and not file.name.endswith(BESIDE_RASTERS)
    }


def read_checksums(folder: Path) -> dict[str, str]:
    """Return the relative path and the digest of each file in SHA256SUMS; empty without it."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    found = filter(None, map(_LINE.fullmatch, text.splitlines()))
    return {match[2]: match[1] for match in found}


def write_checksums(folder: Path, digests: dict[str, str]) -> None:
    """Write SHA256SUMS, which ``sha256sum --check`` reads.

    Parameters
    ----------
    folder : Path
    digests : dict of str to str
        Relative path with ``/`` -> SHA-256.
    """
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests)]
    # sha256sum takes a carriage return as part of the name.
    (folder / CHECKSUMS).write_bytes("".join(lines).encode())


def digest_files(folder: Path, progress: Progress) -> dict[str, str]:
    """Return relative path -> SHA-256 of all files of a folder."""
    names = sorted(_files(folder))
    digests = {}
    for name, part in zip(names, progress.parts(len(names))):
        digests[name] = sha256(folder / name, progress)
        part.advance(1.0)
    return digests
