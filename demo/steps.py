"""The steps of the demonstration: the sample world, then every stage of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gwsa.gwsa_plugin.core.gapfill.methods import BASELINE_METHOD, METHOD_NAMES
from gwsa.gwsa_plugin.core.sample_world.world import PARTS
from gwsa.gwsa_plugin.core.stages import STAGES, Stage, stage_parameters

SIGMA_TWSA_CM = 1.5  # noise that the sample world adds to TWSA
QUICK = {"TREES": 50, "RATE": 0.3, "STOPPING": "false"}  # the defaults predict better, slower
OPTIONS = {
    "importtwsa": {"SIGMA_TWSA": SIGMA_TWSA_CM},
    "downscale": {"ID_FIELD": "name", "PARENT_FIELD": "parent", **QUICK},
}
# Downscaling takes the months of the predictor set.
UNSET = {"downscale": ("START", "END")}
BASELINE = Stage(
    "fillgaps",
    "Fill gaps by trend and seasons alone",
    {"INPUT": "importtwsa:OUTPUT"},
    {"OUTPUT": "filled_baseline.tif"},
)


class Step(NamedTuple):
    """``parameters`` of the algorithm ``gwsa:<stage>``; paths are relative to the demo's folder."""

    title: str
    stage: str
    parameters: dict[str, object]


def steps(folder, region: str, start: str, end: str) -> list[Step]:
    """Return the steps in their order.

    Parameters
    ----------
    folder : Path
        Folder of the demonstration.
    region : str
        As QGIS writes extents.
    start, end : str
        First and last month of the 1 km maps, YYYY-MM.
    """
    period = {"START": start, "END": end}
    world = {name: folder / "world" / part for name, part in PARTS.items() if name != "LAND"}
    given = {**world, "EXTENT": region, **period}
    making = {"OUTPUT": folder / "world", "EXTENT": region, **period}
    baseline = stage_parameters(BASELINE, folder, given)
    baseline["METHOD"] = list(METHOD_NAMES).index(BASELINE_METHOD)
    found = [Step("Make a sample world", "sampledata", making)]
    for stage in STAGES:
        parameters = stage_parameters(stage, folder, given)
        for name in UNSET.get(stage.name, ()):
            del parameters[name]
        found.append(Step(stage.title, stage.name, {**parameters, **OPTIONS.get(stage.name, {})}))
    found.insert(3, Step(BASELINE.title, BASELINE.name, baseline))
    return found


def steps_before(steps: Sequence[Step]) -> list[set[int]]:
    """Return for each step the indices of the steps that write what it reads.

    The first step that names a file or folder writes it.
    """
    writers: dict[Path, int] = {}
    before = []
    for index, step in enumerate(steps):
        paths = [value for value in step.parameters.values() if isinstance(value, Path)]
        found = {
            path: writers[place]
            for path in paths
            for place in (path, *path.parents)
            if place in writers
        }
        before.append(set(found.values()))
        writers.update({path: index for path in paths if path not in found})
    return before
