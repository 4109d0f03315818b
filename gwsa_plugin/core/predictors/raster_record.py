"""Length and digest of each raster of a predictor set, in its predictors.json.

They show which rasters belong to the set, and that each is as it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from ..base.errors import InputError
from ..base.progress import Progress
from ..compute.threads import run_all
from ..files.provenance import sha256

RASTERS = "rasters"
BYTES, SHA256 = "bytes", "sha256"


def make_record(folder: Path, kept: Mapping[str, dict], names: Iterable[str], progress: Progress):
    """Return the length and the digest of rasters.

    Parameters
    ----------
    folder : Path
        Folder of the new rasters.
    kept : mapping of str to dict
        Record of an earlier set, for rasters that the folder does not have.
    names : iterable of str
        Paths of the rasters, relative to the folder of their set.
    progress : Progress

    Returns
    -------
    dict of str to dict
        Path -> ``bytes`` and ``sha256``.
    """
    names = sorted(names)
    new = [name for name in names if (folder / name).exists()]
    facts = run_all([partial(_facts, folder / name) for name in new], progress)
    found = {**{name: kept[name] for name in names if name in kept}, **dict(zip(new, facts))}
    return dict(sorted(found.items()))


def stated_record(content: Mapping) -> dict[str, dict]:
    """Return the record in the content of a predictors.json; empty where it has none."""
    record = content.get(RASTERS)
    return record if isinstance(record, dict) else {}


def has_digests(folder: Path, record: Mapping[str, dict], names: Iterable[str]) -> bool:
    """Whether rasters are as a record states. An incomplete record states nothing."""
    try:
        return all(
            (folder / name).stat().st_size == record[name][BYTES]
            and sha256(folder / name) == record[name][SHA256]
            for name in names
        )
    except (OSError, KeyError, TypeError):
        return False


def require_lengths(folder: Path, record: Mapping[str, dict]) -> None:
    """Check that the rasters of a set are there with the lengths that they were written with.

    Raises
    ------
    InputError
        When one is missing, was cut off, or belongs to another set.
    """
    for name, facts in record.items():
        try:
            found = (folder / name).stat().st_size
        except (OSError, ValueError):
            found = None
        if not isinstance(facts, Mapping) or found != facts.get(BYTES):
            problem = "is missing" if found is None else "is not as it was built"
            raise _unusable(name, folder, problem)


def require_digests(folder: Path, record: Mapping[str, dict], progress: Progress) -> None:
    """Check that the rasters of a set have the content that they were written with.

    Raises
    ------
    InputError
        When one is damaged.
    """
    names = list(record)
    found = run_all([partial(_facts, folder / name) for name in names], progress)
    for name, facts in zip(names, found):
        if facts[SHA256] != record[name].get(SHA256):
            raise _unusable(name, folder, "is not as it was built")


def _unusable(name: str, folder: Path, problem: str) -> InputError:
    return InputError(f"{name} of the predictor set {folder.name} {problem}; build the set again.")


def _facts(path: Path, progress: Progress) -> dict:
    return {BYTES: path.stat().st_size, SHA256: sha256(path, progress)}
