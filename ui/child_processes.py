"""Children of QGIS that run its own Python: a library is tried, or pip installs one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from qgis.core import QgsApplication, QgsNetworkAccessManager, QgsTask
from qgis.PyQt.QtCore import QObject, QProcess, QProcessEnvironment, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkProxy

from ..gwsa_plugin.core.base.interpreter import find_python
from ..gwsa_plugin.dependencies import Found, find, install_arguments, installed_version
from ..gwsa_plugin.installation import pip_variables, record_installed
from ..gwsa_plugin.libraries import BY_NAME
from ..gwsa_plugin.qgis_python import add_dependencies_folder, dependencies_folder

# The child imports a library with the Python path of QGIS, in which the plugin comes last.
TRIAL = (
    "import json, sys; sys.path[:] = sys.argv[2:]; "
    "from gwsa_plugin.dependencies import find; print(json.dumps(find(sys.argv[1])))"
)
# A bar that overwrites itself and questions that nobody sees have no place in a log.
_QUIET = ("--no-input", "--progress-bar=off")


def try_library(name: str, then: Callable[[Found], None], parent: QObject) -> None:
    """Import a library in a child process, which a damaged library may crash.

    Parameters
    ----------
    name : str
        Name of the library.
    then : callable
        Called with what was found.
    parent : QObject
        Owner of the process.
    """
    python = find_python()
    if python is None:
        then(find(name))
        return
    process = QProcess(parent)
    process.setProcessEnvironment(_environment(None))
    process.finished.connect(lambda *_: then(_result(name, process)))
    plugin = Path(__file__).parents[1]
    path = [*sys.path, str(dependencies_folder()), str(plugin)]
    process.start(str(python), ["-c", TRIAL, name, *path])


def _result(name: str, process: QProcess) -> Found:
    lines = bytes(process.readAllStandardOutput()).decode("utf-8", "replace").split("\n")
    if process.exitStatus() == QProcess.ExitStatus.NormalExit and process.exitCode() == 0:
        return Found(*json.loads(next(line for line in reversed(lines) if line.strip())))
    return Found(installed_version(name), "it ends Python when it is imported")


# QGIS keeps no reference to a task of Python, and the dialog may be closed before the end.
_running: set[QgsTask] = set()


class InstallTask(QgsTask):
    """Runs pip in the background and passes on its log.

    Parameters
    ----------
    names : sequence of str
        Libraries with a file of pinned packages.
    """

    line = pyqtSignal(str)
    ended = pyqtSignal(bool)

    def __init__(self, names: Sequence[str]):
        super().__init__(f"GWSA: install {' and '.join(names)}", QgsTask.Flag.CanCancel)
        self._names = names
        self._arguments = install_arguments([str(BY_NAME[name].requirements) for name in names])
        self._environment = _environment(proxy_address())

    def start(self):
        """Start the task in the background."""
        _running.add(self)
        QgsApplication.taskManager().addTask(self)

    def run(self):
        """Run pip until it ends or the task is cancelled."""
        process = QProcess()
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.setProcessEnvironment(self._environment)
        process.start(str(find_python()), ["-m", "pip", *self._arguments, *_QUIET])
        while process.state() != QProcess.ProcessState.NotRunning:
            process.waitForReadyRead(200)
            self._pass_on(process)
            if self.isCanceled():
                process.kill()
                process.waitForFinished()
        self._pass_on(process)
        return process.exitStatus() == QProcess.ExitStatus.NormalExit and process.exitCode() == 0

    def _pass_on(self, process: QProcess) -> None:
        text = bytes(process.readAllStandardOutput()).decode("utf-8", "replace")
        for line in text.splitlines():
            self.line.emit(line)

    def finished(self, result):
        """List what was installed, and let stages import it without a restart."""
        if result:
            record_installed(self._names)
            add_dependencies_folder()
        self.ended.emit(result)
        _running.discard(self)


def proxy_address() -> str | None:
    """Return the HTTP proxy in the settings of QGIS as an address; None if there is none."""
    proxy = QgsNetworkAccessManager.instance().fallbackProxy()
    if proxy.type() != QNetworkProxy.ProxyType.HttpProxy or not proxy.hostName():
        return None
    user = f"{proxy.user()}:{proxy.password()}@" if proxy.user() else ""
    return f"http://{user}{proxy.hostName()}:{proxy.port()}"


def _environment(proxy: str | None) -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in pip_variables(proxy).items():
        environment.insert(name, value)
    return environment
