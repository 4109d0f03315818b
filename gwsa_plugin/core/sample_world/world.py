"""Synthetic sample world with a known 1 km truth, in the layouts of the real files.

``make_world`` writes the GRACE file, its land mask, the GLDAS months, the predictors with their
catalogue, aquifers, wells, and the truth. The result depends only on the options.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..base.blas import one_blas_thread
from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import in_baseline, month_range
from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files.atomic import atomic_folder, scratch_folder
from ..files.stack import MonthlyStack, read_stack, write_stack
from ..spatial.aquifers import Aquifer
from . import gldas_files, grace_files
from .added_storage import AddedStorage, canals, depletion
from .cases import CASES
from .grace_observation import GRACE_LIKE, Observation, observe_twsa
from .land import CELL, Land, make_land
from .predictor_files import PredictorWriter
from .simulation import SimulatedStorage, simulate
from .surface_water import lake_and_glaciers
from .surroundings import Surroundings
from .truth import OracleScore, Truth, write_truth
from .wells import SampleWells, place_wells, write_aquifers, write_wells

# Paths of the files in the folder of a world.
PARTS = {
    "TWSA": "grace/CSR_GRACE_GRACE-FO_RL0603_Mascons_all-corrections.nc",
    "LAND_MASK": "grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc",
    "GLDAS": "gldas",
    "CATALOGUE": "predictors/catalogue.json",
    "LAND": "predictors/land.tif",
    "AQUIFERS": "aquifers.geojson",
    "WELLS": "wells.geojson",
    "OBSERVATIONS": "observations.csv",
    "TRUTH": "truth/truth.json",
}
# Cells along the side of a 1° tile.
# Smaller regions have no room for land, ocean and ice.
MIN_DEGREES = 1.0


@dataclass(frozen=True)
class WorldOptions:
    """Options of a sample world.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east and north in degrees, widened to 0.25° cells.
    start, end : str
        First and last month of the 1 km truth, YYYY-MM, widened to full years. Predictors begin two
        years earlier. GRACE and GLDAS always cover the full record.
    seed : int
        Seed of all random numbers.
    case : str
        Name of one of ``CASES``.
    observation : Observation
        How GRACE observes the world and how GLDAS describes it.
    unexplained : float
        Fraction of the variance within cells that no predictor explains.
    predictor_noise : float
        Standard deviation of the noise of a predictor, relative to that of the noise-free driver
        within cells.
    """

    bounds: tuple[float, float, float, float] = (74.0, 26.0, 80.0, 32.0)
    start: str = "2009-01"
    end: str = "2018-12"
    seed: int = 1
    case: str = "default"
    observation: Observation = GRACE_LIKE
    unexplained: float = 0.3
    predictor_noise: float = 0.15

    @property
    def period(self) -> np.ndarray:
        """The months of the 1 km truth: datetime64[M]."""
        years = month_range(self.start, self.end).astype("datetime64[Y]")
        return np.arange(years[0], years[-1] + 1, dtype="datetime64[M]")

    @property
    def grid(self) -> Grid:
        """The 0.25° cells of the region.

        Raises
        ------
        InputError
            When the region is smaller than 1° or extends beyond the area of GLDAS.
        """
        west, south, east, north = self.bounds
        inside = -180 <= west < east <= 180 and -60 <= south < north <= 85
        if not inside or min(east - west, north - south) < MIN_DEGREES:
            raise InputError(
                f"A sample world cannot be made for the region {west:g}, {south:g}, {east:g}, "
                f"{north:g} (west, south, east, north); choose a region of at least "
                f"{MIN_DEGREES:g}° a side, between 60° south and 85° north, not across 180°."
            )
        return Grid.covering(self.bounds, CELL)


NORTH_WEST_INDIA = WorldOptions()


@one_blas_thread()
def make_world(
    folder, options: WorldOptions = NORTH_WEST_INDIA, progress: Progress = SILENT
) -> dict:
    """Write a sample world in one atomic write.

    ``PARTS`` lists the files. The folder ``truth`` also contains the coarse storages (``GWSA.tif``
    and so on: cm, anomalies to 2004-2009, without errors), the 1 km GWSA and its explainable part
    (``gwsa_1km``, ``explained_1km``), and ``wells.csv``.

    Parameters
    ----------
    folder : path-like
        Folder to write.
    options : WorldOptions
        Region, period, seed and noise.
    progress : Progress, optional
        Receives the fraction done.

    Returns
    -------
    dict
        Content of ``truth/truth.json``.

    Raises
    ------
    InputError
        When the region or the period is impossible, or the folder has another world.
    """
    folder = Path(folder)
    _require_own_folder(folder, options)
    seed = options.seed
    period = options.period
    case = CASES[options.case]
    land = make_land(options.grid, seed, case.ocean_fraction)
    with atomic_folder(folder) as out, scratch_folder(folder) as scratch:
        for name in ("grace", "gldas", "truth/gwsa_1km", "truth/explained_1km"):
            (out / name).mkdir(parents=True)
        noise = options.predictor_noise
        with PredictorWriter(out / "predictors", land, noise, seed) as predictors:
            simulating = progress.part(0.0, 0.7)
            simulated = simulate(land, period, seed, case, scratch, predictors, simulating)
            predictors.write_static(progress)
        truth = _make_truth(land, simulated, options, progress)
        wells = place_wells(land, seed)
        surroundings = Surroundings(land, options.observation.margin_cells)
        twsa = _observe_grace(out, truth, surroundings, options, progress)
        gldas = _gldas_variables(truth, simulated, options)
        inside = (slice(None), *surroundings.coarse.window(land.coarse.bounds))
        oracle = _oracle_score(truth, twsa[inside], gldas)
        at_wells, *_ = run_all(
            [
                partial(write_truth, out / "truth", truth, oracle, wells),
                partial(
                    gldas_files.write_files, out / PARTS["GLDAS"], surroundings, truth.months, gldas
                ),
                partial(grace_files.write_mascons, out / PARTS["TWSA"], surroundings.coarse, twsa),
            ],
            progress.part(0.7, 1.0),
        )
        write_aquifers(out / PARTS["AQUIFERS"], land, seed)
        write_wells(out, wells, period, at_wells, seed, case.yield_factor)
        _write_true_trends(out / "truth" / "wells.csv", wells, at_wells)
        facts = {**_facts(truth, options, predictors.noise_levels), **oracle.facts()}
        (out / PARTS["TRUTH"]).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def observe_again(world, path, options: WorldOptions) -> None:
    """Write another mascon file of a world, as another footprint observes it.

    Parameters
    ----------
    world : path-like
        Folder of the world.
    path : path-like
        The mascon file to write.
    options : WorldOptions
        Options of the world, with the other footprint, tiles or noise.
    """
    case = CASES[options.case]
    land = make_land(options.grid, options.seed, case.ocean_fraction)
    surroundings = Surroundings(land, options.observation.margin_cells)
    truth = read_stack(Path(world) / "truth" / "TWSA.tif")
    solved = np.isin(truth.months, grace_files.solved_months())
    observed = _observe(truth.values[solved], surroundings, options.observation, options.seed)
    grace_files.write_mascons(Path(path), surroundings.coarse, observed)


def read_aquifers(world) -> list[Aquifer]:
    """Read the aquifers of a world.

    Parameters
    ----------
    world : path-like
        Folder of the world.

    Returns
    -------
    list of Aquifer
        With names and parents, as downscaling takes them.
    """
    features = json.loads((Path(world) / PARTS["AQUIFERS"]).read_text(encoding="utf-8"))["features"]
    facts = [feature["properties"] for feature in features]
    names = {None: "", **{fact["id"]: fact["name"] for fact in facts}}
    return [
        Aquifer(fact["name"], feature["geometry"], names[fact["parent"]])
        for fact, feature in zip(facts, features)
    ]


def _require_own_folder(folder: Path, options: WorldOptions) -> None:
    """Refuse a folder with another world, whose years would stay beside those of the new one."""
    try:
        facts = json.loads((folder / PARTS["TRUTH"]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if facts.get("options") != json.loads(json.dumps(asdict(options))):
        raise InputError(
            f"The folder {folder.name} has a sample world with other settings; choose another "
            "folder, or delete that one."
        )


def _make_truth(
    land: Land, simulated: SimulatedStorage, options: WorldOptions, progress: Progress
) -> Truth:
    """The truth of the case of the options."""
    months = simulated.months
    surface_water = {}
    if options.observation.lakes_and_ice:
        surface_water = lake_and_glaciers(land, months, options.seed)
    added = _added_storages(land, months, options)
    unexplained, seed = options.unexplained, options.seed
    return Truth(land, simulated, unexplained, added, surface_water, seed, progress)


def _added_storages(land: Land, months: np.ndarray, options: WorldOptions) -> list[AddedStorage]:
    """The storages that the case of the options adds."""
    case = CASES[options.case]
    added = []
    if case.depletion_cm_per_yr:
        middle = options.period[options.period.size // 2]
        start = months[0] if case.depletion_throughout else middle
        added.append(depletion(land, months, start, case.depletion_cm_per_yr, options.seed))
    if case.canal_cm:
        added.append(canals(land, months, case.canal_cm, options.seed))
    return added


def _observe_grace(
    world: Path,
    truth: Truth,
    surroundings: Surroundings,
    options: WorldOptions,
    progress: Progress,
) -> np.ndarray:
    """Observe TWSA, and write the land mask of GRACE.

    ``truth/TWSA_observed.tif`` gets the region as observed without noise, in all months.

    Returns TWSA of the region and its surroundings as observed: cm, shape (solutions, rows,
    columns).
    """
    land = truth.land
    is_land = surroundings.land_fraction >= grace_files.MIN_LAND_FRACTION
    grace_files.write_land_mask(world / PARTS["LAND_MASK"], surroundings.coarse, is_land)
    inside = (slice(None), *surroundings.coarse.window(land.coarse.bounds))
    noiseless = replace(options.observation, noise_cm=0.0)
    seed = options.seed
    observable = _observe(truth.means["TWSA"], surroundings, noiseless, seed, progress)[inside]
    stack = MonthlyStack.on_calendar(land.coarse, truth.months, observable, "TWSA")
    write_stack(world / "truth" / "TWSA_observed.tif", stack)
    solved = np.isin(truth.months, grace_files.solved_months())
    twsa = truth.means["TWSA"][solved]
    return _observe(twsa, surroundings, options.observation, seed, progress)


def _observe(
    twsa: np.ndarray,
    surroundings: Surroundings,
    observation: Observation,
    seed: int,
    progress: Progress = SILENT,
) -> np.ndarray:
    """TWSA of the region and its surroundings as observed: cm, shape (months, rows, columns).

    ``twsa`` is the true TWSA of the region over land, cm, shape (months, cell rows, cell columns).
    """
    twsa = np.nan_to_num(twsa)
    if observation.footprint_km:
        twsa = twsa * surroundings.land.land_fraction
    seen = surroundings.extend(twsa)
    return observe_twsa(seen, surroundings.coarse, observation, seed, progress)


def _gldas_variables(
    truth: Truth, simulated: SimulatedStorage, options: WorldOptions
) -> dict[str, np.ndarray]:
    """The variables of the GLDAS files: shape (months, cell rows, cell columns) each."""
    observation = options.observation
    if not (observation.gldas_amplitude_error or observation.gldas_delay_months):
        return simulated.land_surface
    return gldas_files.with_errors(
        simulated.land_surface,
        truth.land,
        observation.gldas_amplitude_error,
        observation.gldas_delay_months,
        options.seed,
    )


def _oracle_score(truth: Truth, twsa: np.ndarray, gldas: dict[str, np.ndarray]) -> OracleScore:
    """Prepare the oracle's score, given observed TWSA of the region and the GLDAS variables."""
    water = np.sum(list(gldas_files.components(gldas).values()), axis=0)
    water = water - water[in_baseline(truth.months)].mean(axis=0)
    months = grace_files.solved_months()
    gwsa = twsa - water[np.isin(truth.months, months)]
    return OracleScore(truth.land, gwsa, months, _valid_cells(truth.land))


