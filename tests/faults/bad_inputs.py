"""Give each stage the inputs of bad_inputs.csv: ``python -m gwsa.tests.faults.bad_inputs``.

A row damages one input of a run that ends well otherwise, and states what must come of it:
``refused`` in one sentence that contains the words, ``same`` outputs as of the undamaged input,
``intact``, which is one of these two, ``other`` outputs with a warning that contains the words, or
``accepted``, which is outputs of any values without refusal: no program can see that the input is
wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gwsa.tests.faults.bad_input_world import good_runs, write_inputs
from gwsa.tests.faults.damage import damaged
from gwsa.tests.faults.processing_child import (
    CRASHED,
    PYTHON_ERROR,
    REFUSED,
    SILENT,
    End,
    QgisProcess,
)
from gwsa.tests.faults.written import complaint, difference

EXPECTED = ("refused", "same", "intact", "other", "accepted")
CAN_BE_REFUSED = ("refused", "intact")
MUST_BE_SAME = ("same", "intact")
TABLE = Path(__file__).with_name("bad_inputs.csv")
WELL_REFUSED, RIGHT, TRACEBACK = "refused well", "right", "traceback"
MISLEADING, WRONG, LEFT = "misleading", "wrong number", "left files"
BAD = (TRACEBACK, CRASHED, SILENT, MISLEADING, WRONG, LEFT)
LONGEST = 700  # characters of a sentence


class Row(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    stage, parameter : str
        An algorithm, and the parameter whose input is damaged.
    file : str
        The damaged file where the input is a folder, or one that other files belong to.
    damage : str
        See ``damage.damaged``; or ``set`` and a value of the parameter as JSON.
    expected, words : str
        See the description of the module.
    """

    stage: str
    parameter: str
    file: str
    damage: str
    expected: str
    words: str


def rows() -> list[Row]:
    """Read the table."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def make_world(folder: Path, process: QgisProcess, stages: Iterable[str]) -> None:
    """Write the undamaged inputs and run the stages on them, in the order of the chain."""
    write_inputs(folder)
    for stage, parameters in good_runs(folder).items():
        if stage in stages:
            out = folder / "made" / stage
            out.mkdir(parents=True)
            end = process.run(stage, parameters, out)
            if end.how == REFUSED:
                raise RuntimeError(f"{stage} without damage: {end.message}")


def judge(row: Row, world: Path, process: QgisProcess) -> tuple[str, str]:
    """Run a row.

    Returns
    -------
    str, str
        The verdict, and the message or what is wrong.
    """
    case = world / "case"
    shutil.rmtree(case, ignore_errors=True)
    out = case / "out"
    out.mkdir(parents=True)
    parameters = good_runs(world)[row.stage]
    given = _given(row, parameters, case)
    end = process.run(row.stage, {**parameters, **given}, out)
    if end.how in (CRASHED, SILENT):
        return end.how, ""
    if end.how == PYTHON_ERROR or "unexpected error" in end.message:
        return TRACEBACK, end.message
    if end.how == REFUSED:
        return _judge_refusal(row, end, out)
    return _judge_outputs(row, end, out, world / "made" / row.stage)


def _judge_refusal(row: Row, end: End, out: Path) -> tuple[str, str]:
    left = sorted(path.name for path in out.rglob("*"))
    if left:
        return LEFT, f"{left[:5]}: {end.message}"
    is_sentence = len(end.message) < LONGEST and "\n" not in end.message
    words = row.words or "|".join(map(re.escape, _names(row)))
    if row.expected in CAN_BE_REFUSED and is_sentence and re.search(words, end.message):
        return WELL_REFUSED, end.message
    return MISLEADING, end.message


def _judge_outputs(row: Row, end: End, out: Path, made: Path) -> tuple[str, str]:
    found = complaint(out)
    if found or row.expected == "refused":
        return WRONG, found or f"not refused; {end.warnings}"
    if row.expected in MUST_BE_SAME and (found := difference(out, made)):
        return WRONG, f"{found}; {end.warnings}"
    if row.expected == "other" and not re.search(row.words, end.warnings):
        return MISLEADING, f"not warned of; {end.warnings}"
    return RIGHT, end.warnings


def _names(row: Row) -> list[str]:
    """The parameter, and the names of the damaged file and of the input that it belongs to."""
    good = good_runs(Path())[row.stage].get(row.parameter)
    inputs = good if isinstance(good, list) else [good]
    paths = [Path(row.file), *(path for path in inputs if isinstance(path, Path))]
    names = [name for path in paths if path.name for name in (path.name, path.stem)]
    return [row.parameter, *names]


def _given(row: Row, parameters: dict, case: Path) -> dict:
    """The damaged parameters of a row, of which the inputs are copied."""
    if row.damage.startswith("set "):
        value = row.damage[4:]
        given = {}
        for name in re.findall(r"\{([A-Z]+)\}", value):
            given[name] = _copy(Path(parameters[name]), case / name)
            value = value.replace(f"{{{name}}}", str(given[name]))
        return {**given, row.parameter: json.loads(value)}
    good = parameters[row.parameter]
    path = Path(good[0] if isinstance(good, list) else good)
    if row.file and path.is_file():
        value = _copy(path.parent, case / "in") / path.name
    else:
        value = _copy(path, case / "in")
    target = value if not row.file else (value if value.is_dir() else value.parent) / row.file
    if target.is_file():
        # Files of folders are links to the undamaged ones.
        content = target.read_bytes()
        target.unlink()
        target.write_bytes(content)
    other = damaged(target, row.damage)
    value = other if target == value else str(value)
    return {row.parameter: [value] if isinstance(good, list) else value}


def _copy(path: Path, folder: Path) -> Path:
    """Copy a file, or a folder with links to its files."""
    copy = folder / path.name
    folder.mkdir(parents=True)
    if path.is_dir():
        return Path(shutil.copytree(path, copy, copy_function=os.link))
    return Path(shutil.copy(path, copy))


def run_all(chosen: list[Row], folder: Path, show: bool = False) -> Counter:
    """Run rows, print those with a bad verdict, or all, and return the counts by verdict."""
    world = folder / "world"
    world.mkdir()
    process = QgisProcess()
    counts: Counter = Counter()
    try:
        chain = [row.stage for row in chosen] + ["importtwsa", "fillgaps", "gldasanomaly"]
        make_world(world, process, {*chain, "gwsabalance"} - {"fetch", "sampledata"})
        for row in chosen:
            verdict, message = judge(row, world, process)
            counts[verdict] += 1
            if show or verdict in BAD:
                place = f"{row.parameter} {row.file}".strip()
                line = message.replace("\n", " / ")
                print(f"{verdict}: {row.stage} {place}, {row.damage}: {line}", flush=True)
    finally:
        process.end()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", nargs="*", default=[], help="all by default")
    parser.add_argument("--damage", default="", help="only damages with these words")
    parser.add_argument("--show", action="store_true", help="print all messages")
    given = parser.parse_args()
    chosen = [
        row
        for row in rows()
        if (not given.stages or row.stage in given.stages) and given.damage in row.damage
    ]
    with tempfile.TemporaryDirectory() as folder:
        counts = run_all(chosen, Path(folder), given.show)
    verdicts = (WELL_REFUSED, RIGHT, *BAD)
    print(f"{len(chosen)} inputs: " + ", ".join(f"{counts[one]} {one}" for one in verdicts))
    raise SystemExit(any(counts[one] for one in BAD))


if __name__ == "__main__":
    main()
