"""Calls in the main thread of QGIS for a run in another thread.

Dialogs prepare an algorithm in the main thread and run it in another, but the algorithms of a model
are prepared and run in the other thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from typing import TypeVar

from qgis.PyQt.QtCore import QCoreApplication, QObject, QThread, pyqtSignal

from ..gwsa_plugin.dependencies import import_what_binds_to_a_thread

# After this time without an answer of the main thread, which may wait for the run, the run goes on.
PATIENCE_S = 10.0

Result = TypeVar("Result")


class _MainThread(QObject):
    """Lives in the main thread and calls functions there."""

    wanted = pyqtSignal(object, object)

    def __init__(self):
        super().__init__()
        self.wanted.connect(self._call)

    def _call(self, function: Callable[[], object], answer: Future) -> None:
        try:
            answer.set_result(function())
        except Exception as error:
            answer.set_exception(error)


# Made when QGIS loads the plugin, which it does in the main thread.
_main_thread = _MainThread()


def is_main_thread() -> bool:
    """Return True in the main thread."""
    return QThread.currentThread() == QCoreApplication.instance().thread()


def call_in_main_thread(function: Callable[[], Result], patience_s: float) -> Result:
    """Call a function in the main thread and return its result.

    Parameters
    ----------
    function : callable
    patience_s : float
        Seconds to wait for the main thread.

    Raises
    ------
    concurrent.futures.TimeoutError
        When the main thread did not call it in time.
    Exception
        What the function raises.
    """
    if is_main_thread():
        return function()
    answer: Future = Future()
    _main_thread.wanted.emit(function, answer)
    return answer.result(patience_s)


def import_in_main_thread() -> None:
    """Import what binds to a thread, unless this is the main thread."""
    if not is_main_thread():
        with suppress(TimeoutError):
            call_in_main_thread(import_what_binds_to_a_thread, PATIENCE_S)
