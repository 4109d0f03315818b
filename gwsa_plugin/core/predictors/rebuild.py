"""Write the rasters of predictors; keep those of an earlier build whose inputs are unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.progress import Progress
from ..compute.threads import run_all
from ..files.provenance import plugin_version
from .catalogue import Predictor, parse_predictors, read_json
from .files import COARSE, FINE
from .int16 import CLASS_CODES, FLOAT32, Encoding, ValueRange, choose_encoding
from .predictor_set import CLIMATOLOGIES, CONTENTS
from .raster_pairs import Pair, PairContents, Region, convert_pair, find_pair, write_pair
from .raster_record import has_digests, stated_record


class Written(NamedTuple):
    """The rasters of some predictors after a build.

    Parameters
    ----------
    value_ranges : dict
        Pair -> range of its values.
    encodings : dict
        Predictor -> how its fine rasters are stored.
    kept : int
        Number of pairs that are left unchanged in the earlier set.
    """

    value_ranges: dict[Pair, ValueRange]
    encodings: dict[Predictor, Encoding]
    kept: int


def require_same_grid(folder: Path, fine: Grid, factor: int) -> None:
    """Check that a folder has no predictor set, or one on the same grid.

    Parameters
    ----------
    folder : Path
        The folder, which need not exist.
    fine : Grid
        The fine grid of the new set.
    factor : int
        Fine pixels per coarse cell along a side.

    Raises
    ------
    InputError
        When it has a set on another grid, or a predictors.json that cannot be read.
    """
    if not (folder / CONTENTS).exists():
        return
    if read_json(folder / CONTENTS).get("grid") != {**asdict(fine), "factor": factor}:
        raise InputError(
            f"The folder {folder.name} has a predictor set on another grid; choose another folder, "
            "or set REPLACE to replace that set."
        )


def unused_rasters(folder: Path, used: Set[str]) -> list[str]:
    """Find the rasters of an earlier set that a new set in its folder does not have.

    Parameters
    ----------
    folder : Path
        The folder; none is found without a valid predictors.json.
    used : set of str
        Names of the rasters of the new set, with CLIMATOLOGIES if it has any.

    Returns
    -------
    list of str
        Their paths, relative to the folder.
    """
    try:
        earlier = parse_predictors(read_json(folder / CONTENTS), CONTENTS)
    except InputError:
        return []
    patterns = [Path(item.files).name.replace("{YYYY}", "[0-9]" * 4) for item in earlier]
    others = [] if CLIMATOLOGIES in used else [path.name for path in folder.glob(CLIMATOLOGIES)]
    return others + [
        f"{scale}/{path.name}"
        for pattern in filter(None, patterns)
        for scale in (FINE, COARSE)
        for path in (folder / scale).glob(pattern)
        if path.name not in used
    ]


def recorded_rasters(folder: Path) -> dict[str, dict]:
    """Return the record of the rasters of an earlier set; empty where there is none."""
    try:
        return stated_record(read_json(folder / CONTENTS))
    except InputError:
        return {}


def files_of_pair(pair: Pair) -> list[str]:
    """Return the paths of both rasters of a pair, relative to the folder of the set."""
    return [f"{FINE}/{pair.file}", f"{COARSE}/{pair.file}"]


def with_origins(pairs: Sequence[Pair], region: Region, digests: dict[Path, str]) -> list[Pair]:
    """Add to pairs the tags that identify everything their bytes depend on.

    These are the plugin's version, the input files and bands, how their numbers are read, the
    grids and the land.

    Parameters
    ----------
    pairs : sequence of Pair
        Raster pairs.
    region : Region
        Grids and land.
    digests : dict
        Input file -> SHA-256 of its content.
    """
    region_parameters = {
        "grid": asdict(region.fine),
        "factor": region.factor,
        "land": region.land.digest(),
    }
    return [replace(pair, origin=_origin(pair, region_parameters, digests)) for pair in pairs]


def _origin(pair: Pair, region_parameters: dict, digests: dict[Path, str]) -> dict[str, str]:
    predictor = pair.predictor
    bands: dict[Path, dict[int, int]] = {path: {} for path, _ in pair.sources.values()}
    for band, (path, input_band) in pair.sources.items():
        bands[path][band] = input_band
    inputs = [{"name": path.name, "sha256": digests[path], "bands": bands[path]} for path in bands]
    reading = {
        key: getattr(predictor, key)
        for key in ("variable", "crs", "scale", "offset", "nodata", "classes")
    }
    return {
        "GWSA_VERSION": plugin_version(),
        "GWSA_INPUTS": json.dumps(inputs),
        "GWSA_PARAMETERS": json.dumps({**reading, **region_parameters}),
    }


def split_into_batches(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Group pairs so that the float32 rasters of only one group are on the disk at a time.

    All static predictors form one batch and each monthly predictor forms its own.
    """
    for _, batch in groupby(
        sorted(pairs, key=lambda pair: pair.predictor.monthly),
        key=lambda pair: pair.predictor.name if pair.predictor.monthly else None,
    ):
        yield list(batch)


