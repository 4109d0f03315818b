"""A whole sample world with a known 1 km truth, in the layouts of the real files.

``make_world`` writes the GRACE file, its land mask, the GLDAS months, the predictors and their catalogue, aquifers,
wells and, beside them, the truth. Everything follows from the seed.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import month_range
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_folder, scratch_folder
from ..spatial.aquifers import Aquifer
from . import gldas_files as sample_gldas
from . import grace_files as sample_grace
from .land import CELL, Land, make_land
from .predictor_files import Predictors
from .pumping import Drawdown
from .random_fields import generator
from .simulation import simulate
from .truth import OracleScore, Truth, write_truth
from .wells import place_wells, write_aquifers, write_wells

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
TILE_CELLS = 4
LEAST_DEGREES = 1.0


@dataclass(frozen=True)
class WorldOptions:
    """``bounds`` (west, south, east, north) in degrees are snapped outward to 0.25° cells. ``start`` and ``end``
    (YYYY-MM) are the first and last month of the 1 km truth, widened to whole years; predictors begin two years
    before, GRACE and GLDAS always have the whole record. ``tiles``: GRACE sees means over 1° tiles. ``unexplained``:
    share of the variance within cells that no predictor explains. Noise: of TWSA in cm; of a predictor in standard
    deviations of the driver within cells. ``pumping_cm_per_yr``: how fast storage falls in the middle of patches from
    half of the period on, which no predictor tells either (see ``Drawdown``).
    """

    bounds: tuple[float, float, float, float] = (74.0, 26.0, 80.0, 32.0)
    start: str = "2009-01"
    end: str = "2018-12"
    seed: int = 1
    tiles: bool = False
    unexplained: float = 0.3
    twsa_noise_cm: float = 1.0
    predictor_noise: float = 0.15
    pumping_cm_per_yr: float = 0.0

    @property
    def period(self) -> np.ndarray:
        """The months of the 1 km truth: datetime64[M]."""
        years = month_range(self.start, self.end).astype("datetime64[Y]")
        return np.arange(years[0], years[-1] + 1, dtype="datetime64[M]")

    @property
    def grid(self) -> Grid:
        """The 0.25° cells; InputError outside what GLDAS covers, and where there is no room for land, sea and ice."""
        west, south, east, north = self.bounds
        inside = -180 <= west < east <= 180 and -60 <= south < north <= 85
        if not inside or min(east - west, north - south) < LEAST_DEGREES:
            raise InputError(
                f"The region {west:g}, {south:g}, {east:g}, {north:g} (west, south, east, north) has no sample world; "
                f"choose one of {LEAST_DEGREES:g}° or more a side, between 60° south and 85° north, not across 180°."
            )
        return Grid.covering(self.bounds, CELL)


NORTH_WEST_INDIA = WorldOptions()


def make_world(
    folder, options: WorldOptions = NORTH_WEST_INDIA, progress: Progress = SILENT
) -> dict:
    """Write the world under ``folder``, whole or not at all; return what its ``truth/truth.json`` says.

    ``PARTS`` names its files. Beside them, in ``truth``: the coarse storages (``GWSA.tif`` and so on: cm, anomalies to
    2004-2009, no noise), the 1 km GWSA and what of it is explainable (``gwsa_1km``, ``explained_1km``), ``wells.csv``.
    InputError for a region or period that cannot be.
    """
    folder, seed, period = Path(folder), options.seed, options.period
    land = make_land(options.grid, seed)
    with atomic_folder(folder) as out, scratch_folder(folder) as scratch:
        for name in ("grace", "gldas", "truth/gwsa_1km", "truth/explained_1km"):
            (out / name).mkdir(parents=True)
        predictors = Predictors(out / "predictors", land, options.predictor_noise, seed)
        history = simulate(
            land, period, seed, scratch, (predictors, out / "gldas"), progress.part(0.0, 0.75)
        )
        predictors.write_static()
        predictors.close()
        drawdown = Drawdown(land, history.months, period, options.pumping_cm_per_yr, seed)
        truth, wells = (
            Truth(land, history, options.unexplained, drawdown, seed),
            place_wells(land, seed),
        )
        twsa = _write_grace(out, truth, options)
        oracle = _oracle(truth, twsa)
        at_wells = write_truth(out / "truth", truth, oracle, wells, progress.part(0.8, 1.0))
        write_aquifers(out / PARTS["AQUIFERS"], land, seed)
        write_wells(out, wells, period, at_wells, seed)
        _write_well_truth(out / "truth" / "wells.csv", wells, at_wells)
        facts = {**_facts(truth, options, predictors.noise_levels), **oracle.facts()}
        (out / PARTS["TRUTH"]).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def read_aquifers(world) -> list[Aquifer]:
    """The aquifers of a world, with their names and parents, as downscaling takes them."""
    features = json.loads((Path(world) / PARTS["AQUIFERS"]).read_text(encoding="utf-8"))["features"]
    facts = [feature["properties"] for feature in features]
    names = {None: "", **{fact["id"]: fact["name"] for fact in facts}}
    return [
        Aquifer(fact["name"], feature["geometry"], names[fact["parent"]])
        for fact, feature in zip(facts, features)
    ]


def _write_grace(world: Path, truth: Truth, options: WorldOptions) -> np.ndarray:
    """The mascon file and its land mask; returns TWSA as they have it, cm, shape (192 solutions, rows, columns)."""
    land, months = truth.land, sample_grace.solved_months()
    rng = generator(options.seed, "grace")
    noise = options.twsa_noise_cm * rng.standard_normal((months.size, *land.coarse.shape))
    seen = np.nan_to_num(truth.means["TWSA"][np.isin(truth.months, months)])
    if options.tiles:
        seen, noise = _over_tiles(seen, land), _one_a_tile(noise, land)
    sample_grace.write_mascons(world / PARTS["TWSA"], land.coarse, seen + noise)
    sample_grace.write_land_mask(
        world / PARTS["LAND_MASK"], land.coarse, land.land_share >= sample_grace.LAND_SHARE
    )
    return seen + noise


def _tile_numbers(land: Land) -> np.ndarray:
    """Which 1° tile each cell is in: int, coarse shape."""
    down = (
        np.arange(land.coarse.rows)[:, None] + round((90 - land.coarse.north) / CELL)
    ) // TILE_CELLS
    across = (np.arange(land.coarse.columns) + round((land.coarse.west + 180) / CELL)) // TILE_CELLS
    return np.unique(down * 10_000 + across, return_inverse=True)[1].reshape(land.coarse.shape)


def _over_tiles(values: np.ndarray, land: Land) -> np.ndarray:
    """The mean over each tile's land, weighted by area, in all its cells."""
    tile, area = _tile_numbers(land), land.cell_land_area
    weight = np.maximum(np.bincount(tile.ravel(), area.ravel()), 1e-9)
    return np.array(
        [(np.bincount(tile.ravel(), (month * area).ravel()) / weight)[tile] for month in values]
    )


