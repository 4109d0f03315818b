"""Progress of the core in the log and the bar of QGIS."""

from __future__ import annotations

from ..gwsa_plugin.core.base.progress import Progress


class FeedbackProgress(Progress):
    """Progress of the core that is passed on to a QgsProcessingFeedback."""

    def __init__(self, feedback):
        self._feedback = feedback

    def info(self, text):
        self._feedback.pushInfo(text)

    def warn(self, text):
        self._feedback.pushWarning(text)

    def show(self, fraction):
        self._feedback.setProgress(100 * fraction)

    def is_cancelled(self):
        return self._feedback.isCanceled()
