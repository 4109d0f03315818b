"""Read NetCDF-4 files through h5py, which is faster than GDAL's reader in ``netcdf``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from .decompress import DamagedChunk, decompress, libdeflate

# Numbers of HDF5's filters.
DEFLATE = 1
SHUFFLE = 2


@lru_cache
def usable() -> bool:
    """Return True when h5py is installed and uses the same HDF5 library as GDAL in QGIS.

    h5py from a wheel brings its own HDF5 library, and two HDF5 libraries in one process crash. The
    files of h5py are therefore inspected before it is imported.
    """
    found = find_spec("h5py")
    if found is None or not found.submodule_search_locations:
        return False
    folder = Path(found.submodule_search_locations[0])
    bundled = (folder.with_name("h5py.libs"), folder / ".dylibs", *folder.glob("hdf5*.dll"))
    if any(path.exists() for path in bundled):
        return False
    try:
        import_module("h5py")
    except Exception:  # an h5py that does not fit to numpy or HDF5 raises errors of any kind
        return False
    return True


def is_hdf5(path: str | Path) -> bool:
    """Return True when the file has the signature of HDF5. Call ``usable`` first."""
    import h5py

    return bool(h5py.is_hdf5(path))


class Hdf5:
    """An open NetCDF-4 file with the methods of ``netcdf.NetCdf``. Call ``usable`` first.

    Only one thread of the process may use HDF5 at a time, in whatever file and whether through h5py
    or through GDAL: two threads can deadlock. The caller holds a lock from opening to closing the
    file. The functions that ``fetch`` returns do not use HDF5 and need no lock.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    name : str
        File name, for messages.

    Raises
    ------
    InputError
        When the file does not exist, is damaged or has another format.
    """

    def __init__(self, path: str | Path):
        import h5py

        self.name = Path(path).name
        try:
            self._file = h5py.File(path, "r")
        except OSError:
            raise InputError(
                f"{self.name} is not a readable NetCDF-4 file; download it again."
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self._file)

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        return self._file[variable].shape

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute of the file or of a variable as text, empty when it is absent."""
        import h5py

        owner = self._file[variable] if variable else self._file
        values = np.ravel(owner.attrs.get(attribute, ""))
        first = values.item(0) if values.size else ""
        if isinstance(first, bytes):
            return first.decode("utf-8", "replace").strip()
        return "" if isinstance(first, h5py.Empty) else str(first).strip()

    def unit(self, variable: str) -> str:
        """Return the unit of a variable, empty when it has none."""
        return self.text("units", variable)

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
        array = self._file[variable]
        shape = array.shape
        all_cells = tuple(slice(0, size) for size in shape)
        window = window or all_cells
        decode = partial(
            _decode,
            nodata=_number(array, "_FillValue"),
            scale=_number(array, "scale_factor"),
            offset=_number(array, "add_offset"),
        )
        with self._damage_as_input_error(variable):
            decompress_chunk = _read_single_chunk(array)
            if decompress_chunk is None:
                return partial(_take, decode(array[window]))

        def decode_chunk(indices: np.ndarray | None = None) -> np.ndarray:
            with self._damage_as_input_error(variable):
                if window == all_cells and indices is not None:
                    return decode(decompress_chunk(indices))
                return decode(_take(decompress_chunk().reshape(shape)[window], indices))

        return decode_chunk

    @contextmanager
    def _damage_as_input_error(self, variable: str) -> Iterator[None]:
        try:
            yield
        except (OSError, DamagedChunk):
            raise InputError(
                f"{variable} in {self.name} cannot be read; download the file again."
            ) from None


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


def _decode(
    raw: np.ndarray, nodata: float | None, scale: float | None, offset: float | None
) -> np.ndarray:
    """Convert stored values to floats, NaN for ``nodata``, and apply scale and offset."""
    values = raw if raw.dtype.kind == "f" else raw.astype(np.float64)
    if nodata is not None:
        values[raw == nodata] = np.nan
    if scale not in (None, 1.0) or offset not in (None, 0.0):
        values = values * (1.0 if scale is None else scale) + (offset or 0.0)
    return values


def _take(values: np.ndarray, indices: np.ndarray | None = None) -> np.ndarray:
    """Return the values at flat indices, or all of them."""
    return values if indices is None else values.reshape(-1)[indices]


def _number(array, attribute: str) -> float | None:
    """Return an attribute of a variable as a number, None when it is absent."""
    value = array.attrs.get(attribute)
    return None if value is None else float(np.ravel(value)[0])
