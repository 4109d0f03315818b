"""What the log states on a stack that takes the place of an earlier one."""

import dataclasses

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.grace.import_log import log_change

GRID = Grid.covering((76.0, 28.0, 77.0, 29.0), 0.25)


class Log(Progress):
    def __init__(self):
        self.infos, self.warnings = [], []

    def info(self, text):
        self.infos.append(text)

    def warn(self, text):
        self.warnings.append(text)


def stack(end="2010-12", release="RL06.3"):
    months = month_range("2004-01", end)
    values = np.random.default_rng(1).normal(size=(months.size, *GRID.shape)).astype("float32")
    source = ("observed",) * months.size
    return MonthlyStack(GRID, months, values, source, tags={"GWSA_RELEASE": release})


@pytest.fixture
def changes(tmp_path):
    """Return the lines on a stack that replaces another one."""

    def log(earlier, later):
        path = tmp_path / "twsa.tif"
        write_stack(path, earlier)
        found = Log()
        log_change(path, later, found)
        return found

    return log


def test_new_months_are_named(changes):
    found = changes(stack("2010-10"), stack("2010-12"))
    assert found.infos == ["twsa.tif has 2 months more than before: 2010-11..2010-12."]
    assert not found.warnings


def test_a_new_release_is_a_warning(changes):
    found = changes(stack(release="RL06.2"), stack("2011-02"))
    (warning,) = found.warnings
    assert "RL06.2" in warning and "RL06.3" in warning and not found.infos


def test_revised_months_are_a_warning(changes):
    later = stack()
    later.values[3] += 1
    (warning,) = changes(stack(), later).warnings
    assert warning.startswith("1 months of twsa.tif have other values") and "2004-04" in warning


def test_the_same_stack_has_no_line(changes):
    found = changes(stack(), stack())
    assert not found.infos and not found.warnings


def test_a_stack_of_another_region_has_no_line(changes):
    moved = Grid.covering((77.0, 28.0, 78.0, 29.0), 0.25)
    found = changes(stack(), dataclasses.replace(stack("2011-02"), grid=moved))
    assert not found.infos and not found.warnings


def test_another_file_of_that_name_has_no_line(tmp_path):
    path = tmp_path / "twsa.tif"
    path.write_text("nothing")
    found = Log()
    log_change(path, stack(), found)
    assert not found.infos and not found.warnings
