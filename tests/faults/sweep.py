"""Fail or kill stages at each operation on their files: python -m gwsa.tests.faults.sweep --help.

A run that ends well must leave all its outputs as an undisturbed run writes them. A run that fails
must leave nothing incomplete under a final name, and the next run must end with the same bytes and
leave nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from gwsa.tests.faults.disk import (
    FAULTS,
    Disk,
    Fault,
    read_log,
    start_again_with_library,
    summary,
)

GOOD, REFUSED, KILLED = "good", "refused", "killed"
NONE = FAULTS["enospc"]
# A folder with this file, or in a folder with it, is refused by readers.
MARKS = (".replacing", "../.replacing", "../../.replacing")


@dataclass
class Found:
    """What came of the runs of a stage."""

    operations: list[tuple[str, str]]
    ends: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def run_child(stage, inputs, out: Path, number: int, fault: Fault, log: Path | None = None):
    """Run a stage in a child process whose disk fails; return how it ended and its last word."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            lines = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else -1
            Disk(out).start(number, fault, lines)
            try:
                stage.run(inputs, out)
                ended = [GOOD, ""]
            except Exception as error:
                is_known = isinstance(error, stage.refusals)
                ended = [REFUSED if is_known else type(error).__name__, str(error)]
            os.write(writing, json.dumps(ended).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ended = pipe.read()
    _, status = os.waitpid(child, 0)
    if status == signal.SIGKILL:
        return KILLED, ""
    return json.loads(ended) if ended else (f"ended with status {status}", "")


def sweep(stage, folder: Path, names: list[str], most: int = 0) -> Found:
    """Run a stage with each of the faults at every so many of its operations.

    Parameters
    ----------
    stage : Stage
    folder : Path
        Working folder, which is emptied.
    names : list of str
        Faults; with more than one, all of them at each operation.
    most : int
        Number of operations, spread from the first to the last; 0 for all.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs").mkdir(parents=True)
    inputs = stage.prepare(folder / "inputs")
    log = folder / "log"
    ended = run_child(stage, inputs, folder / "reference", 0, NONE, log)
    assert ended[0] == GOOD, ended
    expected = stage.contents(folder / "reference")
    assert not leftovers(folder / "reference"), leftovers(folder / "reference")
    found = Found(read_log(log))
    before: dict[str, str] = {}
    out = folder / "out"
    if stage.earlier:
        ended = run_child(replace(stage, run=stage.earlier), inputs, folder / "earlier", 0, NONE)
        assert ended[0] == GOOD, ended
        before = stage.contents(folder / "earlier")
        shutil.copytree(folder / "earlier", out)
        assert run_child(stage, inputs, out, 0, NONE, log)[0] == GOOD
        found = Found(read_log(log))
        assert stage.contents(out) == expected, differences(stage.contents(out), expected)
    for number in chosen(len(found.operations), most):
        for name in names:
            shutil.rmtree(out, ignore_errors=True)
            if stage.earlier:
                shutil.copytree(folder / "earlier", out)
            place = f"{name} at {number} ({' '.join(found.operations[number - 1])})"
            how, word = run_child(stage, inputs, out, number, FAULTS[name])
            found.ends[name, how] += 1
            left = stage.contents(out)
            if how == GOOD and left != expected:
                found.problems.append(f"{place}: ended well, but {differences(left, expected)}")
            elif how not in (GOOD, REFUSED, KILLED):
                found.problems.append(f"{place}: {how}: {word}")
            elif any(
                digest not in (expected.get(path), before.get(path))
                for path, digest in left.items()
            ):
                found.problems.append(f"{place}: {how}, but {differences(left, expected)}")
            elif mixed := mixed_folders(out, left, before, expected):
                found.problems.append(f"{place}: {how}, and two runs are mixed in {mixed}")
            again, word = run_child(stage, inputs, out, 0, NONE)
            after = stage.contents(out)
            if again != GOOD or after != expected:
                found.problems.append(f"{place}: again {again} {word}")
            elif leftovers(out):
                found.problems.append(f"{place}: leaves {leftovers(out)}")
    return found


def chosen(count: int, most: int) -> list[int]:
    """Numbers of at most ``most`` of the operations, spread from the first to the last."""
    if not 1 < most < count:
        return list(range(1, count + 1))
    return sorted({1 + round(place * (count - 1) / (most - 1)) for place in range(most)})


def mixed_folders(
    out: Path, left: dict[str, str], before: dict[str, str], expected: dict[str, str]
) -> list[str]:
    """Folders with some files of two runs that no mark shows."""
    mixed = []
    for folder in {path.rpartition("/")[0] for path in left if "/" in path}:
        has_mark = any((out / folder / name).exists() for name in MARKS)
        inside, *runs = (files_in(folder, one) for one in (left, before, expected))
        if inside not in runs and not has_mark:
            mixed.append(folder)
    return mixed


def files_in(folder: str, files: dict[str, str]) -> dict[str, str]:
    """The files of a folder; the record of a run comes last and has times, and does not count."""
    return {
        path: digest
        for path, digest in files.items()
        if path.startswith(f"{folder}/") and not path.endswith("run.json")
    }


def differences(left: dict[str, str], expected: dict[str, str]) -> str:
    """The files that are missing or have other bytes."""
    missing = sorted(expected.keys() - left.keys())
    other = [path for path, digest in left.items() if expected.get(path) != digest]
    return f"missing {missing[:3]}, other {other[:3]}"


def leftovers(folder: Path) -> list[str]:
    """Paths of all files and folders with a dot before their names."""
    return [path.relative_to(folder).as_posix() for path in folder.rglob(".*")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", nargs="*", default=[])
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=FAULTS)
    parser.add_argument("--most", type=int, default=0, help="operations of a stage; 0 for all")
    given = parser.parse_args()
    folder = given.folder.absolute()
    start_again_with_library(folder)
    from gwsa.tests.faults.stages import STAGES

    failed = False
    for name in given.stages or STAGES:
        before = os.times()
        found = sweep(STAGES[name], folder / name, given.faults, given.most)
        after = os.times()
        seconds = sum(after[:4]) - sum(before[:4])
        ends = ", ".join(
            f"{count} {how} after {fault}" for (fault, how), count in found.ends.items()
        )
        print(
            f"{name}: {len(found.operations)} operations ({summary(found.operations)}); {ends}; "
            f"{len(found.problems)} problems; {seconds:.0f} s of CPU",
            flush=True,
        )
        for problem in found.problems:
            print(f"    {problem[:400]}", flush=True)
        failed |= bool(found.problems)
        shutil.rmtree(folder / name)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
