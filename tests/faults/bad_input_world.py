"""Small undamaged inputs of every stage, and the parameters of a run that ends well."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.predictors.raster_record import RASTERS, make_record
from gwsa.tests.algorithms.storage_maps import MONTHS, write_storage
from gwsa.tests.core.conftest import make_small_world
from gwsa.tests.core.gldas.gldas_layouts import LAT, LON, file_name, write_granule
from gwsa.tests.core.grace import mascon_layouts as mascons

REGION = "70,71.25,20,21 [EPSG:4326]"
FINE = Grid(70.0, 21.0, 0.05, 0.05, 20, 25)
GAP = np.datetime64("2007-07")
WELLS = 12


def write_inputs(folder: Path) -> None:
    """Write the inputs of all stages that are no outputs of stages."""
    _write_grace(folder)
    _write_gldas(folder / "gldas")
    _write_predictors(folder / "predictors")
    (folder / "small").mkdir()
    small = make_small_world(folder / "small")
    write_stack(folder / "small.tif", small.gwsa)
    _record_rasters(folder / "small")
    _write_polygons(folder / "small.geojson", {"large": (71.0, 30.0, 72.5, 33.0)})
    (folder / "storage").mkdir()
    paths = write_storage(folder / "storage")
    _write_wells(folder / "storage", paths["stack"])


def _write_grace(folder: Path) -> None:
    layout = replace(
        mascons.CSR_CROP,
        months=mascons.RECORD[mascons.RECORD != GAP],
        attributes={**mascons.CSR, "months_missing": f"{mascons.LISTED};{GAP}"},
        chunks=(4, 3, 3),
    )
    months = (layout.months - mascons.RECORD[0]).astype(int)[:, None, None]
    place = np.arange(6)[:, None] * 0.3 + np.arange(8) * 0.2
    values = 5 * np.sin(months * np.pi / 6 + place) - 0.02 * months
    mascons.write_mascons(folder / "grace.nc", layout, values)
    mascons.write_mask(folder / "land.nc", lambda latitude, longitude: longitude > 70.25, cell=1.0)


def _write_gldas(folder: Path) -> None:
    folder.mkdir()
    place = np.arange(LAT.size)[:, None] * 0.2 + np.arange(LON.size) * 0.3
    for number, month in enumerate(month_range("2004-01", "2009-12")):
        wet = 5 + np.sin(number * np.pi / 6 + place)
        fields = [amount * wet for amount in (5.0, 12.0, 25.0, 40.0, 0.2, 0.01)]
        write_granule(folder / file_name(month), np.array(fields, dtype="f4"))


def _write_predictors(folder: Path) -> None:
    folder.mkdir()
    months = month_range("2009-01", "2009-12")
    rows, columns = np.mgrid[:20, :25]
    rain = 50 + 30 * np.sin(np.arange(12)[:, None, None] * np.pi / 6 + rows * 0.1)
    write_stack(folder / "rain_2009.tif", MonthlyStack.on_calendar(FINE, months, rain, "rain"))
    slope = (rows + columns / 10)[None].astype(float)
    write_stack(folder / "slope.tif", MonthlyStack.on_calendar(FINE, months[:1], slope, "slope"))
    entries = [
        {"name": "slope", "kind": "static", "files": "slope.tif", "unit": "degree"},
        {"name": "rain", "kind": "monthly", "files": "rain_{YYYY}.tif", "unit": "mm",
         "lags": [0, 1]},
    ]  # fmt: skip
    (folder / "catalogue.json").write_text(json.dumps({"format": 1, "predictors": entries}))


def _record_rasters(folder: Path) -> None:
    """State months and rasters of a predictor set, as Build predictors does."""
    rasters = [path.relative_to(folder).as_posix() for path in folder.rglob("*.tif")]
    content = json.loads((folder / "predictors.json").read_text())
    content["months"] = ["2009-01", "2010-12"]
    content[RASTERS] = make_record(folder, {}, rasters, SILENT)
    (folder / "predictors.json").write_text(json.dumps(content))


def _write_polygons(path: Path, boxes: dict) -> None:
    features = [
        {"type": "Feature", "properties": {"aquifer": name}, "geometry": {
            "type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}}
        for name, (w, s, e, n) in boxes.items()
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _write_wells(folder: Path, stack: Path) -> None:
    """Wells whose water levels are those of the maps."""
    rng = np.random.default_rng(5)
    wells = ["well,lon,lat,specific_yield,confined"]
    readings = ["well,date,depth_to_water"]
    for number, (x, y) in enumerate(rng.uniform((70, 28), (74, 30), (WELLS, 2))):
        wells.append(f"W{number},{x:.4f},{y:.4f},0.1,0")
        for month in MONTHS:
            depth = 10 + np.sin(month.astype(int) * np.pi / 6 + x) + 0.1 * rng.normal()
            readings.append(f"W{number},{month}-15,{depth:.3f}")
    (folder / "wells.csv").write_text("\n".join(wells) + "\n")
    (folder / "readings.csv").write_text("\n".join(readings) + "\n")


def good_runs(world: Path) -> dict[str, dict]:
    """Parameters by stage, in the order of the chain.

    Names of outputs are relative to the folder of a run. Earlier stages wrote into ``made``.
    """
    made = world / "made"
    storage = world / "storage"
    maps = {"GWSA": storage / "maps"}
    polygons = {"AQUIFERS": storage / "aquifers.geojson", "ID_FIELD": "aquifer"}
    readings = {"WELLS": storage / "wells.csv", "OBSERVATIONS": storage / "readings.csv"}
    return {
        "importtwsa": {
            "INPUT": world / "grace.nc", "LAND_MASK": world / "land.nc", "EXTENT": REGION,
            "MARGIN": 0, "SIGMA_TWSA": 1, "OUTPUT": "twsa.tif", "SIGMA": "sigma.tif",
            "TABLE": "months.csv", "REGION_MEAN": "mean.csv"},
        "fillgaps": {
            "INPUT": made / "importtwsa/twsa.tif", "METHOD": 1, "OUTPUT": "filled.tif",
            "SIGMA": "sigma.tif", "FLAGS": "flags.tif"},
        "gldasanomaly": {
            "INPUT": world / "gldas", "EXTENT": REGION, "MARGIN": 0, "SMS": "sms.tif",
            "SWES": "swes.tif", "CWS": "cws.tif", "OUTPUT": "sum.tif"},
        "gwsabalance": {
            "TWSA": made / "fillgaps/filled.tif", "SMS": made / "gldasanomaly/sms.tif",
            "SWES": made / "gldasanomaly/swes.tif", "CWS": made / "gldasanomaly/cws.tif",
            "SIGMA_TWSA": made / "importtwsa/sigma.tif", "SIGMA_SMS": 1, "SIGMA_SWES": 1,
            "SIGMA_CWS": 1, "MODE": 1, "OUTPUT": "gwsa.tif", "SIGMA": "sigma.tif"},
        "makecatalogue": {"FOLDER": world / "predictors", "OUTPUT": "catalogue.json"},
        "buildpredictors": {
            "CATALOGUE": world / "predictors/catalogue.json",
            "GRID": made / "gwsabalance/gwsa.tif", "START": "2009-01", "END": "2009-12",
            "FACTOR": 5, "OUTPUT": "set"},
        "downscale": {
            "GWSA": world / "small.tif", "PREDICTORS": world / "small",
            "AQUIFERS": world / "small.geojson", "ID_FIELD": "aquifer", "METHOD": 1, "TREES": 3,
            "DEPTH": 2, "BLOCK": 0.75, "BUFFER": 0.25, "FEATHER": 10, "VALIDATION": 2,
            "OUTPUT": "maps", "CORRECTED": "corrected.tif", "SCORES": "scores.json"},
        "validatewells": {
            **maps, **readings, "COARSE": storage / "gwsa.tif", "OUTPUT": "wells.gpkg",
            "SCORES": "scores.json"},
        "trendmap": {**maps, "OUTPUT": "trend.tif"},
        "aquiferseries": {
            **maps, **polygons, "SIGMA": storage / "gwsa_sigma.tif", "OUTPUT": "series.gpkg",
            "TABLE": "series.csv"},
        "droughtindex": {
            **maps, **polygons, "OUTPUT": "index.tif", "FOLDER": "years", "EVENTS": "events.gpkg",
            "SERIES": "series.gpkg"},
        "recharge": {**maps, **polygons, "OUTPUT": "recharge.gpkg", "TABLE": "recharge.csv"},
        "compare": {
            **maps, "OTHER_LAYERS": [storage / "gwsa.tif"], "BIAS": "bias.tif",
            "SCORES": "scores.json"},
        "export": {**maps, "TITLE": "Maps", "CREATORS": "Family, Given", "OUTPUT": "dataset"},
        "sampledata": {"EXTENT": "77,78,29,30 [EPSG:4326]", "START": "2010-01", "END": "2010-12",
                       "OUTPUT": "world"},
        "fetch": {"EXTENT": "77,78,29,30 [EPSG:4326]", "START": "2010-01", "END": "2010-12",
                  "SOURCES": ["gldas_noah"], "OUTPUT": "inputs"},
    }  # fmt: skip
