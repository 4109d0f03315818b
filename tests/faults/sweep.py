"""Fail or kill stages at each operation on their files: python -m gwsa.tests.faults.sweep --help.

A run that ends well must leave all its outputs as an undisturbed run writes them. A run that fails
must leave nothing incomplete under a final name, and the next run must end with the same bytes and
leave nothing else.

A killed run leaves what is there before the operation at which it is killed. One run, which waits
before each operation, therefore shows what all killed runs leave.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from gwsa.tests.faults.child import GOOD, KILLED, REFUSED, run_child
from gwsa.tests.faults.disk import (
    FAULTS,
    WAIT,
    Fault,
    occurs,
    start_again_with_library,
    summary,
)
from gwsa.tests.faults.folders import (
    copy,
    differences,
    kind,
    leftovers,
    mixed_folders,
    state_in,
)

KILL = "kill"


@dataclass
class Found:
    """What came of the runs of a stage."""

    operations: list[str] = field(default_factory=list)
    ends: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    runs: int = 0


class Sweep:
    """A stage, its inputs, and what it writes undisturbed.

    Parameters
    ----------
    stage : Stage
    folder : Path
        Working folder, which is emptied.
    """

    def __init__(self, stage, folder: Path):
        self.stage = stage
        self.found = Found()
        self._folder = folder
        self._out = folder / "out"
        # What a run left -> what is wrong after the next run, and where it was left.
        self._ends_again: dict[tuple, str] = {}
        self._left_at: dict[tuple, str] = {}
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "inputs").mkdir(parents=True)
        self._inputs = stage.prepare(folder / "inputs")
        # Modules and fonts are loaded once, before the child processes are forked.
        stage.run(self._inputs, folder / "first")
        # The collector would copy the memory that they share with this process.
        gc.freeze()
        self._run(stage, folder / "reference")
        self._expected = stage.contents(folder / "reference")
        assert not leftovers(folder / "reference"), leftovers(folder / "reference")
        self._before: dict[str, str] = {}
        if stage.earlier:
            self._run(replace(stage, run=stage.earlier), folder / "earlier")
            self._before = stage.contents(folder / "earlier")

    def _run(self, stage, out: Path) -> None:
        ended = run_child(stage, self._inputs, out)
        assert ended[0] == GOOD, ended

    def _begin(self) -> None:
        shutil.rmtree(self._out, ignore_errors=True)
        if self.stage.earlier:
            copy(self._folder / "earlier", self._out)

    def kill(self, most: int = 0) -> None:
        """Let the next run follow on what each killed run leaves."""
        states: dict[tuple, tuple[str, Path]] = {}

        def see(operation: str, waits: bool) -> None:
            self.found.operations.append(operation)
            if not waits:
                return
            left = self.stage.contents(self._out)
            state = state_in(self._out, left)
            if state not in states:
                place = self._folder / "states" / str(len(states))
                copy(self._out, place)
                number = len(self.found.operations)
                states[state] = f"{KILL} at {number} ({operation})", place

        self.found.operations.clear()
        self._begin()
        how, word = run_child(self.stage, self._inputs, self._out, 0, Fault(WAIT), see)
        assert how == GOOD and self.stage.contents(self._out) == self._expected, word
        self.found.ends[KILL, KILLED] = len(self.found.operations)
        kept = list(states.items())
        for number in chosen(len(kept), most):
            state, (place, folder) = kept[number - 1]
            shutil.rmtree(self._out, ignore_errors=True)
            copy(folder, self._out)
            left = self.stage.contents(self._out)
            self._judge(place, KILLED, "", left)
            self._follow(place, state)
        shutil.rmtree(self._folder / "states", ignore_errors=True)

    def fail(self, names: list[str], most: int = 0, alike: int = 0) -> None:
        """Let each operation, or so many of them, fail in each of some manners.

        Parameters
        ----------
        names : list of str
            The manners.
        most : int
            Number of operations; 0 for all.
        alike : int
            Number of operations of one ``kind``; 0 for all.
        """
        kinds = list(map(kind, self.found.operations))
        counts = Counter(kinds)
        seen: Counter[str] = Counter()
        failing = []
        for number, one in enumerate(kinds, 1):
            seen[one] += 1
            if seen[one] in chosen(counts[one], alike):
                failing.append(number)
        for place in chosen(len(failing), most):
            number = failing[place - 1]
            operation = self.found.operations[number - 1]
            for name in names:
                if not occurs(name, operation):
                    continue
                self._begin()
                place = f"{name} at {number} ({operation})"
                how, word = run_child(self.stage, self._inputs, self._out, number, FAULTS[name])
                self.found.ends[name, how] += 1
                self.found.runs += 1
                left = self.stage.contents(self._out)
                self._judge(place, how, word, left)
                self._follow(place, state_in(self._out, left))

    def kill_at(self, seconds: float) -> bool:
        """Kill a run after some time and let the next one follow; False if it was done before."""
        self._begin()
        how, word = run_child(self.stage, self._inputs, self._out, kill_after_s=seconds)
        self.found.ends[KILL, how] += 1
        left = self.stage.contents(self._out)
        self._judge(f"{KILL} after {seconds:.2f} s", how, word, left)
        self._ends_again.clear()
        self._follow(f"{KILL} after {seconds:.2f} s", state_in(self._out, left))
        return how == KILLED

    def seconds(self) -> float:
        """Duration of an undisturbed run."""
        self._begin()
        started = perf_counter()
        self._run(self.stage, self._out)
        return perf_counter() - started

    def _judge(self, place: str, how: str, word: str, left: dict[str, str]) -> None:
        """Note what is wrong with what a run left under final names."""
        if how == GOOD and left != self._expected:
            problem = f"ended well, but {differences(left, self._expected)}"
        elif how not in (GOOD, REFUSED, KILLED):
            problem = f"{how}: {word}"
        elif any(
            digest not in (self._expected.get(path), self._before.get(path))
            for path, digest in left.items()
        ):
            problem = f"{how}, but {differences(left, self._expected)}"
        elif self.stage.is_set and (
            mixed := mixed_folders(self._out, left, self._before, self._expected)
        ):
            problem = f"{how}, and two runs are mixed in {mixed}"
        else:
            return
        self.found.problems.append(f"{place}: {problem}")

    def _follow(self, place: str, state: tuple) -> None:
        """Run again on what a run left, unless one has left the same."""
        if state in self._ends_again:
            if self._ends_again[state]:
                self.found.problems.append(f"{place}: as after {self._left_at[state]}")
            return
        self.found.runs += 1
        how, word = run_child(self.stage, self._inputs, self._out)
        after = self.stage.contents(self._out)
        problem = ""
        if how != GOOD or after != self._expected:
            problem = f"again {how} {word} {differences(after, self._expected)}"
        elif leftovers(self._out):
            problem = f"leaves {leftovers(self._out)}"
        self._ends_again[state] = problem
        self._left_at[state] = place
        if problem:
            self.found.problems.append(f"{place}: {problem}")


def chosen(count: int, most: int) -> list[int]:
    """Numbers of at most ``most`` of the operations, spread from the first to the last."""
    if not most or most >= count:
        return list(range(1, count + 1))
    return sorted({1 + round(place * (count - 1) / max(most - 1, 1)) for place in range(most)})


def sweep(stage, folder: Path, names: list[str], most: int = 0, alike: int = 0) -> Found:
    """Kill a stage at each of its operations, and let them fail.

    Parameters
    ----------
    stage : Stage
    folder : Path
        Working folder, which is emptied.
    names : list of str
        Faults; with more than one, all of them at each operation.
    most : int
        Number of operations, spread from the first to the last, and of different states that
        killed runs leave; 0 for all.
    alike : int
        Number of operations of one ``kind``; 0 for all.
    """
    swept = Sweep(stage, folder)
    swept.kill(most if KILL in names else 2)
    swept.fail([name for name in names if name != KILL], most, alike)
    return swept.found


def report(name: str, found: Found, seconds: float) -> None:
    """Print what came of a stage: counts, and a line for each problem."""
    ends = ", ".join(f"{count} {how} after {fault}" for (fault, how), count in found.ends.items())
    print(
        f"{name}: {len(found.operations)} operations ({summary(found.operations)}); {ends}; "
        f"{found.runs} runs; {len(found.problems)} problems; {seconds:.0f} s of CPU",
        *(f"    {problem[:400]}" for problem in found.problems),
        sep="\n",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", nargs="*", default=[])
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=FAULTS)
    parser.add_argument("--most", type=int, default=0, help="operations of a stage; 0 for all")
    parser.add_argument(
        "--alike",
        type=int,
        default=0,
        help="operations of a name on files whose names differ in numbers only; 0 for all",
    )
    parser.add_argument(
        "--cores",
        type=int,
        default=1,
        help="that a stage uses; with more, its operations have another order in each run",
    )
    given = parser.parse_args()
    folder = given.folder.absolute()
    start_again_with_library(folder)
    from gwsa.tests.faults.forked import fork_children
    from gwsa.tests.faults.stages import draw_nothing, read_inputs_once, stages, use_cores

    draw_nothing()
    read_inputs_once()
    fork_children()
    use_cores(given.cores)
    failed = False
    known = stages(given.stages)
    for name, stage in known.items():
        before = os.times()
        found = sweep(stage, folder / "work", given.faults, given.most, given.alike)
        seconds = sum(os.times()[:4]) - sum(before[:4])
        report(name, found, seconds)
        failed |= bool(found.problems)
        shutil.rmtree(folder / "work")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
