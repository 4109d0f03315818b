"""Checks of all input files before a build, and one line of the log about each predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import KM_PER_DEGREE, Grid
from ..base.months import month_range, name_runs
from ..base.progress import Progress
from ..rasters.band_times import stated_months
from ..rasters.netcdf_raster import NetCdfRaster
from ..rasters.raster import Band
from ..spatial.warp import Geometry, pixel_degrees, windows_read
from .band_check import BandCheck
from .catalogue import Predictor
from .files import ALWAYS, read_numbers, scaling
from .inputs import open_input
from .raster_pairs import windows

# Windows of the fine grid, and bands of each predictor, whose values are looked at before the work.
SAMPLE_WINDOWS = 16
SAMPLE_BANDS = 3
# Side of the window that shows whether a band holds integers.
SAMPLE_SIDE = 512


@dataclass(frozen=True, eq=False)
class _Header:
    """What a file states: position, bands, variable of NetCDF, and whether bands have months."""

    geometry: Geometry
    bands: tuple[Band, ...]
    variable: str
    has_months: bool


def check_inputs(
    predictors: Sequence[Predictor],
    files: dict[str, dict],
    fine: Grid,
    factor: int,
    progress: Progress,
) -> None:
    """Check what the input files of all predictors state, and samples of their values.

    Parameters
    ----------
    predictors : sequence of Predictor
        Those with files.
    files : dict
        Name of the predictor -> {month: (file, band)}, of all that will be read.
    fine : Grid
        The fine grid.
    factor : int
        Fine pixels per coarse cell along a side.
    progress : Progress
        Receives one line about each predictor; checked for cancellation.

    Raises
    ------
    InputError
        When some bands of a series state a scale and others do not, when a static predictor has
        months, or for a value that a predictor cannot have.
    """
    for predictor in predictors:
        progress.stop_if_cancelled()
        inputs = files[predictor.name]
        paths = dict.fromkeys(path for path, _ in inputs.values())
        headers = {path: _read_header(path, predictor) for path in paths}
        _require_kind(predictor, headers)
        _require_one_scaling(predictor, inputs, headers)
        side = pixel_degrees(next(iter(headers.values())).geometry, fine)
        progress.info(_line(predictor, inputs, headers, side))
        _warn_of_width(predictor, side, fine.dx * factor, progress)
        _check_samples(predictor, inputs, fine, progress)


def _read_header(path: Path, predictor: Predictor) -> _Header:
    with open_input(path, predictor) as source:
        variable = source.variable if isinstance(source, NetCdfRaster) else ""
        has_months = any(month is not None for month in stated_months(source, path.name))
        return _Header(Geometry.from_raster(source, path), source.bands, variable, has_months)


def _require_kind(predictor: Predictor, headers: dict[Path, _Header]) -> None:
    """Refuse months in the file of a static predictor, of which one would stand for all."""
    for path, header in headers.items():
        if not predictor.monthly and header.has_months and len(header.bands) > 1:
            raise InputError(
                f"{path.name} has {len(header.bands)} months, and {predictor.name} is static; set "
                '"kind": "monthly" for it in the catalogue, or give one map of their mean.'
            )


def _require_one_scaling(predictor: Predictor, inputs: dict, headers: dict[Path, _Header]) -> None:
    """Refuse stored numbers without a scale, or without an offset, beside bands that state one."""
    bands = [(path, headers[path].bands[number - 1], number) for path, number in inputs.values()]
    for place, neutral in enumerate((1.0, 0.0)):
        by_stating: dict[bool, list[tuple[Path, Band, int]]] = {True: [], False: []}
        for one in bands:
            by_stating[scaling(one[1], predictor)[place] != neutral].append(one)
        with_one, without = by_stating[True], by_stating[False]
        if with_one and any(_stores_integers(predictor, *one) for one in _first_of_files(without)):
            raise InputError(_mixed(predictor, with_one[0], without[0]))


def _first_of_files(bands: list[tuple[Path, Band, int]]) -> list[tuple[Path, Band, int]]:
    """One band of each data type, because floats have to be read to be judged."""
    return list({band.dtype: (path, band, number) for path, band, number in bands}.values())


def _stores_integers(predictor: Predictor, path: Path, band: Band, number: int) -> bool:
    """Whether a band holds integers, of whatever data type."""
    if np.issubdtype(band.dtype, np.integer):
        return True
    with open_input(path, predictor) as source:
        rows, columns = (
            slice(size // 4, min(size // 4 + SAMPLE_SIDE, size)) for size in source.shape
        )
        numbers = read_numbers(source, predictor, number, (rows, columns))
    known = numbers[np.isfinite(numbers)]
    return bool(known.size and (known % 1 == 0).all() and np.abs(known).max() > 1)


def _mixed(
    predictor: Predictor, with_one: tuple[Path, Band, int], without: tuple[Path, Band, int]
) -> str:
    """The message about bands that state a scale beside others."""
    scale, offset = scaling(with_one[1], predictor)
    other_scale, other_offset = scaling(without[1], predictor)
    return (
        f"Band {with_one[2]} of {with_one[0].name} states the scale {scale:g} and the offset "
        f"{offset:g}, and band {without[2]} of {without[0].name} {other_scale:g} and "
        f"{other_offset:g}, so that {predictor.name} would mix values and stored numbers; set "
        f'"scale": {scale:g} and "offset": {offset:g} for it in the catalogue if all hold the same '
        "numbers, or correct the files."
    )


def _line(predictor: Predictor, inputs: dict, headers: dict[Path, _Header], side: float) -> str:
    """One line on what was understood of a predictor."""
    first = next(iter(headers))
    variable = headers[first].variable
    count = f"{len(headers)} {'NetCDF ' * bool(variable)}files" if len(headers) > 1 else first.name
    parts = [f"from variable {variable} of {count}" if variable else f"from {count}"]
    band = headers[first].bands[0]
    unit = predictor.unit or band.unit
    if unit:
        parts[0] += f" in {unit}"
    if scaling(band, predictor) != (1.0, 0.0):
        scale, offset = scaling(band, predictor)
        parts.append(f"stored number x {scale:g} + {offset:g}")
    parts.append(f"cells of {side * KM_PER_DEGREE:.2g} km")
    bands = len(headers[first].bands)
    if bands > 1 and all(number == 1 for _, number in inputs.values()):
        parts.append(f"the first of {bands} bands")
    if not predictor.monthly:
        return f"{predictor.name}: {', '.join(parts)}."
    if _by_position(predictor, headers[first]):
        parts.append("twelve unnamed bands taken as January to December")
    months = np.array(list(inputs), dtype="datetime64[M]")
    missing = np.setdiff1d(month_range(months[0], months[-1]), months)
    if missing.size:
        parts.append(f"no file and no value for {name_runs(missing)}")
    return f"{predictor.name}: {months.size} months {months[0]}..{months[-1]} {', '.join(parts)}."


def _by_position(predictor: Predictor, header: _Header) -> bool:
    """Whether the months of bands follow from their position alone."""
    return len(header.bands) == 12 and not header.has_months and "{MM}" not in predictor.files


def _warn_of_width(predictor: Predictor, side: float, cell: float, progress: Progress) -> None:
    if side > 1.01 * cell:
        progress.warn(
            f"The cells of {predictor.name} ({side:.3g}°) are wider than a coarse cell "
            f"({cell:.3g}°), so that it cannot tell the pixels of a cell apart."
        )


def _check_samples(predictor: Predictor, inputs: dict, fine: Grid, progress: Progress) -> None:
    """Check the values of some bands in some windows."""
    places = list(inputs.items())
    chosen = np.unique(np.linspace(0, len(places) - 1, SAMPLE_BANDS).round().astype(int))
    blocks = [fine.subgrid(*window) for window in windows(fine)]
    for month, (path, number) in (places[i] for i in chosen):
        with open_input(path, predictor) as source:
            geometry = Geometry.from_raster(source, path)
            label = number if month is ALWAYS else month
            check = BandCheck(predictor, path, source.bands[number - 1], label)
            for block in blocks[:: -(-len(blocks) // SAMPLE_WINDOWS)]:
                progress.stop_if_cancelled()
                for window in windows_read(geometry, block):
                    check.add(read_numbers(source, predictor, number, window))
            check.require_plausible()
