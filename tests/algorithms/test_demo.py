"""Parameters of the steps of the demonstration and parsing of the output of qgis_process."""

import time
from functools import partial
from pathlib import Path

import pytest

from gwsa.demo.qgis import PrintedProgress, StepFailed, _error_message
from gwsa.demo.run import AT_ONCE, _run_tasks
from gwsa.demo.screen import Screen, table
from gwsa.demo.steps import steps, steps_before

FOLDER = Path("demo")
STEPS = steps(FOLDER, "76,78,28,30 [EPSG:4326]", "2009-01", "2010-12")


def paths(step, destination, provider):
    """Paths that a step writes or reads."""
    algorithm = provider.algorithm(step.stage)
    return {
        value
        for name, value in step.parameters.items()
        if isinstance(value, Path)
        and algorithm.parameterDefinition(name).isDestination() == destination
    }


def test_every_step_has_the_required_and_only_known_parameters(provider):
    for step in STEPS:
        definitions = {
            item.name(): item for item in provider.algorithm(step.stage).parameterDefinitions()
        }
        needed = {
            name
            for name, item in definitions.items()
            if not item.flags() & item.Flag.FlagOptional and item.defaultValue() is None
        }
        assert needed <= set(step.parameters) <= set(definitions), step.title


def test_every_step_reads_only_existing_files(provider):
    written = set()
    for step in STEPS:
        outputs = paths(step, True, provider)
        inputs = paths(step, False, provider)
        world = {path for path in inputs if FOLDER / "world" in path.parents}
        assert inputs - world <= written, step.title
        assert not written & outputs
        written |= outputs


def test_steps_wait_for_those_that_write_what_they_read_alone():
    before = {
        step.title: {STEPS[index].stage for index in found}
        for step, found in zip(STEPS, steps_before(STEPS))
    }
    stages = {step.stage: before[step.title] for step in STEPS}
    assert stages["sampledata"] == set()
    assert stages["importtwsa"] == stages["gldasanomaly"] == {"sampledata"}
    assert [found for title, found in before.items() if title.startswith("Fill gaps")] == [
        {"importtwsa"},
        {"importtwsa"},
    ]
    assert stages["gwsabalance"] >= {"fillgaps", "gldasanomaly"}
    assert "downscale" in stages["validatewells"]


def test_tasks_run_when_those_before_them_have_ended(capsys):
    before = [set(), {0}, {0}, {1, 2}, {0}]
    ended = []
    running = []

    def task(index, show):
        running.append(index)
        assert before[index] <= set(ended)
        assert len(running) <= AT_ONCE
        show(0.5)
        time.sleep(0.02)
        running.remove(index)
        ended.append(index)
        return 10 * index

    titles = [f"Step {index}" for index in range(5)]
    tasks = [partial(task, index) for index in range(5)]
    assert _run_tasks(tasks, before, titles, Screen(5)) == [0, 10, 20, 30, 40]
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line[:13] for line in lines) == [f"[ {n}/5] Step {n - 1}" for n in range(1, 6)]


def test_a_failed_step_ends_the_run(capsys):
    def fail(show):
        raise StepFailed("no file")

    later = []
    with pytest.raises(StepFailed, match="no file"):
        _run_tasks([fail, lambda show: later.append(1)], [set(), {0}], ["A", "B"], Screen(2))
    assert not later
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_progress_and_log_lines_are_separated(size):
    printed = (
        "INPUT:\tx.tif\n0...10.2009 is mapped.\n..20...30...40...50...60...70...80"
        "2010 is mapped.\n...90..."
    )
    progress = PrintedProgress()
    lines = []
    for start in range(0, len(printed), size):
        lines += progress.feed(printed[start : start + size])
    assert lines == ["INPUT:\tx.tif", "2009 is mapped.", "2010 is mapped."]
    assert progress.fraction == 0.975


def test_error_message_is_not_repeated():
    message = "x.nc is text; download it again."
    output = f"DeprecationWarning: old\n{message}\nERROR:\t{message}\n{message}\n"
    assert _error_message(output) == message
    assert _error_message("Segmentation fault\n") == "Segmentation fault"


def test_table_on_the_screen_is_aligned():
    text = table([["", "R²", "n"], ["1 km", 0.58473, 30], ["none", None, 7]])
    assert text.splitlines() == ["         R²   n", "1 km  0.585  30", "none      –   7"]
