import pytest

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
