"""Skill of all gap filling methods in artificial gaps of real and sample series.

``auto`` makes its choice without the artificial gaps that it is scored on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import (
    Fill,
    GapScore,
    fill_artificial_gaps,
    scores,
)
from gwsa.gwsa_plugin.core.gapfill.methods import AUTO, METHODS, FillOptions, fill_series
from gwsa.gwsa_plugin.core.gapfill.selection import choose, fill_chosen, try_all
from gwsa.gwsa_plugin.core.gapfill.uncertainty import calibrate, variability
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

from .result import score_result

REAL = (
    Path(__file__).resolve().parents[2]
    / "shared/data/grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
)
RECORD = tuple(month_range("2002-04", "2020-12")[[0, -1]])
SAMPLE = WorldOptions((74.0, 26.0, 79.0, 31.0), start="2010-01", end="2010-12", seed=1)
SERIES = {"north-west India": 100, "sample world": 60}
PUBLISHED_SSA = FillOptions("ssa", 24, 10)
RIVALS = {**{name: FillOptions(name) for name in METHODS}, "ssa_24_10": PUBLISHED_SSA}


def measure_gapfill_skill(folder: Path) -> dict:
    """Measure the NSE (median over the series) of all methods in long and short artificial gaps.

    The real series need the real file; without it only those of the sample world are scored.
    """
    values: dict[str, float] = {}
    first: tuple[GapScore, ...] = ()
    for place, stack in _stacks(folder):
        series, missing = sample_of(stack, SERIES[place])
        found, within = nested_skill(series, missing)
        for score in found:
            values[f"{place}, {score.kind}, {score.method}"] = score.nse
            values[f"{place}, {score.kind}, {score.method}, RMSE (cm)"] = score.rmse
        values[f"{place}, within 1 sigma"] = within
        first = first or found
    blocks = {score.method: score.nse for score in first if "blocks" in score.kind}
    place_and_kind = next(iter(values)).rpartition(",")[0]
    return score_result(
        values,
        ours=blocks.pop(AUTO),
        peer=max(blocks.values()),
        unit="NSE",
        peer_name=f"the best single method, {place_and_kind}",
    )


def nested_skill(series: np.ndarray, missing: np.ndarray) -> tuple[tuple[GapScore, ...], float]:
    """Score every method, and compute the fraction of artificial months within one sigma.

    ``auto`` selects its methods in artificial gaps of its own, with the scored ones withheld.
    """
    fills = {AUTO: auto, **{name: by(options) for name, options in RIVALS.items()}}
    gaps = fill_artificial_gaps(series, missing, fills)
    return scores(gaps, fills), calibrate(gaps, AUTO, variability(series, missing)).overall


def sample_of(stack: MonthlyStack, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return series evenly spread over the map, float64, and the months that all of them miss.

    The shapes are (series, months) and (months,).
    """
    series = stack.values.reshape(stack.months.size, -1).T.astype(np.float64)
    series = series[np.isfinite(series).any(axis=1)]
    series = series[np.linspace(0, len(series) - 1, count).astype(int)]
    missing = np.isnan(series).all(axis=0)
    return np.where(missing, 0.0, series), missing


def _stacks(folder: Path) -> Iterator[tuple[str, MonthlyStack]]:
    if REAL.is_file():
        yield "north-west India", import_twsa(REAL, TwsaOptions(period=RECORD)).twsa
    world = folder / "world"
    make_world(world, SAMPLE)
    options = TwsaOptions(world / PARTS["LAND_MASK"], SAMPLE.bounds, RECORD)
    yield "sample world", import_twsa(world / PARTS["TWSA"], options).twsa
    shutil.rmtree(world)


def auto(series: np.ndarray, missing: np.ndarray, fold: int) -> np.ndarray:
    """Fill by the method ``auto``."""
    return fill_chosen(series, missing, choose(try_all(series, missing, FillOptions().tolerance)))


def by(options: FillOptions) -> Fill:
    """Return a fill with fixed options."""
    return lambda series, missing, fold: fill_series(series, missing, options)
