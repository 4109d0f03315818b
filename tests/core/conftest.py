"""Fixtures of the core: settings of GDAL, and a world for downscaling.

The small world has 12 x 12 cells of 8 x 8 pixels, two years and a known 1 km truth. It can be
downscaled in a second.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from osgeo import gdal
from scipy.ndimage import gaussian_filter

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.rasters import reading, warping, with_osgeo, with_rasterio
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

FACTOR = 8
COARSE = Grid(70.0, 33.0, 0.25, 0.25, 12, 12)
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2009-01", "2010-12")


@pytest.fixture(params=[False, True], ids=["gdal-returns", "gdal-raises"])
def gdal_habit(request):
    """Run a test without and with Python exceptions of GDAL, which QGIS and plugins may enable."""
    before = gdal.GetUseExceptions()
    (gdal.UseExceptions if request.param else gdal.DontUseExceptions)()
    yield
    (gdal.UseExceptions if before else gdal.DontUseExceptions)()


@pytest.fixture(params=["rasterio", "osgeo"])
def gdal_backend(request, monkeypatch):
    """Run a test with rasters that rasterio reads and with rasters that GDAL's binding reads."""
    module = {"rasterio": with_rasterio, "osgeo": with_osgeo}[request.param]
    for user in (reading, warping):
        monkeypatch.setattr(user, "backend", lambda: module)


@dataclass(frozen=True, eq=False)
class SmallWorld:
    """Inputs of a downscaling with a known truth.

    The west of the region is sea. Two aquifers cover part of the land.

    Parameters
    ----------
    gwsa : MonthlyStack
        Cell means of the truth plus noise, cm.
    predictors : PredictorSet
        Static soil and relief, and monthly rain.
    truth : numpy.ndarray, shape (months, fine rows, fine columns)
        GWSA at 1 km, cm.
    land : numpy.ndarray of bool
        Land pixels, fine shape.
    aquifers : list of Aquifer
        A large one, and one of the size of a cell.
    """

    gwsa: MonthlyStack
    predictors: PredictorSet
    truth: np.ndarray
    land: np.ndarray
    aquifers: list


@pytest.fixture(scope="session")
def small_world(tmp_path_factory) -> SmallWorld:
    return make_small_world(tmp_path_factory.mktemp("predictors"))


def make_small_world(folder: Path) -> SmallWorld:
    """Write the predictors into a folder and return the world."""
    rng = np.random.default_rng(4)
    land = np.ones(FINE.shape, bool)
    land[:, :11] = False
    soil = _field(rng, 6.4)
    relief = _field(rng, 6.4)
    rain = np.stack(
        [_field(rng, 9.6) + 1.5 * np.cos(2 * np.pi * i / 12) for i in range(MONTHS.size)]
    )
    truth = 4 * np.tanh(soil) * rain + 2 * (relief > 0) * rain
    coarse = MassConservation(land, COARSE, FACTOR, np.ones(COARSE.shape, bool))
    means = np.stack([coarse.block_mean(month) for month in truth])
    _write_set(folder, coarse, {"soil": soil, "relief": relief}, rain, land)
    gwsa = MonthlyStack.on_calendar(
        COARSE, MONTHS, means + 0.1 * rng.standard_normal(means.shape), "GWSA"
    )
    aquifers = [
        Aquifer("large", _box(71.0, 30.0, 72.5, 33.0)),
        Aquifer("small", _box(72.5, 30.0, 72.75, 30.25)),
    ]
    return SmallWorld(gwsa, PredictorSet.open(folder), truth, land, aquifers)


def _field(rng, length: float) -> np.ndarray:
    """A random field of unit variance, smooth over ``length`` pixels."""
    field = gaussian_filter(rng.standard_normal(FINE.shape), length, mode="wrap")
    return field / field.std()


def _box(west, south, east, north) -> dict:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _write_set(
    folder: Path, coarse: MassConservation, static: dict, rain: np.ndarray, land: np.ndarray
) -> None:
    (folder / "fine").mkdir()
    (folder / "coarse").mkdir()
    entries = [{"name": name, "kind": "static", "files": f"fine/{name}.tif"} for name in static]
    entries.append(
        {"name": "rain", "kind": "monthly", "files": "fine/rain_{YYYY}.tif", "lags": [0, 1]}
    )
    for name, field in static.items():
        _write_both(folder, f"{name}.tif", [field], [name], coarse)
    for year in (2009, 2010):
        in_year = MONTHS.astype("datetime64[Y]") == np.datetime64(str(year))
        _write_both(folder, f"rain_{year}.tif", rain[in_year], MONTHS[in_year], coarse)
    _write(
        folder / "fine/land.tif", FINE, [land], ["land"], dtype="uint8", nodata=None, predictor=2
    )
    shape = {name: getattr(FINE, name) for name in ("west", "north", "dx", "dy", "rows", "columns")}
    content = {
        "format": 1,
        "land": "fine/land.tif",
        "grid": {**shape, "factor": FACTOR},
        "predictors": entries,
    }
    (folder / "predictors.json").write_text(json.dumps(content))


def _write_both(folder: Path, name: str, fields, names, coarse: MassConservation) -> None:
    _write(folder / "fine" / name, FINE, fields, names)
    _write(folder / "coarse" / name, COARSE, [coarse.block_mean(field) for field in fields], names)


def _write(path: Path, grid: Grid, fields, names, **options) -> None:
    with rasterio.open(path, "w", **geotiff_profile(grid, len(fields), **options)) as target:
        target.write(np.asarray(fields, dtype=target.dtypes[0]))
        target.descriptions = [str(name) for name in names]
