"""What the files of a predictor state: layout, months, unit, scale, and problems."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import month_range, name_runs
from ..rasters.band_times import stated_months
from .catalogue import Predictor
from .files import matching_files, month_bands, too_many_missing
from .inputs import open_input

# Layouts.
STATIC = "static"
MONTHLY_FILES = "one file per month"
YEARLY_FILES = "one file per year"
ONE_FILE = "one file of months"
CLIMATOLOGY = "twelve months of every year"
YEARLY_VALUES = "one value per year"
DIFFERENCE = "difference"


@dataclass(frozen=True, eq=False)
class Facts:
    """What the files of a predictor state.

    Parameters
    ----------
    layout : str
        One of the layouts above.
    months : numpy.ndarray
        datetime64[M], ascending; empty for STATIC, CLIMATOLOGY and DIFFERENCE.
    unit : str
        Unit of the first band.
    scale, offset : float
        Of the first band: ``stored * scale + offset`` is the value.
    problem : str
        One sentence on why the predictor cannot be built; empty if there is no problem.
    """

    layout: str
    months: np.ndarray = field(default_factory=lambda: np.array([], dtype="datetime64[M]"))
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    problem: str = ""


def read_facts(predictor: Predictor, folder: Path = Path()) -> Facts:
    """Read the headers of the files of a predictor.

    Parameters
    ----------
    predictor : Predictor
        A predictor of a catalogue.
    folder : Path
        Folder of the catalogue.

    Returns
    -------
    Facts
        Missing and invalid files are stated in ``problem``.
    """
    if predictor.difference:
        return Facts(DIFFERENCE)
    files = _existing_files(predictor, folder)
    if not files:
        return Facts(_layout(predictor), problem=f"There is no file {predictor.files}.")
    try:
        return _facts(predictor, folder, files[0])
    except InputError as error:
        return Facts(_layout(predictor), problem=str(error))


def facts_text(predictor: Predictor, facts: Facts) -> str:
    """Return layout, months, unit and role as one line."""
    parts = [facts.layout]
    if facts.months.size:
        parts.append(f"{facts.months[0]} to {facts.months[-1]}")
        missing = np.setdiff1d(month_range(facts.months[0], facts.months[-1]), facts.months)
        if missing.size:
            parts.append(f"without {name_runs(missing)}")
    if predictor.difference:
        parts.append(" minus ".join(predictor.difference))
    if predictor.unit:
        parts.append(predictor.unit)
    if (facts.scale, facts.offset) != (1.0, 0.0):
        parts.append(f"stored number x {facts.scale:g} + {facts.offset:g}")
    if predictor.role:
        parts.append(f"role {predictor.role}")
    return ", ".join(parts)


def _facts(predictor: Predictor, folder: Path, path: Path) -> Facts:
    """Facts of a predictor with files, of which ``path`` is the first."""
    with open_input(path, predictor) as source:
        count = len(source.bands)
        has_months = any(month is not None for month in stated_months(source, path.name))
        first = source.bands[0]
        unit = first.unit or source.tags(1).get("units") or source.tags().get("units") or ""
    layout = _layout(predictor)
    facts = Facts(layout, unit=unit, scale=first.scale, offset=first.offset)
    if not predictor.monthly:
        return replace(facts, problem=_static_problem(path, count))
    if layout == ONE_FILE and count == 12 and not has_months:
        return replace(facts, layout=CLIMATOLOGY)
    if layout == YEARLY_FILES and count == 1 and not has_months:
        facts = replace(facts, layout=YEARLY_VALUES)
    months = np.array(list(month_bands(predictor, folder)), dtype="datetime64[M]")
    return replace(facts, months=months, problem=_gaps(predictor, months))


def _existing_files(predictor: Predictor, folder: Path) -> list[Path]:
    if predictor.monthly:
        return [path for path, _, _ in matching_files(predictor, folder)]
    path = folder / predictor.files
    return [path] if path.is_file() else []


def _layout(predictor: Predictor) -> str:
    if not predictor.monthly:
        return STATIC
    if "{MM}" in predictor.files:
        return MONTHLY_FILES
    return YEARLY_FILES if "{YYYY}" in predictor.files else ONE_FILE


def _static_problem(path: Path, bands: int) -> str:
    if bands == 1:
        return ""
    return (
        f"{path.name} has {bands} bands, of which a static predictor is the first; export the band "
        "that is meant, or set the descriptions of months to YYYY-MM."
    )


def _gaps(predictor: Predictor, months: np.ndarray) -> str:
    needed = month_range(months[0], months[-1])
    missing = too_many_missing(dict.fromkeys(months), needed)
    if not missing.size:
        return ""
    return f"{Path(predictor.files).name} lacks {name_runs(missing)}; add the files."