def _one_a_tile(noise: np.ndarray, land: Land) -> np.ndarray:
    """The noise of the first cell of each tile, in all its cells."""
    tile = _tile_numbers(land)
    first = np.unique(tile, return_index=True)[1]
    return noise.reshape(len(noise), -1)[:, first][:, tile]


def _oracle(truth: Truth, twsa: np.ndarray) -> OracleScore:
    """From GWSA as a user gets it in the months with a solution: TWSA with its noise less what GLDAS has."""
    months = sample_grace.solved_months()
    above = sum(truth.means[name] for name in sample_gldas.COMPONENTS)
    return OracleScore(
        truth.land, twsa - above[np.isin(truth.months, months)], months, _valid(truth.land)
    )


def _valid(land: Land) -> np.ndarray:
    """The cells that are land for both GRACE and GLDAS and free of ice: bool, coarse shape."""
    least = max(sample_grace.LAND_SHARE, sample_gldas.LAND_SHARE)
    return (land.land_share >= least) & ~land.ice_cells


def _facts(truth: Truth, options: WorldOptions, noise_levels: dict) -> dict:
    """What truth.json states of the options, the noise and the coarse field."""
    valid = _valid(truth.land)
    during = truth.means["GWSA"][np.isin(truth.months, truth.period)]
    stated = asdict(options)
    if not options.pumping_cm_per_yr:
        del stated[
            "pumping_cm_per_yr"
        ]  # worlds without it are the same bytes as before there was any
    return {
        "options": stated,
        "period": [str(truth.period[0]), str(truth.period[-1])],
        "months": [str(truth.months[0]), str(truth.months[-1])],
        "twsa_noise_cm": options.twsa_noise_cm,
        "predictor_noise": {name: float(f"{level:.4g}") for name, level in noise_levels.items()},
        "ice_cells": int(truth.land.ice_cells.sum()),
        "valid_cells": int(valid.sum()),
        "gwsa_sd_of_cells_cm": round(float(during[:, valid].std()), 3),
    }


def _write_well_truth(path: Path, wells, at_wells: np.ndarray) -> None:
    """Each well's true specific yield and the least-squares trend of GWSA in its pixel over the period, cm/yr."""
    years = np.arange(len(at_wells)) / 12
    slopes = np.polyfit(years, at_wells, 1)[0]
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("well", "confined", "specific_yield", "trend_cm_per_yr"))
        for row in zip(
            wells.names, wells.confined.astype(int), wells.specific_yield.round(6), slopes.round(5)
        ):
            table.writerow(row)
