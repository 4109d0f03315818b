"""What predictors there are: one entry of a catalogue or of a predictor set, read from JSON and checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError

STATIC, MONTHLY = "static", "monthly"
MEAN, FRACTION = "mean", "fraction"
NO_CLASS = 65535  # nodata of the class codes of a predictor set (uint16)
_KEYS = (
    "name", "group", "unit", "kind", "files", "scale", "offset", "nodata", "error", "aggregation", "lags", "means",
    "classes", "difference", "source",
)  # fmt: skip
_OF_FILES = (
    "files",
    "scale",
    "offset",
    "nodata",
    "error",
    "classes",
)  # what one without rasters cannot have


@dataclass(frozen=True)
class Predictor:
    """One variable.

    ``files`` is a path relative to the JSON that names it, for a monthly one with ``{YYYY}`` (a file a year, twelve
    bands), ``{YYYY}`` and ``{MM}`` (a file a month) or neither (one file, a month in each band's description).
    ``scale`` and ``offset`` turn the stored number into ``unit``; None means what the file itself states. ``nodata`` is
    a stored number that means no value, beside the one that the file declares. ``lags`` are months before the month
    itself; each of ``means`` is a number of months, the last of them the month itself, whose mean is a feature.
    ``classes`` are the codes of a categorical variable, which becomes one feature a code. One with a ``difference`` has
    no files: its value is that of the first of the two monthly predictors named there less that of the second.
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

    @property
    def monthly(self) -> bool:
        return self.kind == MONTHLY

    @property
    def features(self) -> tuple[str, ...]:
        """The columns a model sees: ``ndvi``, ``ndvi_lag3``, ``ndvi_mean6``, or ``landcover_3`` for each class code."""
        if self.classes:
            return tuple(f"{self.name}_{code}" for code in self.classes)
        lagged = tuple(f"{self.name}_lag{lag}" if lag else self.name for lag in self.lags)
        return lagged + tuple(f"{self.name}_mean{months}" for months in self.means)

    @property
    def reach(self) -> tuple[int, ...]:
        """The months back that the features need, 0 being the month itself."""
        return tuple(sorted({*self.lags, *range(max(self.means, default=0))}))

    def file_of(self, month: np.datetime64) -> str:
        """The relative path that holds ``month``."""
        year, number = str(month).split("-")
        return self.files.replace("{YYYY}", year).replace("{MM}", number)


@dataclass(frozen=True)
class Catalogue:
    """``folder`` is what the paths of the predictors are relative to; ``land`` is the land mask it names, if any."""

    folder: Path
    predictors: tuple[Predictor, ...]
    land: Path | None = None

    @property
    def with_files(self) -> tuple[Predictor, ...]:
        return tuple(predictor for predictor in self.predictors if predictor.files)


def read_catalogue(path) -> Catalogue:
    """The catalogue in a JSON file; InputError for one that is no JSON, or the first entry that is not right."""
    path = Path(path)
    content = read_json(path)
    land = content.get("land")
    return Catalogue(
        path.parent, parse_predictors(content, path.name), path.parent / land if land else None
    )


def read_json(path: Path) -> dict:
    """The object in a JSON file of format 1."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path.name} in {path.parent.name}; check the path."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is not readable as JSON ({error}); correct it there."
        ) from None
    if not isinstance(content, dict) or content.get("format", 1) != 1:
        raise InputError(
            f'{path.name} is not of format 1; it must be an object with "format": 1 and "predictors".'
        )
    return content


def parse_predictors(content: dict, where: str) -> tuple[Predictor, ...]:
    """The entries under ``predictors``, each checked; InputError, naming the file ``where``, for the first bad one."""
    entries = content.get("predictors")
    if not isinstance(entries, list) or not entries:
        raise InputError(
            f'{where} has no list "predictors"; see the shipped catalogue for an example.'
        )
    predictors = tuple(
        _parse(entry, f"Predictor {i} of {where}") for i, entry in enumerate(entries, start=1)
    )
    features = [feature for predictor in predictors for feature in predictor.features]
    for feature in features:
        if features.count(feature) > 1:
            raise InputError(
                f"{where} names the predictor {feature} twice; rename or remove one of them."
            )
    _check_differences(predictors, where)
    return predictors


def _check_differences(predictors: tuple[Predictor, ...], where: str) -> None:
    possible = {predictor.name for predictor in predictors if predictor.monthly and predictor.files}
    for predictor in predictors:
        for name in predictor.difference:
            if name not in possible:
                raise InputError(
                    f'{where} names {name} in "difference" of {predictor.name}; '
                    'name another entry there that is monthly and has "files".'
                )


def _parse(entry, where: str) -> Predictor:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InputError(f'{where} has no "name"; give it one, as text.')
    name = entry["name"]
    where = f"{where} ({name})"
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise InputError(
            f"{where} has a name that is more than letters, digits and underscores; rename it."
        )
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise InputError(
            f'{where} has the unknown key "{unknown[0]}"; the keys are {", ".join(_KEYS)}.'
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
    )
    _check(predictor, where)
    return predictor


def _check(predictor: Predictor, where: str) -> None:
    if predictor.kind not in (STATIC, MONTHLY):
        raise InputError(f'{where} is of kind "{predictor.kind}"; it must be static or monthly.')
    if predictor.monthly and "{MM}" in predictor.files and "{YYYY}" not in predictor.files:
        raise InputError(f'{where} has {{MM}} but no {{YYYY}} in "files"; name the year too.')
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
    if predictor.aggregation != (FRACTION if predictor.classes else MEAN):
        raise InputError(
            f'{where} has the aggregation "{predictor.aggregation}"; it must be {MEAN}, '
            f'or {FRACTION} for a variable with "classes".'
        )
    if any(not 0 <= code < NO_CLASS for code in predictor.classes):
        raise InputError(
            f"{where} has a class code outside 0 to {NO_CLASS - 1}; recode its raster."
        )


def _files(entry: dict, where: str) -> str:
    if not isinstance(entry.get("files"), str) or not entry["files"]:
        raise InputError(
            f'{where} has neither "files", as text, nor a "difference"; one of them is needed.'
        )
    return entry["files"]


def _difference(entry: dict, where: str) -> tuple[str, ...]:
    """The two names, or () for a predictor that has files."""
    names = entry.get("difference")
    if names is None:
        return ()
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not texts or not len(names) == len(set(names)) == 2:
        raise InputError(
            f'{where} has "difference": {json.dumps(names)}; it must be a list of two monthly predictors of the file.'
        )
    superfluous = [key for key in _OF_FILES if entry.get(key) is not None]
    if superfluous:
        raise InputError(
            f'{where} has both "difference" and "{superfluous[0]}"; remove one of them.'
        )
    return tuple(names)


def _number(entry: dict, key: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f'{where} has "{key}": {json.dumps(value)}; it must be a number.')
    return float(value)


def _integers(entry: dict, key: str, where: str, least: int = 0) -> tuple[int, ...]:
    """Distinct whole numbers from ``least``, in the order given."""
    values = entry.get(key) or []
    whole = isinstance(values, list) and all(
        type(value) is int and value >= least for value in values
    )
    if not whole or len(set(values)) < len(values):
        raise InputError(
            f'{where} has "{key}": {json.dumps(values)}; it must be a list of distinct whole numbers from {least}.'
        )
    return tuple(values)
