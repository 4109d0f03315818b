"""Return memory that was freed to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def trimmed_heap() -> Iterator[None]:
    """Return freed memory to the system at the end of the context.

    The allocator of Linux keeps the freed memory of many threads, some hundred MB after a run, and
    does not use it again in the next one. Other systems have nothing to be done.
    """
    try:
        yield
    finally:
        if sys.platform == "linux":
            # Only glibc has the function.
            with suppress(OSError, AttributeError):
                ctypes.CDLL(None).malloc_trim(0)
