"""The whole chain, run from plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .balance.modes import balance
from .balance.options import BalanceOptions
from .balance.sigma import Sigma, groundwater_sigma
from .base.blas import one_blas_thread
from .base.errors import InputError
from .base.progress import SILENT, Progress
from .downscaling.downscale import DownscaleOptions, Outputs, downscale
from .downscaling.skill.scores import write_scores
from .files.lock import locked
from .files.provenance import provenance
from .files.stack import read_stack, write_stack
from .files.yearly_maps import YearlyMaps
from .gapfill.fill import fill_gaps, write_flags
from .gapfill.methods import FillOptions
from .gldas.anomalies import GldasOptions, gldas_anomalies
from .grace.solution_months import write_table
from .grace.twsa import TwsaOptions, import_twsa
from .predictors.build import Inputs, build_predictors
from .predictors.predictor_set import CONTENTS, PredictorSet
from .spatial.aquifers import Aquifer
from .spatial.margin import MARGIN_KM
from .stages import NAMES, STAGES, output_paths
from .wells.detail import score_detail
from .wells.map_detail import WellRecords, block_width, warn_if_uncorrected
from .wells.quality_control import Rules
from .wells.scores import summary
from .wells.scores import write_scores as write_well_scores
from .wells.tables import Readings, Wells
from .wells.validate import validate_wells

Bounds = tuple[float, float, float, float]
Period = tuple["np.datetime64 | None", "np.datetime64 | None"]


@dataclass(frozen=True, eq=False)
class ChainInputs:
    """What the chain starts from.

    Attributes
    ----------
    twsa : Path
        Mascon file of CSR, JPL or GSFC, or other NetCDF with TWSA.
    gldas : Path
        Folder of monthly GLDAS Noah 2.1 files.
    catalogue : Path
        Predictor catalogue (JSON).
    land_mask : Path, optional
        NetCDF land mask of the mascons.
    land : Path, optional
        Raster above 0 on land, for the fine grid.
    aquifers : sequence of Aquifer
        Regions with a model of their own; empty for one model of all cells.
    wells : Wells, optional
        Without wells the last stage is left out.
    readings : Readings, optional
        Their depths to water, m.
    outside : bool
        Whether the catalogue may name files outside its folder.
    """

    twsa: Path
    gldas: Path
    catalogue: Path
    land_mask: Path | None = None
    land: Path | None = None
    aquifers: Sequence[Aquifer] = ()
    wells: Wells | None = None
    readings: Readings | None = None
    outside: bool = False


@dataclass(frozen=True)
class ChainOptions:
    """Settings of the chain.

    Attributes
    ----------
    bounds : tuple of float, optional
        West, south, east, north of the region, degrees; None for all of the mascon file.
    period : tuple of datetime64[M]
        First and last month of the 1 km maps, None for all there is.
    sigma_twsa_cm, twsa_variable, twsa_unit : optional
        As in ``TwsaOptions``, for a product that does not state them.
    factor : int
        Fine pixels along a side of a coarse cell.
    margin_km : float
        Width of the margin around ``bounds`` in the stages before the balance, km.
    replaces : bool
        True if maps and predictor sets of other runs in the folder are replaced, not refused.
    fill, gldas, balance, downscaling, wells
        Options of the stages. ``bounds``, ``period`` and ``margin_km`` take the place of theirs.
    """

    bounds: Bounds | None = None
    period: Period = (None, None)
    sigma_twsa_cm: float | None = None
    twsa_variable: str | None = None
    twsa_unit: str | None = None
    factor: int = 30
    margin_km: float = MARGIN_KM
    replaces: bool = False
    fill: FillOptions = FillOptions()
    gldas: GldasOptions = field(default_factory=GldasOptions)
    balance: BalanceOptions = BalanceOptions()
    downscaling: DownscaleOptions = field(default_factory=DownscaleOptions)
    wells: Rules = field(default_factory=Rules)


@one_blas_thread()
def run_chain(
    inputs: ChainInputs,
    folder: Path,
    options: ChainOptions = ChainOptions(),
    progress: Progress = SILENT,
    last: str = NAMES[-1],
) -> dict[str, Path]:
    """Run the chain and write its outputs under the names of ``STAGES``.

    The rasters have the same bytes as those of the Processing algorithms with the same inputs and
    settings, their provenance included. Reports and the vector layers of regions and wells are
    written by the algorithms only.

    Parameters
    ----------
    inputs : ChainInputs
        Files and tables to start from.
    folder : Path
        Folder of the outputs; made where it does not exist.
    options : ChainOptions
        Settings.
    progress : Progress
        Receives log lines and the fraction done; carries the request to stop.
    last : str
        Name of the stage after which to stop.

    Returns
    -------
    dict of str to Path
        ``"stage:OUTPUT"`` -> path, of the outputs that were written.

    Raises
    ------
    InputError
        When inputs do not match, ``last`` is not a stage, or another run writes into the folder.
    Cancelled
        When the user asked to stop.
    """
    if last not in NAMES:
        raise InputError(f"{last} is not a stage of the chain; give one of {', '.join(NAMES)}.")
    wanted = NAMES[: NAMES.index(last) + 1]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = output_paths(folder)
    with locked(folder / "chain"):
        for name, part in zip(wanted, progress.parts(len(wanted))):
            _RUNNERS[name](inputs, paths, options, part)
    progress.advance(1)
    return {name: path for name, path in paths.items() if path.exists()}


def _import_twsa(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    given = TwsaOptions(
        land_mask=inputs.land_mask,
        bounds=options.bounds,
        sigma_cm=options.sigma_twsa_cm,
        margin_km=options.margin_km,
        variable=options.twsa_variable,
        unit=options.twsa_unit,
    )
    result = import_twsa(inputs.twsa, given, progress.part(0, 0.9))
    settings = {name: value for name, value in vars(given).items() if name != "land_mask"}
    files = {"INPUT": inputs.twsa, "LAND_MASK": inputs.land_mask}
    tags = provenance("importtwsa", files, settings, progress)
    write_stack(paths["importtwsa:OUTPUT"], result.twsa, tags, progress.part(0.9, 1))
    if result.sigma:
        write_stack(paths["importtwsa:SIGMA"], result.sigma, tags)
    write_table(paths["importtwsa:TABLE"], result.solutions)


def _fill_gaps(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    source = paths["importtwsa:OUTPUT"]
    result = fill_gaps(read_stack(source, progress=progress), options.fill, progress.part(0, 0.9))
    tags = provenance("fillgaps", {"INPUT": source}, vars(options.fill), progress)
    write_stack(paths["fillgaps:OUTPUT"], result.filled, tags, progress.part(0.9, 1))
    write_stack(paths["fillgaps:SIGMA"], result.sigma, tags)
    write_flags(paths["fillgaps:FLAGS"], result, tags)


def _gldas_anomaly(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    given = replace(options.gldas, margin_km=options.margin_km)
    water = gldas_anomalies(inputs.gldas, options.bounds, given, progress.part(0, 0.8))
    settings = {"region": options.bounds, **given.as_parameters()}
    tags = provenance("gldasanomaly", {"INPUT": water.files}, settings, progress)
    names = ("SMS", "SWES", "CWS", "OUTPUT")
    targets = {name: paths[f"gldasanomaly:{name}"] for name in names}
    water.write(targets, tags, progress.part(0.8, 1))


def _gwsa_balance(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    stage = STAGES[NAMES.index("gwsabalance")]
    sources = {name: paths[source] for name, source in stage.inputs.items() if source in paths}
    files = {name: path for name, path in sources.items() if path.exists()}
    stacks = {
        name: read_stack(path, f"{name} ({path.name})", progress) for name, path in files.items()
    }
    stores = ("SMS", "SWES", "CWS")
    terms = [stacks[name] for name in stores]
    gwsa = balance(stacks["TWSA"], terms, options.balance, progress.part(0, 0.8))
    settings = options.balance.as_parameters() | {f"SIGMA_{name}": None for name in stores}
    tags = provenance("gwsabalance", files, settings, progress)
    write_stack(paths["gwsabalance:OUTPUT"], gwsa, tags, progress.part(0.8, 1))
    if "SIGMA_TWSA" in stacks:
        known = Sigma(stacks["SIGMA_TWSA"], stacks["SIGMA_FILL"], dict.fromkeys(stores))
        write_stack(paths["gwsabalance:SIGMA"], groundwater_sigma(gwsa, known, progress), tags)


def _build_predictors(
    inputs: ChainInputs, paths, options: ChainOptions, progress: Progress
) -> None:
    grid = paths["gwsabalance:OUTPUT"]
    rasters = Inputs(inputs.catalogue, grid, inputs.land, inputs.outside)
    output = paths["buildpredictors:OUTPUT"]
    build_predictors(
        rasters, output, options.period, options.factor, progress, replaces=options.replaces
    )


def _downscale(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    predictors = PredictorSet.open(paths["buildpredictors:OUTPUT"])
    sigma = paths["gwsabalance:SIGMA"]
    given = replace(options.downscaling, period=options.period)
    files = {
        "GWSA": paths["gwsabalance:OUTPUT"],
        "GWSA_SIGMA": sigma if sigma.exists() else None,
        "PREDICTORS": predictors.folder / CONTENTS,
    }
    outputs = Outputs(
        maps=paths["downscale:OUTPUT"],
        models=paths["downscale:MODELS"],
        held_out=paths["downscale:HELD_OUT"],
        applicability=paths["downscale:APPLICABILITY"],
        explanation=paths["downscale:EXPLANATION"],
        corrected=paths["downscale:CORRECTED"],
        replaces=options.replaces,
    )
    result = downscale(
        read_stack(files["GWSA"], "GWSA", progress),
        predictors,
        inputs.aquifers,
        outputs,
        given,
        sigma=read_stack(sigma, "GWSA_SIGMA", progress) if sigma.exists() else None,
        tags=provenance("downscale", files, given.as_parameters(), progress),
        wells=_well_records(inputs, options),
        progress=progress,
    )
    write_scores(paths["downscale:SCORES"], result.scores)
    progress.info(result.verdict.last_line)


def _well_records(inputs: ChainInputs, options: ChainOptions) -> WellRecords | None:
    """The wells with their readings; None if there are none."""
    if inputs.wells is None or inputs.readings is None:
        return None
    return WellRecords(inputs.wells, inputs.readings, options.wells)


def _validate_wells(inputs: ChainInputs, paths, options: ChainOptions, progress: Progress) -> None:
    records = _well_records(inputs, options)
    if records is None:
        return
    maps = YearlyMaps.in_folder(paths["downscale:OUTPUT"])
    coarse = YearlyMaps.from_files([paths["gwsabalance:OUTPUT"]])
    warn_if_uncorrected(maps, coarse, progress)
    found = validate_wells(records.wells, records.readings, maps, coarse, records.rules, progress)
    detail = score_detail(found, block_width(coarse, progress))
    progress.info(summary(found))
    progress.info(detail.sentences())
    write_well_scores(paths["validatewells:SCORES"], found, detail)


_RUNNERS: dict[str, Callable[[ChainInputs, dict[str, Path], ChainOptions, Progress], None]] = {
    "importtwsa": _import_twsa,
    "fillgaps": _fill_gaps,
    "gldasanomaly": _gldas_anomaly,
    "gwsabalance": _gwsa_balance,
    "buildpredictors": _build_predictors,
    "downscale": _downscale,
    "validatewells": _validate_wells,
}
