"""The progress of long calls of GDAL, and their cancellation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..base.progress import Progress


@contextmanager
def gdal_progress(progress: Progress, show: bool = False) -> Iterator[Callable[..., int]]:
    """Yield a callback for a call of GDAL that ends the call when the user cancels.

    GDAL discards an exception of its callback and reports an error of its own; the exception is
    raised again at the end of the context.

    Parameters
    ----------
    progress : Progress
        Asked for cancellation.
    show : bool
        True to show the fraction that GDAL reports as well.
    """
    stopped: list[Exception] = []

    def should_continue(fraction: float, *_) -> int:
        try:
            if show:
                progress.advance(fraction)
            else:
                progress.stop_if_cancelled()
        except Exception as reason:
            stopped.append(reason)
        return not stopped

    try:
        yield should_continue
    except OSError:
        if not stopped:
            raise
    # Some of GDAL's functions report no error when they are ended.
    if stopped:
        raise stopped[0]
