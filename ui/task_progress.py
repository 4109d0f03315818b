"""Progress of the core in a task that QGIS runs in the background."""

from __future__ import annotations

from qgis.core import QgsTask

from ..gwsa_plugin.core.base.progress import Progress


class TaskProgress(Progress):
    """Progress that is passed on to a QgsTask, and cancelled with it."""

    def __init__(self, task: QgsTask):
        self._task = task

    def show(self, fraction: float) -> None:
        self._task.setProgress(100 * fraction)

    def is_cancelled(self) -> bool:
        return self._task.isCanceled()
