"""Imports in the main thread of QGIS for a run in another thread.

Dialogs prepare an algorithm in the main thread and run it in another, but the algorithms of a model
are prepared and run in the other thread.
"""

from __future__ import annotations

from threading import Event

from qgis.PyQt.QtCore import QCoreApplication, QObject, QThread, pyqtSignal

from ..gwsa_plugin.dependencies import import_what_binds_to_a_thread

# After this time without an answer of the main thread, which may wait for the run, the run goes on.
PATIENCE_S = 10.0


class _MainThread(QObject):
    """Lives in the main thread and imports there when another thread emits ``wanted``."""

    wanted = pyqtSignal(object)

    def __init__(self):
        super().__init__()
        self.wanted.connect(self._import)

    def _import(self, done: Event) -> None:
        import_what_binds_to_a_thread()
        done.set()


# Made when QGIS loads the plugin, which it does in the main thread.
_main_thread = _MainThread()


def import_in_main_thread() -> None:
    """Import what binds to a thread, unless this is the main thread."""
    if QThread.currentThread() == QCoreApplication.instance().thread():
        return
    done = Event()
    _main_thread.wanted.emit(done)
    done.wait(PATIENCE_S)
