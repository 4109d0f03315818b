"""Sample worlds with their coarse fields and maps, shared by several benchmarks."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gwsa.gwsa_plugin.core.chain import ChainInputs, ChainOptions, run_chain
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.maps.encoding import EXACT
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.score import score_truth
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world, read_aquifers
from gwsa.gwsa_plugin.core.wells.map_detail import WellRecords
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells

# Folder of the world that benchmarks share.
SHARED = "sample_world"
# The defaults, except that maps are written without rounding, which could conceal seams, and only
# spatial blocks are validated.
UNROUNDED = DownscaleOptions(encoding=EXACT, validation="full")
# Trees as in the demonstration: the defaults predict better and take five times as long.
QUICK = DownscaleOptions(
    encoding=EXACT, validation="full", stopping=False, boosting=Boosting(trees=50, rate=0.3)
)


@lru_cache(maxsize=1)
def shared_world(folder: Path, options: WorldOptions) -> World:
    """Create a world and its coarse fields and predictors, or return the last one.

    Parameters
    ----------
    folder : Path
        Folder of the world. It is replaced when the options change, because a world needs several
        GB.
    options : WorldOptions
        Options of the world.

    Returns
    -------
    World
    """
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    make_world(source, options)
    inputs = ChainInputs(
        twsa=source / PARTS["TWSA"],
        gldas=source / PARTS["GLDAS"],
        catalogue=source / PARTS["CATALOGUE"],
        land_mask=source / PARTS["LAND_MASK"],
    )
    settings = ChainOptions(
        bounds=options.grid.bounds,
        period=tuple(options.period[[0, -1]]),
        sigma_twsa_cm=options.observation.noise_cm,
    )
    outputs = run_chain(inputs, folder, settings, last="buildpredictors")
    return World(
        folder,
        read_stack(outputs["gwsabalance:OUTPUT"], "GWSA"),
        read_stack(outputs["gwsabalance:SIGMA"], "GWSA_SIGMA"),
        PredictorSet.open(outputs["buildpredictors:OUTPUT"]),
    )


class Run(NamedTuple):
    """Result of one run of downscaling.

    Parameters
    ----------
    maps, held_out : Path
        Folders of the maps and of the maps of held-out cells and months.
    corrected : Path
        The coarse field that the maps preserve.
    scores : dict
        Scores of the run.
    truth : dict
        Scores of the held-out maps against the truth, see ``score_truth``.
    """

    maps: Path
    held_out: Path
    corrected: Path
    scores: dict
    truth: dict


@dataclass(frozen=True, eq=False)
class World:
    """Inputs of downscaling for one sample world.

    Parameters
    ----------
    folder : Path
        Folder of the world and of its runs.
    gwsa, sigma : MonthlyStack
        Coarse GWSA and its standard deviation, cm.
    predictors : PredictorSet
        Predictors at 1 km.
    """

    folder: Path
    gwsa: MonthlyStack
    sigma: MonthlyStack
    predictors: PredictorSet

    @property
    def source(self) -> Path:
        """Folder of the files that ``make_world`` wrote."""
        return self.folder / "source"

    @cached_property
    def run(self) -> Run:
        """Downscaling of the coarse GWSA of this world."""
        return self.downscale(self.gwsa, self.predictors, self.folder / "run")

    def downscale(
        self,
        gwsa: MonthlyStack,
        predictors: PredictorSet,
        folder: Path,
        options: DownscaleOptions = UNROUNDED,
    ) -> Run:
        """Downscale and score the held-out maps against the truth.

        Parameters
        ----------
        gwsa : MonthlyStack
            Coarse GWSA, cm.
        predictors : PredictorSet
            Predictors at 1 km.
        folder : Path
            Folder of the outputs.
        options : DownscaleOptions
            Settings.

        Returns
        -------
        Run
        """
        corrected = folder / "corrected.tif"
        outputs = Outputs(folder / "maps", held_out=folder / "held_out", corrected=corrected)
        aquifers = read_aquifers(self.source)
        wells = read_wells(self.source)
        result = downscale(gwsa, predictors, aquifers, outputs, options, self.sigma, wells=wells)
        write_stack(folder / "gwsa.tif", gwsa)
        truth = score_truth(self.source, outputs.held_out, folder / "gwsa.tif")
        return Run(outputs.maps, outputs.held_out, corrected, result.scores, truth)


def read_wells(world: Path) -> WellRecords:
    """Read the wells of a sample world and their readings, for worlds of a few years."""
    features = json.loads((world / PARTS["WELLS"]).read_text(encoding="utf-8"))["features"]
    facts = [feature["properties"] for feature in features]
    places = np.array([feature["geometry"]["coordinates"] for feature in features])
    wells = Wells.from_columns(
        [fact["well"] for fact in facts],
        places[:, 0],
        places[:, 1],
        [np.nan if fact["specific_yield"] is None else fact["specific_yield"] for fact in facts],
        [bool(fact["confined"]) for fact in facts],
    )
    with open(world / PARTS["OBSERVATIONS"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ([row[name] for row in rows] for name in ("well", "date", "depth_to_water"))
    ids, days, levels = columns
    readings = Readings.from_columns(wells, ids, days, [float(level) for level in levels])
    return WellRecords(wells, readings, Rules(min_years=3, min_months=24))
