"""NetCDF-4 files that are whole, but state or contain what is wrong or unusual."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

# Attributes of HDF5 that make an array an axis, or name its axes.
AXES = ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates")


def changing(change: Callable) -> Callable:
    """Make a function of a path from one that changes an open file."""

    def damage(path: Path, *arguments: str) -> None:
        with h5py.File(path, "r+") as file:
            change(file, *arguments)

    damage.__name__ = f"nc_{change.__name__}"
    return damage


def attribute(file: h5py.File, owner: str, name: str, *value: str) -> None:
    """An attribute of a variable or, for ``/``, of the file, as JSON; none without a value."""
    attributes = file[owner].attrs
    attributes.pop(name, None)
    if value:
        attributes[name] = json.loads(" ".join(value))


def bytes_attribute(file: h5py.File, name: str) -> None:
    """An attribute that is no text in any encoding."""
    file.attrs[name] = b"\xff\xfe\xfa"


def rename(file: h5py.File, name: str, other: str) -> None:
    file.move(name, other)


def remove(file: h5py.File, name: str) -> None:
    del file[name]


def values(file: h5py.File, name: str, number: str) -> None:
    file[name][...] = np.full(file[name].shape, float(number), file[name].dtype)


def value(file: h5py.File, name: str, *place_and_number: str) -> None:
    """One value: its indices, and the number."""
    *place, number = place_and_number
    content = file[name][...]
    content[tuple(map(int, place))] = float(number)
    file[name][...] = content


def times(file: h5py.File, name: str, factor: str) -> None:
    file[name][...] = file[name][...] * float(factor)


def plus(file: h5py.File, name: str, number: str) -> None:
    file[name][...] = file[name][...] + float(number)


def stretch(file: h5py.File, name: str) -> None:
    """Distances that grow along an axis."""
    content = file[name][...]
    file[name][...] = content + 0.1 * np.linspace(0, 1, content.size) ** 2


def reverse(file: h5py.File, *names: str) -> None:
    """Arrays in the opposite order along their first axis."""
    for name in names:
        file[name][...] = file[name][...][::-1]


def reverse_columns(file: h5py.File, name: str) -> None:
    file[name][...] = file[name][...][:, ::-1]


def keep(file: h5py.File, first: str, last: str) -> None:
    """The solutions from one to before another, in all arrays over time."""
    part = slice(int(first), int(last))
    over_time = [name for name in ("time", "time_bounds", "lwe_thickness") if name in file]
    old = {name: (file[name][part], _attributes(file[name])) for name in over_time}
    for name in over_time:
        del file[name]
    for name, (content, attributes) in old.items():
        new = file.create_dataset(name, data=content)
        new.attrs.update(attributes)
    file["time"].make_scale("time")
    for number, name in enumerate(("time", "lat", "lon")):
        file["lwe_thickness"].dims[number].attach_scale(file[name])


def _attributes(array: h5py.Dataset) -> dict:
    return {name: value for name, value in array.attrs.items() if name not in AXES}


def swap_axes(file: h5py.File) -> None:
    """Latitudes that are longitudes, and the reverse."""
    file["lat"][...] = file["lat"][...] + 50
    file["lon"][...] = file["lon"][...] - 50


NETCDF = {
    f"nc_{one.__name__}": changing(one)
    for one in (
        attribute, bytes_attribute, rename, remove, values, value, times, plus, stretch, reverse,
        reverse_columns, keep, swap_axes,
    )
}  # fmt: skip
