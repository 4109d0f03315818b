"""Stages that answer from maps, on small maps of three years."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.files.atomic import atomic_file
from gwsa.gwsa_plugin.core.files.provenance import now, write_run
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps, sigma_maps
from gwsa.gwsa_plugin.core.rasters.geotiff_tags import update_tags
from gwsa.gwsa_plugin.core.results.comparison import Product, compare
from gwsa.gwsa_plugin.core.results.comparison_report import write_comparison_report
from gwsa.gwsa_plugin.core.results.comparison_scores import UNITS
from gwsa.gwsa_plugin.core.results.comparison_tables import as_record, write_scores, write_table
from gwsa.gwsa_plugin.core.results.drought_index import IndexOptions, reference_months
from gwsa.gwsa_plugin.core.results.drought_maps import write_index_maps
from gwsa.gwsa_plugin.core.results.export.description import Description
from gwsa.gwsa_plugin.core.results.export.export import Formats, export_maps
from gwsa.gwsa_plugin.core.results.export.licences import LICENCES
from gwsa.gwsa_plugin.core.results.export.product import find_sigma, select_product
from gwsa.gwsa_plugin.core.results.polygon_series import polygon_series
from gwsa.gwsa_plugin.core.results.recharge import RechargeOptions
from gwsa.gwsa_plugin.core.results.recharge_report import write_recharge_report
from gwsa.gwsa_plugin.core.results.recharge_tables import polygon_recharge, write_years
from gwsa.gwsa_plugin.core.results.series_report import write_series_report
from gwsa.gwsa_plugin.core.results.series_table import write_series
from gwsa.gwsa_plugin.core.results.storage_trends import storage_trends
from gwsa.gwsa_plugin.core.results.trend_map import write_trend_map
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.tests.core.results.products import GRID, storage

YEARS = range(2004, 2007)
MONTHS = month_range("2004-01", "2006-12")


def write_maps(folder: Path) -> YearlyMaps:
    """Yearly maps with sigma, and another product beside their folder."""
    stack = MonthlyStack.on_calendar(GRID, MONTHS, storage(GRID, MONTHS), "GWSA")
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, np.full_like(stack.values, 0.5), "GWSA_SIGMA")
    for year in YEARS:
        months = np.datetime64(f"{year}-01"), np.datetime64(f"{year}-12")
        write_stack(folder / "maps" / f"GWSA_{year}.tif", stack.select(*months))
        write_stack(folder / f"maps/sigma/GWSA_SIGMA_{year}.tif", sigma.select(*months))
    other = MonthlyStack.on_calendar(GRID, MONTHS, storage(GRID, MONTHS) * 1.5 + 1, "GWSA")
    write_stack(folder / "other.tif", other)
    return YearlyMaps.in_folder(folder / "maps")


def square(name: str, west: float) -> Aquifer:
    east, south, north = west + 1, 31.0, 32.0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


POLYGONS = [square("one", 70.5)]


def folder_of_maps(maps: YearlyMaps) -> Path:
    return maps.bands[MONTHS[0]][0].parent


def other_drought_index(maps: YearlyMaps, out: Path) -> None:
    """An index of fewer years."""
    drought_index(maps.select(None, np.datetime64("2005-12", "M")), out)


def drought_index(maps: YearlyMaps, out: Path) -> None:
    options = IndexOptions(least_years=2)
    used = reference_months(maps.months, maps.source, options)
    write_index_maps(maps, used, options, {}, out / "ggdi.tif", out / "years", SILENT)
    write_run(out / "ggdi.run.json", "droughtindex", {}, {}, now())
    write_run(out / "years" / "run.json", "droughtindex", {}, {}, now())


def recharge(maps: YearlyMaps, out: Path) -> None:
    options = RechargeOptions()
    series = polygon_series(maps, POLYGONS, sigma_maps(folder_of_maps(maps)))
    found = polygon_recharge(series, options)
    write_years(out / "years.csv", series, found)
    write_recharge_report(out / "report.html", series, found, options)
    write_run(out / "report.run.json", "recharge", {}, {}, now())


def comparison(maps: YearlyMaps, out: Path) -> None:
    path = folder_of_maps(maps).parent / "other.tif"
    products = Product("maps", maps), Product("other", YearlyMaps.from_files([path]))
    paths = {name: out / f"{name.replace(' ', '_')}.tif" for name in UNITS}
    found = compare(*products, paths=paths, polygons=POLYGONS)
    write_comparison_report(out / "report.html", found, "No origin.", None)
    write_table(out / "table.csv", found)
    write_scores(out / "scores.json", as_record(found, "No origin.", None))
    write_run(out / "scores.run.json", "compare", {}, {}, now())


def other_export(maps: YearlyMaps, out: Path) -> None:
    """An export with another title."""
    export(maps, out, "First")


def export(maps: YearlyMaps, out: Path, title: str = "Second") -> None:
    two_years = maps.select(None, np.datetime64("2005-12", "M"))
    product = select_product(two_years, find_sigma(two_years))
    description = Description.from_texts(title, "Family, Given", LICENCES[0], "")
    export_maps(out / "dataset", product, description, Formats())
    write_run(out / "dataset.run.json", "export", {}, {}, now())


def trend_map(maps: YearlyMaps, out: Path) -> None:
    write_trend_map(maps, out / "trend.tif")
    write_run(out / "trend.run.json", "trendmap", {}, {}, now())


def aquifer_series(maps: YearlyMaps, out: Path) -> None:
    series = polygon_series(maps, POLYGONS, sigma_maps(folder_of_maps(maps)))
    trends = storage_trends(series)
    write_series(out / "series.csv", series)
    write_series_report(out / "series.html", series, trends, maps.tags())
    write_run(out / "series.run.json", "aquiferseries", {}, {}, now())


def change_tags(maps: YearlyMaps, out: Path) -> None:
    """As a verdict is written into maps before they get their names."""
    with atomic_file(out / "map.tif") as part:
        shutil.copyfile(maps.bands[MONTHS[0]][0], part)
        update_tags(part, {"GWSA_DETAIL": "refuted", "TIFFTAG_IMAGEDESCRIPTION": "title"})


RUNS = (drought_index, recharge, comparison, export, trend_map, aquifer_series, change_tags)
