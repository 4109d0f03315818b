"""The catalogue of the predictors that were fetched, ready for Build predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..predictors.catalogue import Predictor
from ..predictors.paths import absolute_path
from ..predictors.recognise import water_surplus
from ..predictors.write_catalogue import write_catalogue
from .sources import Source

NAME = "catalogue.json"


def write_fetched_catalogue(folder: Path, sources: Sequence[Source]) -> Path | None:
    """Write the catalogue of the predictors of some sources.

    A role belongs to the first predictor that can have it. The water surplus is added where
    precipitation and evapotranspiration are there.

    Parameters
    ----------
    folder : Path
        Folder of the inputs.
    sources : sequence of Source

    Returns
    -------
    Path or None
        The catalogue; None if no source has a predictor.
    """
    predictors: list[Predictor] = []
    for item in (item for source in sources for item in source.predictors):
        taken = {other.role for other in predictors}
        role = "" if item.role in taken else item.role
        files = absolute_path(folder / item.files).as_posix()
        predictors.append(replace(item, role=role, files=files))
    if not predictors:
        return None
    surplus = water_surplus(predictors)
    write_catalogue(folder / NAME, predictors + ([surplus] if surplus else []))
    return folder / NAME
