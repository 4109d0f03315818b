"""Build a predictor set from the static and monthly rasters that a catalogue names.

The inputs may have any projection, resolution and extent; the set is on one pair of aligned grids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import name_runs
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_folder
from ..files.provenance import now, provenance, sha256, write_run
from ..rasters.reading import open_lonlat
from ..spatial.warp import Geometry, overlaps
from .catalogue import (
    EVAPOTRANSPIRATION,
    RUNOFF,
    Catalogue,
    Predictor,
    parse_predictors,
    read_catalogue,
)
from .files import ALWAYS, locate, months_before
from .input_check import check_inputs
from .inputs import open_input
from .int16 import FLOAT32, Encoding
from .land import find_land, write_land
from .land_mask import LandMask
from .outside import require_own_files
from .predictor_set import CLIMATOLOGIES, COARSE, CONTENTS, FINE, PredictorSet
from .raster_pairs import Pair, Region, make_pairs
from .raster_record import RASTERS, make_record
from .rebuild import (
    Written,
    files_of_pair,
    recorded_rasters,
    require_same_grid,
    split_into_batches,
    unused_rasters,
    with_origins,
    write_batch,
)
from .write_climatologies import SetInTwoFolders, write_climatologies

STAGE = "buildpredictors"
LAND = "fine/land.tif"
# The layer of a land mask.
LAND_LAYER = Predictor("land", classes=(1,))
# A predictor with values on less than this fraction of the land causes a warning.
FEW = 0.5
# Names of predictors that identify a place or a time.
POSITIONS = {"lon", "longitude", "lat", "latitude", "x", "y", "year"}


@dataclass(frozen=True)
class Inputs:
    """The input files of a build.

    Parameters
    ----------
    catalogue : Path
        JSON file that names the predictors.
    grid : Path
        Monthly stack whose grid is the coarse grid.
    land_mask : Path or None
        Raster that is above 0 on land. It has priority over the one that the catalogue names.
    outside : bool
        Whether the catalogue may name files outside its folder, in archives and on servers.
    """

    catalogue: Path
    grid: Path
    land_mask: Path | None = None
    outside: bool = False


def build_predictors(
    inputs: Inputs,
    output,
    period=(None, None),
    factor: int = 30,
    progress: Progress = SILENT,
    replaces: bool = False,
) -> PredictorSet:
    """Build a predictor set and open it.

    Without a land mask, land is where at least half of the static predictors have a value. Values
    off the land are not stored. A coarse value is the mean, weighted by area, of the land pixels
    that have a value, before these are rounded; classes become fractions of that area. A difference
    of two predictors gets no raster.

    Parameters
    ----------
    inputs : Inputs
        Catalogue, coarse grid and land mask.
    output : path-like
        Folder of the set. It is written completely or not at all. If it holds an earlier set,
        rasters that would not change are kept, and rasters that the new set lacks are removed.
    period : (numpy.datetime64 or None, numpy.datetime64 or None)
        First and last month; None for the first or last month that all monthly predictors have.
        Rasters of earlier months are also written if lags and means need them and files exist.
    factor : int
        Fine pixels per coarse cell along a side.
    progress : Progress
        Receives messages; checked for cancellation.
    replaces : bool
        True if a set on another grid is replaced; otherwise its folder is refused.

    Raises
    ------
    InputError
        When files are missing (the message names all of them) or outside the folder of the
        catalogue, when a raster has no CRS, does not
        overlap the grid or has no value there, or when the folder holds a set on another grid.
    """
    started = now()
    catalogue = read_catalogue(inputs.catalogue)
    if not inputs.outside:
        require_own_files(catalogue, inputs.catalogue.name)
    months, files = locate(catalogue, period)
    before = months_before(catalogue, files, months)
    with open_lonlat(inputs.grid) as source:
        fine = Grid.from_transform(source.transform, source.shape, inputs.grid.name).refine(factor)
    if not replaces:
        require_same_grid(Path(output), fine, factor)
    mask = inputs.land_mask or catalogue.land
    first_files = [
        (item, next(iter(files[item.name].values()))[0]) for item in catalogue.with_files
    ]
    _require_overlap(first_files + ([(LAND_LAYER, mask)] if mask else []), fine)
    _log_plan(catalogue.predictors, months, before.size, fine, progress)
    _warn_of_leaks(catalogue.predictors, progress)
    stored = np.concatenate([before, months])
    wanted = {ALWAYS, *stored}
    files = {
        name: {month: place for month, place in places.items() if month in wanted}
        for name, places in files.items()
    }
    check_inputs(catalogue.with_files, files, fine, factor, progress)
    region = Region(fine, factor, _land(mask, catalogue, files, fine, progress.part(0, 0.05)))
    read = _paths(catalogue, files)
    digests = {path: sha256(path, progress) for paths in read.values() for path in paths}
    pairs = [
        pair for item in catalogue.with_files for pair in make_pairs(item, files[item.name], stored)
    ]
    pairs = with_origins(pairs, region, digests)
    parameters = {"months": name_runs(months), "factor": factor}
    given = {"catalogue": inputs.catalogue, "grid": inputs.grid, "land_mask": mask}
    earlier = Path(output)
    written = {pair.file for pair in pairs}
    written |= {CLIMATOLOGIES} if any(item.monthly for item in catalogue.with_files) else set()
    unused = unused_rasters(earlier, written)
    with atomic_folder(output, "|".join(map(re.escape, unused)) or None) as folder:
        (folder / FINE).mkdir()
        (folder / COARSE).mkdir()
        write_land(region.land, fine, folder / LAND)
        encodings = _write_rasters(
            pairs, region, folder, earlier, progress.part(0.05, 0.9).timed("Rasters")
        )
        hashed = {role: {path: digests[path] for path in paths} for role, paths in read.items()}
        tags = provenance(STAGE, {**given, **hashed}, parameters, progress)
        periods = {"months": months, "before": before}
        content = _contents(catalogue.predictors, encodings, region, periods, tags)
        names = [LAND, *(name for pair in pairs for name in files_of_pair(pair))]
        kept = recorded_rasters(earlier)
        as_stored = parse_predictors(json.loads(json.dumps(content)), CONTENTS)
        new = SetInTwoFolders(folder, fine, factor, as_stored, months, before, earlier=earlier)
        if write_climatologies(new, region, pairs, kept, progress.part(0.9, 0.98)):
            names.append(CLIMATOLOGIES)
        content[RASTERS] = make_record(folder, kept, names, progress.part(0.98, 1.0))
        text = json.dumps(content, indent=1) + "\n"
        (folder / CONTENTS).write_text(text, encoding="utf-8")
        write_run(folder / "run.json", STAGE, {**given, **read}, parameters, started)
    progress.advance(1.0)
    return PredictorSet.open(output)


def _write_rasters(
    pairs: list[Pair], region: Region, folder: Path, earlier: Path, progress: Progress
) -> dict[Predictor, Encoding]:
    """Write all rasters; return how the fine rasters of each predictor are stored."""
    encodings: dict[Predictor, Encoding] = {}
    kept = 0
    batches = list(split_into_batches(pairs))
    land = region.land.count()
    for batch, part in zip(batches, progress.parts(len(batches))):
        written = write_batch(batch, region, folder, earlier, part)
        _check_coverage(written, land, progress)
        encodings.update(written.encodings)
        kept += written.kept
    if (earlier / CONTENTS).exists():
        progress.info(f"{kept} of {len(pairs)} rasters are unchanged and kept.")
    _log_rounding(encodings, progress)
    return encodings


def _require_overlap(layers: list[tuple[Predictor, Path]], fine: Grid) -> None:
    """Raise InputError for the first raster that has no CRS or does not overlap the grid."""
    for layer, path in layers:
        with open_input(path, layer) as source:
            if not overlaps(Geometry.from_raster(source, path), fine):
                region = ", ".join(f"{degrees:g}" for degrees in fine.bounds)
                raise InputError(
                    f"{path.name} does not overlap the grid ({region}: west, south, east, north in "
                    "degrees); give a raster of that region, or another GRID."
                )


def _log_plan(
    predictors: Sequence[Predictor], months: np.ndarray, before: int, fine: Grid, progress: Progress
) -> None:
    """Log what will be written, and the lags and means that lack months before the first."""
    monthly = [item for item in predictors if item.monthly]
    bands = sum(before + months.size if item.monthly else 1 for item in predictors if item.files)
    earlier = f" and, for lags and means, the {before} months before" if before else ""
    size = 4e-9 * bands * fine.rows * fine.columns
    progress.info(
        f"{len(predictors)} predictors, {len(monthly)} of them for {name_runs(months)}{earlier}, "
        f"on {fine.rows} x {fine.columns} pixels: at most {size:.2g} GB before compression."
    )
    for lag in sorted({lag for item in monthly for lag in item.lags if lag > before}):
        lagged = ", ".join(f"{item.name}_lag{lag}" for item in monthly if lag in item.lags)
        progress.info(
            f"The first {min(lag - before, months.size)} of {months.size} months have no value of "
            f"{lagged}; add files from {months[0] - lag} on to complete them."
        )
    longest = max((window for item in monthly for window in item.means), default=1)
    if longest > before + 1:
        progress.info(
            f"The first {min(longest - 1 - before, months.size)} of {months.size} months have "
            f"means over fewer than {longest} months; add files from {months[0] - longest + 1} on "
            "to complete them."
        )


def _warn_of_leaks(predictors: Sequence[Predictor], progress: Progress) -> None:
    """Warn of predictors that identify a place or a time, or that contain the target."""
    for item in predictors:
        if item.name.lower() in POSITIONS:
            progress.warn(
                f"{item.name} identifies the place or the time of a pixel, so that a model can "
                "memorise single cells; remove it."
            )
        is_flux = item.role in (EVAPOTRANSPIRATION, RUNOFF)
        if "gldas" in item.source.lower() and (is_flux or item.group != "climate"):
            reason = (
                ", because precipitation minus evapotranspiration and runoff of a run is the "
                "change of its storage"
            )
            progress.warn(
                f"{item.name} is from GLDAS according to its source. If it is from the run whose "
                "storage is subtracted from TWSA, the target is predicted from itself"
                f"{reason if is_flux else ''}; use another source or remove it."
            )


def _land(
    mask: Path | None, catalogue: Catalogue, files: dict, fine: Grid, progress: Progress
) -> LandMask:
    """The land mask on the fine grid: from a raster or from the static predictors."""
    statics = [
        (item, files[item.name][ALWAYS][0]) for item in catalogue.predictors if not item.monthly
    ]
    if mask:
        land = find_land([(LAND_LAYER, mask)], lambda values: values > 0, fine, progress)
    elif statics:
        land = find_land(statics, np.isfinite, fine, progress)
    else:
        raise InputError(
            "Land cannot be distinguished from sea without a static predictor; "
            "give a LAND_MASK (1 on land)."
        )
    if not land.count():
        raise InputError(
            f"{mask.name if mask else 'The static predictors'} leave no land inside the grid; "
            "give a land mask that is above 0 on land, or another GRID."
        )
    return land


def _check_coverage(written: Written, land: int, progress: Progress) -> None:
    """Log or warn where values are missing on land; raise InputError where there is none.

    ``land`` is the number of land pixels.
    """
    for predictor in written.encodings:
        pairs = [pair for pair in written.value_ranges if pair.predictor is predictor]
        bands = sum(len(pair.sources) for pair in pairs)
        fraction = sum(written.value_ranges[pair].pixels for pair in pairs) / (land * bands)
        if fraction == 0:
            raise InputError(
                f"The rasters of {predictor.name} ({predictor.files}) have no value on the land of "
                'the grid; check their position, and "nodata" in the catalogue.'
            )
        if fraction < 1:
            log = progress.warn if fraction < FEW else progress.info
            missing = f"{1 - fraction:.2%} of the land pixels and months"
            log(f"{predictor.name} has no value in {missing}.")


def _log_rounding(encodings: dict[Predictor, Encoding], progress: Progress) -> None:
    """Log the rounding error of each predictor, and which predictors stay float32."""
    rounded = [
        f"{item.name} {encoding.error:g} {item.unit}".strip()
        for item, encoding in encodings.items()
        if encoding.error
    ]
    plain = [item.name for item, encoding in encodings.items() if encoding == FLOAT32]
    if rounded:
        progress.info(f"Rounded to steps of int16, with an error of at most: {', '.join(rounded)}.")
    if plain:
        progress.info(
            f"Stored as float32, because steps of int16 would be too coarse: {', '.join(plain)}."
        )


def _paths(catalogue: Catalogue, files: dict) -> dict[str, list[Path]]:
    """The files of each predictor."""
    return {
        f"predictor {item.name}": sorted({path for path, _ in files[item.name].values()})
        for item in catalogue.with_files
    }


def _contents(
    predictors: Sequence[Predictor],
    encodings: Mapping[Predictor, Encoding],
    region: Region,
    periods: dict[str, np.ndarray],
    tags: dict[str, str],
) -> dict:
    """The content of predictors.json: everything that readers need, and the provenance.

    Predictors without rasters have no encoding. ``periods`` is key -> months.
    """
    return {
        "format": 1,
        "grid": {**asdict(region.fine), "factor": region.factor},
        "land": LAND,
        "predictors": [_entry(item, encodings.get(item)) for item in predictors],
        "provenance": tags,
        **{
            key: [str(months[0]), str(months[-1])] for key, months in periods.items() if months.size
        },
    }


def _entry(predictor: Predictor, encoding: Encoding | None) -> dict:
    """The entry of a predictor in predictors.json."""
    return {
        "name": predictor.name,
        "group": predictor.group,
        "unit": predictor.unit,
        "kind": predictor.kind,
        "role": predictor.role,
        **(_rasters(predictor, encoding) if encoding else {"difference": predictor.difference}),
        "lags": predictor.lags,
        "means": predictor.means,
        **({"source": predictor.source} if predictor.source else {}),
    }


def _rasters(predictor: Predictor, encoding: Encoding) -> dict:
    """The keys that locate the rasters of a predictor and convert the fine numbers to values."""
    return {
        "files": f"{FINE}/{predictor.name}{'_{YYYY}' if predictor.monthly else ''}.tif",
        "scale": encoding.scale,
        "offset": encoding.offset,
        "error": encoding.error,
        "aggregation": predictor.aggregation,
        "classes": predictor.classes,
    }
