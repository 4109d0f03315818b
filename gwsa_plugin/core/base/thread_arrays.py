"""Arrays in memory that a thread uses again.

The system fills new memory with zeros, page by page, when it is first used. For arrays that are
filled and read once this is a considerable part of the time.
"""

from __future__ import annotations

import math
import threading

import numpy as np

_memory = threading.local()


def thread_array(name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return an array in the memory that this thread keeps under a name.

    The next array with the same name in the same thread overwrites it. The memory is freed when the
    thread ends.

    Parameters
    ----------
    name : str
        Name of the memory.
    shape : tuple of int
        Shape of the array.
    dtype : type
        Its type.

    Returns
    -------
    numpy.ndarray
        Its values are arbitrary.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = getattr(_memory, name, None)
    if memory is None or memory.size < size:
        memory = np.empty(size, dtype=np.uint8)
        setattr(_memory, name, memory)
    return memory[:size].view(dtype).reshape(shape)
