"""Damage of input files, by the words of the table of bad inputs: ``flip 3``, ``crs EPSG:32643``.

Each function changes the file at a path. It returns the path to give instead where that is another.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from gwsa.tests.faults.damage_netcdf import NETCDF
from gwsa.tests.faults.damage_rasters import RASTERS
from gwsa.tests.faults.damage_tables import TABLES

Damage = Callable[..., object]


def damaged(path: Path, words: str) -> str:
    """Damage a file, and return what is given in its place.

    Parameters
    ----------
    path : Path
        A copy of a good file.
    words : str
        A name of ``DAMAGES``, and its arguments.
    """
    name, *arguments = words.split(" ")
    other = DAMAGES[name](path, *arguments)
    return str(path if other is None else other)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def page(path: Path) -> None:
    """The page of a server in place of the file."""
    path.write_text("<html><body>404 Not Found</body></html>\n")


def cut(path: Path, share: str) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * float(share))])


def flip(path: Path, seed: str) -> None:
    """Change 3 bits, or 60 for seeds from 3; for even seeds near the beginning."""
    chance = random.Random(int(seed))
    content = bytearray(path.read_bytes())
    most = len(content) if int(seed) % 2 else min(len(content), 4000)
    for _ in range(3 if int(seed) < 3 else 60):
        content[chance.randrange(most)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def zeros(path: Path) -> None:
    """Zeros in the second half, as after a crash of the system."""
    size = path.stat().st_size
    os.truncate(path, size // 2)
    os.truncate(path, size)


def absent(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    """A pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    """A link to itself."""
    path.unlink()
    path.symlink_to(path.name)


def named(path: Path, *name: str) -> Path:
    """Another name, with a suffix, and with spaces; ``/`` makes folders."""
    other = path.parent / (" ".join(name) + path.suffix)
    other.parent.mkdir(parents=True, exist_ok=True)
    return shutil.move(path, other)


def long_name(path: Path) -> Path:
    """A name of 250 bytes."""
    return path.rename(path.with_name("n" * (250 - len(path.suffix)) + path.suffix))


def text(path: Path, *words: str) -> str:
    """A text in place of a file: the name of something else, or of nothing."""
    return " ".join(words)


def no_files(path: Path) -> None:
    """A folder without its files."""
    shutil.rmtree(path)
    path.mkdir()


def none_of_year(path: Path, year: str) -> None:
    """A folder without the files of a year or month."""
    for file in path.iterdir():
        if re.search(year, file.name):
            file.unlink()


def doubled(path: Path, name: str) -> None:
    """A folder with a file twice, the second with another name."""
    file = next(file for file in path.iterdir() if re.search(name, file.name))
    shutil.copy(file, file.with_name(f"copy of {file.name}"))


def foreign(path: Path, name: str) -> None:
    """A folder with a file that is not of its kind."""
    (path / name).write_text("notes\n")


DAMAGES: dict[str, Damage] = {
    **{
        one.__name__: one
        for one in (
            empty, page, cut, flip, zeros, absent, folder, fifo, loop, named, long_name, text,
            no_files, none_of_year, doubled, foreign,
        )
    },
    **RASTERS,
    **NETCDF,
    **TABLES,
}  # fmt: skip
