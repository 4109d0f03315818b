"""Recognise predictors in raster files: layout, months, unit and role.

A file stands for all files that differ from it only in the year and the month in their names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..rasters.band_times import stated_months
from ..rasters.netcdf_raster import gridded_variables, is_netcdf
from .catalogue import (
    EVAPOTRANSPIRATION,
    MONTHLY,
    PRECIPITATION,
    RUNOFF,
    Predictor,
    read_catalogue,
)
from .files import matching_files
from .inputs import open_input
from .paths import absolute_path
from .predictor_facts import Facts, read_facts
from .predictor_set import CONTENTS

SHIPPED = Path(__file__).parents[3] / "resources" / "catalogue" / "catalogue.json"
SUFFIXES = (
    ".tif", ".tiff", ".vrt", ".img", ".asc", ".bil", ".nc", ".nc4", ".grib", ".grib2", ".grb",
)  # fmt: skip
LAND_NAMES = ("land", "land_mask", "landmask")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_MONTH = r"(?P<month>0[1-9]|1[0-2])"
# 2004-01, which can be followed by a day, 01_2004, and a day of the year such as A2004032.
MONTHS = (
    re.compile(rf"(?<!\d){_YEAR}[-_. ]?{_MONTH}(?=[-_. ]?(?:0[1-9]|[12]\d|3[01])?(?!\d))"),
    re.compile(rf"(?<!\d){_MONTH}[-_. ]{_YEAR}(?!\d)"),
    re.compile(rf"(?<!\d){_YEAR}(?P<month>[0-3]\d\d)(?!\d)"),
)
# A day after the placeholder of the month.
DAY = re.compile(r"(?<=\{MM\})([-_. ]?)(?:0[1-9]|[12]\d|3[01])(?!\d)")
YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
MONTH_NUMBER = re.compile(r"(?<!\d)(?:0[1-9]|1[0-2])(?!\d)")
# Words in the names of files of each role, and words that exclude a role.
ROLE_WORDS = {
    PRECIPITATION: {"precipitation", "precip", "rain", "rainfall", "ppt", "prcp", "pr", "chirps"},
    EVAPOTRANSPIRATION: {"evapotranspiration", "aet", "et", "eta"},
    RUNOFF: {"runoff", "ro"},
}
# Names that programs give to a variable of which they know nothing.
NAMELESS = {"Band1", "__xarray_dataarray_variable__", "variable", "data", "z"}
OTHER_WORDS = {"potential", "reference", "days", "anomaly", "max", "min"}
# Spellings of mm per month, the unit of all roles.
MM_PER_MONTH = ("", "mm", "mm/month", "mm month-1", "mm/mon", "mm mon-1", "mm per month")
SURPLUS = "water_surplus"


@dataclass(frozen=True)
class Recognised:
    """A predictor that was recognised in files.

    Parameters
    ----------
    predictor : Predictor
        Its ``files`` are an absolute path.
    facts : Facts
        What its files state.
    """

    predictor: Predictor
    facts: Facts


def raster_files(folder: Path) -> list[Path]:
    """List the rasters in a folder and in the folders in it.

    Land masks and the rasters of predictor sets are left out.

    Raises
    ------
    InputError
        When there is none.
    """
    found = []
    for place, folders, files in os.walk(folder):
        if CONTENTS in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(files) if name.lower().endswith(SUFFIXES)]
    found = [path for path in found if path.stem.lower() not in LAND_NAMES]
    if not found:
        raise InputError(
            f"The folder {folder.name} contains no raster of the types {', '.join(SUFFIXES)}; "
            "choose another folder."
        )
    return found


def find_land(folder: Path) -> Path | None:
    """Return the land mask in a folder, a GeoTIFF with a usual name, or None."""
    paths = (folder / f"{name}.tif" for name in LAND_NAMES)
    return next((path for path in paths if path.exists()), None)


def recognise(
    paths: Iterable[Path], known: Sequence[Predictor] = (), progress: Progress = SILENT
) -> list[Recognised]:
    """Recognise the predictors that files belong to.

    Each variable of a NetCDF file over longitude and latitude is a predictor. Names, groups, lags,
    means and roles that the shipped catalogue has for a name are its own. The water surplus is
    added where precipitation and evapotranspiration are recognised.

    Parameters
    ----------
    paths : iterable of Path
        Raster files. Other files of the same series need not be given.
    known : sequence of Predictor
        Predictors with absolute paths whose files, names and roles are taken.
    progress : Progress, optional
        Asked whether to stop.

    Returns
    -------
    list of Recognised
        In the order of the files.
    """
    found: list[Recognised] = []
    covered: set[Path] = set()
    variables = {(path, item.variable) for item in known if item.files for path in _all_files(item)}
    for given in paths:
        progress.stop_if_cancelled()
        path = absolute_path(given)
        if path in covered or (path, "") in variables:
            continue
        for variable in _variables(path):
            if (path, variable) not in variables:
                taken = [*known, *(item.predictor for item in found)]
                found.append(_recognise_file(path, variable, taken))
                covered.update(_all_files(found[-1].predictor))
    surplus = water_surplus([*known, *(item.predictor for item in found)]) if found else None
    return [*found, Recognised(surplus, read_facts(surplus))] if surplus else found


def water_surplus(predictors: Sequence[Predictor]) -> Predictor | None:
    """Return precipitation minus evapotranspiration as a predictor.

    Returns
    -------
    Predictor or None
        None if either is missing, or if there is a difference of them already.
    """
    by_role = {item.role: item for item in predictors}
    if not {PRECIPITATION, EVAPOTRANSPIRATION} <= set(by_role):
        return None
    names = (by_role[PRECIPITATION].name, by_role[EVAPOTRANSPIRATION].name)
    if any(item.difference == names or item.name == SURPLUS for item in predictors):
        return None
    shipped = _shipped()[SURPLUS]
    return replace(shipped, difference=names, unit=by_role[PRECIPITATION].unit)


def file_pattern(path: Path) -> str:
    """Return the pattern with ``{YYYY}`` and ``{MM}`` that most existing files match.

    The path itself, if no pattern matches another file.
    """
    return _most_common(_patterns(path))


def _variables(path: Path) -> tuple[str, ...]:
    """The variables of a NetCDF file; an empty name for another file or an unreadable one."""
    try:
        return (gridded_variables(path) if is_netcdf(path) else ()) or ("",)
    except InputError:
        # The facts of the predictor state the problem.
        return ("",)


def _recognise_file(path: Path, variable: str, taken: Sequence[Predictor]) -> Recognised:
    predictor = _with_kind(path, variable)
    facts = read_facts(predictor)
    named_by = predictor.files if variable in {"", *NAMELESS} else variable
    predictor = replace(predictor, name=_unique_name(named_by, taken), unit=facts.unit)
    role = _role(predictor) if predictor.monthly else ""
    usual = _shipped().get(role or predictor.name.lower())
    if usual and usual.kind == predictor.kind:
        predictor = replace(predictor, group=usual.group, lags=usual.lags, means=usual.means)
    if role and role not in {item.role for item in taken}:
        predictor = replace(predictor, role=role, unit="mm")
    return Recognised(predictor, facts)


def _with_kind(path: Path, variable: str) -> Predictor:
    """The predictor of the series that a file belongs to, without a name."""
    pattern = file_pattern(path)
    static = Predictor("", pattern, variable=variable)
    if pattern != path.as_posix():
        return replace(static, kind=MONTHLY)
    try:
        with open_input(path, static) as source:
            count = len(source.bands)
            has_months = any(month is not None for month in stated_months(source, path.name))
    except InputError:
        # The facts of the predictor state the problem.
        return static
    if has_months and count > 1:
        return replace(static, kind=MONTHLY)
    if count == 12:
        # Twelve bands are a year or, without a year in the name, a climatology.
        pattern = _most_common(_yearly_patterns(path) or [pattern])
        return replace(static, files=pattern, kind=MONTHLY)
    return static


def _monthly(pattern: str) -> Predictor:
    return Predictor("", pattern, MONTHLY)


def _all_files(predictor: Predictor) -> list[Path]:
    """The existing files of a predictor with an absolute path."""
    return [path for path, _, _ in matching_files(predictor, Path())]


def _most_common(patterns: list[str]) -> str:
    """The first of the patterns that most existing files match."""
    return max(patterns, key=lambda pattern: len(_all_files(_monthly(pattern))))


def _patterns(path: Path) -> list[str]:
    """The path and every pattern that it can belong to."""
    patterns = [path.as_posix()]
    stem = path.stem
    for match in (match for form in MONTHS for match in form.finditer(stem)):
        name = _with_placeholders(stem, match)
        # The day can be the same in all names or not.
        for one in dict.fromkeys((name, DAY.sub(r"\1{DD}", name))):
            patterns += _in_folders(path, one, match["year"])
    patterns += _yearly_patterns(path)
    if YEAR.fullmatch(path.parent.name):
        for match in MONTH_NUMBER.finditer(stem):
            name = f"{stem[: match.start()]}{{MM}}{stem[match.end() :]}"
            patterns += _in_folders(path, name, path.parent.name)[1:]
    return patterns


def _with_placeholders(stem: str, match: re.Match) -> str:
    """The name of a file with placeholders instead of the year and the month of a match."""
    spans = [(match.span("year"), "{YYYY}"), (match.span("month"), "{MM}")]
    for (start, stop), placeholder in sorted(spans, reverse=True):
        stem = f"{stem[:start]}{placeholder}{stem[stop:]}"
    return stem


def _yearly_patterns(path: Path) -> list[str]:
    """Patterns with ``{YYYY}`` in the place of each year in the name."""
    stem = path.stem
    return [
        pattern
        for match in YEAR.finditer(stem)
        for pattern in _in_folders(
            path, f"{stem[: match.start()]}{{YYYY}}{stem[match.end() :]}", match[1]
        )
    ]


def _in_folders(path: Path, stem: str, year: str) -> list[str]:
    """Patterns with the folders of the path as they are and, if they name the year, with {YYYY}."""
    folder = path.parent.as_posix()
    folders = [folder, re.sub(rf"(?<!\d){year}(?!\d)", "{YYYY}", folder)]
    return [f"{name}/{stem}{path.suffix}" for name in dict.fromkeys(folders)]


def _unique_name(files: str, taken: Sequence[Predictor]) -> str:
    """A name made from that of the files, which no other predictor has."""
    name = _name(Path(files).stem) or _name(Path(files).parent.name) or "predictor"
    names = {item.name.lower() for item in taken}
    others = (f"{name}_{number}" for number in range(2, len(names) + 3))
    return next(one for one in (name, *others) if one.lower() not in names)


def _name(text: str) -> str:
    """The letters, digits and underscores from the first letter on, without year, month and day."""
    date = r"(?:doy|(?<![A-Za-z])A)?\{YYYY\}[-_. ]?\{MM\}(?:[-_. ]?(?:\d\d(?!\d)|\{DD\}))?"
    text = re.sub(rf"{date}|\{{YYYY\}}|\{{MM\}}", "", text, flags=re.IGNORECASE)
    return re.sub(r"^[^A-Za-z]+|_+$", "", re.sub(r"[\W_]+", "_", text, flags=re.ASCII))


def _role(predictor: Predictor) -> str:
    """The role that the name suggests and the unit allows, or an empty text."""
    words = set(re.split(r"[^a-z]+", predictor.name.lower()))
    if words & OTHER_WORDS or predictor.unit.strip().lower() not in MM_PER_MONTH:
        return ""
    return next((role for role, usual in ROLE_WORDS.items() if words & usual), "")


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Predictor]:
    """The predictors of the shipped catalogue by name."""
    return {item.name: item for item in read_catalogue(SHIPPED).predictors}
