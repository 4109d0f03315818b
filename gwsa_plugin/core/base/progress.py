"""Progress reports and cancellation of long computations.

Every long function of the core takes a ``Progress``. It reports to it and calls
``stop_if_cancelled`` or ``advance`` often enough that a cancelled run ends within two seconds.
"""

from __future__ import annotations

from time import perf_counter

from .errors import Cancelled

# Seconds until the first line on the time left; each further line comes after twice the time.
FIRST_ESTIMATE_S = 10.0
MINUTE = 60.0


class Progress:
    """Receiver of log lines and of the fraction done, and source of cancellation requests.

    This class is silent and is never cancelled. QGIS, a terminal or a test overrides ``info``,
    ``warn``, ``show`` and ``is_cancelled``; the core calls ``info``, ``warn`` and the methods that
    are built on the other two.
    """

    def info(self, text: str) -> None:
        """Write a line to the log."""

    def warn(self, text: str) -> None:
        """Write a warning, which the user should not miss, to the log."""

    def show(self, fraction: float) -> None:
        """Show the fraction that is done, from 0 to 1."""

    def is_cancelled(self) -> bool:
        """Return True once the user has cancelled the computation."""
        return False

    def stop_if_cancelled(self) -> None:
        """Raise Cancelled if the user has cancelled the computation."""
        if self.is_cancelled():
            raise Cancelled

    def advance(self, fraction: float) -> None:
        """Show the fraction that is done, clipped to 0..1, unless the computation is cancelled.

        Raises
        ------
        Cancelled
            When the user has cancelled the computation.
        """
        self.stop_if_cancelled()
        self.show(min(max(fraction, 0.0), 1.0))

    def part(self, start: float, stop: float) -> Progress:
        """Return the progress of a sub-task.

        Parameters
        ----------
        start, stop : float
            Fractions of this progress at which the sub-task begins and ends.

        Returns
        -------
        Progress
            Its 0..1 is ``start`` to ``stop`` of this one; log lines and cancellation are passed on.
        """
        return _Part(self, start, stop)

    def parts(self, count: int) -> list[Progress]:
        """Return the progress of each of ``count`` equally long sub-tasks that run in sequence."""
        return [self.part(number / count, (number + 1) / count) for number in range(count)]

    def timed(self, work: str) -> Progress:
        """Return this progress with lines in the log on the time left.

        Parameters
        ----------
        work : str
            What takes the time; the lines begin with it.
        """
        return _Timed(self, work)


class _Part(Progress):
    """The part of another progress from ``start`` to ``stop``."""

    def __init__(self, parent: Progress, start: float, stop: float):
        self._parent = parent
        self._start = start
        self._span = stop - start

    def info(self, text: str) -> None:
        self._parent.info(text)

    def warn(self, text: str) -> None:
        self._parent.warn(text)

    def show(self, fraction: float) -> None:
        self._parent.show(self._start + self._span * fraction)

    def is_cancelled(self) -> bool:
        return self._parent.is_cancelled()


class _Timed(_Part):
    """A progress that logs the time left after 10, 20, 40 ... seconds."""

    def __init__(self, parent: Progress, work: str):
        super().__init__(parent, 0.0, 1.0)
        self._work = work
        self._started = perf_counter()
        self._next = FIRST_ESTIMATE_S

    def show(self, fraction: float) -> None:
        elapsed = perf_counter() - self._started
        if elapsed >= self._next and 0 < fraction < 1:
            left = elapsed * (1 - fraction) / fraction
            self.info(f"{self._work}: about {duration_name(left)} left.")
            self._next = 2 * elapsed
        super().show(fraction)


def duration_name(seconds: float) -> str:
    """Format a duration as text, for example ``"40 seconds"`` or ``"3 minutes"``."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} seconds"
    return f"{seconds / MINUTE:.0f} minutes"


SILENT = Progress()
