"""How fast files come, and how long the rest takes."""

from __future__ import annotations

from collections import deque
from time import monotonic

from ...gwsa_plugin.core.base.progress import duration_name

# Seconds over which a rate is measured, and before a time left is stated.
WINDOW_S = 10.0
FIRST_S = 2.0


class Rate:
    """Measures a run from now on.

    Parameters
    ----------
    clock : callable
        Returns seconds.
    """

    def __init__(self, clock=monotonic):
        self._clock = clock
        self._started = clock()
        self._counts = deque([(self._started, 0)])

    def add(self, count: int) -> None:
        """Note the number of bytes that have come."""
        self._counts.append((self._clock(), count))
        while self._counts[-1][0] - self._counts[0][0] > WINDOW_S and len(self._counts) > 2:
            self._counts.popleft()

    @property
    def bytes_per_s(self) -> float:
        """Rate of the last seconds."""
        (start, before), (stop, after) = self._counts[0], self._counts[-1]
        return (after - before) / (stop - start) if stop > start else 0.0

    def time_left(self, fraction: float) -> str:
        """Return the time that the rest takes, as text; empty where it is not known yet.

        Parameters
        ----------
        fraction : float
            The part of the work that is done.
        """
        elapsed = self._clock() - self._started
        if elapsed < FIRST_S or not 0 < fraction < 1:
            return ""
        return duration_name(elapsed * (1 - fraction) / fraction)
