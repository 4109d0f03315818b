"""What predictors there are: one entry of a catalogue or of a predictor set, read from JSON and checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError

STATIC, MONTHLY = "static", "monthly"
MEAN, FRACTION = "mean", "fraction"
NO_CLASS = 65535  # nodata of the class codes of a predictor set (uint16)
_KEYS = (
    "name", "group", "unit", "kind", "files", "scale", "offset", "nodata", "aggregation", "lags", "classes", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Predictor:
    """One variable.

    ``files`` is a path relative to the JSON that names it, for a monthly one with ``{YYYY}`` (a file a year, twelve
    bands), ``{YYYY}`` and ``{MM}`` (a file a month) or neither (one file, a month in each band's description).
    ``scale`` and ``offset`` turn the stored number into ``unit``; None means what the file itself states. ``nodata`` is
    a stored number that means no value, beside the one that the file declares. ``lags`` are months before the month
    itself. ``classes`` are the codes of a categorical variable, which becomes one feature a code.
    """

    name: str
    files: str
    kind: str = STATIC
    group: str = ""
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    aggregation: str = MEAN
    lags: tuple[int, ...] = (0,)
    classes: tuple[int, ...] = ()
    source: str = ""

    @property
    def monthly(self) -> bool:
        return self.kind == MONTHLY

    @property
    def features(self) -> tuple[str, ...]:
        """The columns a model sees: ``ndvi``, ``ndvi_lag3``, or ``landcover_3`` for each class code."""
        if self.classes:
            return tuple(f"{self.name}_{code}" for code in self.classes)
        return tuple(f"{self.name}_lag{lag}" if lag else self.name for lag in self.lags)

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


def read_catalogue(path) -> Catalogue:
    """The catalogue in a JSON file; InputError for one that is no JSON, or the first entry that is not right."""
    path = Path(path)
    content = read_json(path)
    land = content.get("land")
    return Catalogue(path.parent, parse_predictors(content, path.name), path.parent / land if land else None)


def read_json(path: Path) -> dict:
    """The object in a JSON file of format 1."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {path.name} in {path.parent.name}; check the path.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is not readable as JSON ({error}); correct it there.") from None
    if not isinstance(content, dict) or content.get("format", 1) != 1:
        raise InputError(f'{path.name} is not of format 1; it must be an object with "format": 1 and "predictors".')
    return content


def parse_predictors(content: dict, where: str) -> tuple[Predictor, ...]:
    """The entries under ``predictors``, each checked; InputError, naming the file ``where``, for the first bad one."""
    entries = content.get("predictors")
    if not isinstance(entries, list) or not entries:
        raise InputError(f'{where} has no list "predictors"; see the shipped catalogue for an example.')
    predictors = tuple(_parse(entry, f"Predictor {i} of {where}") for i, entry in enumerate(entries, start=1))
    features = [feature for predictor in predictors for feature in predictor.features]
    for feature in features:
        if features.count(feature) > 1:
            raise InputError(f"{where} names the predictor {feature} twice; rename or remove one of them.")
    return predictors


def _parse(entry, where: str) -> Predictor:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("files"), str):
        raise InputError(f'{where} has no "name" or no "files"; both are needed, as text.')
    name = entry["name"]
    where = f"{where} ({name})"
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise InputError(f"{where} has a name that is more than letters, digits and underscores; rename it.")
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise InputError(f'{where} has the unknown key "{unknown[0]}"; the keys are {", ".join(_KEYS)}.')
    predictor = Predictor(
        name=name,
        files=entry["files"],
        kind=entry.get("kind", MONTHLY if "{YYYY}" in entry["files"] else STATIC),
        group=str(entry.get("group") or ""),
        unit=str(entry.get("unit") or ""),
        scale=_number(entry, "scale", where),
        offset=_number(entry, "offset", where),
        nodata=_number(entry, "nodata", where),
        aggregation=entry.get("aggregation") or (FRACTION if entry.get("classes") else MEAN),
        lags=_integers(entry, "lags", where) or (0,),
        classes=_integers(entry, "classes", where),
        source=str(entry.get("source") or ""),
    )
    _check(predictor, where)
    return predictor


def _check(predictor: Predictor, where: str) -> None:
    if predictor.kind not in (STATIC, MONTHLY):
        raise InputError(f'{where} is of kind "{predictor.kind}"; it must be static or monthly.')
    if predictor.monthly and "{MM}" in predictor.files and "{YYYY}" not in predictor.files:
        raise InputError(f'{where} has {{MM}} but no {{YYYY}} in "files"; name the year too.')
    if not predictor.monthly and ("{YYYY}" in predictor.files or predictor.lags != (0,)):
        raise InputError(f"{where} is static but has a {{YYYY}} or lags; make it monthly or remove them.")
    if predictor.monthly and predictor.classes:
        raise InputError(f"{where} is monthly and has classes; only static variables may have classes.")
    if predictor.aggregation != (FRACTION if predictor.classes else MEAN):
        raise InputError(
            f'{where} has the aggregation "{predictor.aggregation}"; it must be {MEAN}, '
            f'or {FRACTION} for a variable with "classes".'
        )
    if any(not 0 <= code < NO_CLASS for code in predictor.classes):
        raise InputError(f"{where} has a class code outside 0 to {NO_CLASS - 1}; recode its raster.")


def _number(entry: dict, key: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f'{where} has "{key}": {json.dumps(value)}; it must be a number.')
    return float(value)


def _integers(entry: dict, key: str, where: str) -> tuple[int, ...]:
    """Distinct whole numbers from 0, in the order given."""
    values = entry.get(key) or []
    whole = isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
    if not whole or len(set(values)) < len(values):
        raise InputError(
            f'{where} has "{key}": {json.dumps(values)}; it must be a list of distinct whole numbers from 0.'
        )
    return tuple(values)
