"""One thread for the library of linear algebra (BLAS), so that its sums have one order.

With several threads, products of matrices differ in their last digits. Tasks run in threads of
their own, beside which those of BLAS gain little.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple

# Compiled modules that are linked with BLAS; numpy and scipy from PyPI have one each.
MODULES = ("numpy.linalg._umath_linalg", "scipy.linalg._fblas")
# The functions of OpenBLAS in its own build, in those of numpy and scipy, and of MKL.
NAMES = (
    *(
        (f"{prefix}openblas_get_num_threads{ending}", f"{prefix}openblas_set_num_threads{ending}")
        for prefix in ("", "scipy_")
        for ending in ("", "64_")
    ),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)


class _Library(NamedTuple):
    """Functions that return and set the number of threads of a library."""

    get: Any
    set: Any


_lock = Lock()
# Contexts that are open, and the number of threads of each library before the first of them.
_open: list[None] = []
_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let OpenBLAS and MKL use one thread in this process.

    Contexts may overlap; the last to end restores the number. On Windows, and of the library of
    macOS, the functions are not found, and nothing changes.
    """
    libraries = blas_libraries()
    with _lock:
        if not _open:
            _before[:] = [library.get() for library in libraries]
            for library in libraries:
                library.set(1)
        _open.append(None)
    try:
        yield
    finally:
        with _lock:
            _open.pop()
            if not _open:
                for library, count in zip(libraries, _before):
                    library.set(count)


@cache
def blas_libraries() -> tuple[_Library, ...]:
    """Return the libraries that numpy and scipy use and whose threads can be set."""
    found = {}
    for module in MODULES:
        try:
            # The system looks for a function in what the module is linked with, too.
            linked = ctypes.CDLL(import_module(module).__file__)
        except (ImportError, OSError):
            continue
        for names in NAMES:
            if all(hasattr(linked, name) for name in names):
                library = _Library(*(getattr(linked, name) for name in names))
                found[ctypes.cast(library.set, ctypes.c_void_p).value] = library
    return tuple(found.values())
