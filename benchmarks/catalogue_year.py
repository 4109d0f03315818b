"""Mapping of years with the features of the shipped catalogue, from rasters to rasters.

The catalogue has 51 features: static predictors, lags, antecedent means and differences. The plugin
maps three years, as many as it predicts together; the peer computes the same features of one month
as raster tools usually do, block by block of lines, and predicts with ``Booster.inplace_predict``.
Processor times per pixel and month are compared, so that the number of threads does not matter.
"""

from __future__ import annotations

import json
import shutil
import warnings
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import rasterio
import xgboost
from rasterio.windows import Window

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, calendar_year, month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import make_folders, predict_tile
from gwsa.gwsa_plugin.core.predictors.predictor_set import CONTENTS, FINE, PredictorSet

from .generated import MONTHLY, STATIC, SetOptions, make_set, train_model
from .rasters import describe_band, geotiff_profile
from .result import race
from .stage import LAND_FRACTION, MAPS, MODEL, MONTHS, is_equal_to_peer, make_job, map_all

CATALOGUE = Path(__file__).parents[1] / "resources/catalogue/catalogue.json"
COARSE = Grid(70.0, 35.0, 0.25, 0.25, 24, 32)
# The mapped years, and those before them that lags and means need.
MAPPED = month_range("2010-01", "2012-12")
EARLIER = (2008, 2009)
LINES = 240
REPEATS = 5


def measure_catalogue_year(folder: Path) -> dict:
    """Measure processor time per pixel and month.

    Returns
    -------
    dict
        ``ours`` and ``peer`` are nanoseconds from file to file. ``values`` has the parts.
        ``equal``: all bits of the first month are equal before the correction.
    """
    predictors = make_catalogue_set(folder / "predictors")
    booster = train_model(predictors, MODEL)
    job = make_job(predictors, booster)
    pixels = int(job.conservation.pixels().sum())
    contestants = {
        "ours": (pixels * MAPPED.size, partial(map_all, job, folder / "maps")),
        "prediction": (pixels * MAPPED.size, partial(predict_all, job, folder / "parts")),
        "peer": (pixels, partial(predict_lines, predictors, booster, folder / "peer.tif")),
    }
    map_all(job, folder / "maps")
    seconds = race(
        {name: work for name, (_, work) in contestants.items()}, REPEATS, clock=process_time
    )
    times = {name: seconds[name] / count * 1e9 for name, (count, _) in contestants.items()}
    equal = is_equal_to_peer(job, folder / "parts", folder / "peer.tif")
    shutil.rmtree(folder)
    return {
        "values": {
            "pixels": pixels,
            "features": len(predictors.features),
            "prediction of tiles (ns)": times["prediction"],
            "correction, encoding, sigma (ns)": times["ours"] - times["prediction"],
            "225 months of 220 million pixels (core hours)": times["ours"] * 220e6 * 225 / 3.6e12,
        },
        "ours": times["ours"],
        "peer": times["peer"],
        "ratio": times["peer"] / times["ours"],
        "equal": equal,
        "unit": "ns of processor time a pixel and month",
        "peer_name": "a loop over lines with Booster.inplace_predict",
    }


def make_catalogue_set(folder: Path) -> PredictorSet:
    """Write generated rasters with the lags, means and differences of the shipped catalogue."""
    make_set(folder, SetOptions(COARSE, MONTHS, LAND_FRACTION))
    for name in MONTHLY:
        for scale in (FINE, "coarse"):
            for year in {*EARLIER, *calendar_year(MAPPED)} - {*calendar_year(MONTHS)}:
                _copy_year(folder / scale, name, year)
    content = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
    content["predictors"] = _with_features_of_catalogue(content["predictors"])
    content["before"] = [f"{EARLIER[0]}-01", f"{EARLIER[-1]}-12"]
    content["months"] = [str(MAPPED[0]), str(MAPPED[-1])]
    (folder / CONTENTS).write_text(json.dumps(content), encoding="utf-8")
    return PredictorSet.open(folder)


