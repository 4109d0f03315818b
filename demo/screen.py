"""What the user sees while the demonstration works: one line a step, updated in place on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager

from gwsa.gwsa_plugin.core.files.html_report import cell_text


class Screen:
    """``steps`` is how many there will be; ``seconds`` holds what each one took, by its title."""

    def __init__(self, steps: int):
        self._steps = steps
        self._moves = sys.stdout.isatty()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, title: str):
        """Yield a function that takes the fraction done."""
        line = f"[{len(self.seconds) + 1:2}/{self._steps}] {title}"
        started = time.monotonic()
        if not self._moves:
            print(line, flush=True)

        def show(fraction: float) -> None:
            if self._moves:
                print(
                    f"\r{line:<68}{fraction:5.0%}{_elapsed(started):>8}\x1b[K", end="", flush=True
                )

        try:
            show(0.0)
            yield show
        except BaseException:
            if self._moves:
                print()
            raise
        self.seconds[title] = time.monotonic() - started
        print(
            f"\r{line:<73}{_elapsed(started):>8}\x1b[K"
            if self._moves
            else f"        {_elapsed(started)}",
            flush=True,
        )


def _elapsed(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


def table(rows: list[tuple]) -> str:
    """Columns as wide as they need; numbers with three significant digits, to the right."""
    texts = [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    lines = (
        "  ".join([f"{row[0]:<{widths[0]}}", *map(str.rjust, row[1:], widths[1:])]) for row in texts
    )
    return "\n".join(line.rstrip() for line in lines)
