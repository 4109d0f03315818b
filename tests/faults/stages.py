"""The stages that are failed and killed: what they are given, and how they are run."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gwsa.gwsa_plugin.core.base import cores
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.gldas import granule_folder
from gwsa.tests.faults import chain_stages as chain
from gwsa.tests.faults import fetch_stage as fetching
from gwsa.tests.faults import results_stages as results

# Records of runs.
RECORDS = ("run.json", "inputs.json")
RULE = re.compile(rb"\{[0-9a-f-]{36}\}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
GEOPACKAGE = ("application_id", "user_version")


@dataclass(frozen=True)
class Stage:
    """A stage of the core.

    Attributes
    ----------
    prepare : callable
        Makes the inputs in a folder and returns what ``run`` is given.
    run : callable
        Takes what was made and the folder of the outputs.
    earlier : callable, optional
        As ``run``, with other settings: its outputs are there before, and are replaced.
    is_set : bool
        Whether the files of a folder belong together.
    """

    prepare: Callable[[Path], Any]
    run: Callable[[Any, Path], None]
    earlier: Callable[[Any, Path], None] | None = None
    is_set: bool = True
    # What a run may end with: GwsaAlgorithm has one sentence for each of these.
    refusals = (InputError, OSError)

    def contents(self, folder: Path) -> dict[str, str]:
        """Digest of each file with a final name.

        Of records of runs, which have times, it is that they are JSON; of a GeoPackage its tables;
        of a style all but the random keys of its rules.
        """
        found = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not name.startswith(".") and "/." not in name:
                found[name] = hashlib.sha256(_content(path)).hexdigest()
        return found


def _content(path: Path) -> bytes:
    if path.suffix == ".gpkg":
        return _tables(path).encode()
    data = path.read_bytes()
    if path.suffix == ".qml":
        return RULE.sub(b"", data)
    if path.name.endswith(RECORDS):
        return b"" if json.loads(data or "0") else data
    return data


def _tables(path: Path) -> str:
    """All that a GeoPackage has but times; that there is nothing where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:
            numbers = [file.execute(f"PRAGMA {name}").fetchone() for name in GEOPACKAGE]
            return TIME.sub("", "\n".join([str(numbers), *file.iterdump()]))
    except sqlite3.DatabaseError:
        return "none"


def draw_nothing() -> None:
    """Have figures drawn as a word: drawing takes most of the time, and no operation on files."""
    Figure.savefig = lambda figure, file, **options: file.write(b"figure")


def read_inputs_once() -> None:
    """Have GLDAS read once."""
    granule_folder.read_granule = _Kept(granule_folder.read_granule)


class _Kept:
    """A reader of GLDAS whose results are kept, also for the processes that are forked."""

    def __init__(self, read: Callable):
        self._read = read
        self._results: dict = {}

    def __call__(self, path: Path, *given, land=None, **options):
        key = path, land is None
        if key not in self._results:
            self._results[key] = self._read(path, *given, land=land, **options)
        return self._results[key]


def use_cores(count: int) -> None:
    """Have stages run so many tasks at once."""
    cores._cores_by_affinity = lambda: count


def _chain_stage(name: str, before: tuple[str, ...] = ()) -> Stage:
    prepare = partial(chain.prepare_chain, before=before)
    return Stage(prepare, partial(chain.run_chain_stage, name))


CORE = {
    "predictors": Stage(chain.prepare_predictors, chain.predictors),
    "predictors_again": Stage(chain.prepare_predictors, chain.predictors, chain.fewer_predictors),
    **{run.__name__: Stage(results.write_maps, run) for run in results.RUNS},
    "drought_index_again": Stage(
        results.write_maps, results.drought_index, results.other_drought_index
    ),
    "export": Stage(results.write_maps, results.export, results.other_export),
    "importtwsa": _chain_stage("importtwsa"),
    "fillgaps": _chain_stage("fillgaps", ("importtwsa",)),
    "gldasanomaly": _chain_stage("gldasanomaly"),
    "gwsabalance": _chain_stage("gwsabalance", ("importtwsa", "fillgaps", "gldasanomaly")),
    "downscaling": Stage(chain.prepare_downscaling, chain.downscaling),
    "published": Stage(chain.prepare_published, chain.published),
    "fetch": Stage(fetching.prepare, fetching.fetch, is_set=False),
    "sample_data": Stage(lambda folder: None, chain.sample_data),
}


def stages(names: list[str]) -> dict[str, Stage]:
    """Return the stages of these names, or all; those that QGIS runs begin with ``gwsa:``."""
    known = dict(CORE)
    if not names or any(name.startswith("gwsa:") for name in names):
        from gwsa.tests.faults import qgis_stages

        for algorithm, prepare in qgis_stages.PREPARE.items():
            run = partial(qgis_stages.run, algorithm)
            known[f"gwsa:{algorithm}"] = Stage(prepare, run)
    return {name: known[name] for name in names or known}
