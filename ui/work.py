"""Work in the background that can be cancelled and passes on what it has found so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..gwsa_plugin.core.base.errors import Cancelled
from ..gwsa_plugin.core.base.progress import Progress
from ..processing_provider.error_messages import error_message
from .task_progress import TaskProgress

# Patience with a cancelled task when the plugin is removed.
PATIENCE_MS = 5000
# QGIS keeps no reference to a task of Python.
_running: set[QgsTask] = set()


class Work(QgsTask):
    """Runs a function in the background.

    Parameters
    ----------
    name : str
        Name in the list of tasks of QGIS.
    function : callable
        Called in another thread with a function that passes on a result and with a Progress. It
        raises Cancelled where it stops early. Any other error becomes a sentence for the user.
    """

    found = pyqtSignal(object)
    line = pyqtSignal(str)
    failed = pyqtSignal(str)
    ended = pyqtSignal()

    def __init__(self, name: str, function: Callable[[Callable, Progress], None]):
        super().__init__(name, QgsTask.Flag.CanCancel)
        self._function = function
        self._problem = ""

    def start(self) -> None:
        """Start the work."""
        _running.add(self)
        QgsApplication.taskManager().addTask(self)

    def run(self) -> bool:
        """Call the function."""
        try:
            self._function(self.found.emit, _WorkProgress(self))
        except Cancelled:
            return False
        except Exception as error:  # would end QGIS
            self._problem = error_message(error)
            return False
        return True

    def finished(self, result: bool) -> None:
        """Report a failure; a cancelled work reports nothing."""
        _running.discard(self)
        if self._problem and not self.isCanceled():
            self.failed.emit(self._problem)
        self.ended.emit()

    def stop(self) -> None:
        """Cancel the work and forget what it finds."""
        for signal in (self.found, self.line, self.failed):
            with suppress(TypeError):  # nobody listens
                signal.disconnect()
        self.cancel()


class _WorkProgress(TaskProgress):
    """Progress whose lines of the log are passed on."""

    def info(self, text: str) -> None:
        self._task.line.emit(text)

    def warn(self, text: str) -> None:
        self._task.line.emit(text)


def wait_for_all() -> None:
    """Wait until no work is running any more."""
    for task in list(_running):
        task.waitForFinished(PATIENCE_MS)
