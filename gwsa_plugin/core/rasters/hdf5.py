"""Read NetCDF-4 files through h5py.

h5py is faster than GDAL's reader in ``netcdf``, and most damage that ends the process there is an
error here; ``netcdf.open_netcdf`` uses both in a child process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import InputError
from .decompress import DamagedChunk, decompress, libdeflate
from .names import as_text

# Numbers of HDF5's filters.
DEFLATE = 1
SHUFFLE = 2
# What h5py raises where the structure of a file is overwritten.
DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, UnicodeError, DamagedChunk)
# Numbers of the system for "no locks here" (ENOLCK, ENOSYS, EOPNOTSUPP on Linux and macOS, ENOTSUP
# of NFS), as HDF5 writes them into its message.
NO_LOCKS = re.compile(r"unable to lock file, errno = (?:37|38|45|77|78|95|102|524)\b")
SIGNATURE = b"\x89HDF\r\n\x1a\n"


class UnreadableFile(InputError):
    """A file cannot be opened.

    Parameters
    ----------
    name : str
        File name.
    cause : str
        What the file is, such as "damaged".
    remedy : str
        What to do.
    """

    def __init__(self, name: str, cause: str, remedy: str = "download it again"):
        super().__init__(f"{name} is {cause}; {remedy}.")
        self.name = name
        self.cause = cause
        self.remedy = remedy


@lru_cache
def trouble() -> str | None:
    """Return why h5py cannot be used, None where it can.

    h5py from a wheel brings its own HDF5 library, and two HDF5 libraries in one process crash. The
    files of h5py are therefore inspected before it is imported.
    """
    try:
        found = find_spec("h5py")
        if found is None or not found.submodule_search_locations:
            return "it is not installed"
        folder = Path(found.submodule_search_locations[0])
        bundled = (folder.with_name("h5py.libs"), folder / ".dylibs", *folder.glob("hdf5*.dll"))
        if any(path.exists() for path in bundled):
            return "it brings an HDF5 library beside that of QGIS"
        import_module("h5py")
    except Exception as error:  # A broken library raises anything.
        return f"its import fails ({type(error).__name__}: {error})"
    return None


def lack() -> str:
    """Return which files cannot be read without h5py, why it cannot be used, and what to do."""
    return (
        "HDF5 in groups, such as GSFC's mascons, needs h5py, and h5py cannot be used: "
        f"{trouble()}; install h5py, or give the NetCDF edition"
    )


def usable() -> bool:
    """Return True when h5py is installed and uses the same HDF5 library as GDAL in QGIS."""
    return trouble() is None


def is_hdf5(path: str | Path) -> bool:
    """Return True when the file has the signature of HDF5, also behind a block of the user."""
    with open(path, "rb") as file:
        for start in (0, 512, 1024, 2048):
            file.seek(start)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


class Hdf5:
    """An open NetCDF-4 file with the methods of ``netcdf.NetCdf``. Call ``usable`` first.

    Only one thread of the process may use HDF5 at a time, in whatever file and whether through h5py
    or through GDAL: two threads can deadlock. ``netcdf.open_netcdf`` holds a lock from opening to
    closing the file. The functions that ``fetch`` returns do not use HDF5 and need no lock.

    A file system without locks, such as that of some network drives, is read without them.

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
        When the file is damaged, cut short, open for writing elsewhere or has another format.
    """

    def __init__(self, path: str | Path):
        import h5py

        self.name = Path(path).name
        self._stream = None
        self._members: dict[str, Any] = {}
        try:
            try:
                self._file = h5py.File(path, "r")
            except OSError as error:
                if not NO_LOCKS.search(str(error)):
                    raise
                # A file object of Python is read without locks.
                self._stream = FileIO(path)
                self._file = h5py.File(self._stream, "r")
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise _unreadable(self.name, str(error)) from None

    def close(self) -> None:
        """Close the file."""
        self._members.clear()
        self._file.close()
        if self._stream:
            self._stream.close()

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables, those of groups without the name of a dimension alone."""
        with self._damage_as_input_error("The list of variables"):
            return tuple(name for name in self._file if hasattr(self._member(name), "shape"))

    def has(self, path: str) -> bool:
        """Return True when the file has the variable, also one in a group ("solution/cmwe")."""
        with self._damage_as_input_error(path):
            return path in self._file

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable.

        They are found by their sizes, and by the list of references of the variable only where two
        dimensions have the same size: in a damaged file, reading it can end the process.
        """
        array = self._array(variable)
        if array.ndim == 1 and variable in self._coordinates:
            return (variable,)
        with self._damage_as_input_error(variable):
            names = [self._names_by_size(size) for size in array.shape]
            if any(len(found) > 1 for found in names) and "DIMENSION_LIST" in array.attrs:
                scales = array.attrs["DIMENSION_LIST"]
                return tuple(self._file[scale[0]].name.strip("/") for scale in scales)
        return tuple(
            found[0] if len(found) == 1 else f"dimension of {size}"
            for found, size in zip(names, array.shape)
        )

    @cached_property
    def _coordinates(self) -> dict[str, int]:
        """Names and sizes of the dimensions; of all lists in a file without dimension scales."""
        with self._damage_as_input_error("The list of dimensions"):
            arrays = {name: self._member(name) for name in self.variables}
            lists = {name: array.size for name, array in arrays.items() if array.ndim == 1}
            scales = {name: n for name, n in lists.items() if "CLASS" in arrays[name].attrs}
        return scales or lists

    def _names_by_size(self, size: int) -> list[str]:
        return [name for name, length in self._coordinates.items() if length == size]

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        return self._array(variable).shape

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return the chunk size along each dimension, 1 where the file is not chunked."""
        array = self._array(variable)
        return array.chunks or (1,) * array.ndim

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute of the file or of a variable as text, empty when it is absent."""
        import h5py

        owner = self._array(variable) if variable else self._file
        try:
            values = np.ravel(owner.attrs.get(attribute, ""))
        except DAMAGE:
            return ""
        first = values.item(0) if values.size else ""
        if isinstance(first, h5py.Empty):
            return ""
        return as_text(first if isinstance(first, bytes) else str(first)).strip()

    def unit(self, variable: str) -> str:
        """Return the unit of a variable, empty when it has none. CSR writes ``Units``."""
        return self.text("units", variable) or self.text("Units", variable)

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it, with scale and offset applied.

        Parameters
        ----------
        variable : str
        *window : slice
            One slice with start and stop for each dimension; none to read the complete variable.

        Returns
        -------
        ndarray of float32 or float64
            NaN where the file has its fill value.

        Raises
        ------
        InputError
            When the data are damaged.
        """
        return self.fetch(variable, *window)()

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read the stored bytes of a variable and return a function that decodes them.

        HDF5 decompresses in one thread at a time. A variable that is stored as one compressed chunk
        is therefore read without decompression, and the returned function decompresses it. Any
        other variable is decoded at once.

        Parameters
        ----------
        variable : str
        *window : slice
            As for ``read``.

        Returns
        -------
        callable
            Without an argument it returns the array that ``read`` returns. With flat indices into
            that array, an integer array, it returns the values there. Any thread may call it, also
            after the file is closed. It raises InputError when the data are damaged.

        Raises
        ------
        InputError
            When the data are damaged.
        """
        array = self._array(variable)
        shape = array.shape
        all_cells = tuple(slice(0, size) for size in shape)
        window = window or all_cells
        with self._damage_as_input_error(variable):
            decode = partial(
                decode_packed,
                nodata=[_number(array, "_FillValue"), _number(array, "missing_value")],
                scale=_number(array, "scale_factor"),
                offset=_number(array, "add_offset"),
                name=f"{variable} in {self.name}",
            )
            decompress_chunk = _read_single_chunk(array)
            if decompress_chunk is None:
                return partial(values_at, decode(array[window]))

        def decode_chunk(indices: np.ndarray | None = None) -> np.ndarray:
            with self._damage_as_input_error(variable):
                if window == all_cells and indices is not None:
                    return decode(decompress_chunk(indices))
                return decode(values_at(decompress_chunk().reshape(shape)[window], indices))

        return decode_chunk

    @contextmanager
    def _damage_as_input_error(self, variable: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except DAMAGE:
            raise InputError(
                f"{variable} in {self.name} cannot be read, because the file is damaged; "
                "download it again."
            ) from None

    def _member(self, name: str):
        """A variable or group, which is opened once: opening takes longer than reading a value."""
        if name not in self._members:
            self._members[name] = self._file[name]
        return self._members[name]

    def _array(self, variable: str):
        with self._damage_as_input_error(variable):
            if variable in self._members or variable in self._file:
                return self._member(variable)
        raise InputError(no_variable(self.name, variable, self.variables))


def no_variable(name: str, variable: str, variables: Sequence[str]) -> str:
    """Return the message about a variable that a file does not have."""
    return (
        f"{name} has no variable {variable} (it has {', '.join(variables) or 'none'}); "
        "give the file as its data centre distributes it."
    )


def locked(name: str) -> UnreadableFile:
    """Return the error about a file that another program holds a lock on."""
    return UnreadableFile(
        name, "open for writing in another program", "close it there, or wait until it is done"
    )


def _unreadable(name: str, error: str) -> UnreadableFile:
    """The error about a file that HDF5 does not open, with HDF5's message."""
    sizes = re.search(r"truncated file: eof = (\d+).*stored_e\w* = (\d+)", error)
    if sizes:
        cause = f"cut short ({int(sizes[1]):,} of {int(sizes[2]):,} bytes)"
        return UnreadableFile(name, cause)
    if "lock file" in error:
        return locked(name)
    if "already open for write" in error or "consistency flags" in error:
        return UnreadableFile(
            name, "not closed by the program that wrote it", f"repair it with h5clear -s {name}"
        )
    if "Permission denied" in error:
        return UnreadableFile(name, "not readable for you", "change its permissions")
    return UnreadableFile(name, "damaged")


