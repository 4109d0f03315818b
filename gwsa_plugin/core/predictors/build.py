"""Static and monthly rasters named by a catalogue, of any projection and resolution, as one aligned predictor set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import name_runs
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_folder
from ..files.provenance import now, provenance, sha256, write_run
from ..files.rasters import open_lonlat, open_raster
from ..spatial.warp import Geometry, overlaps
from .catalogue import Catalogue, Predictor, read_catalogue
from .files import ALWAYS, locate, months_before
from .int16 import PLAIN, Encoding
from .predictor_set import COARSE, CONTENTS, FINE, PredictorSet
from .rasters import Region, find_land, pairs_of, write_land
from .rebuild import Written, batches, with_origins, write_batch

STAGE = "buildpredictors"
LAND = "fine/land.tif"
FEW = 0.5  # a predictor that has a value in less of the land than this deserves a warning
POSITIONS = {"lon", "longitude", "lat", "latitude", "x", "y", "year"}


@dataclass(frozen=True)
class Inputs:
    """``grid`` is a stack whose grid is the coarse one; ``land_mask`` goes before the one that the catalogue names."""

    catalogue: Path
    grid: Path
    land_mask: Path | None = None


def build_predictors(
    inputs: Inputs, output, period=(None, None), factor: int = 30, progress: Progress = SILENT
) -> PredictorSet:
    """Write a predictor set into the folder ``output``, whole or not at all, and open it.

    The fine grid has ``factor`` x ``factor`` pixels a cell of the coarse one. ``period`` is (first, last) month, None
    for what all monthly predictors share; rasters of the months before it are written too where lags and means reach
    back to them and there are files. Land is what the mask says (above 0), or else where at least half of the
    static predictors have a value; off the land nothing is kept. A coarse value is the mean of the land pixels that
    have one before they are rounded, weighted by their area; classes become fractions of that area. A predictor without
    files, a difference, gets no raster. Where ``output`` holds a set, its rasters stay that would come out the same.
    Raises InputError for files that are missing (all named at once), have no CRS, do not overlap the
    grid or hold no value there.
    """
    started = now()
    catalogue = read_catalogue(inputs.catalogue)
    months, files = locate(catalogue, period)
    before = months_before(catalogue, files, months)
    with open_lonlat(inputs.grid) as source:
        fine = Grid.from_transform(source.transform, source.shape, inputs.grid.name).refine(factor)
    mask = inputs.land_mask or catalogue.land
    _require_overlap(
        [next(iter(bands.values()))[0] for bands in files.values()] + ([mask] if mask else []), fine
    )
    _announce(catalogue.predictors, months, before.size, fine, progress)
    region = Region(fine, factor, _land(mask, catalogue, files, fine, progress.part(0, 0.05)))
    stored = np.concatenate([before, months])
    read = _paths(catalogue, files, stored)
    digests = {path: sha256(path, progress) for paths in read.values() for path in paths}
    pairs = [
        pair for item in catalogue.with_files for pair in pairs_of(item, files[item.name], stored)
    ]
    pairs = with_origins(pairs, region, digests)
    parameters = {"months": name_runs(months), "factor": factor}
    given = {"catalogue": inputs.catalogue, "grid": inputs.grid, "land_mask": mask}
    with atomic_folder(output) as folder:
        (folder / FINE).mkdir()
        (folder / COARSE).mkdir()
        write_land(region.land, fine, folder / LAND)
        encodings = _write(pairs, region, folder, Path(output), progress.part(0.05, 1.0))
        hashed = {role: {path: digests[path] for path in paths} for role, paths in read.items()}
        tags = provenance(STAGE, {**given, **hashed}, parameters, progress)
        periods = {"months": months, "before": before}
        _describe(
            folder / CONTENTS,
            [(item, encodings.get(item)) for item in catalogue.predictors],
            region,
            periods,
            tags,
        )
        write_run(folder / "run.json", STAGE, {**given, **read}, parameters, started)
        (Path(output) / CONTENTS).unlink(
            missing_ok=True
        )  # it would misread the rasters that are about to come
    progress.advance(1.0)
    return PredictorSet.open(output)


def _write(
    pairs: list, region: Region, folder: Path, output: Path, progress: Progress
) -> dict[Predictor, Encoding]:
    """How the fine rasters of each predictor are stored."""
    encodings, kept = {}, 0
    groups = list(batches(pairs))
    for group, part in zip(groups, progress.parts(len(groups))):
        written = write_batch(group, region, folder, output, part)
        _judge(written, int(region.land.sum()), progress)
        encodings.update(written.encodings)
        kept += written.kept
    if (output / CONTENTS).exists():
        progress.info(f"{kept} of {len(pairs)} rasters are unchanged and kept.")
    _tell_errors(encodings, progress)
    return encodings


def _require_overlap(paths: list[Path], fine: Grid) -> None:
    """InputError for the first raster that has no CRS or lies elsewhere."""
    for path in paths:
        with open_raster(path) as source:
            if not overlaps(Geometry.of(source, path), fine):
                region = ", ".join(f"{degrees:g}" for degrees in fine.bounds)
                raise InputError(
                    f"{path.name} does not overlap the grid ({region}: west, south, east, north in degrees); "
                    "give a raster of that region, or another GRID."
                )


def _announce(predictors, months: np.ndarray, before: int, fine: Grid, progress: Progress) -> None:
    """What is about to be written, which lags and means reach too far back although there are as many months
    ``before``, and what ought not to be a predictor."""
    monthly = [item for item in predictors if item.monthly]
    bands = sum(before + months.size if item.monthly else 1 for item in predictors if item.files)
    reach_back = f" and, for lags and means, the {before} months before" if before else ""
    progress.info(
        f"{len(predictors)} predictors, {len(monthly)} of them for {name_runs(months)}{reach_back}, on {fine.rows} x "
        f"{fine.columns} pixels: at most {4e-9 * bands * fine.rows * fine.columns:.2g} GB before compression."
    )
    for lag in sorted({lag for item in monthly for lag in item.lags if lag > before}):
        lagged = ", ".join(f"{item.name}_lag{lag}" for item in monthly if lag in item.lags)
        progress.info(
            f"The first {min(lag - before, months.size)} of {months.size} months have no value of {lagged}; "
            f"with files from {months[0] - lag} on they would."
        )
    longest = max((window for item in monthly for window in item.means), default=1)
    if longest > before + 1:
        progress.info(
            f"The first {min(longest - 1 - before, months.size)} of {months.size} months have means over fewer than "
            f"{longest} months; with files from {months[0] - longest + 1} on they would be whole."
        )
    for item in predictors:
        if item.name.lower() in POSITIONS:
            progress.warn(
                f"{item.name} says where or when a pixel is: a model memorises cells with it; leave it out."
            )
        if "gldas" in item.source.lower() and item.group != "climate":
            progress.warn(
                f"{item.name} comes from GLDAS by its source; if it is the run whose storage is subtracted from TWSA, "
                "the target predicts itself: take it from another source or leave it out."
            )


def _land(
    mask: Path | None, catalogue: Catalogue, files: dict, fine: Grid, progress: Progress
) -> np.ndarray:
    statics = [
        (item, files[item.name][ALWAYS][0]) for item in catalogue.predictors if not item.monthly
    ]
    if mask:
        layer = Predictor("land", mask.name, classes=(1,))
        land = find_land([(layer, mask)], lambda values: values > 0, fine, progress)
    elif statics:
        land = find_land(statics, np.isfinite, fine, progress)
    else:
        raise InputError(
            "Without a static predictor nothing tells land from sea; give a LAND_MASK (1 on land)."
        )
    if not land.any():
        raise InputError(
            f"{mask.name if mask else 'The static predictors'} leave no land inside the grid; "
            "give a land mask that is above 0 on land, or another GRID."
        )
    return land


def _judge(written: Written, land: int, progress: Progress) -> None:
    """InputError for a predictor without any value on land; warn of one with few, and say what share lacks a value."""
    for predictor in written.encodings:
        own = [
            (extent, pair)
            for pair, extent in written.extents.items()
            if pair.predictor is predictor
        ]
        share = sum(extent.count for extent, _ in own) / (
            land * sum(len(pair.sources) for _, pair in own)
        )
        if share == 0:
            raise InputError(
                f"The rasters of {predictor.name} ({predictor.files}) have no value on the land of the grid; "
                'check their place, and "nodata" in the catalogue.'
            )
        if share < 1:
            tell = progress.warn if share < FEW else progress.info
            tell(f"{predictor.name} has no value in {1 - share:.2%} of the land pixels and months.")


def _tell_errors(encodings: dict[Predictor, Encoding], progress: Progress) -> None:
    rounded = [
        f"{item.name} {encoding.error:g} {item.unit}".strip()
        for item, encoding in encodings.items()
        if encoding.error
    ]
    plain = [item.name for item, encoding in encodings.items() if encoding == PLAIN]
    if rounded:
        progress.info(f"Rounded to steps of int16, with an error of at most: {', '.join(rounded)}.")
    if plain:
        progress.info(
            f"Kept as float32, as steps of int16 would be too coarse for them: {', '.join(plain)}."
        )


def _paths(catalogue: Catalogue, files: dict, months: np.ndarray) -> dict[str, list[Path]]:
    """The files that each predictor is read from."""
    wanted = {ALWAYS, *months}
    return {
        f"predictor {item.name}": sorted(
            {path for month, (path, _) in files[item.name].items() if month in wanted}
        )
        for item in catalogue.with_files
    }


def _describe(path: Path, stored: list[tuple], region: Region, periods: dict, tags: dict) -> None:
    """predictors.json: all that reading the set needs, and where it comes from. ``stored``: each predictor and how its
    fine rasters are, None without rasters. ``periods``: name -> months."""
    content = {
        "format": 1,
        "grid": {**asdict(region.fine), "factor": region.factor},
        "land": LAND,
        "predictors": [_entry(*item) for item in stored],
        "provenance": tags,
    }
    content.update(
        {name: [str(months[0]), str(months[-1])] for name, months in periods.items() if months.size}
    )
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _entry(predictor: Predictor, encoding: Encoding | None) -> dict:
    return {
        "name": predictor.name,
        "group": predictor.group,
        "unit": predictor.unit,
        "kind": predictor.kind,
        **(_rasters(predictor, encoding) if encoding else {"difference": predictor.difference}),
        "lags": predictor.lags,
        "means": predictor.means,
        **({"source": predictor.source} if predictor.source else {}),
    }


def _rasters(predictor: Predictor, encoding: Encoding) -> dict:
    """Where the set has the rasters of a predictor, and what the numbers of the fine ones are."""
    return {
        "files": f"{FINE}/{predictor.name}{'_{YYYY}' if predictor.monthly else ''}.tif",
        "scale": encoding.scale,
        "offset": encoding.offset,
        "error": encoding.error,
        "aggregation": predictor.aggregation,
        "classes": predictor.classes,
    }
