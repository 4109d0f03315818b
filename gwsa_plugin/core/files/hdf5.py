"""NetCDF-4 through h5py: the face of ``netcdf.NetCdf``, and what is packed can be unpacked by several threads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from .inflate import Damaged, unpack

DEFLATE, SHUFFLE = 1, 2  # HDF5's numbers of its filters


@lru_cache
def usable() -> bool:
    """True where there is an h5py that shares the HDF5 library with QGIS's GDAL.

    Wheels carry a library of their own, and two of them in one process break each other; so h5py is looked at before
    it is imported.
    """
    found = find_spec("h5py")
    if found is None or not found.submodule_search_locations:
        return False
    folder = Path(found.submodule_search_locations[0])
    own = (folder.with_name("h5py.libs"), folder / ".dylibs", *folder.glob("hdf5*.dll"))
    if any(path.exists() for path in own):
        return False
    try:
        import_module("h5py")
    except ImportError:
        return False
    return True


def is_hdf5(path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


class Hdf5:
    """An open file, for one thread at a time in all the program, as two can lock each other out for good.

    Call ``usable`` first. ``name`` is the file's own, for messages.
    """

    def __init__(self, path):
        """Raises InputError for a file that is absent, damaged or of another format."""
        import h5py

        self.name = Path(path).name
        try:
            self._file = h5py.File(path, "r")
        except OSError:
            raise InputError(
                f"{self.name} is not a readable NetCDF-4 file; download it again."
            ) from None

    def close(self) -> None:
        self._file.close()

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self._file)

    def shape(self, variable: str) -> tuple[int, ...]:
        return self._file[variable].shape

    def text(self, attribute: str, variable: str | None = None) -> str:
        """An attribute of the file or of a variable as text; empty when there is none."""
        owner = self._file[variable] if variable else self._file
        first, *_ = [*np.ravel(owner.attrs.get(attribute, "")).tolist(), ""]
        if isinstance(first, bytes):
            return first.decode("utf-8", "replace").strip()
        return "" if type(first).__name__ == "Empty" else str(first).strip()

    def unit(self, variable: str) -> str:
        return self.text("units", variable)

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """A variable, or a ``window`` of it (one slice with start and stop a dimension), as floats.

        NaN where the file says there is no value; scale and offset are applied.
        """
        return self.fetch(variable, *window)()

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """A call that gives what ``read`` gives, or at flat places in it if given some; any thread may make it later.

        HDF5 unpacks for one thread at a time. So where an array is one packed chunk, that is taken as it lies in the
        file, and unpacked by the call, which then raises the InputError.
        """
        array = self._file[variable]
        everything = tuple(slice(0, size) for size in array.shape)
        window = window or everything
        finish = partial(
            _finish,
            *(_number(array, name) for name in ("_FillValue", "scale_factor", "add_offset")),
        )
        with self._telling(variable):
            chunk = _only_chunk(array)
            stored = array[window] if chunk is None else None
        shape = array.shape

        def fetched(places: np.ndarray | None = None) -> np.ndarray:
            with self._telling(variable):
                if chunk is not None and window == everything and places is not None:
                    return finish(chunk(places))
                values = stored if chunk is None else chunk(None).reshape(shape)[window]
            return finish(values if places is None else values.reshape(-1)[places])

        return fetched

    @contextmanager
    def _telling(self, variable: str):
        try:
            yield
        except (OSError, Damaged):
            raise InputError(
                f"{variable} in {self.name} cannot be read; download the file again."
            ) from None


def _only_chunk(array) -> Callable[..., np.ndarray] | None:
    """A call that unpacks an array of one chunk of float32, flat; None where HDF5 itself must read it."""
    if array.chunks != array.shape or array.dtype != np.dtype("<f4"):
        return None
    settings = array.id.get_create_plist()
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    if filters not in ([SHUFFLE, DEFLATE], [DEFLATE]) or not array.id.get_num_chunks():
        return None
    skipped, packed = array.id.read_direct_chunk((0,) * array.ndim)
    return None if skipped else partial(unpack, packed, array.size, SHUFFLE in filters)


def _finish(
    nodata: float | None, scale: float | None, offset: float | None, raw: np.ndarray
) -> np.ndarray:
    values = raw if raw.dtype.kind == "f" else raw.astype(np.float64)
    if nodata is not None:
        values[raw == nodata] = np.nan
    if scale not in (None, 1.0) or offset not in (None, 0.0):
        values = values * (1.0 if scale is None else scale) + (offset or 0.0)
    return values


def _number(array, attribute: str) -> float | None:
    value = array.attrs.get(attribute)
    return None if value is None else float(np.ravel(value)[0])
