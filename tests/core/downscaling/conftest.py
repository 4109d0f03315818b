"""A world that follows its drivers: predictors with roles, and GWSA through the footprint of GRACE.

It has 6 x 6 cells of 1° with 4 x 4 pixels each, five years and a known truth. The region is smaller
than four footprints, so that no trees are trained with the method of the footprint.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.ndimage import gaussian_filter

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_year, month_range
from gwsa.gwsa_plugin.core.downscaling.prior.lines import without_lines
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.grace.footprint import Footprint
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

FACTOR = 4
WIDTH_KM = 250.0
COARSE = Grid(70.0, 33.0, 1.0, 1.0, 6, 6)
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2004-01", "2008-12")
# Predictors of the world: name, months and role.
MONTHLY = {
    "rain": "precipitation",
    "evaporation": "actual_evapotranspiration",
    "runoff": "runoff",
    "ndvi": "",
}


@dataclass(frozen=True, eq=False)
class DriverWorld:
    """Inputs of a downscaling with a truth that responds to the drivers.

    Parameters
    ----------
    gwsa : MonthlyStack
        The truth through the footprint of GRACE, with a level and a trend of each cell, cm.
    predictors : PredictorSet
        Monthly rain, evaporation, runoff and ndvi; static soil.
    fields : dict of str to numpy.ndarray
        The values of the predictors, as float32.
    truth : numpy.ndarray, shape (months, fine rows, fine columns)
        GWSA at 1 km without level and trend, cm.
    conservation : MassConservation
        All cells; the first column of pixels is sea.
    """

    gwsa: MonthlyStack
    predictors: PredictorSet
    fields: dict
    truth: np.ndarray
    conservation: MassConservation


@pytest.fixture(scope="session")
def driver_world(tmp_path_factory) -> DriverWorld:
    return make_driver_world(tmp_path_factory.mktemp("driver_world"), related=True)


@pytest.fixture(scope="session")
def unrelated_world(tmp_path_factory) -> DriverWorld:
    """The same drivers, and a truth that does not follow them."""
    return make_driver_world(tmp_path_factory.mktemp("unrelated_world"), related=False)


def make_driver_world(folder: Path, related: bool) -> DriverWorld:
    """Write the predictors into a folder and return the world."""
    rng = np.random.default_rng(7)
    land = np.ones(FINE.shape, dtype=bool)
    land[:, 0] = False
    conservation = MassConservation(land, COARSE, FACTOR, np.ones(COARSE.shape, dtype=bool))
    fields = {
        "soil": _centred(_smooth_fields(rng, 1)[0]),
        "rain": 10 + 3 * _smooth_fields(rng, MONTHS.size),
        "evaporation": 5 + _smooth_fields(rng, MONTHS.size),
        "runoff": 2 + 0.5 * _smooth_fields(rng, MONTHS.size),
        "ndvi": 0.5 + 0.1 * _smooth_fields(rng, MONTHS.size),
    }
    fields = {name: values.astype(np.float32) for name, values in fields.items()}
    truth = _respond(fields["rain"] - fields["evaporation"], fields["soil"])
    if not related:
        storage = _respond(3 * _smooth_fields(rng, MONTHS.size), fields["soil"])
        truth = storage * truth.std() / storage.std()
    _write_set(folder, fields, land, conservation)
    means = np.stack([conservation.block_mean(month) for month in truth])
    footprint = Footprint(COARSE, conservation.cells, WIDTH_KM)
    time = np.arange(MONTHS.size)[:, None, None] / MONTHS.size
    lines = rng.standard_normal(COARSE.shape) + 4 * time * rng.standard_normal(COARSE.shape)
    values = footprint.apply(means) + lines + 0.1 * rng.standard_normal(means.shape)
    gwsa = MonthlyStack(
        COARSE,
        MONTHS,
        values.astype(np.float32),
        ("observed",) * MONTHS.size,
        "GWSA",
        tags={"GWSA_FOOTPRINT_KM": f"{WIDTH_KM:g}"},
    )
    return DriverWorld(gwsa, PredictorSet.open(folder), fields, truth, conservation)


def _respond(surplus: np.ndarray, soil: np.ndarray) -> np.ndarray:
    """Storage that follows the mean surplus of eight months, more where soil is high."""
    months = len(surplus)
    means = np.stack([surplus[max(0, i - 7) : i + 1].mean(axis=0) for i in range(months)])
    return without_lines(4 * (1 + 0.3 * np.clip(soil, -2, 2)) * means.astype(float), MONTHS)


def _smooth_fields(rng, count: int) -> np.ndarray:
    """Random fields of unit variance that are smooth over a cell."""
    noise = gaussian_filter(rng.standard_normal((count, *FINE.shape)), (0, 4, 4), mode="wrap")
    return noise / noise.std()


def _centred(field: np.ndarray) -> np.ndarray:
    return (field - field.mean()) / field.std()


def _write_set(
    folder: Path, fields: dict, land: np.ndarray, conservation: MassConservation
) -> None:
    for scale in ("fine", "coarse"):
        (folder / scale).mkdir()
    entries = [{"name": "soil", "kind": "static", "files": "fine/soil.tif"}]
    _write_both(folder, "soil.tif", fields["soil"][None], ["soil"], conservation)
    for name, role in MONTHLY.items():
        entries.append(
            {"name": name, "kind": "monthly", "files": f"fine/{name}_{{YYYY}}.tif", "role": role}
        )
        for year in np.unique(calendar_year(MONTHS)):
            here = calendar_year(MONTHS) == year
            _write_both(
                folder, f"{name}_{year}.tif", fields[name][here], MONTHS[here], conservation
            )
    _write(
        folder / "fine/land.tif", FINE, [land], ["land"], dtype="uint8", nodata=None, predictor=2
    )
    shape = {key: getattr(FINE, key) for key in ("west", "north", "dx", "dy", "rows", "columns")}
    content = {
        "format": 1,
        "land": "fine/land.tif",
        "grid": {**shape, "factor": FACTOR},
        "predictors": entries,
    }
    (folder / "predictors.json").write_text(json.dumps(content))


def _write_both(folder: Path, name: str, fields, names, conservation: MassConservation) -> None:
    _write(folder / "fine" / name, FINE, fields, names)
    means = [conservation.block_mean(field) for field in fields]
    _write(folder / "coarse" / name, COARSE, means, names)


def _write(path: Path, grid: Grid, fields, names, **options) -> None:
    # Small blocks are read faster.
    options = {"blockxsize": 32, "blockysize": 32, **options}
    with rasterio.open(path, "w", **geotiff_profile(grid, len(fields), **options)) as target:
        target.write(np.asarray(fields, dtype=target.dtypes[0]))
        target.descriptions = [str(name) for name in names]