def write_batch(
    pairs: Sequence[Pair], region: Region, folder: Path, earlier: Path, progress: Progress
) -> Written:
    """Write the rasters of some predictors, except those that an earlier set has already.

    If the range of a predictor has changed, its encoding may change, and then its unchanged rasters
    are written again as well.

    Parameters
    ----------
    pairs : sequence of Pair
        All pairs of each predictor, with their origins.
    region : Region
        Grids and land.
    folder : Path
        Folder of the new set.
    earlier : Path
        Folder of the earlier set; it need not exist.
    progress : Progress
        Advanced from 0 to 1.
    """
    # Step 1: write what is new or changed. Most rasters are float32 until all ranges are known.
    unchanged = _find_pairs(pairs, earlier)
    changed = [pair for pair in pairs if pair not in unchanged]
    contents = {**unchanged, **_write(changed, region, folder, False, progress.part(0.0, 0.6))}
    # Step 2: choose one encoding per predictor from the ranges of its new and its kept rasters.
    encodings = {
        predictor: _choose_encoding(predictor, pairs, contents)
        for predictor in dict.fromkeys(pair.predictor for pair in pairs)
    }
    differing = [
        pair for pair in pairs if contents[pair].stored_as != encodings[pair.predictor].stored_as
    ]
    # Step 3: convert rasters that are stored in another encoding. Those that are not available as
    # float32 in the new folder are read from their inputs again.
    again = [
        pair
        for pair in differing
        if pair in unchanged or contents[pair].stored_as != FLOAT32.stored_as
    ]
    _write(again, region, folder, True, progress.part(0.6, 0.7))
    conversions = [
        partial(convert_pair, pair, region, folder, encodings[pair.predictor])
        for pair in differing
        if encodings[pair.predictor].is_int16
    ]
    run_all(conversions, progress.part(0.7, 1.0))
    kept = len(set(unchanged) - set(differing))
    return Written({pair: contents[pair].value_range for pair in pairs}, encodings, kept)


def _find_pairs(pairs: Sequence[Pair], earlier: Path) -> dict[Pair, PairContents]:
    """The pairs that the earlier set has as it was written, made from the same inputs."""
    record = recorded_rasters(earlier)
    found = {pair: find_pair(pair, earlier) for pair in pairs}
    there = {pair: contents for pair, contents in found.items() if contents is not None}
    checks = [partial(_is_as_written, pair, earlier, record) for pair in there]
    return {
        pair: contents
        for (pair, contents), is_good in zip(there.items(), run_all(checks))
        if is_good
    }


def _is_as_written(pair: Pair, folder: Path, record: dict[str, dict], _: Progress) -> bool:
    return has_digests(folder, record, files_of_pair(pair))


def _write(
    pairs: Sequence[Pair], region: Region, folder: Path, as_float32: bool, progress: Progress
) -> dict[Pair, PairContents]:
    """Write pairs in parallel, one per thread."""
    tasks = [partial(write_pair, pair, region, folder, as_float32) for pair in pairs]
    return dict(zip(pairs, run_all(tasks, progress)))


def _choose_encoding(
    predictor: Predictor, pairs: Sequence[Pair], contents: dict[Pair, PairContents]
) -> Encoding:
    if predictor.classes:
        return CLASS_CODES
    return choose_encoding(
        [contents[pair].value_range for pair in pairs if pair.predictor is predictor]
    )
