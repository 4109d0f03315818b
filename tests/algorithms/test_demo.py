"""The demonstration asks the stages for what they have, and reads what qgis_process prints."""

import pytest

from gwsa.demo.qgis import Ticks, _sentence
from gwsa.demo.screen import table
from gwsa.demo.steps import steps

STEPS = steps("76,78,28,30 [EPSG:4326]", "2009-01", "2010-12")


def test_it_gives_every_stage_what_it_needs_and_has(provider):
    for step in STEPS:
        definitions = {
            item.name(): item for item in provider.algorithm(step.stage).parameterDefinitions()
        }
        given = {*step.files, *step.options}
        needed = {
            name
            for name, item in definitions.items()
            if not item.flags() & item.Flag.FlagOptional and item.defaultValue() is None
        }
        assert needed <= given <= set(definitions), step.title


def test_a_stage_reads_what_was_written_before_it(provider):
    written = set()
    for step in STEPS:
        algorithm = provider.algorithm(step.stage)
        outputs = {
            name for name in step.files if algorithm.parameterDefinition(name).isDestination()
        }
        inputs = {path for name, path in step.files.items() if name not in outputs}
        assert {path for path in inputs if not path.startswith("world/")} <= written, step.title
        assert not written & {step.files[name] for name in outputs}
        written |= {step.files[name] for name in outputs}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_progress_and_log_are_told_apart(size):
    printed = "INPUT:\tx.tif\n0...10.2009 is mapped.\n..20...30...40...50...60...70...802010 is mapped.\n...90..."
    ticks, lines = Ticks(), []
    for start in range(0, len(printed), size):
        lines += ticks.feed(printed[start : start + size])
    assert lines == ["INPUT:\tx.tif", "2009 is mapped.", "2010 is mapped."]
    assert ticks.fraction == 0.975


def test_the_sentence_of_a_failure_is_said_once():
    sentence = "x.nc is text; get it again."
    assert (
        _sentence(f"DeprecationWarning: old\n{sentence}\nERROR:\t{sentence}\n{sentence}\n")
        == sentence
    )
    assert _sentence("Segmentation fault\n") == "Segmentation fault"


def test_a_table_on_the_screen():
    text = table([["", "R²", "n"], ["1 km", 0.58473, 30], ["none", None, 7]])
    assert text.splitlines() == ["         R²   n", "1 km  0.585  30", "none      –   7"]
