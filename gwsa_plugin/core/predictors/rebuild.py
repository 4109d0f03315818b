"""Writes the rasters of predictors, of those that an earlier build left only what has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.progress import Progress
from ..compute.threads import run_all
from ..files.provenance import plugin_version
from .catalogue import Predictor
from .int16 import CODES, PLAIN, Encoding, ValueRange, choose_encoding
from .rasters import Pair, PairContents, Region, find_pair, pack_pair, write_pair


class Written(NamedTuple):
    """``extents``: of each pair. ``kept``: how many of them are left as they are in the earlier set."""

    extents: dict[Pair, ValueRange]
    encodings: dict[Predictor, Encoding]
    kept: int


def with_origins(pairs: Sequence[Pair], region: Region, digests: dict[Path, str]) -> list[Pair]:
    """The pairs with tags that tell all their bytes depend on: inputs (``digests``: SHA-256 of each file), how their
    numbers are read, grid and land."""
    of_region = {
        "grid": asdict(region.fine), "factor": region.factor,
        "land": hashlib.sha256(np.packbits(region.land).tobytes()).hexdigest(),
    }  # fmt: skip
    return [replace(pair, origin=_origin(pair, of_region, digests)) for pair in pairs]


def _origin(pair: Pair, of_region: dict, digests: dict[Path, str]) -> dict[str, str]:
    predictor = pair.predictor
    bands = {path: {} for path, _ in pair.sources.values()}
    for band, (path, own_band) in pair.sources.items():
        bands[path][band] = own_band
    inputs = [{"name": path.name, "sha256": digests[path], "bands": bands[path]} for path in bands]
    reading = {key: getattr(predictor, key) for key in ("scale", "offset", "nodata", "classes")}
    return {
        "GWSA_VERSION": plugin_version(),
        "GWSA_INPUTS": json.dumps(inputs),
        "GWSA_PARAMETERS": json.dumps({**reading, **of_region}),
    }


def batches(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """The static predictors together and each monthly one alone: float32 of one batch is on the disk at a time."""
    for _, batch in groupby(
        sorted(pairs, key=lambda pair: pair.predictor.monthly),
        key=lambda pair: pair.predictor.name if pair.predictor.monthly else None,
    ):
        yield list(batch)


def write_batch(
    pairs: Sequence[Pair], region: Region, folder: Path, earlier: Path, progress: Progress
) -> Written:
    """Write all rasters of some predictors into ``folder``, but for those in ``earlier`` that would be the same.

    Another range may change how a predictor is stored; then its unchanged rasters are made again as well.
    """
    earlier_ones = {pair: made for pair in pairs if (made := find_pair(pair, earlier))}
    changed = [pair for pair in pairs if pair not in earlier_ones]
    made = {**earlier_ones, **_write(changed, region, folder, False, progress.part(0.0, 0.6))}
    encodings = {
        predictor: _encoding(
            predictor, [made[pair].extent for pair in pairs if pair.predictor is predictor]
        )
        for predictor in dict.fromkeys(pair.predictor for pair in pairs)
    }
    unlike = [pair for pair in pairs if made[pair].numbers != encodings[pair.predictor].numbers]
    again = [pair for pair in unlike if pair in earlier_ones or made[pair].numbers != PLAIN.numbers]
    _write(again, region, folder, True, progress.part(0.6, 0.7))
    packing = [
        partial(pack_pair, pair, region, folder, encodings[pair.predictor])
        for pair in unlike
        if encodings[pair.predictor].packed
    ]
    run_all(packing, progress.part(0.7, 1.0))
    kept = len(set(earlier_ones) - set(unlike))
    return Written({pair: made[pair].extent for pair in pairs}, encodings, kept)


def _write(
    pairs: Sequence[Pair], region: Region, folder: Path, unpacked: bool, progress: Progress
) -> dict[Pair, PairContents]:
    tasks = [partial(write_pair, pair, region, folder, unpacked) for pair in pairs]
    return dict(zip(pairs, run_all(tasks, progress)))


def _encoding(predictor: Predictor, extents: Sequence[ValueRange]) -> Encoding:
    return CODES if predictor.classes else choose_encoding(extents)
