import pytest

from gwsa.gwsa_plugin.core.base import progress
from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import Progress


class Recorder(Progress):
    def __init__(self):
        self.fractions = []
        self.lines = []
        self.cancelled = False

    def info(self, text):
        self.lines.append(text)

    warn = info

    def show(self, fraction):
        self.fractions.append(fraction)

    def is_cancelled(self):
        return self.cancelled


def test_parts_show_fractions_of_the_parent():
    recorder = Recorder()
    for part in recorder.part(0.5, 1.0).parts(2):
        part.advance(0.5)
        part.advance(2.0)
    assert recorder.fractions == [0.625, 0.75, 0.875, 1.0]


def test_parts_pass_on_lines_and_cancellation():
    recorder = Recorder()
    part = recorder.part(0.0, 0.1)
    part.info("one")
    part.warn("two")
    part.stop_if_cancelled()
    recorder.cancelled = True
    with pytest.raises(Cancelled):
        part.advance(1.0)
    assert recorder.lines == ["one", "two"]
    assert recorder.fractions == []


def test_time_left_is_logged_at_doubling_times(monkeypatch):
    recorder = Recorder()
    clock = 100.0
    monkeypatch.setattr(progress, "perf_counter", lambda: clock)
    timed = recorder.timed("Training")
    for percent in range(1, 101):
        clock += 4.0
        timed.advance(percent / 100)
    assert recorder.lines == [
        "Training: about 6 minutes left.",  # after 12 of 400 s
        "Training: about 6 minutes left.",  # 24 s
        "Training: about 6 minutes left.",  # 48 s
        "Training: about 5 minutes left.",  # 96 s
        "Training: about 3 minutes left.",  # 192 s
        "Training: about 16 seconds left.",  # 384 s
    ]
    assert recorder.fractions == [percent / 100 for percent in range(1, 101)]
