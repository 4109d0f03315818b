"""The table of sources, ``resources/sources/*.json``: what is fetched, from where and how."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..base.grid import Bounds
from ..predictors.catalogue import Predictor, parse_predictors

FOLDER = Path(__file__).parents[3] / "resources" / "sources"
# Subjects, in the order in which they are shown.
MASCONS = "mascons"
LAND_MASK = "land_mask"
GLDAS = "gldas"
AQUIFERS = "aquifers"
PREDICTORS = "predictors"
SUBJECTS = (MASCONS, LAND_MASK, GLDAS, PREDICTORS, AQUIFERS)


@dataclass(frozen=True)
class Source:
    """One source of data.

    Attributes
    ----------
    name : str
        Identifier: the name of its JSON file.
    title : str
        Name that is shown to users.
    subject : str
        One of ``SUBJECTS``.
    version, doi, citation, licence, resolution, page : str
        Facts for users; ``page`` is the address of the description, and ``licence`` is an SPDX
        identifier or a sentence.
    way : str
        How it is asked for: the name of a module of ``ways``.
    login : str
        Name of the login that it needs; empty for none.
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month that it has; None where it is open.
    covers : tuple of float, optional
        West, south, east and north of what it has, degrees; None for the globe.
    predictors : tuple of Predictor
        Entries for the catalogue, whose ``files`` are relative to the folder of the inputs.
    settings : dict
        What its way needs to know, see the module of the way.
    """

    name: str
    title: str
    subject: str
    way: str
    version: str = ""
    doi: str = ""
    citation: str = ""
    licence: str = ""
    resolution: str = ""
    page: str = ""
    login: str = ""
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    covers: Bounds | None = None
    predictors: tuple[Predictor, ...] = ()
    settings: dict = field(default_factory=dict)


@lru_cache(maxsize=1)
def read_sources() -> dict[str, Source]:
    """Return the sources by name, in the order of their subjects."""
    sources = [_read(path) for path in sorted(FOLDER.glob("*.json"))]
    sources.sort(key=lambda source: SUBJECTS.index(source.subject))
    return {source.name: source for source in sources}


def _read(path: Path) -> Source:
    content = json.loads(path.read_text(encoding="utf-8"))
    first, last = content.pop("period", [None, None])
    content["period"] = tuple(
        np.datetime64(month, "M") if month else None for month in (first, last)
    )
    if "covers" in content:
        content["covers"] = tuple(content["covers"])
    if "predictors" in content:
        content["predictors"] = parse_predictors(content, path.name)
    return Source(name=path.stem, **content)
