"""Cancel the stages in QGIS at random moments: python -m gwsa.tests.faults.cancel --help.

Each stage runs on what those before it wrote. A first run notes when it asks whether it is
cancelled, which shows how long a request waits at each moment. Runs that are cancelled follow.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Timer, get_ident
from time import perf_counter, process_time, thread_time

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from gwsa.gwsa_plugin.core.sample_world.world import PARTS
from gwsa.gwsa_plugin.core.stages import STAGES, output_paths
from gwsa.setup.start_qgis import start_qgis

SEED = 22
MOMENTS = 20
LONGEST = 6
WORLD = {"EXTENT": "76,80,28,32 [EPSG:4326]", "START": "2008-01", "END": "2012-12"}
# Parameters besides those of the chain; names of inputs and outputs stand for their paths.
POLYGONS = {"AQUIFERS": "AQUIFERS", "ID_FIELD": "id"}
GIVEN = {
    "importtwsa": {"EXTENT": WORLD["EXTENT"], "SIGMA_TWSA": 1.0},
    "gldasanomaly": {"EXTENT": WORLD["EXTENT"]},
    "buildpredictors": {"REPLACE": True},
    "downscale": {"TREES": 50, "ID_FIELD": "id", "REPLACE": True},
    "validatewells": {"MIN_YEARS": 2, "MIN_MONTHS": 8},
    "aquiferseries": POLYGONS,
    "trendmap": {},
    "droughtindex": {"LEAST_YEARS": 3, **POLYGONS},
    "export": {"TITLE": "Title", "CREATORS": "Family, Given"},
    "recharge": POLYGONS,
    "compare": {"OTHER": "TRUTH_MAPS", "AQUIFERS": "AQUIFERS"},
}
# Stages that read the maps, with their outputs.
FROM_MAPS = {
    "aquiferseries": {"OUTPUT": "o.gpkg", "TABLE": "o.csv", "REPORT": "o.html"},
    "trendmap": {"OUTPUT": "o.tif"},
    "droughtindex": {"OUTPUT": "o.tif", "FOLDER": "years", "EVENTS": "events.gpkg"},
    "export": {"OUTPUT": "set"},
    "recharge": {"OUTPUT": "o.gpkg", "TABLE": "o.csv", "REPORT": "o.html"},
    "compare": {"TREND": "trend.tif", "RMSE": "rmse.tif", "REPORT": "o.html", "SCORES": "o.json"},
}


@dataclass
class Gap:
    """Time between two questions of a thread.

    Attributes
    ----------
    start, end : float
        Seconds since the run began.
    cpu : float
        What the thread computed meanwhile, seconds.
    place : str
        The lines that asked before and after.
    """

    start: float
    end: float
    cpu: float
    place: str


class Questions(QgsProcessingFeedback):
    """Notes each question whether the run is cancelled."""

    def __init__(self):
        super().__init__(False)
        self.gaps: list[Gap] = []
        self._began = perf_counter()
        self._last = {get_ident(): (0.0, thread_time(), "the start")}

    def isCanceled(self):
        self.note()
        return super().isCanceled()

    def note(self) -> None:
        """Note a question of the present thread."""
        now, cpu, place = perf_counter() - self._began, thread_time(), _asking_line()
        before = self._last.get(get_ident())
        if before:
            self.gaps.append(Gap(before[0], now, cpu - before[1], f"{before[2]} to {place}"))
        self._last[get_ident()] = now, cpu, place


def _asking_line() -> str:
    """The line of a module that asks, behind those of progress."""
    frame = sys._getframe(2)
    while frame and frame.f_code.co_filename.endswith(("progress.py", "feedback.py", "cancel.py")):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else ""


@dataclass
class Measured:
    """What came of a stage."""

    seconds: float
    cpu: float
    gaps: list[Gap]
    waits: list[tuple[float, float]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def run(algorithm: str, parameters: dict, feedback: QgsProcessingFeedback) -> None:
    import processing

    given = {
        name: str(value) if isinstance(value, Path) else value for name, value in parameters.items()
    }
    processing.run(f"gwsa:{algorithm}", given, feedback=feedback)


def measure(algorithm: str, parameters: dict, outputs: dict, folder: Path, cancels: int):
    """Run a stage undisturbed into a folder, and cancel others beside it.

    Returns
    -------
    Measured
    """
    asked = Questions()
    began, cpu = perf_counter(), process_time()
    run(algorithm, {**parameters, **_inside(outputs, folder)}, asked)
    asked.note()
    found = Measured(perf_counter() - began, process_time() - cpu, asked.gaps)
    moments = random.Random(SEED)
    place = folder.with_name(f"{folder.name}_cancelled")
    for _ in range(cancels):
        moment = moments.uniform(0, found.seconds)
        wait = cancel(algorithm, {**parameters, **_inside(outputs, place)}, moment)
        if wait:
            found.waits.append(wait)
        found.left += [path.name for path in place.rglob("*") if path.is_file() and wait]
        shutil.rmtree(place, ignore_errors=True)
    return found


def cancel(algorithm: str, parameters: dict, moment: float) -> tuple[float, float] | None:
    """Cancel a run after so many seconds.

    Returns
    -------
    tuple of float, or None
        Seconds, and those that the process computed, from the request to the end; None for a run
        that was done before.
    """
    feedback = QgsProcessingFeedback(False)
    requested: list[float] = []

    def request() -> None:
        requested.extend((perf_counter(), process_time()))
        feedback.cancel()

    timer = Timer(moment, request)
    timer.start()
    try:
        run(algorithm, parameters, feedback)
    except QgsProcessingException:
        return perf_counter() - requested[0], process_time() - requested[1]
    finally:
        timer.cancel()
        timer.join()
    return None


def _inside(outputs: dict[str, str], folder: Path) -> dict[str, Path]:
    return {name: folder / file for name, file in outputs.items()}


def waits_of(gaps: list[Gap], moment: float) -> float:
    """Seconds of computing until all threads have asked, for a request at a moment."""
    open_then = [gap for gap in gaps if gap.start <= moment < gap.end]
    return max(
        (gap.cpu * (gap.end - moment) / (gap.end - gap.start) for gap in open_then), default=0.0
    )


def report(name: str, found: Measured) -> None:
    """Print how long requests wait, and where the longest wait."""
    moments = random.Random(SEED)
    waits = [waits_of(found.gaps, moments.uniform(0, found.seconds)) for _ in range(MOMENTS)]
    print(
        f"{name}: {found.seconds:.1f} s, {found.cpu:.1f} s of CPU, {len(found.gaps)} questions; a "
        f"request at {MOMENTS} moments computes {median(waits):.2f} s, at most {max(waits):.2f} s, "
        "until it is asked for",
        flush=True,
    )
    for gap in sorted(found.gaps, key=lambda gap: -gap.cpu)[:LONGEST]:
        print(f"    {gap.cpu:.2f} s of CPU, {gap.end - gap.start:.2f} s: {gap.place}")
    if found.waits:
        walls, cpus = zip(*found.waits)
        load = os.getloadavg()[0]
        print(
            f"    {len(walls)} cancelled: median {median(walls):.2f} s, worst {max(walls):.2f} s; "
            f"of CPU {median(cpus):.2f} s, {max(cpus):.2f} s; load {load:.1f}; left {found.left}",
            flush=True,
        )


def runs(folder: Path) -> Iterator[tuple[str, dict, dict, Path]]:
    """Algorithm, parameters, outputs and their folder of each stage, in their order."""
    yield "sampledata", WORLD, {"OUTPUT": "world"}, folder / "sampledata"
    world = folder / "sampledata" / "world"
    inputs = {name: world / part for name, part in PARTS.items()}
    inputs["TRUTH_MAPS"] = world / "truth" / "gwsa_1km"
    known = {**inputs, **output_paths(folder / "chain")}
    for stage in STAGES:
        given = {key: known[name] for key, name in stage.inputs.items() if name in known}
        given |= GIVEN.get(stage.name, {})
        yield stage.name, given, stage.outputs, folder / "chain"
    maps = {"GWSA": folder / "chain" / "gwsa_1km"}
    for name, outputs in FROM_MAPS.items():
        given = {key: known.get(value, value) for key, value in GIVEN[name].items()}
        yield name, {**maps, **given}, outputs, folder / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", nargs="*", help="those to cancel; all run where they have not")
    parser.add_argument("--cancels", type=int, default=20, help="cancelled runs of each stage")
    given = parser.parse_args()
    start_qgis()
    for name, parameters, outputs, folder in runs(given.folder.absolute()):
        if given.stages and name not in given.stages:
            if not all((folder / file).exists() for file in outputs.values()):
                run(name, {**parameters, **_inside(outputs, folder)}, QgsProcessingFeedback(False))
            continue
        report(name, measure(name, parameters, outputs, folder, given.cancels))


if __name__ == "__main__":
    main()
