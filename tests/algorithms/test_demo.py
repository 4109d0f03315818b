"""Parameters of the steps of the demonstration and parsing of the output of qgis_process."""

from pathlib import Path

import pytest

from gwsa.demo.qgis import PrintedProgress, _error_message
from gwsa.demo.screen import table
from gwsa.demo.steps import steps

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
