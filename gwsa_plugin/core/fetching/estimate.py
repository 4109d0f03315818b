"""How much comes, how long it takes, and how much of a run is done."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from ..base.progress import duration_name
from .remote_file import RemoteFile

# Bytes in a second that are assumed of a connection, and seconds until a server begins to answer.
BYTES_PER_S = 2e6
ANSWER_S = 2.0
# Files that are fetched at once.
AT_ONCE = 4
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def bytes_text(least: float, most: float | None = None) -> str:
    """Format a number of bytes as text, for example ``"107 MB"`` or ``"8 to 20 MB"``."""
    texts = [_with_unit(count) for count in (least, least if most is None else most)]
    if texts[0] == texts[1]:
        return texts[0]
    shared = texts[1].rpartition(" ")[2]
    return f"{texts[0].removesuffix(f' {shared}')} to {texts[1]}"


def _with_unit(count: float) -> str:
    """A number of bytes with two or three digits."""
    size, unit = next((one for one in UNITS if count >= one[0]), (1.0, "bytes"))
    number = count / size
    return f"{number:.2g} {unit}" if number < 10 and size > 1 else f"{number:.0f} {unit}"


def duration_text(files: Iterable[RemoteFile]) -> str:
    """Return the sentence about the time that files take, with what it assumes."""
    return (
        f"About {duration_name(duration_s(files))} at {bytes_text(BYTES_PER_S)}/s and "
        f"{ANSWER_S:.0f} s for each answer, {AT_ONCE} at once."
    )


def duration_s(files: Iterable[RemoteFile]) -> float:
    """Return the seconds that files take at ``BYTES_PER_S`` and ``ANSWER_S`` a file."""
    return sum(ANSWER_S / AT_ONCE + _expected_bytes(file) / BYTES_PER_S for file in files)


def _expected_bytes(file: RemoteFile) -> float:
    return sum(file.size) / 2


class Arrivals:
    """Counts what came in all threads.

    Parameters
    ----------
    files : iterable of RemoteFile
        The files of the run.
    """

    def __init__(self, files: Iterable[RemoteFile]):
        self._left = {file.path: file for file in files}
        self._total_s = duration_s(self._left.values())
        self._done_s = 0.0
        self._came = dict.fromkeys(self._left, 0)
        self._lock = Lock()

    def add(self, file: RemoteFile, count: int) -> None:
        """Count bytes of a file that came."""
        with self._lock:
            self._came[file.path] += count

    def settle(self, file: RemoteFile) -> None:
        """Count a file as done, whether it came or not."""
        with self._lock:
            self._done_s += duration_s([self._left.pop(file.path)])

    @property
    def bytes(self) -> int:
        """Bytes that came."""
        with self._lock:
            return sum(self._came.values())

    @property
    def fraction(self) -> float:
        """The part of the work that is done, from 0 to 1."""
        with self._lock:
            begun = sum(
                min(self._came[path], _expected_bytes(file)) / BYTES_PER_S
                for path, file in self._left.items()
            )
            return min((self._done_s + begun) / self._total_s, 1.0) if self._total_s else 1.0
