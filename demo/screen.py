"""Progress of the demonstration on the screen: one line per step, updated on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager

from gwsa.gwsa_plugin.core.files.html_report import cell_text


class Screen:
    """Prints the progress of the steps.

    Parameters
    ----------
    steps : int
        Number of steps.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each completed step by its title.
    """

    def __init__(self, steps: int):
        self._steps = steps
        self._is_terminal = sys.stdout.isatty()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, title: str):
        """Measure and show one step.

        Parameters
        ----------
        title : str
            Title of the step.

        Yields
        ------
        callable
            Function that shows the fraction done.
        """
        line = f"[{len(self.seconds) + 1:2}/{self._steps}] {title}"
        started = time.monotonic()
        if not self._is_terminal:
            print(line, flush=True)

        def show(fraction: float) -> None:
            if self._is_terminal:
                text = f"\r{line:<68}{fraction:5.0%}{_elapsed(started):>8}\x1b[K"
                print(text, end="", flush=True)

        try:
            show(0.0)
            yield show
        except BaseException:
            if self._is_terminal:
                print()
            raise
        self.seconds[title] = time.monotonic() - started
        text = f"        {_elapsed(started)}"
        if self._is_terminal:
            text = f"\r{line:<73}{_elapsed(started):>8}\x1b[K"
        print(text, flush=True)


def _elapsed(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


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
