"""Progress of the demonstration on the screen: the steps that run, and each that has ended."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from threading import Lock

from gwsa.gwsa_plugin.core.files.html_report import cell_text

# Characters of the line of the steps that run.
WIDTH = 100


class Screen:
    """Prints the progress of steps, some of which run at the same time.

    Parameters
    ----------
    steps : int
        Number of steps.
    """

    def __init__(self, steps: int):
        self._steps = steps
        self._is_terminal = sys.stdout.isatty()
        self._lock = Lock()
        self._running: dict[int, str] = {}

    @contextmanager
    def step(self, number: int, title: str):
        """Measure and show one step.

        Parameters
        ----------
        number : int
            Its number, from 1.
        title : str
            Title of the step.

        Yields
        ------
        callable
            Function that shows the fraction done.
        """
        line = f"[{number:2}/{self._steps}] {title}"
        started = time.monotonic()

        def show(fraction: float) -> None:
            self._update(number, f"{line} {fraction:.0%}")

        show(0.0)
        ended = "failed"
        try:
            yield show
            ended = f"{time.monotonic() - started:.0f} s"
        finally:
            self._end(number, f"{line:<73}{ended:>8}")

    def _update(self, number: int, text: str) -> None:
        """Show the steps that run, on a terminal."""
        with self._lock:
            self._running[number] = text
            self._print_running()

    def _end(self, number: int, text: str) -> None:
        """Print the line of a step that has ended."""
        with self._lock:
            del self._running[number]
            start, end = ("\r", "\x1b[K") if self._is_terminal else ("", "")
            print(f"{start}{text}{end}", flush=True)
            self._print_running()

    def _print_running(self) -> None:
        if self._is_terminal:
            text = "   ".join(self._running.values())
            print(f"\r{text[:WIDTH]}\x1b[K", end="", flush=True)


def table(rows: list[tuple]) -> str:
    """Format a table as text.

    Parameters
    ----------
    rows : list of tuple
        Header and rows. Numbers get three significant digits and are right-aligned.

    Returns
    -------
    str
    """
    texts = [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    lines = []
    for first, *others in texts:
        cells = [f"{first:<{widths[0]}}", *map(str.rjust, others, widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