def _read_single_chunk(array) -> Callable[..., np.ndarray] | None:
    """Read a float32 array that is one compressed chunk; None where HDF5 must decompress it.

    The returned function takes flat indices, or nothing for all values, and returns a flat array.
    """
    if libdeflate() is None or array.chunks != array.shape or array.dtype != np.dtype("<f4"):
        return None
    settings = array.id.get_create_plist()
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    if filters not in ([SHUFFLE, DEFLATE], [DEFLATE]) or not array.id.get_num_chunks():
        return None
    skipped_filters, chunk = array.id.read_direct_chunk((0,) * array.ndim)
    return None if skipped_filters else partial(decompress, chunk, array.size, SHUFFLE in filters)


def decode_packed(
    raw: np.ndarray,
    nodata: Sequence[float | None],
    scale: float | None,
    offset: float | None,
    name: str,
) -> np.ndarray:
    """Convert stored values to floats, NaN for each of ``nodata``, and apply scale and offset.

    Raises
    ------
    InputError
        When the scale is 0 or no number; ``name`` is that of the variable and the file.
    """
    if scale == 0 or not np.isfinite(scale or 1.0):
        raise InputError(
            f"{name} has the scale_factor {scale:g}, which leaves no values; download the file "
            "again, or correct the attribute."
        )
    values = raw if raw.dtype.kind == "f" else raw.astype(np.float64)
    for number in set(nodata) - {None}:
        values[raw == number] = np.nan
    if scale not in (None, 1.0) or offset not in (None, 0.0):
        values = values * (1.0 if scale is None else scale) + (offset or 0.0)
    return values


def values_at(values: np.ndarray, indices: np.ndarray | None = None) -> np.ndarray:
    """Return the values at flat indices, or all of them."""
    return values if indices is None else values.reshape(-1)[indices]


def _number(array, attribute: str) -> float | None:
    """Return an attribute of a variable as a number, None when it is absent."""
    value = array.attrs.get(attribute)
    return None if value is None else float(np.ravel(value)[0])
