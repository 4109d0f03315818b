"""The catalogue of the predictors that were fetched, ready for Build predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..base.progress import Progress
from ..files.provenance import sha256
from ..predictors.catalogue import Predictor
from ..predictors.paths import absolute_path
from ..predictors.recognise import water_surplus
from ..predictors.write_catalogue import write_catalogue
from .record import Record
from .sources import Source, read_sources

NAME = "catalogue.json"
# Beside one that the user has made or changed.
OTHER_NAME = "catalogue_fetched.json"


def write_fetched_catalogue(
    record: Record, sources: Sequence[Source], progress: Progress
) -> Path | None:
    """Write the catalogue of the predictors of some sources, and record it.

    A role belongs to the first predictor that can have it. The water surplus is added where
    precipitation and evapotranspiration are there. A catalogue that is not as it was written, since
    the user has made or changed it, is kept, and the new one has another name.

    Parameters
    ----------
    record : Record
        Record of the folder.
    sources : sequence of Source
    progress : Progress

    Returns
    -------
    Path or None
        The catalogue; None if no source has a predictor.
    """
    predictors: list[Predictor] = []
    for item in (item for source in sources for item in source.predictors):
        taken = {other.role for other in predictors}
        role = "" if item.role in taken else item.role
        files = absolute_path(record.folder / item.files).as_posix()
        predictors.append(replace(item, role=role, files=files))
    if not predictors:
        return None
    surplus = water_surplus(predictors)
    path = _place(record, progress)
    write_catalogue(path, predictors + ([surplus] if surplus else []))
    if path.name == OTHER_NAME and path.read_bytes() == (record.folder / NAME).read_bytes():
        # An earlier run wrote it, and was killed before it was recorded.
        path.unlink()
        path = record.folder / NAME
    if path.name == NAME and (digest := sha256(path, progress)) != record.catalogue:
        record.catalogue = digest
        record.write(read_sources())
    if path.name == OTHER_NAME:
        progress.warn(
            f"{record.folder / NAME} was made or changed by you and is kept; {path.name} beside it "
            "is the catalogue of the files that were fetched."
        )
    return path


def _place(record: Record, progress: Progress) -> Path:
    """Where the catalogue is written."""
    path = record.folder / NAME
    is_own = not path.exists() or sha256(path, progress) == record.catalogue
    return path if is_own else record.folder / OTHER_NAME
