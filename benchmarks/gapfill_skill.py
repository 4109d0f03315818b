"""Skill of every gap filling method on hidden months of real and sample series, ``auto`` chosen without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import GapScore, fill_artificial_gaps, scores
from gwsa.gwsa_plugin.core.gapfill.methods import AUTO, METHODS, FillOptions, fill_series
from gwsa.gwsa_plugin.core.gapfill.selection import choose, fill_chosen, try_all
from gwsa.gwsa_plugin.core.gapfill.uncertainty import calibrate, variability
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

REAL = Path(__file__).parents[2] / "shared/data/grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
RECORD = tuple(month_range("2002-04", "2020-12")[[0, -1]])
SAMPLE = WorldOptions((74.0, 26.0, 79.0, 31.0), start="2010-01", end="2010-12", seed=1)
SERIES = {"north-west India": 100, "sample world": 60}
PLAIN_SSA = FillOptions("ssa", 24, 10)
RIVALS = {**{name: FillOptions(name) for name in METHODS}, "ssa_24_10": PLAIN_SSA}


def measure_gapfill_skill(folder: Path) -> dict:
    """NSE of hidden blocks and of hidden short gaps: each series its own, the median of them is given.

    The real series need the real file; without it the sample world's are all there is.
    """
    values, first = {}, None
    for place, stack in _stacks(folder):
        series, missing = sample_of(stack, SERIES[place])
        found, within = nested_skill(series, missing)
        for one in found:
            values[f"{place}, {one.kind}, {one.method}"] = one.nse
            values[f"{place}, {one.kind}, {one.method}, RMSE (cm)"] = one.rmse
        values[f"{place}, within 1 sigma"] = within
        first = first or found
    blocks = {one.method: one.nse for one in first if "blocks" in one.kind}
    return {
        "values": values, "ours": blocks.pop(AUTO), "peer": max(blocks.values()), "ratio": None, "equal": None,
        "unit": "NSE", "peer_name": f"the best single method, {next(iter(values)).rpartition(',')[0]}",
    }  # fmt: skip


def nested_skill(series, missing) -> tuple[tuple[GapScore, ...], float]:
    """Scores of every method, and the share of hidden values within one sigma. What ``auto`` is judged on was hidden
    before it chose."""
    fills = {AUTO: auto, **{name: by(options) for name, options in RIVALS.items()}}
    hidden = fill_artificial_gaps(series, missing, fills)
    return scores(hidden, fills), calibrate(hidden, AUTO, variability(series, missing)).overall


def sample_of(stack, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Series evenly spread over the map, float64 (series, months), and the months that none of them has."""
    series = stack.values.reshape(stack.months.size, -1).T.astype(np.float64)
    series = series[np.isfinite(series).any(axis=1)]
    series = series[np.linspace(0, len(series) - 1, count).astype(int)]
    missing = np.isnan(series).all(axis=0)
    return np.where(missing, 0.0, series), missing


def _stacks(folder: Path):
    if REAL.is_file():
        yield "north-west India", import_twsa(REAL, TwsaOptions(period=RECORD)).twsa
    world = folder / "world"
    make_world(world, SAMPLE)
    options = TwsaOptions(world / PARTS["LAND_MASK"], SAMPLE.bounds, RECORD)
    yield "sample world", import_twsa(world / PARTS["TWSA"], options).twsa
    shutil.rmtree(world)


def auto(series, missing, number):
    return fill_chosen(series, missing, choose(try_all(series, missing, FillOptions().tolerance)))


def by(options: FillOptions):
    return lambda series, missing, number: fill_series(series, missing, options)
