"""What runs leave in their folders, compared."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

# The part of a temporary name that differs from run to run.
RANDOM = re.compile(r"(?<=-)[a-z0-9_]{8}(?=\.part)|[0-9a-f]{32}(?=\.part)")
NUMBER = re.compile(r"\d+")
EARLIER = "/earlier/"
LAST = ("run.json", ".qml")
# A folder with this file, or in a folder with it, is refused by readers.
MARKS = (".replacing", "../.replacing", "../../.replacing")


def without_random(name: str) -> str:
    """A name without what differs from run to run."""
    return RANDOM.sub("", name)


def kind(operation: str) -> str:
    """An operation on one of the files whose names differ in numbers only: years, tiles, lags."""
    return NUMBER.sub("0", without_random(operation))


def copy(folder: Path, to: Path) -> None:
    """Copy a folder that may not be there, without its sockets."""
    if folder.exists():
        shutil.copytree(folder, to)


def state_in(folder: Path, left: dict[str, str]) -> tuple:
    """All that a run left, whatever its temporary names are; the next run depends on nothing else.

    Parameters
    ----------
    folder : Path
    left : dict of str to str
        Digests of the files with final names. The content of temporary files does not count: the
        next run removes them unread, apart from an earlier export that was set aside.
    """
    found = list(left.items())
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name not in left:
            # The lock of a process that has ended is taken over, whatever it states.
            is_read = path.is_file() and not name.endswith(".lock")
            is_read &= EARLIER in name or not RANDOM.search(name)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if is_read else ""
            found.append((without_random(name), content))
    return folder.exists(), *sorted(found)


def mixed_folders(
    out: Path, left: dict[str, str], before: dict[str, str], expected: dict[str, str]
) -> list[str]:
    """Folders with some files of two runs that no mark shows."""
    mixed = []
    for folder in {path.rpartition("/")[0] for path in left if "/" in path}:
        has_mark = any((out / folder / name).exists() for name in MARKS)
        inside, *runs = (_files_in(folder, one) for one in (left, before, expected))
        if inside not in runs and not has_mark:
            mixed.append(folder)
    return mixed


def _files_in(folder: str, files: dict[str, str]) -> dict[str, str]:
    """The files of a folder but those that come last: styles, and the record of a run."""
    return {
        path: digest
        for path, digest in files.items()
        if path.startswith(f"{folder}/") and not path.endswith(LAST)
    }


def differences(left: dict[str, str], expected: dict[str, str]) -> str:
    """The files that are missing or have other bytes."""
    missing = sorted(expected.keys() - left.keys())
    other = [path for path, digest in left.items() if expected.get(path) != digest]
    return f"missing {missing[:3]}, other {other[:3]}"


def leftovers(folder: Path) -> list[str]:
    """Paths of all files and folders with a dot before their names."""
    return [path.relative_to(folder).as_posix() for path in folder.rglob(".*")]
