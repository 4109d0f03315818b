"""Runs in another thread, in which modules of pybind11 must not be imported first."""

import threading

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
)
from qgis.PyQt.QtCore import QEventLoop, QTimer

from gwsa.processing_provider import main_thread

PATIENCE_MS = 60_000


@pytest.fixture
def threads(monkeypatch):
    """The threads that imported, while runs check nothing else."""
    found = []
    monkeypatch.setattr(
        main_thread,
        "import_what_binds_to_a_thread",
        lambda: found.append(threading.current_thread()),
    )
    return found


def run_in_a_thread(algorithm) -> None:
    """Run an algorithm as the dialogs do; its parameters are missing, so that it fails soon."""
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    task = QgsProcessingAlgRunnerTask(algorithm, {}, context, feedback)
    loop = QEventLoop()
    task.executed.connect(loop.quit)
    QTimer.singleShot(PATIENCE_MS, loop.quit)
    QgsApplication.taskManager().addTask(task)
    loop.exec()


def test_an_algorithm_imports_in_the_main_thread(plugin, threads):
    run_in_a_thread(QgsApplication.processingRegistry().algorithmById("gwsa:fillgaps").create())
    assert threads == [threading.main_thread()]


def test_a_model_of_a_user_imports_in_the_main_thread(plugin, threads):
    model = QgsProcessingModelAlgorithm("mine")
    child = QgsProcessingModelChildAlgorithm("gwsa:fillgaps")
    child.setChildId("fill")
    model.addChildAlgorithm(child)
    run_in_a_thread(model)
    assert threads == [threading.main_thread()]


def test_a_run_in_the_main_thread_imports_nothing_in_advance(plugin, threads):
    main_thread.import_in_main_thread()
    assert not threads
