"""Leakage correction: the coarse field is put right by what the prior adds beyond the footprint.

With d the balance at the footprint of GRACE, m the cell means of the prior and H the footprint, the
corrected field is d + m - H m. Storage that the prior does not know, such as pumping, stays as
GRACE sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from ...base.progress import Progress
from ...files.stack import MonthlyStack
from ...files.stack_tags import LEAKAGE_TAG
from ...grace.footprint import Footprint
from ..domain import Domain
from ..prior.fields import PriorJob, fit_lines
from .map_job import MapJob


def require_uncorrected(gwsa: MonthlyStack) -> None:
    """Raise InputError for a stack that would be corrected for leakage twice."""
    if LEAKAGE_TAG in gwsa.tags:
        raise InputError(
            f"The {gwsa.variable} stack is already corrected for leakage; give the coarse GWSA of "
            "the balance, or choose the method interpolation or published."
        )


def correct_leakage(
    domain: Domain,
    prior: PriorJob,
    folder: Path,
    progress: Progress,
    run: Callable[..., list],
) -> MonthlyStack:
    """Compute levels and trends of the priors at 1 km, and the corrected coarse field.

    Parameters
    ----------
    domain : Domain
        The study domain.
    prior : PriorJob
        The priors; the first one corrects the field.
    folder : Path
        Folder of the levels and trends. It may hold those of an interrupted run.
    progress : Progress
        Receives the fraction done.
    run : callable
        Runs the tasks and returns their results, as ``run_all`` does.

    Returns
    -------
    MonthlyStack
        GWSA, cm; as that of the domain outside the mapped cells and months.
    """
    folder.mkdir(exist_ok=True)
    tiles = domain.tiles
    results = run([partial(fit_lines, prior, folder, tile) for tile in tiles], progress)
    means = np.full((domain.months.size, *domain.cells.shape), np.nan)
    for tile, result in zip(tiles, results):
        means[:, tile.rows, tile.columns] = result
    gwsa = domain.gwsa
    footprint = Footprint(gwsa.grid, domain.cells, domain.footprint_km or 0.0, gwsa.tiles)
    added = means - footprint.apply(means)
    values = gwsa.values.copy()
    for number, month in zip(np.flatnonzero(domain.used), added):
        values[number] = np.where(domain.cells, values[number] + month, values[number])
    return replace(gwsa, values=values, tags={**gwsa.tags, LEAKAGE_TAG: "corrected by the prior"})


def with_lines(job: MapJob, lines: Path, corrected: MonthlyStack) -> MapJob:
    """Return a job with a prior whose maps preserve the corrected field.

    Parameters
    ----------
    job : MapJob
        The job.
    lines : Path
        Folder of the levels and trends of its prior.
    corrected : MonthlyStack
        Result of ``correct_leakage``.
    """
    numbers = np.flatnonzero(np.isin(corrected.months, job.months))
    tags = {**job.options.tags, LEAKAGE_TAG: corrected.tags[LEAKAGE_TAG]}
    return replace(
        job,
        target=[corrected.values[number] for number in numbers],
        lines=lines,
        options=replace(job.options, tags=tags),
    )


def without_detail(job: MapJob, domain: Domain) -> MapJob:
    """Return the job whose maps interpolate the coarse field of the domain and nothing else."""
    products = {
        name: [replace(use, models=replace(use.models, shrinkage=0.0)) for use in uses]
        for name, uses in job.products.items()
    }
    tags = {name: value for name, value in job.options.tags.items() if name != LEAKAGE_TAG}
    options = replace(job.options, tags=tags)
    return replace(
        job, products=products, target=domain.target, prior=None, lines=None, options=options
    )
