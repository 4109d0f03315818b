"""Speed of a forest beside ``Booster.inplace_predict``, on one thread, coding of the features included.

Equal means every bit of the rows that both predict. The Booster reads a table (rows, features) as it likes it best;
ours reads rasters, features one by one, as float32 or as stored int16.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import xgboost

from gwsa.gwsa_plugin.core.downscaling.forest.engine import evaluator
from gwsa.gwsa_plugin.core.downscaling.forest.kernel import can_permute
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.predictors.stored_features import StoredFeature

from .result import race

FEATURES = (19, 55)  # the first is compared; lags make the second
TAUGHT, ROWS, PEER_ROWS = 60_000, 262_144, 16_384
STEPS, NODATA = 50_000, -32768  # of the stored numbers
MISSING_SHARE = 0.02
REPEATS = 7
WAYS = {"one by one": False, **({"permuting": True} if can_permute() else {})}


def measure_predict(folder: Path, trees: int, depth: int) -> dict:
    """``ours`` and ``peer``: microseconds a row, of 19 features that ours has as int16, leaves looked up as the
    processor can best. ``values``: how many times as fast as the peer all of ours are with the same features."""
    values = {}
    for features in reversed(FEATURES):
        times, equal = _compare(*_lesson(features, trees, depth))
        peer = times.pop("peer")
        values.update(
            {f"{features} features, {name}: ratio": peer / ours for name, ours in times.items()}
        )
        values[f"{features} features, peer (us)"], values[f"{features} features, equal"] = (
            peer,
            float(equal),
        )
    ours = times[f"int16, {list(WAYS)[-1]}"]
    return {
        "values": values, "ours": ours, "peer": peer, "ratio": peer / ours,
        "equal": all(values[f"{features} features, equal"] for features in FEATURES),
        "unit": "us a row", "peer_name": "Booster.inplace_predict",
    }  # fmt: skip


def _lesson(features: int, trees: int, depth: int) -> tuple:
    """A trained Booster, and features to predict from, as stored."""
    random = np.random.default_rng(features)
    values = random.normal(size=(features, ROWS))
    values[::4] = 285 + 10 * values[::4]  # like temperatures
    values[1::4] = np.exp(2 * values[1::4])  # like rain
    response = (
        np.sin(values[2]) * values[3]
        + np.tanh(values[6])
        + np.log(values[1])
        + random.normal(size=ROWS)
    )
    values[random.random(values.shape) < MISSING_SHARE] = np.nan
    stored = [_stored(one) for one in values]
    table = np.stack([one.values() for one in stored], axis=1)
    data = xgboost.DMatrix(table[:TAUGHT], response[:TAUGHT].astype(np.float32))
    return xgboost.train(Boosting(depth=depth).xgboost(), data, trees), table, stored


def _stored(values: np.ndarray) -> StoredFeature:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    scale = (high - low) / STEPS
    numbers = np.where(np.isnan(values), NODATA, np.round((values - low) / scale) - STEPS // 2)
    return StoredFeature(numbers.astype(np.int16), scale, low + STEPS // 2 * scale, NODATA)


def _compare(
    booster, table: np.ndarray, stored: list[StoredFeature]
) -> tuple[dict[str, float], bool]:
    """Microseconds a row of each contestant, the median, and whether all say the same."""
    inputs = {"float32": np.ascontiguousarray(table.T), "int16": stored}
    contestants = {"peer": (PEER_ROWS, partial(booster.inplace_predict, table[:PEER_ROWS]))}
    for way, permuting in WAYS.items():
        ours = evaluator(booster, print, permuting=permuting)
        for kind, features in inputs.items():
            contestants[f"{kind}, {way}"] = ROWS, partial(ours.predict, features)
    said = {
        name: predict()[:PEER_ROWS].view(np.int32) for name, (_, predict) in contestants.items()
    }  # compiles, too
    equal = all(np.array_equal(one, said["peer"]) for one in said.values())
    seconds = race({name: predict for name, (_, predict) in contestants.items()}, REPEATS)
    return {name: seconds[name] / rows * 1e6 for name, (rows, _) in contestants.items()}, equal
