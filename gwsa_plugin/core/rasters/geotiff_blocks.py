"""Copy encoded blocks into a GeoTIFF as they are, and out of one.

Blocks of one raster are encoded at the same time, and then joined. GDAL
has no function for that, so that the places of blocks are read and written here. The layout of the
file is that of TIFF 6.0 and of its extension to more than 4 GB, BigTIFF.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .gdal_errors import RasterError

# Tags of the arrays with the positions of the blocks of a tiled file, and with their sizes.
OFFSETS = 324
SIZES = 325
WIDTH = 256
HEIGHT = 257
BLOCK_WIDTH = 322
BLOCK_HEIGHT = 323
# numpy's types of the types of TIFF: 16, 32 and 64 bits.
TYPES = {3: "u2", 4: "u4", 16: "u8"}


# Reads the blocks of a tile, one for each band, empty where a band has no value.
Blocks = Callable[[], list[bytes]]


def join_blocks(path: Path, parts: Iterable[tuple[Blocks, tuple[int, int]]]) -> None:
    """Append encoded blocks to a GeoTIFF without blocks.

    Parameters
    ----------
    path : Path
        Tiled file whose bands are stored one after the other, written with SPARSE_OK.
    parts : iterable of (callable, (int, int))
        Readers of the blocks of tiles, with the encoding and the bands of the file, in the order in
        which they are appended, and the row and the column of the pixel at which each begins.
        Blocks without bytes stay absent.

    Raises
    ------
    OSError
        When a file cannot be read or written.
    """
    with open(path, "r+b") as target:
        joined = _Directory(target)
        height, width = joined.number(BLOCK_HEIGHT), joined.number(BLOCK_WIDTH)
        across = -(-joined.number(WIDTH) // width)
        offsets, sizes = (joined.array(tag) for tag in (OFFSETS, SIZES))
        in_band = across * -(-joined.number(HEIGHT) // height)
        end = target.seek(0, 2)
        for part, (top, left) in parts:
            place = top // height * across + left // width
            for band, block in enumerate(part()):
                if block:
                    # TIFF asks for even positions.
                    end += target.write(b"\0" * (end % 2))
                    number = band * in_band + place
                    offsets[number] = end
                    sizes[number] = len(block)
                    end += target.write(block)
        joined.replace(OFFSETS, offsets, path)
        joined.replace(SIZES, sizes, path)


def require_joined(path: Path, parts: Iterable[tuple[Blocks, tuple[int, int]]]) -> None:
    """Check that a GeoTIFF has the blocks that were joined to it.

    Parameters
    ----------
    path, parts
        As in ``join_blocks``.

    Raises
    ------
    OSError
        When a block is missing or has other bytes, or a file cannot be read.
    """
    with open(path, "rb") as target:
        joined = _Directory(target)
        height, width = joined.number(BLOCK_HEIGHT), joined.number(BLOCK_WIDTH)
        across = -(-joined.number(WIDTH) // width)
        in_band = across * -(-joined.number(HEIGHT) // height)
        offsets, sizes = (joined.array(tag).tolist() for tag in (OFFSETS, SIZES))
        for part, (top, left) in parts:
            place = top // height * across + left // width
            for band, block in enumerate(part()):
                number = band * in_band + place
                target.seek(offsets[number])
                if target.read(sizes[number]) != block:
                    raise RasterError(
                        f"{path.name} cannot be written: a block of it is not that of its tile"
                    )


def blocks_of_geotiff(file: BinaryIO) -> list[bytes]:
    """Return the encoded blocks of an open GeoTIFF in their order, empty where one is absent."""
    return list(_Directory(file).blocks())


class _Directory:
    """The first directory of an open TIFF file: where its arrays are."""

    def __init__(self, file: BinaryIO):
        self._file = file
        start = file.read(16)
        order = {b"II": "<", b"MM": ">"}[start[:2]]
        self._order = order
        big = struct.unpack(f"{order}H", start[2:4])[0] == 43
        count, self._value = ("Q", "Q") if big else ("H", "L")
        (first,) = struct.unpack_from(f"{order}{self._value}", start, 8 if big else 4)
        file.seek(first)
        (entries,) = self._read(count)
        # Tag -> type, count, position of the value.
        self._entries: dict[int, tuple[int, int, int]] = {}
        for _ in range(entries):
            tag, kind, length = self._read(f"HH{self._value}")
            self._entries[tag] = (kind, length, file.tell())
            file.seek(struct.calcsize(f"{order}{self._value}"), 1)

    def number(self, tag: int) -> int:
        """The value of a tag with one number."""
        return int(self.array(tag)[0])

    def array(self, tag: int) -> np.ndarray:
        """The values of a tag, int64."""
        kind, length, _ = self._entries[tag]
        dtype = np.dtype(self._order + TYPES[kind])
        self._file.seek(self._place(tag))
        return np.frombuffer(self._file.read(length * dtype.itemsize), dtype).astype(np.int64)

    def replace(self, tag: int, values: np.ndarray, path: Path) -> None:
        """Write other values of a tag, as many as before."""
        dtype = np.dtype(self._order + TYPES[self._entries[tag][0]])
        if values.max(initial=0) > np.iinfo(dtype).max:
            raise RasterError(f"{path.name} cannot be written: it is too large for its layout")
        self._file.seek(self._place(tag))
        self._file.write(values.astype(dtype).tobytes())

    def blocks(self) -> Iterable[bytes]:
        """The compressed blocks in their order, empty where one is absent."""
        for offset, size in zip(self.array(OFFSETS).tolist(), self.array(SIZES).tolist()):
            self._file.seek(offset)
            yield self._file.read(size)

    def _place(self, tag: int) -> int:
        """Position of the values of a tag: in its entry, or where the entry points."""
        kind, length, entry = self._entries[tag]
        if length * np.dtype(TYPES[kind]).itemsize <= struct.calcsize(self._order + self._value):
            return entry
        self._file.seek(entry)
        return self._read(self._value)[0]

    def _read(self, code: str) -> tuple:
        layout = f"{self._order}{code}"
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
