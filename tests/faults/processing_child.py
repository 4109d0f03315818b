"""A process that runs algorithms in QGIS, one after another, and may crash or hang."""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

RAN, REFUSED, PYTHON_ERROR = "ran", "refused", "python"
CRASHED, SILENT = "crash", "hang"
PREFIX = "Unable to execute algorithm\n"
MOST_MEMORY = 6 * 2**30  # bytes of addresses beyond those of QGIS; a test machine survives that


class End(NamedTuple):
    """How a run ended.

    Attributes
    ----------
    how : str
        RAN, REFUSED, PYTHON_ERROR, CRASHED or SILENT.
    message : str
        What the user reads of a refused run.
    warnings : str
        Warnings in the log.
    """

    how: str
    message: str = ""
    warnings: str = ""


class QgisProcess:
    """Runs algorithms in a process, which is started again after a crash or a hang."""

    def __init__(self, seconds: float = 120.0):
        self._seconds = seconds
        self._process = None

    def run(self, stage: str, parameters: dict, out: Path) -> End:
        """Run an algorithm; names of outputs are relative to ``out``."""
        if self._process is None:
            self._start()
        self._pipe.send((stage, parameters, str(out)))
        try:
            if self._pipe.poll(self._seconds):
                return self._pipe.recv()
            how = SILENT
        except (EOFError, ConnectionError):
            how = CRASHED
        self.end()
        return End(how)

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=False)
        self._process.start()
        other.close()
        if not self._pipe.poll(120) or self._pipe.recv() != "ready":
            raise RuntimeError("QGIS does not start")


def _serve(pipe: Connection) -> None:
    from gwsa.setup.start_qgis import start_qgis

    start_qgis()
    resource.setrlimit(resource.RLIMIT_AS, (_addresses() + MOST_MEMORY,) * 2)
    pipe.send("ready")
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            break
        pipe.send(_run(*request))


def _addresses() -> int:
    """Bytes of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _run(stage: str, parameters: dict, out: str) -> End:
    import processing
    from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback

    class Log(QgsProcessingFeedback):
        def __init__(self):
            super().__init__(False)
            self.warnings = []

        def pushWarning(self, text):
            self.warnings.append(text)

    algorithm = QgsApplication.processingRegistry().algorithmById(f"gwsa:{stage}")
    destinations = {one.name() for one in algorithm.destinationParameterDefinitions()}
    given = {name: as_text(value) for name, value in parameters.items()}
    for name in destinations & given.keys():
        if given[name]:
            given[name] = str(Path(out) / given[name])
    log = Log()
    try:
        processing.run(f"gwsa:{stage}", given, feedback=log)
    except QgsProcessingException as error:
        return End(REFUSED, str(error).removeprefix(PREFIX).strip(), "\n".join(log.warnings))
    except Exception as error:
        return End(PYTHON_ERROR, repr(error), "\n".join(log.warnings))
    return End(RAN, "", "\n".join(log.warnings))


def as_text(value):
    """A path as text, also in a list; other values unchanged."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value) if isinstance(value, Path) else value
