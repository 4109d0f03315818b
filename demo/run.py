"""``make demo``: make a sample world, run the chain on it through qgis_process, score, draw maps.

Usage: python3 -m gwsa.demo.run FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.html_report import draw

from .pictures import MapMonth, draw_map, draw_truth
from .qgis import QgisProcess, StepFailed
from .report import score_tables, write_demo_report
from .scores import collect_scores, score_maps
from .screen import Screen, table
from .steps import steps, steps_before

# Files that QGIS and the stages leave beside the outputs.
IGNORED_SUFFIXES = (".aux.xml", ".qml", ".run.json", "profile")
REGION = "74,79,26,31 [EPSG:4326]"
START, END = "2010-01", "2018-12"
# Steps that run at the same time.
AT_ONCE = 2


def main(folder: Path, region: str = REGION, start: str = START, end: str = END) -> None:
    """Write everything under ``folder``; raise StepFailed with the message of a failed stage."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    stages = steps(folder, region, start, end)
    screen = Screen(len(stages) + 2)
    qgis = QgisProcess(folder / "profile", folder / "log.txt")
    tasks = [partial(qgis.run, step.stage, step.parameters) for step in stages]
    before = steps_before(stages)
    titles = [step.title for step in stages]
    mapped = next(index for index, step in enumerate(stages) if step.stage == "downscale")
    tasks.append(lambda show: score_maps(folder, _Shown(show)))
    before.append({mapped})
    titles.append("Score against the truth")
    *_, truth = _run_tasks(tasks, before, titles, screen)
    scores = collect_scores(folder, truth)
    (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    with screen.step(len(stages) + 2, "Draw maps"):
        _draw(folder, scores)
    print(_summary(folder, scores))
    print(f"Done in {time.monotonic() - started:.0f} s. Open {folder / 'report.html'} first.")


def _run_tasks(
    tasks: list[Callable], before: list[set[int]], titles: list[str], screen: Screen
) -> list:
    """Run each task when those before it have ended, and return their results.

    A stage uses one core for a part of its time, so that two tasks run at once.
    """

    def run(index: int):
        with screen.step(index + 1, titles[index]) as show:
            return tasks[index](show)

    waiting = dict(enumerate(before))
    running: dict[Future, int] = {}
    results: dict[int, object] = {}
    with ThreadPoolExecutor(AT_ONCE) as executor:
        while waiting or running:
            ready = [index for index, needed in waiting.items() if needed <= results.keys()]
            for index in ready[: AT_ONCE - len(running)]:
                del waiting[index]
                running[executor.submit(run, index)] = index
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(ended)] = ended.result()
    return [results[index] for index in range(len(tasks))]


def _draw(folder: Path, scores: dict) -> None:
    month_maps = MapMonth.most_varied(folder)
    pictures = {
        "map.png": (
            draw_map(month_maps),
            "The coarse field from GRACE and GLDAS, its interpolation, the 1 km field and the "
            "truth, with the RMSE of each in this month, and the aquifers.",
        ),
        "truth.png": (
            draw_truth(month_maps),
            "The coarse field interpolated, the 1 km field of held-out models, the truth.",
        ),
    }
    for name, (figure, _) in pictures.items():
        figure.savefig(folder / name, dpi=110)
    write_demo_report(
        folder / "report.html", scores, [draw(*picture) for picture in pictures.values()]
    )


def _summary(folder: Path, scores: dict) -> str:
    tables = (
        f"{item.caption}\n{table([item.header, *item.rows])}"
        for item in score_tables(scores).values()
    )
    outputs = sorted(path for path in folder.iterdir() if not path.name.endswith(IGNORED_SUFFIXES))
    listing = "\n".join(f"  {path}{'/' * path.is_dir()}" for path in outputs)
    return "\n\n".join(["", *tables, f"Outputs:\n{listing}", ""])


class _Shown(Progress):
    """Progress of a computation in this process, on the screen."""

    def __init__(self, show):
        self.show = show


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except StepFailed as failure:
        sys.exit(f"\n{failure}")
