"""The real qgis_process, in a clean profile whose GWSA plugin is this checkout."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
# Debian 12's wrapper of that name passes an option that the program does not know (QGIS #57683).
PROGRAMS = ("qgis_process.bin", "qgis_process")
REFRESH_S = 0.5


class StepFailed(Exception):
    """The message is what the program said."""


class QgisProcess:
    """Runs algorithms; all that they say goes to ``log``. ``profile`` is made anew."""

    def __init__(self, profile: Path, log: Path):
        self._program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if self._program is None:
            raise StepFailed("qgis_process is not here; install the Debian package qgis.")
        self._log = log
        log.write_text("")
        shutil.rmtree(profile, ignore_errors=True)
        plugins = profile / "profiles" / "default" / "python" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "gwsa").symlink_to(CHECKOUT, target_is_directory=True)
        runtime = profile / "runtime"
        runtime.mkdir(mode=0o700)
        self._environment = {
            **os.environ,
            "PATH": f"/usr/bin:{os.environ['PATH']}",  # QGIS's children take the first python3 they find
            "QGIS_CUSTOM_CONFIG_PATH": str(profile.absolute()),
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(runtime.absolute()),
        }
        self._call(["plugins", "enable", "gwsa"], lambda fraction: None)

    def run(self, algorithm: str, parameters: dict, show: Callable[[float], None]) -> None:
        """Run ``gwsa:<algorithm>``; ``show`` is called with the fraction done, twice a second and when it changes."""
        given = [f"--{name}={value}" for name, value in parameters.items()]
        self._call(["run", f"gwsa:{algorithm}", *given], show)

    def _call(self, arguments: list[str], show) -> None:
        with tempfile.TemporaryFile("w+") as errors, self._log.open("a") as log:
            command = [self._program, *arguments]
            log.write(" ".join(command) + "\n")
            process = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=errors
            )
            for message in _messages(process.stdout, show):
                log.write(message + "\n")
            failed = process.wait() != 0
            errors.seek(0)
            complaints = errors.read()
            log.write(complaints + "\n")
        if failed:
            raise StepFailed(_sentence(complaints))


def _messages(stream, show):
    """The lines of the log as they come, while ``show`` hears of the progress between them."""
    ticks = Ticks()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            show(ticks.fraction)
            if not selector.select(REFRESH_S):
                continue
            block = os.read(stream.fileno(), 1 << 16)
            if not block:
                return
            yield from ticks.feed(block.decode(errors="replace"))


def _sentence(complaints: str) -> str:
    """What follows ERROR:, each line once, as QGIS repeats itself."""
    _, found, message = complaints.partition("ERROR:")
    lines = (
        line.removeprefix("ERROR:").strip()
        for line in (message if found else complaints).splitlines()
    )
    return "\n".join(dict.fromkeys(filter(None, lines)))


class Ticks:
    """The progress that qgis_process prints, 0...10...20, with lines of the log between its dots and numbers."""

    LAST = 40

    def __init__(self):
        self._tick = 0
        self._rest = ""

    @property
    def fraction(self) -> float:
        return max(self._tick - 1, 0) / self.LAST

    def feed(self, text: str) -> list[str]:
        """The lines that ``text`` completes, without the progress in them."""
        self._rest += text
        lines = []
        while True:
            self._take_ticks()
            line, end, rest = self._rest.partition("\n")
            if not end:
                return lines
            lines.append(line)
            self._rest = rest

    def _take_ticks(self) -> None:
        while self._tick <= self.LAST:
            expected = "." if self._tick % 4 else str(self._tick // 4 * 10)
            if not self._rest.startswith(expected):
                return
            self._rest = self._rest[len(expected) :]
            self._tick += 1