def _valid_cells(land: Land) -> np.ndarray:
    """True for cells that are land in GRACE and in GLDAS and have no permanent ice."""
    minimum = max(grace_files.MIN_LAND_FRACTION, gldas_files.MIN_LAND_FRACTION)
    return (land.land_fraction >= minimum) & ~land.ice_cells


def _facts(truth: Truth, options: WorldOptions, noise_levels: dict[str, float]) -> dict:
    """Part of truth.json on the options, the noise and the coarse field."""
    valid = _valid_cells(truth.land)
    gwsa = truth.means["GWSA"][np.isin(truth.months, truth.period)]
    return {
        "options": asdict(options),
        "period": [str(truth.period[0]), str(truth.period[-1])],
        "months": [str(truth.months[0]), str(truth.months[-1])],
        "twsa_noise_cm": options.observation.noise_cm,
        "predictor_noise": {name: float(f"{level:.4g}") for name, level in noise_levels.items()},
        "ice_cells": int(truth.land.ice_cells.sum()),
        "valid_cells": int(valid.sum()),
        "gwsa_sd_of_cells_cm": round(float(gwsa[:, valid].std()), 3),
    }


def _write_true_trends(path: Path, wells: SampleWells, at_wells: np.ndarray) -> None:
    """Write the true specific yield and the least-squares trend of GWSA (cm/yr) of each well.

    ``at_wells`` is GWSA at the wells, cm, shape (period, wells).
    """
    years = np.arange(len(at_wells)) / 12
    slopes = np.polyfit(years, at_wells, 1)[0].round(5)
    confined = wells.confined.astype(int)
    yields = wells.specific_yield.round(6)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("well", "confined", "specific_yield", "trend_cm_per_yr"))
        table.writerows(zip(wells.names, confined, yields, slopes))
