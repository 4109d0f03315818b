"""Entries of a catalogue or of a predictor set: read from JSON and checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..rasters.crs import crs_name
from ..rasters.gdal_errors import RasterError
from .json_file import read_json, read_land
from .names import require_different_names, require_valid_name

# Kinds of predictors.
STATIC = "static"
MONTHLY = "monthly"
# Ways of aggregation to coarse cells.
MEAN = "mean"
FRACTION = "fraction"
# Roles: what a model of groundwater storage uses a monthly predictor for.
PRECIPITATION = "precipitation"
EVAPOTRANSPIRATION = "actual_evapotranspiration"
RUNOFF = "runoff"
ROLES = (PRECIPITATION, EVAPOTRANSPIRATION, RUNOFF)
# Class code (uint16) that means no value in a predictor set.
NO_CLASS = 65535
KEYS = (
    "name", "group", "unit", "kind", "files", "variable", "crs", "scale", "offset", "nodata",
    "error", "aggregation", "lags", "means", "classes", "difference", "source", "role",
)  # fmt: skip
# Keys that a predictor without rasters cannot have.
# Months of lags and means: a century.
LONGEST = 1200
RASTER_KEYS = ("files", "variable", "crs", "scale", "offset", "nodata", "error", "classes")


@dataclass(frozen=True)
class Predictor:
    """One variable.

    Parameters
    ----------
    name : str
        Name of the variable and of its first feature.
    files : str
        Path relative to the folder of the JSON file. The path of a monthly predictor contains
        ``{YYYY}`` (one file per year with twelve bands), ``{YYYY}`` and ``{MM}`` (one file per
        month) or neither (one file with a month in the description of each band). ``{MM}`` can also
        be a day of the year, ``{DD}`` is a day of the month, and ``*`` any other text.
    kind : str
        STATIC or MONTHLY.
    group : str
        Subject, for example topography.
    unit : str
        Unit of the values.
    scale, offset : float or None
        ``stored * scale + offset`` is the value; None for what the file states.
    nodata : float or None
        A stored number for no value, in addition to the one that the file states.
    aggregation : str
        MEAN, or FRACTION for a predictor with classes.
    lags : tuple of int
        Lags in months; each is a feature. 0 is the month itself.
    means : tuple of int
        Lengths of antecedent means in months, including the month itself; each is a feature.
    classes : tuple of int
        Codes of a categorical variable; each is a feature.
    difference : tuple of str
        Names of two monthly predictors; the value is the first minus the second. A difference has
        no files. Empty for other predictors.
    source : str
        Reference of the data.
    variable : str
        Variable of NetCDF files; empty for the only one or the one with the name of the predictor.
    crs : str
        Coordinate reference system of the files; empty for the one that they state.
    role : str
        One of ROLES, or empty. Only a monthly predictor with files has a role, and a role belongs
        to at most one predictor.
    """

    name: str
    files: str = ""
    kind: str = STATIC
    group: str = ""
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    aggregation: str = MEAN
    lags: tuple[int, ...] = (0,)
    means: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()
    difference: tuple[str, ...] = ()
    source: str = ""
    variable: str = ""
    crs: str = ""
    role: str = ""

    @property
    def monthly(self) -> bool:
        """Whether the values change from month to month."""
        return self.kind == MONTHLY

    @property
    def may_have_role(self) -> bool:
        """Whether the predictor is monthly and has files."""
        return self.monthly and bool(self.files)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features.

        For example ``ndvi``, ``ndvi_lag3`` and ``ndvi_mean6``, or ``landcover_3`` for each code.
        """
        if self.classes:
            return tuple(f"{self.name}_{code}" for code in self.classes)
        lagged = tuple(f"{self.name}_lag{lag}" if lag else self.name for lag in self.lags)
        return lagged + tuple(f"{self.name}_mean{months}" for months in self.means)

    @property
    def reach(self) -> tuple[int, ...]:
        """Months before the month itself, 0, that the features need, ascending."""
        return tuple(sorted({*self.lags, *range(max(self.means, default=0))}))

    def file_of(self, month: np.datetime64) -> str:
        """Return the relative path of the file that holds ``month``."""
        year, number = str(month).split("-")
        return self.files.replace("{YYYY}", year).replace("{MM}", number)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue of predictors.

    Parameters
    ----------
    folder : Path
        Folder to which the paths of the predictors are relative.
    predictors : tuple of Predictor
        The entries.
    land : Path or None
        The land mask that the catalogue names.
    """

    folder: Path
    predictors: tuple[Predictor, ...]
    land: Path | None = None

    @property
    def with_files(self) -> tuple[Predictor, ...]:
        """The predictors that are no difference of others."""
        return tuple(predictor for predictor in self.predictors if predictor.files)


def read_catalogue(path) -> Catalogue:
    """Read a catalogue.

    Raises
    ------
    InputError
        When the file is not JSON, or for the first invalid entry.
    """
    path = Path(path)
    content = read_json(path)
    predictors = parse_predictors(content, path.name)
    land = read_land(content, path.name)
    return Catalogue(path.parent, predictors, path.parent / land if land else None)


def parse_predictors(content: dict, where: str) -> tuple[Predictor, ...]:
    """Parse the entries under ``predictors``.

    Parameters
    ----------
    content : dict
        Object of a JSON file.
    where : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        For the first invalid entry.
    """
    entries = content.get("predictors")
    if not isinstance(entries, list) or not entries:
        raise InputError(
            f'{where} has no list "predictors"; see the shipped catalogue for an example.'
        )
    predictors = tuple(
        _parse(entry, f"Predictor {i} of {where}") for i, entry in enumerate(entries, start=1)
    )
    require_different_names(predictors, where)
    _check_differences(predictors, where)
    _check_roles(predictors, where)
    return predictors


def _check_differences(predictors: tuple[Predictor, ...], where: str) -> None:
    """Raise InputError for a difference of something else than monthly predictors with files."""
    possible = {predictor.name for predictor in predictors if predictor.monthly and predictor.files}
    for predictor in predictors:
        for name in predictor.difference:
            if name not in possible:
                raise InputError(
                    f'{where} names {name} in "difference" of {predictor.name}; '
                    'name another entry there that is monthly and has "files".'
                )


def _check_roles(predictors: tuple[Predictor, ...], where: str) -> None:
    """Raise InputError for a role of two predictors, or for roles with different units."""
    by_role: dict[str, Predictor] = {}
    for predictor in predictors:
        if predictor.role in by_role:
            raise InputError(
                f"{where} has two predictors with the role {predictor.role}, "
                f"{by_role[predictor.role].name} and {predictor.name}; "
                'set "role": "" for one of them.'
            )
        if predictor.role:
            by_role[predictor.role] = predictor
    water = [by_role[role] for role in (PRECIPITATION, EVAPOTRANSPIRATION) if role in by_role]
    if len({predictor.unit for predictor in water if predictor.unit}) > 1:
        units = " and ".join(f"{predictor.name} in {predictor.unit}" for predictor in water)
        raise InputError(
            f"{where} has {units}, but precipitation and evapotranspiration must have the same "
            'unit; convert one of them with "scale" and correct its "unit", or set "role": "" '
            "for it."
        )


def _parse(entry, where: str) -> Predictor:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InputError(f'{where} has no "name"; give it one, as text.')
    name = entry["name"]
    where = f"{where} ({name})"
    require_valid_name(name, where)
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        raise InputError(
            f'{where} has the unknown key "{unknown[0]}"; the keys are {", ".join(KEYS)}.'
        )
    difference = _difference(entry, where)
    files = "" if difference else _files(entry, where)
    predictor = Predictor(
        name=name,
        files=files,
        kind=entry.get("kind", MONTHLY if difference or "{YYYY}" in files else STATIC),
        group=str(entry.get("group") or ""),
        unit=str(entry.get("unit") or ""),
        scale=_number(entry, "scale", where),
        offset=_number(entry, "offset", where),
        nodata=_number(entry, "nodata", where),
        aggregation=entry.get("aggregation") or (FRACTION if entry.get("classes") else MEAN),
        lags=_integers(entry, "lags", where) or (0,),
        means=_integers(entry, "means", where, least=2),
        classes=_integers(entry, "classes", where),
        difference=difference,
        source=str(entry.get("source") or ""),
        variable=str(entry.get("variable") or ""),
        crs=_crs(entry, where),
    )
    predictor = replace(predictor, role=_role(entry, predictor, where))
    _check(predictor, where)
    return predictor


def _check(predictor: Predictor, where: str) -> None:
    """Raise InputError for keys that contradict each other."""
    if predictor.kind not in (STATIC, MONTHLY):
        raise InputError(f'{where} is of kind "{predictor.kind}"; it must be static or monthly.')
    _check_placeholders(predictor, where)
    if predictor.scale == 0 or max(*predictor.lags, *predictor.means, 0) > LONGEST:
        raise InputError(
            f'{where} has a "scale" of 0, or lags or means of more than {LONGEST} months, with '
            "which it has no values; correct it."
        )
    if not predictor.monthly and (
        "{YYYY}" in predictor.files or predictor.lags != (0,) or predictor.means
    ):
        raise InputError(
            f"{where} is static but has a {{YYYY}}, lags or means; make it monthly or remove them."
        )
    if not predictor.monthly and predictor.difference:
        raise InputError(
            f"{where} is a difference of monthly predictors but of kind static; make it monthly."
        )
    if predictor.monthly and predictor.classes:
        raise InputError(
            f"{where} is monthly and has classes; only static variables may have classes."
        )
    if predictor.role and not predictor.may_have_role:
        raise InputError(
            f"{where} has the role {predictor.role} but is not a monthly predictor with files; "
            "remove its role or give the role to one that is."
        )
    if predictor.aggregation != (FRACTION if predictor.classes else MEAN):
        raise InputError(
            f'{where} has the aggregation "{predictor.aggregation}"; it must be {MEAN}, '
            f'or {FRACTION} for a variable with "classes".'
        )
    if any(not 0 <= code < NO_CLASS for code in predictor.classes):
        raise InputError(
            f"{where} has a class code outside 0 to {NO_CLASS - 1}; recode its raster."
        )


def _check_placeholders(predictor: Predictor, where: str) -> None:
    """Raise InputError for a month without a year, or a day or any text without a month."""
    unknown = set(re.findall(r"\{[A-Za-z]+\}", predictor.files)) - {"{YYYY}", "{MM}", "{DD}"}
    if unknown:
        raise InputError(
            f'{where} has {sorted(unknown)[0]} in "files"; the placeholders are {{YYYY}} for the '
            "year, {MM} for the month or the day of the year, and {DD} for the day."
        )
    for later, earlier in (("{MM}", "{YYYY}"), ("{DD}", "{MM}"), ("*", "{YYYY}")):
        if later in predictor.files and earlier not in predictor.files:
            raise InputError(f'{where} has {later} but no {earlier} in "files"; add it.')


def _files(entry: dict, where: str) -> str:
    if not isinstance(entry.get("files"), str) or not entry["files"]:
        raise InputError(
            f'{where} has neither "files", as text, nor a "difference"; one of them is needed.'
        )
    return entry["files"]


def _difference(entry: dict, where: str) -> tuple[str, ...]:
    """The two names, or () for a predictor with files."""
    names = entry.get("difference")
    if names is None:
        return ()
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not texts or not len(names) == len(set(names)) == 2:
        raise InputError(
            f'{where} has "difference": {json.dumps(names)}; '
            "it must be a list of two monthly predictors of the file."
        )
    excluded = [key for key in RASTER_KEYS if entry.get(key) is not None]
    if excluded:
        raise InputError(f'{where} has both "difference" and "{excluded[0]}"; remove one of them.')
    return tuple(names)


def _role(entry: dict, predictor: Predictor, where: str) -> str:
    """The role that the entry states, or else its name if that is a possible role."""
    if "role" not in entry:
        by_name = predictor.may_have_role and predictor.name in ROLES
        return predictor.name if by_name else ""
    role = "" if entry["role"] is None else entry["role"]
    if role not in ("", *ROLES):
        raise InputError(
            f"{where} has the unknown role {json.dumps(role)}; the roles are {', '.join(ROLES)}, "
            'or "" for none.'
        )
    return role


def _crs(entry: dict, where: str) -> str:
    crs = str(entry.get("crs") or "")
    try:
        return crs and crs_name(crs) and crs
    except RasterError:
        raise InputError(
            f'{where} has "crs": {json.dumps(crs)}, which is no coordinate reference system; give '
            'its code, for example "EPSG:4326".'
        ) from None


def _number(entry: dict, key: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f'{where} has "{key}": {json.dumps(value)}; it must be a number.')
    return float(value)


def _integers(entry: dict, key: str, where: str, least: int = 0) -> tuple[int, ...]:
    """Distinct integers of at least ``least``, in the given order."""
    values = entry.get(key) or []
    # ``isinstance`` would accept true and false.
    are_integers = isinstance(values, list) and all(
        type(value) is int and value >= least for value in values
    )
    if not are_integers or len(set(values)) < len(values):
        raise InputError(
            f'{where} has "{key}": {json.dumps(values)}; '
            f"it must be a list of distinct whole numbers from {least}."
        )
    return tuple(values)
