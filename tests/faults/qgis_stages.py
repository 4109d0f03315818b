"""All stages as QGIS runs them, with all their outputs: layers, styles and records too."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.stages import output_paths
from gwsa.setup.start_qgis import start_qgis
from gwsa.tests.faults import chain_stages as chain
from gwsa.tests.faults import results_stages as results

REGION = "77,78,29,30 [EPSG:4326]"
OUT = "{out}/"
HARMONIC, SHARP = 5, 1
WELLS = 12
# The sentence for an error that no user makes.
UNEXPECTED = "unexpected error"


class Given(NamedTuple):
    """The parameters of a run; texts that begin with ``{out}`` are outputs."""

    parameters: dict[str, Any]


def run(algorithm: str, given: Given, out: Path, feedback=None) -> None:
    """Run an algorithm.

    Raises
    ------
    InputError
        When it ends with a sentence.
    """
    import processing

    parameters = {
        name: value.replace("{out}", str(out)) if isinstance(value, str) else value
        for name, value in given.parameters.items()
    }
    try:
        processing.run(
            f"gwsa:{algorithm}", parameters, feedback=feedback or QgsProcessingFeedback(False)
        )
    except QgsProcessingException as error:
        if "Traceback" in str(error) or UNEXPECTED in str(error):
            raise
        raise InputError(str(error)) from None


def _given(inputs: dict[str, Any], **outputs: str) -> Given:
    start_qgis()
    given = {
        name: str(value) if isinstance(value, Path) else value for name, value in inputs.items()
    }
    return Given({**given, **{name: OUT + file for name, file in outputs.items()}})


def import_twsa(folder: Path) -> Given:
    world = chain.prepare_chain(folder).inputs
    inputs = {"INPUT": world.twsa, "LAND_MASK": world.land_mask, "EXTENT": REGION, "MARGIN": 0,
              "START": "2010-01", "END": "2010-12", "SIGMA_TWSA": 1.0}  # fmt: skip
    return _given(
        inputs, OUTPUT="twsa.tif", SIGMA="sigma.tif", TABLE="months.csv", REGION_MEAN="mean.csv"
    )


def fill_gaps(folder: Path) -> Given:
    chain.prepare_chain(folder, ("importtwsa",))
    inputs = {"INPUT": folder / "twsa.tif", "METHOD": HARMONIC}
    return _given(
        inputs, OUTPUT="o.tif", SIGMA="sigma.tif", FLAGS="flags.tif", REPORT="report.html"
    )


def gldas_anomaly(folder: Path) -> Given:
    world = chain.prepare_chain(folder).inputs
    inputs = {"INPUT": world.gldas, "EXTENT": REGION, "MARGIN": 0}
    return _given(inputs, OUTPUT="water.tif", SMS="sms.tif", SWES="swes.tif", CWS="cws.tif")


def balance(folder: Path) -> Given:
    chain.prepare_chain(folder, ("importtwsa", "fillgaps", "gldasanomaly"))
    paths = output_paths(folder)
    stores = {name: paths[f"gldasanomaly:{name}"] for name in ("SMS", "SWES", "CWS")}
    inputs = {"TWSA": paths["fillgaps:OUTPUT"], "SIGMA_TWSA": paths["importtwsa:SIGMA"],
              "SIGMA_FILL": paths["fillgaps:SIGMA"], "MODE": SHARP}  # fmt: skip
    return _given({**inputs, **stores}, OUTPUT="gwsa.tif", SIGMA="sigma.tif")


def predictors(folder: Path) -> Given:
    world = chain.prepare_predictors(folder)
    inputs = {"CATALOGUE": Path(world.catalogue), "GRID": Path(world.grid), "FACTOR": 5,
              "START": "2010-01", "END": "2010-03"}  # fmt: skip
    return _given(inputs, OUTPUT="set")


def catalogue(folder: Path) -> Given:
    world = chain.prepare_chain(folder).inputs
    return _given({"FOLDER": world.catalogue.parent}, OUTPUT="catalogue.json")


def downscale(folder: Path) -> Given:
    world = chain.prepare_downscaling(folder)
    write_stack(folder / "gwsa.tif", world.gwsa)
    sigma = np.full_like(world.gwsa.values, 1.5)
    stack = MonthlyStack(world.gwsa.grid, world.gwsa.months, sigma, world.gwsa.source, "GWSA_SIGMA")
    write_stack(folder / "sigma.tif", stack)
    inputs = {"GWSA": folder / "gwsa.tif", "GWSA_SIGMA": folder / "sigma.tif",
              "PREDICTORS": folder, "AQUIFERS": _polygons(folder), "ID_FIELD": "name",
              "TREES": 3, "DEPTH": 2, "STOPPING": False, "FEATHER": 10}  # fmt: skip
    return _given(
        inputs, OUTPUT="maps", CORRECTED="corrected.tif", CORRECTED_SIGMA="corrected_sigma.tif",
        APPLICABILITY="applicability.tif", REGIONS="regions.gpkg", MODELS="models",
        HELD_OUT="held_out", EXPLANATION="explanation.csv", SCORES="scores.json",
        REPORT="report.html",
    )  # fmt: skip


def _polygons(folder: Path) -> Path:
    features = [
        {"type": "Feature", "properties": {"name": one.name}, "geometry": one.geometry}
        for one in results.POLYGONS
    ]
    path = folder / "polygons.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def _maps(folder: Path) -> dict[str, Path]:
    return {"GWSA": results.folder_of_maps(results.write_maps(folder))}


def validate_wells(folder: Path) -> Given:
    maps = results.write_maps(folder)
    _write_wells(folder)
    inputs = {"GWSA": results.folder_of_maps(maps), "COARSE": folder / "coarse.tif",
              "WELLS": folder / "wells.csv", "OBSERVATIONS": folder / "readings.csv",
              "MIN_YEARS": 2, "MIN_MONTHS": 12}  # fmt: skip
    return _given(inputs, OUTPUT="wells.gpkg", REPORT="report.html", SCORES="scores.json")


def _write_wells(folder: Path) -> None:
    """Wells that follow the maps, and cells of 2 x 2 pixels."""
    grid = results.GRID
    values = results.storage(grid, results.MONTHS)
    shape = values.shape[0], grid.rows // 2, 2, grid.columns // 2, 2
    cells = type(grid)(grid.west, grid.north, 1.0, 1.0, grid.rows // 2, grid.columns // 2)
    means = values.reshape(shape).mean(axis=(2, 4))
    stack = MonthlyStack.on_calendar(cells, results.MONTHS, means, "GWSA")
    write_stack(folder / "coarse.tif", stack)
    wells, readings = [["well", "lon", "lat", "specific_yield"]], [["well", "date", "depth"]]
    for number in range(WELLS):
        row, column = divmod(number * 4, grid.columns)
        wells.append([number, grid.longitudes[column], grid.latitudes[row], 0.1])
        for month, value in zip(results.MONTHS, values[:, row, column]):
            readings.append([number, f"{month}-15", f"{10 - value / 10:.4f}"])
    for name, lines in (("wells", wells), ("readings", readings)):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)


def on_polygons(outputs: dict[str, str], options: dict[str, Any], folder: Path) -> Given:
    inputs = {**_maps(folder), "AQUIFERS": _polygons(folder), "ID_FIELD": "name", **options}
    return _given(inputs, **outputs)


def trend_map(folder: Path) -> Given:
    return _given(_maps(folder), OUTPUT="trend.tif")


def export(folder: Path) -> Given:
    inputs = {**_maps(folder), "TITLE": "Title", "CREATORS": "Family, Given", "END": "2004-12"}
    return _given(inputs, OUTPUT="dataset")


def compare(folder: Path) -> Given:
    inputs = {**_maps(folder), "OTHER_LAYERS": [str(folder / "other.tif")],
              "AQUIFERS": _polygons(folder), "END": "2005-12"}  # fmt: skip
    return _given(
        inputs, BIAS="bias.tif", CORRELATION="correlation.tif", RMSE="rmse.tif", TREND="trend.tif",
        RESIDUAL_CORRELATION="residual.tif", REPORT="report.html", TABLE="table.csv",
        SCORES="scores.json",
    )  # fmt: skip


PREPARE = {
    "importtwsa": import_twsa,
    "fillgaps": fill_gaps,
    "gldasanomaly": gldas_anomaly,
    "gwsabalance": balance,
    "makecatalogue": catalogue,
    "buildpredictors": predictors,
    "downscale": downscale,
    "validatewells": validate_wells,
    "aquiferseries": partial(
        on_polygons, {"OUTPUT": "series.gpkg", "TABLE": "series.csv", "REPORT": "report.html"}, {}
    ),
    "trendmap": trend_map,
    "droughtindex": partial(
        on_polygons,
        {"OUTPUT": "ggdi.tif", "FOLDER": "years", "EVENTS": "events.gpkg", "SERIES": "series.gpkg"},
        {"LEAST_YEARS": 3},
    ),
    "export": export,
    "recharge": partial(
        on_polygons, {"OUTPUT": "recharge.gpkg", "TABLE": "years.csv", "REPORT": "r.html"}, {}
    ),
    "compare": compare,
}
