"""Properties of the maps of a sample world: seams, closure and calibration of sigma."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.downscaling.skill.seams import border_ratio, edge_ratio
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise

from .result import score_result
from .shuffled import blocks
from .skill import DEFAULT_REGION
from .worlds import SHARED, Run, World, shared_world

# Relative difference to the ratio of the truth within which a month is counted.
WITHIN = 0.1
# Closure of the published dataset, doi:10.12072/ncdc.hydrology.db7323.2026.
PUBLISHED_R2 = 0.9728
PUBLISHED_RMSE_CM = 2.10
# Fractions of a normal distribution.
WITHIN_ONE_SIGMA = 0.683
WITHIN_TWO_SIGMA = 0.954


def measure_seams(folder: Path, options: WorldOptions = DEFAULT_REGION) -> dict:
    """Compare the steps of maps at cell edges and aquifer borders with those of the truth.

    ``before`` and ``after`` the correction; ``most_changed``: ratio of both in the month where they
    differ most. The explained part of the truth is the best map that predictors allow. Its
    difference to the truth is no error of a map.
    """
    world = shared_world(folder.parent / SHARED, options)
    ratios = _monthly_ratios(world)
    values = {f"edge ratio, {name}": value for name, value in world.run.scores["seams"].items()}
    for kind, (mapped, truth, explained) in ratios.items():
        values[f"{kind}, median"] = np.median(mapped)
        values[f"{kind} of the truth, median"] = np.median(truth)
        values[f"{kind}, highest month"] = mapped.max()
        values[f"{kind} of the truth, highest month"] = truth.max()
        relative = {"": mapped / truth, ", explained part": explained / truth}
        for part, ratio in relative.items():
            name = f"{kind} / that of the truth{part}"
            values[f"{name}, median"] = np.median(ratio)
            values[f"{name}, month farthest from 1"] = _farthest_from_one(ratio)
            values[f"{kind}{part}: fraction of months within {WITHIN:.0%}"] = np.mean(
                np.abs(ratio - 1) <= WITHIN
            )
    values = {name: float(value) for name, value in values.items()}
    ours = values["edge ratio, median"]
    peer = values["edge ratio of the truth, median"]
    return score_result(values, ours, peer, "across / inside", "the truth")


def measure_closure(folder: Path, options: WorldOptions = DEFAULT_REGION) -> dict:
    """Compare the closure before the correction with that of the published dataset.

    Our NSE is compared with the published R²; for closure both are close. Closure is not skill, so
    that there is no target.
    """
    closure = shared_world(folder.parent / SHARED, options).run.scores["closure_raw"]
    values = {
        "NSE": closure["nse"],
        "RMSE (cm)": closure["rmse_cm"],
        "R2 of the published dataset": PUBLISHED_R2,
        "RMSE of the published dataset (cm)": PUBLISHED_RMSE_CM,
    }
    peer = "R2 of the published dataset"
    return score_result(values, closure["nse"], PUBLISHED_R2, "NSE", peer)


def measure_sigma(folder: Path, options: WorldOptions = DEFAULT_REGION) -> dict:
    """Measure the fraction of held-out pixels and months whose error is within sigma."""
    world = shared_world(folder.parent / SHARED, options)
    one, two = sigma_coverage(world, world.run)
    values = {
        "within 1 sigma": one,
        "within 2 sigma": two,
        "within 2 sigma of a normal error": WITHIN_TWO_SIGMA,
    }
    return score_result(values, one, WITHIN_ONE_SIGMA, "fraction", "a normal error")


def sigma_coverage(world: World, run: Run) -> tuple[float, float]:
    """Return the fractions of held-out pixels and months with an error within 1 and 2 sigma."""
    held_out = YearlyMaps.in_folder(run.held_out)
    sigma = YearlyMaps.from_files(sorted((run.maps / "sigma").glob("GWSA_SIGMA_*.tif")))
    within = np.zeros(2)
    count = 0
    for month, truth in _monthly_truth(world, held_out):
        ratio = np.abs(held_out.read(month) - truth) / sigma.read(month)
        ratio = ratio[np.isfinite(ratio)]
        within += (ratio <= 1).sum(), (ratio <= 2).sum()
        count += ratio.size
    one, two = (float(fraction) for fraction in within / count)
    return one, two


def sigma_groups(world: World, run: Run) -> dict[str, np.ndarray]:
    """Return the fraction of held-out pixels and months within one sigma, by groups of them.

    Returns
    -------
    dict of str to numpy.ndarray
        ``region``: by aquifer region, ``quintile``: by quintile of sigma; shape (groups,).
    """
    held_out = YearlyMaps.in_folder(run.held_out)
    sigma = YearlyMaps.from_files(sorted((run.maps / "sigma").glob("GWSA_SIGMA_*.tif")))
    predictors = world.predictors
    aquifers = read_aquifers(world.source)
    numbers = rasterise(aquifers, predictors.grid, predictors.factor, predictors.land()).pixels()
    # A part of the pixels is enough.
    some = (slice(None, None, 5), slice(None, None, 5))
    pairs = []
    for month, truth in _monthly_truth(world, held_out):
        fields = (held_out.read(month) - truth, sigma.read(month), numbers)
        error, deviation, region = (field[some].ravel() for field in fields)
        known = np.isfinite(error) & np.isfinite(deviation)
        pairs.append(np.stack([np.abs(error) <= deviation, deviation, region])[:, known])
    within, deviations, regions = np.concatenate(pairs, axis=1)
    edges = np.quantile(deviations, [0.2, 0.4, 0.6, 0.8])
    groups = {"region": regions.astype(int), "quintile": np.searchsorted(edges, deviations)}
    return {
        name: np.array([within[group == number].mean() for number in np.unique(group)])
        for name, group in groups.items()
    }


def _monthly_ratios(world: World) -> dict[str, np.ndarray]:
    """Kind of ratio -> that of map, truth and explained part in each month, shape (3, months)."""
    product = YearlyMaps.in_folder(world.run.maps)
    predictors = world.predictors
    regions = rasterise(
        read_aquifers(world.source), predictors.grid, predictors.factor, predictors.land()
    )
    numbers = regions.pixels()
    best = YearlyMaps.in_folder(world.source / "truth" / "explained_1km")
    window = best.grid.window_of(product.grid)
    edges = []
    borders = []
    for month, truth in _monthly_truth(world, product):
        explained = np.where(np.isfinite(truth), best.read(month, window), np.nan)
        fields = (product.read(month), truth, explained)
        cells = blocks(np.isfinite(truth), predictors.factor).any(axis=(2, 3))
        edges.append([edge_ratio(field, cells, predictors.factor) for field in fields])
        borders.append([border_ratio(field, numbers) for field in fields])
    return {"edge ratio": np.transpose(edges), "border ratio": np.transpose(borders)}


def _monthly_truth(world: World, product: YearlyMaps) -> Iterator[tuple[np.datetime64, np.ndarray]]:
    """Each month with a map, and the truth in the mapped pixels, cm, NaN elsewhere."""
    truth = YearlyMaps.in_folder(world.source / "truth" / "gwsa_1km")
    window = truth.grid.window_of(product.grid)
    for month in product.months:
        mapped = np.isfinite(product.read(month))
        if mapped.any():
            yield month, np.where(mapped, truth.read(month, window), np.nan)


def _farthest_from_one(ratios: np.ndarray) -> float:
    return ratios[np.abs(ratios - 1).argmax()]
