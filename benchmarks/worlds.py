"""A sample world, the coarse field and the maps the chain makes of it, once for all benchmarks of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.gapfill.fill import fill_gaps
from gwsa.gwsa_plugin.core.gldas.anomalies import gldas_anomalies
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.score import score_truth
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world, read_aquifers
from gwsa.gwsa_plugin.core.water_balance import Sigma, groundwater, groundwater_sigma

SHARED = "sample_world"


@lru_cache(maxsize=1)
def the_world(folder: Path, options: WorldOptions) -> World:
    """The world of these options in ``folder``, which holds one at a time: a world is several GB."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    make_world(source, options)
    gwsa, sigma = coarse_fields(source, options)
    write_stack(folder / "gwsa.tif", gwsa)
    inputs, period = (
        Inputs(source / PARTS["CATALOGUE"], folder / "gwsa.tif"),
        options.period[[0, -1]],
    )
    predictors = build_predictors(inputs, folder / "predictors", period)
    return World(folder, gwsa, sigma, predictors)


def coarse_fields(source: Path, options: WorldOptions) -> tuple[MonthlyStack, MonthlyStack]:
    """The coarse GWSA and its sigma that a user gets from the world's files, who knows the noise of TWSA."""
    bounds = options.grid.bounds
    given = TwsaOptions(source / PARTS["LAND_MASK"], bounds, sigma_cm=options.twsa_noise_cm)
    imported = import_twsa(source / PARTS["TWSA"], given)
    filled = fill_gaps(imported.twsa)
    gwsa = groundwater(
        filled.filled, list(gldas_anomalies(source / PARTS["GLDAS"], bounds).stacks.values())
    )
    return gwsa, groundwater_sigma(gwsa, Sigma(imported.sigma, filled.sigma))


class Run(NamedTuple):
    """``maps`` and ``held_out``: folders of the products. ``scores``: of the run itself. ``truth``: of the held-out
    maps against the truth, see ``score_truth``."""

    maps: Path
    held_out: Path
    scores: dict
    truth: dict


@dataclass(frozen=True, eq=False)
class World:
    """``gwsa``, its ``sigma`` and ``predictors``: what downscaling takes. The world's own files are in ``source``."""

    folder: Path
    gwsa: MonthlyStack
    sigma: MonthlyStack
    predictors: PredictorSet

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @cached_property
    def run(self) -> Run:
        return self.downscale(self.gwsa, self.predictors, self.folder / "run")

    def downscale(self, gwsa: MonthlyStack, predictors: PredictorSet, folder: Path) -> Run:
        """With the defaults, but written as computed, so that encoding blurs no seam, and validated in blocks alone."""
        outputs = Outputs(folder / "maps", held_out=folder / "held_out")
        aquifers, options = read_aquifers(self.source), DownscaleOptions(exact=True, compare=False)
        result = downscale(gwsa, predictors, aquifers, outputs, options, self.sigma)
        write_stack(folder / "gwsa.tif", gwsa)
        truth = score_truth(self.source, outputs.held_out, folder / "gwsa.tif")
        return Run(outputs.maps, outputs.held_out, result.scores, truth)
