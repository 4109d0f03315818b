"""Sample worlds seen through several footprints: width estimates and coarse fields."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gwsa.gwsa_plugin.core.balance.modes import balance
from gwsa.gwsa_plugin.core.balance.options import FOOTPRINT, PUBLISHED, BalanceOptions
from gwsa.gwsa_plugin.core.chain import ChainInputs, ChainOptions, run_chain
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack
from gwsa.gwsa_plugin.core.gldas.land_storage import COMPONENTS
from gwsa.gwsa_plugin.core.sample_world.grace_observation import GRACE_LIKE, Observation
from gwsa.gwsa_plugin.core.sample_world.world import (
    PARTS,
    WorldOptions,
    make_world,
    observe_again,
)

from .result import score_result

REGION = (74.0, 26.0, 79.0, 31.0)
SEEDS = (1, 2, 3)
# Width of the footprint -> size of the tiles, km. A footprint of one cell has no tiles.
WIDTHS = {80.0: 40.0, 130.0: 60.0, 190.0: 90.0, 250.0: 111.0}


class SeenWorld(NamedTuple):
    """A world as one footprint sees it.

    Parameters
    ----------
    source : Path
        Folder of the world.
    twsa : Path
        Its mascon file.
    options : WorldOptions
        Its options, with the footprint.
    """

    source: Path
    twsa: Path
    options: WorldOptions


def seen_worlds(
    folder: Path, world: WorldOptions, widths: dict[float, float]
) -> Iterator[SeenWorld]:
    """Make a world once and observe it through several footprints.

    Parameters
    ----------
    folder : Path
        Folder of the world, which is replaced.
    world : WorldOptions
        Options of the world.
    widths : dict of float to float
        Width of the footprint -> size of the tiles, km.
    """
    shutil.rmtree(folder, ignore_errors=True)
    make_world(folder, world)
    for width, tile in widths.items():
        options = replace(world, observation=narrowed(width, tile))
        path = folder / f"twsa_{width:.0f}.nc"
        observe_again(folder, path, options)
        yield SeenWorld(folder, path, options)


def narrowed(width_km: float, tile_km: float) -> Observation:
    """Return the observation as by GRACE with another footprint and other tiles, km."""
    return replace(GRACE_LIKE, footprint_km=width_km, tile_km=tile_km)


def both_balances(seen: SeenWorld, folder: Path) -> dict[str, MonthlyStack]:
    """Run the chain up to the balance and return coarse GWSA of both modes.

    Parameters
    ----------
    seen : SeenWorld
        The world.
    folder : Path
        Folder of the outputs.

    Returns
    -------
    dict of str to MonthlyStack
        Mode -> GWSA, cm.
    """
    outputs = run_chain(*chain_arguments(seen, folder), last="gwsabalance")
    footprint = read_stack(outputs["gwsabalance:OUTPUT"], "GWSA")
    twsa = read_stack(outputs["fillgaps:OUTPUT"], "TWSA")
    stores = [read_stack(outputs[f"gldasanomaly:{name}"], name) for name in COMPONENTS]
    options = BalanceOptions(PUBLISHED, float(footprint.tags["GWSA_FOOTPRINT_KM"]))
    return {FOOTPRINT: footprint, PUBLISHED: balance(twsa, stores, options)}


def chain_arguments(seen: SeenWorld, folder: Path) -> tuple[ChainInputs, Path, ChainOptions]:
    """Return the arguments of ``run_chain`` for a world that is seen through one footprint."""
    inputs = ChainInputs(
        twsa=seen.twsa,
        gldas=seen.source / PARTS["GLDAS"],
        catalogue=seen.source / PARTS["CATALOGUE"],
        land_mask=seen.source / PARTS["LAND_MASK"],
    )
    options = ChainOptions(
        bounds=seen.options.grid.bounds,
        period=tuple(seen.options.period[[0, -1]]),
        sigma_twsa_cm=seen.options.observation.noise_cm,
    )
    return inputs, folder, options


def measure_widths(folder: Path) -> dict:
    """Estimate the width of twelve worlds, and compare the coarse fields of both balances.

    Parameters
    ----------
    folder : Path
        Folder of the benchmark.
    """
    values: dict[str, float] = {}
    held = []
    errors = []
    ratios = []
    for seed in SEEDS:
        world = WorldOptions(REGION, start="2010-01", end="2010-12", seed=seed)
        for seen in seen_worlds(folder / "world", world, WIDTHS):
            width = seen.options.observation.footprint_km
            name = f"seed {seed}, {width:.0f} km"
            fields = both_balances(seen, folder / "chain")
            tags = fields[FOOTPRINT].tags
            estimate = float(tags["GWSA_FOOTPRINT_KM"])
            interval = tags.get("GWSA_FOOTPRINT_INTERVAL_KM", "nan nan").split()
            lower, upper = (float(limit) for limit in interval)
            held.append(lower <= width <= upper)
            errors.append(abs(estimate / width - 1))
            rmse = {mode: coarse_error(seen.source, field) for mode, field in fields.items()}
            ratios.append(rmse[FOOTPRINT] / rmse[PUBLISHED])
            values |= {
                f"{name}: estimate (km)": estimate,
                f"{name}: lower limit (km)": lower,
                f"{name}: upper limit (km)": upper,
                f"{name}: coarse error, footprint (cm)": rmse[FOOTPRINT],
                f"{name}: coarse error, published (cm)": rmse[PUBLISHED],
            }
            print(values_line(name, values), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    values |= {
        "median relative error of the width": float(np.median(errors)),
        "coarse error, footprint / published, median": float(np.median(ratios)),
        "coarse error, footprint / published, largest": float(np.max(ratios)),
    }
    bar = "at least 10 of 12 intervals with the true width"
    return score_result(values, float(np.sum(held)), 10.0, "worlds", bar)


def values_line(name: str, values: dict[str, float]) -> str:
    """Return the values of one world on one line."""
    return f"{name}: " + ", ".join(
        f"{key.split(': ')[1]} {value:.3f}"
        for key, value in values.items()
        if key.startswith(f"{name}: ")
    )


def coarse_error(world: Path, gwsa: MonthlyStack) -> float:
    """Return the RMSE of coarse GWSA against the truth in observed months, cm.

    Both are anomalies to the baseline.
    """
    truth = read_stack(world / "truth" / "GWSA.tif").on(gwsa.grid)
    months = gwsa.months_with_source("observed")
    mine, true = (stack.values[np.isin(stack.months, months)] for stack in (gwsa, truth))
    return float(np.sqrt(np.nanmean((mine - true) ** 2, dtype=np.float64)))
