"""Messages between QGIS and the child process that has files open: a line of JSON and arrays.

The bytes of the arrays of a message follow its line, in the order in which they stand in it. Those
of bool are packed as bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import IO, Any

import numpy as np


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message.

    Parameters
    ----------
    stream : binary file
    message : dict, list, str, number or None
        What JSON holds; also other mappings, slices, NumPy's numbers and arrays.
    """
    arrays: list[np.ndarray] = []
    line = json.dumps(message, default=partial(_described, arrays))
    stream.write(line.encode() + b"\n")
    for array in arrays:
        flat = array.reshape(-1)
        stream.write((np.packbits(flat) if flat.dtype == bool else flat.view("u1")).data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a message.

    Raises
    ------
    EOFError
        When the stream ends before the message does.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return json.loads(line, object_hook=partial(_restored, stream))


def _described(arrays: list[np.ndarray], value: Any) -> Any:
    """What stands in the line for a value that JSON does not hold."""
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {"/array": [value.dtype.str, value.shape]}
    if isinstance(value, slice):
        return {"/slice": [int(value.start), int(value.stop)]}
    return dict(value) if isinstance(value, Mapping) else value.item()


def _restored(stream: IO[bytes], item: dict) -> Any:
    """The array or slice that an object of JSON describes, or the object itself."""
    if isinstance(item.get("/slice"), list):
        return slice(*item["/slice"])
    if not isinstance(item.get("/array"), list):
        return item
    dtype, shape = item["/array"]
    values = np.empty(shape, dtype)
    is_packed = values.dtype == bool
    content = np.empty(-(-values.size // 8), "u1") if is_packed else values.reshape(-1).view("u1")
    if stream.readinto(content) != content.nbytes:  # type: ignore[attr-defined]
        raise EOFError
    if is_packed:
        return np.unpackbits(content, count=values.size).view(bool).reshape(shape)
    return values
