"""Scaling of the maps with the number of workers: the schedule with measured times of the tasks.

The tasks of a year with the shipped catalogue are measured one by one. The schedule of the product
then runs them in simulated time on 1 to 80 workers. Real workers of a Dask cluster make other maps
for comparison.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.simulated_pool import SimulatedPool, taking
from gwsa.gwsa_plugin.core.compute.steps import Steps, run_works
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import (
    periods_at_once,
    write_maps,
    years_together,
)

from .catalogue_year import make_catalogue_set
from .cluster import measure_two_workers
from .generated import train_model
from .stage import MODEL, make_job

WORKERS = (1, 2, 4, 8, 16, 32, 80)
YEARS = 19
# The measured region is a third of 2,000 cells.
COPIES = 3
REPEATS = 3
# Workers and the speed-up that the schedule must reach.
BARS = {16: 14.0, 80: 50.0}


class Times(NamedTuple):
    """Seconds of the tasks of a year.

    Parameters
    ----------
    predict, correct : list of float
        Of each tile.
    solve : float
        Between the two, where the run was started.
    join : float
        Of the end of a year.
    """

    predict: list[float]
    correct: list[float]
    solve: float
    join: float


def measure_cluster_scaling(folder: Path) -> dict:
    """Measure times of tasks and simulate their schedule.

    Returns
    -------
    dict
        ``ours`` is the speed-up of 80 workers, ``peer`` the bar. ``values`` has all speed-ups, the
        largest number of years in progress and the ratio of two real workers to one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    predictors = make_catalogue_set(folder / "predictors")
    job = make_job(predictors, train_model(predictors, MODEL))
    times = _median_times([_measure(job, folder / "maps") for _ in range(1 + REPEATS)][1:])
    times = times._replace(
        predict=times.predict * COPIES,
        correct=times.correct * COPIES,
        solve=times.solve * COPIES,
        join=times.join * COPIES,
    )
    together = years_together(job)
    alone = simulate(times, together, 1)
    speed_ups = {workers: alone / simulate(times, together, workers) for workers in WORKERS}
    real = measure_two_workers(folder / "workers")
    shutil.rmtree(folder)
    total = sum(times.predict) + sum(times.correct) + times.join
    values = {f"{workers} workers: speed-up": value for workers, value in speed_ups.items()}
    values |= {f"bar of {workers} workers": bar for workers, bar in BARS.items()}
    values |= {
        "predicting (% of a year)": 100 * sum(times.predict) / total,
        "joining (% of a year)": 100 * times.join / total,
        "solving (% of a year)": 100 * times.solve / total,
        "tiles of a year": len(times.predict),
        "years in progress on 80 workers": together * periods_at_once(len(times.predict), 80),
        "two real workers: speed-up": real["ratio"],
    }
    return {
        "values": values,
        "ours": speed_ups[80],
        "peer": BARS[80],
        "ratio": speed_ups[80] / BARS[80],
        "equal": real["equal"],
        "unit": "times as fast as one worker, on 80 workers",
        "peer_name": "the bar",
    }


def simulate(times: Times, together: int, workers: int) -> float:
    """Return the simulated seconds of ``YEARS`` years, of which some are predicted together."""
    pool = SimulatedPool(workers)
    periods = [
        _period(times, pool, min(together, YEARS - first)) for first in range(0, YEARS, together)
    ]
    run_works(periods, pool, SILENT, partial(periods_at_once, len(times.predict)))
    return pool.now


def _period(times: Times, pool: SimulatedPool, years: int) -> Steps:
    """The steps of some years; a tile takes as long as if they were predicted one by one."""

    def correct(results: list) -> list:
        pool.now += years * times.solve
        return [taking(seconds) for seconds in times.correct] * years

    return Steps(
        [taking(years * seconds) for seconds in times.predict],
        [correct, lambda results: [taking(times.join)] * years],
    )


def _measure(job: MapJob, folder: Path) -> Times:
    """Processor times of the tasks of a year, which run one after the other."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    seconds: dict[str, list[float]] = {}
    solving: list[float] = []

    def run(works, progress, at_once) -> None:
        for work in works:
            tasks = work.tasks
            for number, make in enumerate([*work.following]):
                results = []
                for task in tasks:
                    start = process_time()
                    results.append(task(SILENT))
                    seconds.setdefault(f"{number}", []).append(process_time() - start)
                start = process_time()
                tasks = make(results)
                solving.append(process_time() - start)

    # The factorised matrix is kept for all years.
    job.conservation.nodes(np.where(job.conservation.cells, 1.0, np.nan))
    write_maps(job, folder, SILENT, run)
    return Times(seconds["0"], seconds["1"], solving[0], seconds["2"][0])


def _median_times(measured: list[Times]) -> Times:
    """The median of each time."""
    return Times(*(np.median(np.array(each), axis=0).tolist() for each in zip(*measured)))
