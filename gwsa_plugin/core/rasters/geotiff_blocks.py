"""Copy encoded blocks into a GeoTIFF as they are, and out of one.

Blocks of one raster are encoded at the same time, and then joined. Their bytes are compared with
those in the file, which takes less time than to decode them. GDAL has no function for that, so that
the places of blocks are read and written here. The layout of the file is that of TIFF 6.0 and of
its extension to more than 4 GB, BigTIFF.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .gdal_errors import RasterError
from .read_back import not_as_written

# Tags of the arrays with the positions of the blocks of a tiled file, and with their sizes.
OFFSETS = 324
SIZES = 325
# numpy's types of the types of TIFF: 16, 32 and 64 bits.
TYPES = {3: "u2", 4: "u4", 16: "u8"}


def append_blocks(path: Path, blocks: Iterable[tuple[int, bytes]]) -> dict[int, int]:
    """Append encoded blocks to a GeoTIFF without blocks.

    Parameters
    ----------
    path : Path
        Tiled file whose bands are stored one after the other, written with SPARSE_OK.
    blocks : iterable of (int, bytes)
        Numbers of blocks and their bytes in the encoding of the file. They are counted row by row
        of the first band, then of the next one. Blocks without bytes stay absent.

    Returns
    -------
    dict of int to int
        Checksum of each block, for ``require_blocks``.

    Raises
    ------
    OSError
        When a file cannot be read or written.
    """
    checksums = {}
    with _write_errors(path), open(path, "r+b") as target:
        with _layout_errors(path):
            directory = _Directory(target)
            offsets, sizes = (directory.array(tag) for tag in (OFFSETS, SIZES))
        end = target.seek(0, 2)
        for number, block in blocks:
            if block:
                # TIFF asks for even positions.
                end += target.write(b"\0" * (end % 2))
                offsets[number] = end
                sizes[number] = len(block)
                end += target.write(block)
            checksums[number] = zlib.crc32(block)
        directory.replace(OFFSETS, offsets, path)
        directory.replace(SIZES, sizes, path)
    return checksums


def require_blocks(path: Path, checksums: Mapping[int, int]) -> None:
    """Check that a GeoTIFF has the blocks that were appended to it.

    Parameters
    ----------
    path : Path
        The file.
    checksums : mapping of int to int
        Result of ``append_blocks``.

    Raises
    ------
    OSError
        When a block is missing or has other bytes, or the file cannot be read.
    """
    with _write_errors(path), _layout_errors(path), open(path, "rb") as file:
        read = dict(enumerate(map(zlib.crc32, _Directory(file).blocks())))
    # Blocks that were not appended are absent; the checksum of no bytes is 0.
    if read != {**dict.fromkeys(read, 0), **checksums}:
        raise not_as_written(path)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """State which file cannot be written, unless an error names another one."""
    try:
        yield
    except RasterError:
        raise
    except OSError as error:
        if error.filename not in (None, path, str(path)):
            raise
        raise RasterError(f"{path.name} cannot be written: {error.strerror or error}") from None


@contextmanager
def _layout_errors(path: Path) -> Iterator[None]:
    """Raise RasterError where a file has not the layout of a TIFF."""
    try:
        yield
    # Numbers of a damaged file can be positions and sizes that no file has.
    except (KeyError, ValueError, OverflowError, MemoryError, struct.error):
        raise not_as_written(path) from None


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
