"""What a long computation tells its caller, and how it learns that it should stop."""

from __future__ import annotations

from .errors import Cancelled


class Progress:
    """Silent by default; QGIS, a terminal or a test overrides ``say``, ``warn``, ``show`` and ``is_cancelled``."""

    def info(self, text: str) -> None:
        """One line for the log."""

    def warn(self, text: str) -> None:
        """One line for the log that the user should not miss."""

    def show(self, fraction: float) -> None:
        """How much is done, 0 to 1."""

    def is_cancelled(self) -> bool:
        return False

    def stop_if_cancelled(self) -> None:
        """Raise ``Cancelled`` when the user asked to stop."""
        if self.is_cancelled():
            raise Cancelled

    def advance(self, fraction: float) -> None:
        """Report the fraction done and raise ``Cancelled`` when the user asked to stop."""
        self.stop_if_cancelled()
        self.show(min(max(fraction, 0.0), 1.0))

    def part(self, start: float, stop: float) -> Progress:
        """The progress of a sub-task that spans ``start`` to ``stop`` of this one."""
        return _Part(self, start, stop)

    def parts(self, count: int) -> list[Progress]:
        """The progress of ``count`` sub-tasks, one after the other."""
        return [self.part(number / count, (number + 1) / count) for number in range(count)]


class _Part(Progress):
    def __init__(self, whole: Progress, start: float, stop: float):
        self._whole, self._start, self._span = whole, start, stop - start
        self.info, self.warn, self.is_cancelled = whole.info, whole.warn, whole.is_cancelled

    def show(self, fraction: float) -> None:
        self._whole.show(self._start + self._span * fraction)


SILENT = Progress()
