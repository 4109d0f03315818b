"""Write a catalogue of predictors as JSON, one entry a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..files.atomic import atomic_file
from .catalogue import Catalogue, Predictor, parse_predictors, read_catalogue
from .paths import absolute_path, relative_path


def write_catalogue(
    path: Path, predictors: Sequence[Predictor], land: Path | None = None
) -> Catalogue:
    """Write a catalogue and read it back.

    Parameters
    ----------
    path : Path
        The JSON file. Paths in it are relative to its folder.
    predictors : sequence of Predictor
        Their ``files`` are absolute paths.
    land : Path, optional
        Land mask.

    Returns
    -------
    Catalogue
        As ``read_catalogue`` returns it.

    Raises
    ------
    InputError
        When the predictors contradict each other; no file is then written.
    """
    folder = absolute_path(path).parent
    content: dict = {"format": 1}
    if land:
        content["land"] = relative_path(str(land), folder)
    content["predictors"] = [_entry(predictor, folder) for predictor in predictors]
    parse_predictors(content, path.name)
    with atomic_file(path) as part:
        part.write_text(_one_entry_a_line(content), encoding="utf-8")
    return read_catalogue(path)


def with_absolute_files(catalogue: Catalogue) -> list[Predictor]:
    """Return the predictors of a catalogue with absolute paths."""
    return [
        replace(item, files=absolute_path(catalogue.folder / item.files).as_posix())
        if item.files
        else item
        for item in catalogue.predictors
    ]


def _entry(predictor: Predictor, folder: Path) -> dict:
    """The keys of a predictor that differ from their defaults, and those that readers look for."""
    entry: dict = {
        "name": predictor.name,
        "group": predictor.group,
        "unit": predictor.unit,
        "kind": predictor.kind,
    }
    if predictor.difference:
        entry["difference"] = list(predictor.difference)
    else:
        entry["files"] = relative_path(predictor.files, folder)
    if predictor.may_have_role:
        # Without the key, a predictor that is named as a role has it.
        entry["role"] = predictor.role
    for key in ("variable", "crs", "scale", "offset", "nodata"):
        if getattr(predictor, key) not in (None, ""):
            entry[key] = getattr(predictor, key)
    if predictor.monthly:
        entry["lags"] = list(predictor.lags)
        entry["means"] = list(predictor.means)
    if predictor.classes:
        entry["classes"] = list(predictor.classes)
    if predictor.source:
        entry["source"] = predictor.source
    return entry


def _one_entry_a_line(content: dict) -> str:
    *first, (key, entries) = content.items()
    lines = ["{"]
    lines += [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in first]
    lines.append(f"  {json.dumps(key)}: [")
    lines.append(",\n".join(f"    {json.dumps(one, ensure_ascii=False)}" for one in entries))
    lines += ["  ]", "}", ""]
    return "\n".join(lines)
