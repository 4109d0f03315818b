"""Kill stages at random moments: python -m gwsa.tests.faults.kills --help.

The next run must end with the same bytes and leave nothing else.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
from pathlib import Path

from gwsa.tests.faults.disk import start_again_with_library
from gwsa.tests.faults.sweep import Sweep, report

STAGES = ("downscaling", "fillgaps", "predictors_again", "aquifer_series", "fetch")
SEED = 22


def kill_at_random(stage, folder: Path, kills: int):
    """Kill a stage so many times at moments of a duration that is measured before each.

    Returns
    -------
    Found
    """
    moments = random.Random(SEED)
    swept = Sweep(stage, folder)
    killed = 0
    while killed < kills:
        killed += swept.kill_at(moments.uniform(0, swept.seconds()))
    return swept.found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", nargs="*", default=STAGES)
    parser.add_argument("--kills", type=int, default=30, help="kills of each stage")
    given = parser.parse_args()
    folder = given.folder.absolute()
    start_again_with_library(folder)
    from gwsa.tests.faults.stages import draw_nothing, stages

    draw_nothing()
    failed = False
    for name, stage in stages(given.stages).items():
        before = os.times()
        found = kill_at_random(stage, folder / "work", given.kills)
        report(name, found, sum(os.times()[:4]) - sum(before[:4]))
        failed |= bool(found.problems)
        shutil.rmtree(folder / "work")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
