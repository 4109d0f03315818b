"""Read NetCDF 3: the classic format, that with 64-bit offsets, and that with 64-bit data.

The header is checked against the size of the file before anything is read, so that a damaged file
leads to an error and not to a loop or to memory without end, as in other readers.

References
----------
The NetCDF classic format, https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ..base.errors import InputError
from .hdf5 import UnreadableFile, decode_packed, no_variable, values_at

SIGNATURE = b"CDF"
# Numbers of the format behind the signature; the last has counts of 8 bytes.
WITH_LONG_OFFSETS, WITH_LONG_COUNTS = 2, 5
VERSIONS = (1, WITH_LONG_OFFSETS, WITH_LONG_COUNTS)
TYPES = {
    1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8",
    7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8",
}  # fmt: skip
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
MOST_DIMENSIONS = 32
# Records and names are filled up to a multiple of this number of bytes.
PADDING = 4


class _Damaged(Exception):
    """A header states what cannot be."""


class _Variable(NamedTuple):
    """Where and how a variable is stored.

    Parameters
    ----------
    dimensions : tuple of str
    shape : tuple of int
    attributes : dict
        Name -> text or array of numbers.
    dtype : dtype
    begin : int
        First byte of the values.
    stride : int
        Bytes from one index of the first dimension to the next.
    """

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    attributes: dict[str, str | np.ndarray]
    dtype: np.dtype
    begin: int
    stride: int


class Classic:
    """An open NetCDF 3 file with the methods of ``netcdf.NetCdf``.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    name : str
        File name, for messages.

    Raises
    ------
    UnreadableFile
        When the file is damaged or cut short.
    """

    def __init__(self, path: str | Path):
        self.name = Path(path).name
        self._file = open(path, "rb")  # noqa: SIM115
        try:
            header = _Header(self._file, os.fstat(self._file.fileno()).st_size)
            self._attributes, self._variables = header.read()
        except (_Damaged, OSError):
            self._file.close()
            raise UnreadableFile(self.name, "damaged or cut short") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self._variables)

    def has(self, path: str) -> bool:
        """Return True when the file has the variable."""
        return path in self._variables

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable."""
        return self._of(variable).dimensions

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        return self._of(variable).shape

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return 1 along each dimension: the file has no chunks."""
        return (1,) * len(self.shape(variable))

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute of the file or of a variable as text, empty when it is absent."""
        owner = self._of(variable).attributes if variable else self._attributes
        value = owner.get(attribute, "")
        if isinstance(value, str):
            return value.strip()
        return str(value.item(0)) if value.size else ""

    def unit(self, variable: str) -> str:
        """Return the unit of a variable, empty when it has none. CSR writes ``Units``."""
        return self.text("units", variable) or self.text("Units", variable)

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it, with scale and offset applied.

        Parameters and result are those of ``netcdf.NetCdf.read``.

        Raises
        ------
        InputError
            When the file does not have the variable, it is text, or it cannot be read.
        """
        stored = self._of(variable)
        if stored.dtype.kind == "S":
            raise InputError(f"{variable} in {self.name} is text; give a variable of numbers.")
        try:
            raw = _read_window(self._file, stored, window or _complete(stored.shape))
        except (OSError, ValueError):
            raise InputError(
                f"{variable} in {self.name} cannot be read; download the file again."
            ) from None
        nodata = [_number(stored, name) for name in ("_FillValue", "missing_value")]
        scale, offset = (_number(stored, name) for name in ("scale_factor", "add_offset"))
        return decode_packed(raw, nodata, scale, offset, f"{variable} in {self.name}")

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read a variable and return a function that gives its values; see ``NetCdf.fetch``."""
        return partial(values_at, self.read(variable, *window))

    def _of(self, variable: str) -> _Variable:
        if variable not in self._variables:
            raise InputError(no_variable(self.name, variable, self.variables))
        return self._variables[variable]


