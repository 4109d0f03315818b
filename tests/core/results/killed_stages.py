"""Kill a stage at moments of its run and run it again: python -m ... STAGE FOLDER KILLS.

A moment is a change of a file under FOLDER by Python. A child process is killed at KILLS of them,
from the first to the last. Reports of progress are no moments: how many there are depends on the
time that threads take.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.files.provenance import now, write_run
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps, sigma_maps
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
from gwsa.tests.core.results.products import GRID, MONTHS, storage

CHANGES = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove")


class Changes:
    """Counts the changes of files under a folder, and kills the process at one of them."""

    def __init__(self, folder: Path, last: int | None):
        self.count = 0
        self._last = last
        self._folder = str(folder)
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple) -> None:
        if event not in CHANGES or not str(arguments[0]).startswith(self._folder):
            return
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def write_maps(folder: Path) -> YearlyMaps:
    """Yearly maps with sigma."""
    stack = MonthlyStack.on_calendar(GRID, MONTHS, storage(GRID), "GWSA")
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, np.full_like(stack.values, 0.5), "GWSA_SIGMA")
    for year in range(2004, 2010):
        months = np.datetime64(f"{year}-01"), np.datetime64(f"{year}-12")
        write_stack(folder / f"GWSA_{year}.tif", stack.select(*months))
        write_stack(folder / "sigma" / f"GWSA_SIGMA_{year}.tif", sigma.select(*months))
    return YearlyMaps.in_folder(folder)


def square(name: str, west: float) -> Aquifer:
    east, south, north = west + 1, 31.0, 32.0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


POLYGONS = [square("one", 70.5)]


def drought_index(maps: YearlyMaps, out: Path) -> None:
    options = IndexOptions()
    used = reference_months(maps.months, maps.source, options)
    write_index_maps(maps, used, options, {}, out / "ggdi.tif", out / "years", SILENT)
    write_run(out / "ggdi.run.json", "droughtindex", {}, {}, now())
    write_run(out / "years" / "run.json", "droughtindex", {}, {}, now())


def recharge(maps: YearlyMaps, out: Path) -> None:
    options = RechargeOptions()
    series = polygon_series(maps, POLYGONS, sigma_maps(maps.bands[MONTHS[0]][0].parent))
    found = polygon_recharge(series, options)
    write_years(out / "years.csv", series, found)
    write_recharge_report(out / "report.html", series, found, options)
    write_run(out / "report.run.json", "recharge", {}, {}, now())


def comparison(maps: YearlyMaps, out: Path) -> None:
    other = MonthlyStack.on_calendar(GRID, MONTHS, storage(GRID) * 1.5 + 1, "GWSA")
    path = out.parent / "other.tif"
    if not path.exists():
        write_stack(path, other)
    products = Product("maps", maps), Product("other", YearlyMaps.from_files([path]))
    paths = {name: out / f"{name.replace(' ', '_')}.tif" for name in UNITS}
    found = compare(*products, paths=paths, polygons=POLYGONS)
    write_comparison_report(out / "report.html", found, "No origin.", None)
    write_table(out / "table.csv", found)
    write_scores(out / "scores.json", as_record(found, "No origin.", None))
    write_run(out / "scores.run.json", "compare", {}, {}, now())


def export(maps: YearlyMaps, out: Path) -> None:
    """The second of two exports into one folder, which replaces the first."""
    for title in ("First", "Second"):
        product = select_product(maps, find_sigma(maps))
        description = Description.from_texts(title, "Family, Given", LICENCES[0], "")
        export_maps(out / "dataset", product, description, Formats())
    write_run(out / "dataset.run.json", "export", {}, {}, now())


def trend_map(maps: YearlyMaps, out: Path) -> None:
    write_trend_map(maps, out / "trend.tif")
    write_run(out / "trend.run.json", "trendmap", {}, {}, now())


def aquifer_series(maps: YearlyMaps, out: Path) -> None:
    series = polygon_series(maps, POLYGONS, sigma_maps(maps.bands[MONTHS[0]][0].parent))
    trends = storage_trends(series)
    write_series(out / "series.csv", series)
    write_series_report(out / "series.html", series, trends, maps.tags())
    write_run(out / "series.run.json", "aquiferseries", {}, {}, now())


STAGES = {
    one.__name__: one
    for one in (drought_index, recharge, comparison, export, trend_map, aquifer_series)
}


def run(stage: Callable, maps: YearlyMaps, out: Path, last: int | None = None) -> int:
    """Run a stage in a child process that is killed at a moment; return how many there were."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            changes = Changes(out, last)
            stage(maps, out)
            os.write(writing, str(changes.count).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        count = int(pipe.read() or -1)
    expected = signal.SIGKILL if last is not None else 0
    assert status == expected, f"status {status} of {stage.__name__} at moment {last}"
    return count


def contents(folder: Path) -> dict[str, str]:
    """Digest of each file; of records of runs, which have times, only that they are JSON."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name.endswith("run.json"):
                data = b"" if json.loads(data) else data
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def is_scratch(name: str) -> bool:
    return ".part/" in name or ".unfinished/" in name


def main(name: str, folder: Path, kills: int) -> None:
    for library in ("jinja2", "matplotlib.backends.backend_svg", "scipy.stats"):
        import_module(library)  # Once, not in each child.
    stage = STAGES[name]
    maps = write_maps(folder / "maps")
    moments = run(stage, maps, folder / "reference")
    expected = contents(folder / "reference")
    for number in range(kills):
        out = folder / str(number)
        run(stage, maps, out, round(number * (moments - 1) / (kills - 1)))
        left = contents(out)
        for path, digest in left.items():
            # Of the first export a title differs, and with it all files.
            is_kept = is_scratch(path) or name == "export" or digest == expected[path]
            assert is_kept, f"{path} is not complete"
        run(stage, maps, out)
        after = contents(out)
        assert after == expected, f"moment {number}: {set(after) ^ set(expected) or 'other bytes'}"
        folders = [path.name for path in out.rglob("*") if path.name.startswith(".")]
        assert not folders, f"moment {number}: {folders}"
    print(f"{name}: {kills} kills among {moments} moments, {len(expected)} files")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
