"""Speed of forest evaluation compared with ``Booster.inplace_predict``, on one thread.

The times include the coding of the features. "Equal" means that all bits of the rows that both
predict are equal. The Booster reads a table of shape (rows, features), which suits it best; the
kernel reads features one by one, as float32 or as stored int16.
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

# Numbers of features: the default catalogue without and with lags. The first is compared.
FEATURES = (19, 55)
TRAINING_ROWS = 60_000
ROWS = 262_144
PEER_ROWS = 16_384
# Range and nodata of the stored numbers.
STEPS = 50_000
NODATA = -32768
MISSING_FRACTION = 0.02
REPEATS = 7
# How leaves are looked up, with the argument of ``evaluator``; the last is the fastest.
WAYS = {"one by one": False, **({"permuting": True} if can_permute() else {})}


def measure_predict(folder: Path, trees: int, depth: int) -> dict:
    """Measure the time per row.

    Returns
    -------
    dict
        ``ours`` and ``peer`` are microseconds per row with 19 features, which the kernel reads as
        int16, leaves being looked up in the fastest way. ``values`` holds the speed relative to the
        peer of all inputs and ways.
    """
    values = {}
    for features in reversed(FEATURES):
        times, equal = _compare(*_train_example(features, trees, depth))
        peer = times.pop("peer")
        values.update(
            {f"{features} features, {name}: ratio": peer / ours for name, ours in times.items()}
        )
        values[f"{features} features, peer (us)"] = peer
        values[f"{features} features, equal"] = float(equal)
    ours = times[f"int16, {list(WAYS)[-1]}"]
    return {
        "values": values,
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": all(values[f"{features} features, equal"] for features in FEATURES),
        "unit": "us a row",
        "peer_name": "Booster.inplace_predict",
    }


def _train_example(
    features: int, trees: int, depth: int
) -> tuple[xgboost.Booster, np.ndarray, list[StoredFeature]]:
    """A trained Booster, and rows to predict as a float32 table and as stored features."""
    random = np.random.default_rng(features)
    values = random.normal(size=(features, ROWS))
    # Distributions like those of temperature and of precipitation.
    values[::4] = 285 + 10 * values[::4]
    values[1::4] = np.exp(2 * values[1::4])
    response = (
        np.sin(values[2]) * values[3]
        + np.tanh(values[6])
        + np.log(values[1])
        + random.normal(size=ROWS)
    )
    values[random.random(values.shape) < MISSING_FRACTION] = np.nan
    stored = [_store(feature) for feature in values]
    table = np.stack([feature.values() for feature in stored], axis=1)
    data = xgboost.DMatrix(table[:TRAINING_ROWS], response[:TRAINING_ROWS].astype(np.float32))
    return xgboost.train(Boosting(depth=depth).xgboost(), data, trees), table, stored


def _store(values: np.ndarray) -> StoredFeature:
    """Values as int16, with NaN as nodata."""
    low = float(np.nanmin(values))
    high = float(np.nanmax(values))
    scale = (high - low) / STEPS
    numbers = np.where(np.isnan(values), NODATA, np.round((values - low) / scale) - STEPS // 2)
    return StoredFeature(numbers.astype(np.int16), scale, low + STEPS // 2 * scale, NODATA)


def _compare(
    booster: xgboost.Booster, table: np.ndarray, stored: list[StoredFeature]
) -> tuple[dict[str, float], bool]:
    """Median time per row of each contestant, microseconds, and whether all bits are equal."""
    inputs = {"float32": np.ascontiguousarray(table.T), "int16": stored}
    contestants = {"peer": (PEER_ROWS, partial(booster.inplace_predict, table[:PEER_ROWS]))}
    for way, permuting in WAYS.items():
        ours = evaluator(booster, print, permuting=permuting)
        for kind, features in inputs.items():
            contestants[f"{kind}, {way}"] = ROWS, partial(ours.predict, features)
    # The first prediction compiles the kernel too, before the race.
    bits = {
        name: predict()[:PEER_ROWS].view(np.int32) for name, (_, predict) in contestants.items()
    }
    equal = all(np.array_equal(predicted, bits["peer"]) for predicted in bits.values())
    seconds = race({name: predict for name, (_, predict) in contestants.items()}, REPEATS)
    return {name: seconds[name] / rows * 1e6 for name, (rows, _) in contestants.items()}, equal
