"""The stages of the chain and of its inputs, on the smallest worlds that they accept."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.balance.options import PUBLISHED as PUBLISHED_BALANCE
from gwsa.gwsa_plugin.core.balance.options import BalanceOptions
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.chain import _RUNNERS, ChainInputs, ChainOptions
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.skill.scores import write_scores
from gwsa.gwsa_plugin.core.files.provenance import now, write_run
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world
from gwsa.gwsa_plugin.core.stages import output_paths
from gwsa.tests.core.conftest import make_small_world
from gwsa.tests.core.downscaling.conftest import make_driver_world

BOUNDS = (77.0, 29.0, 78.0, 30.0)
YEAR = WorldOptions(BOUNDS, "2010-01", "2010-12", observation=CELL_BY_CELL)
OPTIONS = ChainOptions(
    bounds=BOUNDS,
    sigma_twsa_cm=1.0,
    margin_km=0.0,
    fill=FillOptions(method="harmonic"),
    balance=BalanceOptions(mode=PUBLISHED_BALANCE),
)
FEW_TREES = Boosting(trees=3, depth=2)
LAST_YEARS = np.datetime64("2007-01"), np.datetime64("2008-12")


@dataclass(frozen=True, eq=False)
class World:
    """A sample world, and the outputs of the stages before one stage."""

    inputs: ChainInputs
    folder: Path


def prepare_chain(folder: Path, before: tuple[str, ...] = ()) -> World:
    """Make a sample world and run the stages before one on it."""
    world = folder / "world"
    make_world(world, YEAR)
    few = json.loads((world / PARTS["CATALOGUE"]).read_text())
    few["predictors"] = [item for item in few["predictors"] if item["name"] in ("slope", "ndvi")]
    (world / PARTS["CATALOGUE"]).write_text(json.dumps(few))
    inputs = ChainInputs(
        twsa=world / PARTS["TWSA"],
        gldas=world / PARTS["GLDAS"],
        catalogue=world / PARTS["CATALOGUE"],
        land_mask=world / PARTS["LAND_MASK"],
    )
    for name in before:
        _RUNNERS[name](inputs, output_paths(folder), OPTIONS, SILENT)
    return World(inputs, folder)


def run_chain_stage(name: str, world: World, out: Path) -> None:
    """Run a stage of the chain, which reads from the world and writes to ``out``."""
    given = output_paths(world.folder)
    paths = {
        key: given[key] if given[key].exists() else path for key, path in output_paths(out).items()
    }
    out.mkdir(parents=True, exist_ok=True)
    _RUNNERS[name](world.inputs, paths, OPTIONS, SILENT)
    write_run(out / "run.json", name, {}, {}, now())


def sample_data(_, out: Path) -> None:
    months = replace(YEAR, end="2010-02")
    make_world(out / "world", months)


def prepare_predictors(folder: Path) -> Inputs:
    world = prepare_chain(folder)
    grid = folder / "grid.tif"
    cells = MonthlyStack.on_calendar(*_cells(), "GWSA")
    write_stack(grid, cells)
    return Inputs(world.inputs.catalogue, grid)


def _cells():
    from gwsa.gwsa_plugin.core.base.grid import Grid
    from gwsa.gwsa_plugin.core.base.months import month_range

    months = month_range("2010-01", "2010-12")
    grid = Grid(BOUNDS[0], BOUNDS[3], 0.25, 0.25, 4, 4)
    return grid, months, np.zeros((months.size, *grid.shape))


def predictors(inputs: Inputs, out: Path) -> None:
    build_predictors(inputs, out / "set", factor=5)


def fewer_predictors(inputs: Inputs, out: Path) -> None:
    """A set of a shorter period, of which some rasters are kept."""
    build_predictors(inputs, out / "set", (None, np.datetime64("2010-06", "M")), factor=5)


def prepare_downscaling(folder: Path):
    """The last two of five years."""
    world = make_driver_world(folder, related=True)
    return replace(world, gwsa=world.gwsa.select(*LAST_YEARS))


def downscaling(world, out: Path) -> None:
    """With a prior, sigma and all outputs."""
    options = DownscaleOptions(stopping=False, feather_km=10, boosting=FEW_TREES)
    _downscale(world, out, options)


def prepare_published(folder: Path):
    return make_small_world(folder)


def published(world, out: Path) -> None:
    """With trees alone."""
    options = DownscaleOptions(
        method=PUBLISHED,
        stopping=False,
        least_area=20_000,
        feather_km=10,
        boosting=FEW_TREES,
        blocking=Blocking(0.75, 0.25),
    )
    _downscale(world, out, options)


def _downscale(world, out: Path, options: DownscaleOptions) -> None:
    sigma = replace(world.gwsa, values=np.full_like(world.gwsa.values, 1.5))
    outputs = Outputs(
        out / "maps",
        out / "models",
        out / "held_out",
        out / "applicability.tif",
        out / "explanation.csv",
        out / "corrected.tif",
        out / "corrected_sigma.tif",
    )
    tags = {"GWSA_STAGE": "downscale"}
    found = downscale(world.gwsa, world.predictors, [], outputs, options, sigma, tags)
    write_scores(out / "scores.json", found.scores)
    write_run(out / "maps" / "run.json", "downscale", {}, {}, now())
