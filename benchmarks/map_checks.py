"""What the maps of a sample world show beside their skill: seams, closure, and whether their sigma is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.downscaling.skill.seams import border_ratio, edge_ratio
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.sample_world.world import NORTH_WEST_INDIA, WorldOptions, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise

from .result import score_result
from .shuffled import blocks
from .worlds import SHARED, World, the_world

WITHIN = 0.1  # of the truth's ratio
PUBLISHED_R2, PUBLISHED_RMSE_CM = 0.9728, 2.10
WITHIN_ONE_SIGMA, WITHIN_TWO_SIGMA = 0.683, 0.954  # of a normal distribution


def measure_seams(folder: Path, options: WorldOptions = NORTH_WEST_INDIA) -> dict:
    """How much steeper the map is across the edges of cells, and across the borders of aquifers, than elsewhere.

    ``before`` and ``after``: the correction; ``most_changed``: by what it multiplies the ratio in the month where most.
    What is explained is the most that a map from predictors could show: how far it is from the truth is no fault of
    a map.
    """
    world = the_world(folder.parent / SHARED, options)
    ratios = _ratios_of_months(world)
    values = {f"edge ratio, {name}": value for name, value in world.run.scores["seams"].items()}
    for what, (map_, truth, explained) in ratios.items():
        values[f"{what}, median"], values[f"{what} of the truth, median"] = (
            np.median(map_),
            np.median(truth),
        )
        values[f"{what}, highest month"], values[f"{what} of the truth, highest month"] = (
            map_.max(),
            truth.max(),
        )
        for of_whom, ratio in {
            "": map_ / truth,
            ", of what is explained": explained / truth,
        }.items():
            values[f"{what} / that of the truth{of_whom}, median"] = np.median(ratio)
            values[f"{what} / that of the truth{of_whom}, month farthest from 1"] = (
                _farthest_from_one(ratio)
            )
            values[f"{what}{of_whom}: share of months within {WITHIN:.0%}"] = np.mean(
                np.abs(ratio - 1) <= WITHIN
            )
    values = {name: float(value) for name, value in values.items()}
    ours, peer = values["edge ratio, median"], values["edge ratio of the truth, median"]
    return score_result(values, ours, peer, "across / inside", "the truth")


def measure_closure(folder: Path, options: WorldOptions = NORTH_WEST_INDIA) -> dict:
    """How closely the block means follow the coarse field before the correction: no skill, so there is no target."""
    closure = the_world(folder.parent / SHARED, options).run.scores["closure_raw"]
    values = {
        "R2": closure["nse"], "RMSE (cm)": closure["rmse_cm"],
        "R2 of the published dataset": PUBLISHED_R2, "RMSE of the published dataset (cm)": PUBLISHED_RMSE_CM,
    }  # fmt: skip
    return score_result(values, closure["nse"], PUBLISHED_R2, "R2", "the published dataset")


def measure_sigma(folder: Path, options: WorldOptions = NORTH_WEST_INDIA) -> dict:
    """The share of held-out pixels and months whose error against the truth is within the sigma of the product."""
    world = the_world(folder.parent / SHARED, options)
    held_out = YearlyMaps.in_folder(world.run.held_out)
    sigma = YearlyMaps.from_files(sorted((world.run.maps / "sigma").glob("GWSA_SIGMA_*.tif")))
    within, count = np.zeros(2), 0
    for month, truth in _truth_of_months(world, held_out):
        ratio = np.abs(held_out.read(month) - truth) / sigma.read(month)
        ratio = ratio[np.isfinite(ratio)]
        within += (ratio <= 1).sum(), (ratio <= 2).sum()
        count += ratio.size
    one, two = (float(share) for share in within / count)
    values = {
        "within 1 sigma": one,
        "within 2 sigma": two,
        "within 2 sigma of a normal error": WITHIN_TWO_SIGMA,
    }
    return score_result(values, one, WITHIN_ONE_SIGMA, "share", "a normal error")


def _ratios_of_months(world: World) -> dict[str, np.ndarray]:
    """Kind of ratio -> those of the map, of the truth and of the explained part of it, a value a month."""
    product, predictors = YearlyMaps.in_folder(world.run.maps), world.predictors
    regions = rasterise(
        read_aquifers(world.source), predictors.grid, predictors.factor, predictors.land()
    )
    numbers, edges, borders = regions.pixels(), [], []
    best = YearlyMaps.in_folder(world.source / "truth" / "explained_1km")
    window = best.grid.window_of(product.grid)
    for month, truth in _truth_of_months(world, product):
        explained = np.where(np.isfinite(truth), best.read(month, window), np.nan)
        fields = product.read(month), truth, explained
        cells = blocks(np.isfinite(truth), predictors.factor).any(axis=(2, 3))
        edges.append([edge_ratio(field, cells, predictors.factor) for field in fields])
        borders.append([border_ratio(field, numbers) for field in fields])
    return {"edge ratio": np.transpose(edges), "border ratio": np.transpose(borders)}


def _truth_of_months(world: World, product: YearlyMaps):
    """Each month that the product maps and the truth on its pixels, cm, NaN elsewhere."""
    truth = YearlyMaps.in_folder(world.source / "truth" / "gwsa_1km")
    for month in product.months:
        mapped = np.isfinite(product.read(month))
        if mapped.any():
            yield (
                month,
                np.where(mapped, truth.read(month, truth.grid.window_of(product.grid)), np.nan),
            )


def _farthest_from_one(ratios: np.ndarray) -> float:
    return ratios[np.abs(ratios - 1).argmax()]