def _copy_year(folder: Path, name: str, year: int) -> None:
    """Copy the rasters of the first mapped year to another one."""
    path = folder / f"{name}_{year}.tif"
    shutil.copy(folder / f"{name}_{calendar_year(MONTHS)[0]}.tif", path)
    with rasterio.open(path, "r+") as target:
        for band, month in enumerate(month_range(f"{year}-01", f"{year}-12"), start=1):
            describe_band(target, band, month, "observed")


def _with_features_of_catalogue(generated: list[dict]) -> list[dict]:
    """Entries of the generated predictors, with the lags and means of those of the catalogue."""
    own = {entry["name"]: entry for entry in generated}
    names = {"static": iter(STATIC), "monthly": iter(MONTHLY)}
    used: dict[str, str] = {}
    entries = []
    for shipped in json.loads(CATALOGUE.read_text(encoding="utf-8"))["predictors"]:
        features = {key: shipped[key] for key in ("lags", "means") if key in shipped}
        if "difference" in shipped:
            difference = [used[name] for name in shipped["difference"]]
            one = {"name": shipped["name"], "kind": "monthly", "difference": difference}
        else:
            used[shipped["name"]] = next(names[shipped["kind"]])
            one = own[used[shipped["name"]]]
        entries.append({**one, **features})
    return entries


def predict_all(job: MapJob, folder: Path) -> None:
    """Predict all tiles of the years, one after the other."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(folder, [MAPS])
    for tile in job.tiles:
        predict_tile(job, [MAPS], folder, np.arange(job.months.size), tile, SILENT)


def predict_lines(predictors: PredictorSet, booster: xgboost.Booster, path: Path) -> None:
    """Map the first month as the peer does, some lines of all bands at a time."""
    booster.set_param({"nthread": 1})
    month = predictors.months[0]
    grid = predictors.grid
    with (
        rasterio.open(path, "w", **geotiff_profile(grid, 1)) as target,
        rasterio.open(predictors.folder / predictors.land_file) as land,
    ):
        for top in range(0, grid.rows, LINES):
            window = Window(0, top, grid.columns, min(LINES, grid.rows - top))
            inside = land.read(1, window=window) == 1
            features = [
                feature
                for predictor in predictors.predictors
                for feature in _features(predictors, predictor, month, window)
            ]
            table = np.ascontiguousarray(np.stack(features)[:, inside].T)
            field = np.full(inside.shape, np.nan, dtype=np.float32)
            field[inside] = booster.inplace_predict(table)
            target.write(field, 1, window=window)


def _features(predictors: PredictorSet, predictor, month, window: Window) -> list[np.ndarray]:
    """The features of a predictor in a month."""
    if not predictor.monthly:
        return [_read(predictors, predictor, None, 1, window)]
    backwards = [
        _month_values(predictors, predictor, month - back, window)
        for back in range(max((*predictor.lags, *(mean - 1 for mean in predictor.means))) + 1)
    ]
    with warnings.catch_warnings():
        # The sea has no values.
        warnings.simplefilter("ignore", RuntimeWarning)
        means = [
            np.nanmean(backwards[:count], axis=0, dtype=np.float64).astype(np.float32)
            for count in predictor.means
        ]
    return [*(backwards[lag] for lag in predictor.lags), *means]


def _month_values(predictors: PredictorSet, predictor, month, window: Window) -> np.ndarray:
    """The values of a monthly predictor in a window, float32."""
    if predictor.difference:
        one, other = (
            _month_values(predictors, item, month, window)
            for name in predictor.difference
            for item in predictors.predictors
            if item.name == name
        )
        return one - other
    return _read(predictors, predictor, month, int(calendar_month(month)), window)


def _read(predictors: PredictorSet, predictor, month, band: int, window: Window) -> np.ndarray:
    """Values of a band, float32, NaN for nodata."""
    with rasterio.open(predictors.path_of(predictor, FINE, month)) as source:
        numbers = source.read(band, window=window)
        scale = np.float32(source.scales[band - 1])
        values = numbers.astype(np.float32) * scale + np.float32(source.offsets[band - 1])
        values[numbers == source.nodata] = np.nan
        return values
