"""Arrays in temporary files, for fields that are larger than the memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .atomic import sync

# Values that are written at once.
BLOCK = 1 << 20


def mapped_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Create a float32 array in a file, filled with NaN.

    The file takes its space first. Otherwise the system would end the process, and QGIS with it, at
    a value that a full disk has no room for.

    Parameters
    ----------
    path : Path
        A new file.
    shape : tuple of int

    Raises
    ------
    OSError
        When the disk has no room.
    """
    count = int(np.prod(shape, dtype=np.int64))
    block = np.full(min(BLOCK, count), np.nan, np.float32).tobytes()
    with open(path, "wb") as file:
        for start in range(0, count, BLOCK):
            file.write(block[: (count - start) * 4])
    sync(path)
    return np.memmap(path, np.float32, "r+", shape=shape)