class _Header:
    """Reads the header of a file and checks it against the size of the file."""

    def __init__(self, file: IO[bytes], size: int):
        self._file = file
        self._size = size

    def read(self) -> tuple[dict, dict[str, _Variable]]:
        """Return the attributes of the file, and the variables by their names."""
        signature = self._take(4)
        if signature[:3] != SIGNATURE or signature[3] not in VERSIONS:
            raise _Damaged
        self._count_bytes = 8 if signature[3] == WITH_LONG_COUNTS else 4
        self._offset_bytes = 4 if signature[3] == 1 else 8
        records = self._integer(self._count_bytes, signed=True)
        dimensions = [(self._name(), self._count()) for _ in self._list(DIMENSIONS)]
        attributes = self._read_attributes()
        found = [self._read_variable(dimensions) for _ in self._list(VARIABLES)]
        return attributes, self._place(found, records)

    def _place(self, found: list, records: int) -> dict[str, _Variable]:
        """The variables with the number of records and the distance between them."""
        recorded = [item for name, item in found if 0 in item.shape[:1]]
        sizes = [_bytes_of(item.shape[1:], item.dtype) for item in recorded]
        # A single variable of records is not filled up.
        filled = sizes if len(sizes) == 1 else [-(-size // PADDING) * PADDING for size in sizes]
        stride = sum(filled)
        if records < 0 and recorded:  # The program that wrote the file did not state it.
            records = (self._size - min(item.begin for item in recorded)) // max(stride, 1)
        placed = {}
        for name, item in found:
            if 0 in item.shape[:1]:
                item = item._replace(shape=(records, *item.shape[1:]), stride=stride)
            length = _bytes_of(item.shape[1:], item.dtype)
            last = item.begin + (item.shape[0] - 1 if item.shape else 0) * item.stride + length
            if records < 0 or 0 in item.shape[1:] or (0 not in item.shape and last > self._size):
                raise _Damaged
            placed[name] = item
        return placed

    def _read_variable(self, dimensions: list[tuple[str, int]]) -> tuple[str, _Variable]:
        name = self._name()
        count = self._count()
        if count > MOST_DIMENSIONS:
            raise _Damaged
        numbers = [self._count() for _ in range(count)]
        if any(number >= len(dimensions) for number in numbers):
            raise _Damaged
        attributes = self._read_attributes()
        dtype = self._type()
        self._count()  # The size, which follows from the dimensions.
        begin = self._integer(self._offset_bytes)
        shape = tuple(dimensions[number][1] for number in numbers)
        if begin > self._size or _bytes_of(shape, dtype) > self._size:
            raise _Damaged
        names = tuple(dimensions[number][0] for number in numbers)
        return name, _Variable(names, shape, attributes, dtype, begin, _bytes_of(shape[1:], dtype))

    def _read_attributes(self) -> dict[str, str | np.ndarray]:
        attributes: dict[str, str | np.ndarray] = {}
        for _ in self._list(ATTRIBUTES):
            name = self._name()
            dtype = self._type()
            content = self._padded(self._count() * dtype.itemsize)
            if dtype.kind == "S":
                attributes[name] = content.decode("utf-8", "replace").rstrip("\0")
            else:
                attributes[name] = np.frombuffer(content, dtype)
        return attributes

    def _list(self, kind: int) -> range:
        """The numbers of the elements of a list, which may be absent."""
        tag, count = self._integer(4), self._count()
        if tag != kind and (tag or count):
            raise _Damaged
        return range(count)

    def _name(self) -> str:
        return self._padded(self._count()).decode("utf-8", "replace")

    def _type(self) -> np.dtype:
        number = self._integer(4)
        if number not in TYPES:
            raise _Damaged
        return np.dtype(TYPES[number])

    def _count(self) -> int:
        return self._integer(self._count_bytes)

    def _integer(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self._take(size), "big", signed=signed)

    def _padded(self, size: int) -> bytes:
        return self._take(-(-size // PADDING) * PADDING)[:size]

    def _take(self, size: int) -> bytes:
        content = self._file.read(size) if size <= self._size else b""
        if len(content) < size:
            raise _Damaged
        return content


def _bytes_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    size = dtype.itemsize
    for side in shape:
        size *= side
    return size


def _complete(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(0, size) for size in shape)


def _read_window(file: IO[bytes], stored: _Variable, window: tuple[slice, ...]) -> np.ndarray:
    """Stored numbers of a window, in the byte order of this machine."""
    if not stored.shape:
        return _read_array(file, stored.begin, stored.dtype, (1,)).reshape(())
    first, rest = window[0], window[1:]
    parts = [
        _read_part(file, stored.begin + number * stored.stride, stored, rest)
        for number in range(first.start, first.stop)
    ]
    sides = [side.stop - side.start for side in rest]
    return np.stack(parts) if parts else np.empty((0, *sides), stored.dtype.newbyteorder("="))


def _read_part(
    file: IO[bytes], begin: int, stored: _Variable, window: tuple[slice, ...]
) -> np.ndarray:
    """The window of one index of the first dimension; complete rows are read."""
    if not window:
        return _read_array(file, begin, stored.dtype, (1,)).reshape(())
    rows, *rest = window
    sides = stored.shape[2:]
    start = begin + rows.start * _bytes_of(sides, stored.dtype)
    values = _read_array(file, start, stored.dtype, (rows.stop - rows.start, *sides))
    return values[(slice(None), *rest)]


def _read_array(file: IO[bytes], begin: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    file.seek(begin)
    values = np.frombuffer(file.read(_bytes_of(shape, dtype)), dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def _number(stored: _Variable, attribute: str) -> float | None:
    """An attribute as a number, None when it is absent or text."""
    value = stored.attributes.get(attribute)
    return float(value[0]) if isinstance(value, np.ndarray) and value.size else None
