"""The stages that are failed and killed: what they are given, and how they are run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.tests.faults import chain_stages as chain
from gwsa.tests.faults import results_stages as results


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
    """

    prepare: Callable[[Path], Any]
    run: Callable[[Any, Path], None]
    earlier: Callable[[Any, Path], None] | None = None
    # What a run may end with: GwsaAlgorithm has one sentence for each of these.
    refusals = (InputError, OSError)

    def contents(self, folder: Path) -> dict[str, str]:
        """Digest of each file with a final name; of records of runs, that they are JSON."""
        found = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not name.startswith(".") and "/." not in name:
                data = path.read_bytes()
                if path.name.endswith("run.json"):
                    data = b"" if json.loads(data or "0") else data
                found[name] = hashlib.sha256(data).hexdigest()
        return found


def _chain_stage(name: str, before: tuple[str, ...] = ()) -> Stage:
    prepare = partial(chain.prepare_chain, before=before)
    return Stage(prepare, partial(chain.run_chain_stage, name))


STAGES = {
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
    "sample_data": Stage(lambda folder: None, chain.sample_data),
}
