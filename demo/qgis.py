"""Runs of qgis_process in a clean profile with the plugin of this checkout."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
# The wrapper qgis_process of Debian 12 passes an option that the program rejects (QGIS #57683).
PROGRAMS = ("qgis_process.bin", "qgis_process")
# Interval between updates of the progress, seconds.
REFRESH_S = 0.5


class StepFailed(Exception):
    """A step failed; the message is the error message of qgis_process."""


class QgisProcess:
    """Runs algorithms of the plugin through qgis_process.

    Parameters
    ----------
    profile : Path
        Folder of the QGIS profile, which is replaced.
    log : Path
        File that receives the output of each qgis_process when it has ended.

    Raises
    ------
    StepFailed
        When qgis_process is not installed.
    """

    def __init__(self, profile: Path, log: Path):
        self._program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if self._program is None:
            raise StepFailed("qgis_process is not installed; install the Debian package qgis.")
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
            # Programs started by QGIS use the first python3 in the path.
            "PATH": f"/usr/bin:{os.environ['PATH']}",
            "QGIS_CUSTOM_CONFIG_PATH": str(profile.absolute()),
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(runtime.absolute()),
        }
        self._call(["plugins", "enable", "gwsa"], lambda fraction: None)

    def run(self, algorithm: str, parameters: dict, show: Callable[[float], None]) -> None:
        """Run an algorithm.

        Parameters
        ----------
        algorithm : str
            Identifier of the algorithm without the prefix ``gwsa:``.
        parameters : dict
            Its parameters.
        show : callable
            Called with the fraction done, at least twice a second.

        Raises
        ------
        StepFailed
            When the algorithm fails.
        """
        arguments = [f"--{name}={value}" for name, value in parameters.items()]
        self._call(["run", f"gwsa:{algorithm}", *arguments], show)

    def _call(self, arguments: list[str], show) -> None:
        command = [self._program, *arguments]
        lines = [" ".join(command)]
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=errors
            )
            lines += _messages(process.stdout, show)
            failed = process.wait() != 0
            errors.seek(0)
            output = errors.read()
        # At once, because another step can run at the same time.
        with self._log.open("a") as log:
            log.write("\n".join([*lines, output, ""]))
        if failed:
            raise StepFailed(_error_message(output))


def _messages(stream, show):
    """Yield the lines of the log as they are printed, and show the progress."""
    progress = PrintedProgress()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            show(progress.fraction)
            if not selector.select(REFRESH_S):
                continue
            block = os.read(stream.fileno(), 1 << 16)
            if not block:
                return
            yield from progress.feed(block.decode(errors="replace"))


def _error_message(output: str) -> str:
    """Text after "ERROR:", with repeated lines removed."""
    _, found, message = output.partition("ERROR:")
    lines = (
        line.removeprefix("ERROR:").strip() for line in (message if found else output).splitlines()
    )
    return "\n".join(dict.fromkeys(filter(None, lines)))


class PrintedProgress:
    """Parser of the output of qgis_process.

    The program prints its progress as 0...10...20, with log lines between the dots and numbers.
    """

    LAST = 40

    def __init__(self):
        self._tick = 0
        self._rest = ""

    @property
    def fraction(self) -> float:
        """Fraction done, 0 to 1."""
        return max(self._tick - 1, 0) / self.LAST

    def feed(self, text: str) -> list[str]:
        """Parse more output.

        Parameters
        ----------
        text : str
            Output since the last call.

        Returns
        -------
        list of str
            Log lines that are now complete, without the progress between them.
        """
        self._rest += text
        lines = []
        while True:
            self._remove_ticks()
            line, end, rest = self._rest.partition("\n")
            if not end:
                return lines
            lines.append(line)
            self._rest = rest

    def _remove_ticks(self) -> None:
        """Count and remove the dots and numbers at the start of the rest."""
        while self._tick <= self.LAST:
            expected = "." if self._tick % 4 else str(self._tick // 4 * 10)
            if not self._rest.startswith(expected):
                return
            self._rest = self._rest[len(expected) :]
            self._tick += 1
