"""Monthly means of a layer of MODIS in a region, made by tasks of NASA's AppEEARS.

Settings: ``product`` and ``layer``; ``path`` with ``{YYYY}`` and ``{MM}``; ``valid``, the least and
the greatest stored number that is a value; ``composites``, how many a month has at most; ``step``,
the size of a pixel in degrees; ``bytes_per_value`` and ``bytes_besides``, the least and the
greatest of each, of one composite; ``every_s``, seconds between two questions for a task.

A composite belongs to the month in which it begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...base.grid import Bounds, Grid
from ...base.progress import Progress
from ...rasters.geotiff import Header, new_geotiff
from ...rasters.reading import open_lonlat
from ..appeears_tasks import API, Task, TaskFile, files_of, submit
from ..client import Client
from ..download import Downloaded
from ..fine_grid import grid_of
from ..http import NotThere, Refused
from ..pieces import make_from_pieces
from ..regions import region_key
from ..remote_file import TIFF, Checksum, RemoteFile, Wanted, with_month
from ..sources import Source
from ..subset_grid import subset_bytes

# Year and day of the year in the name of a file, before the number of the polygon.
DAY = re.compile(r"_doy(\d{4})(\d{3})\d*_aid\d+\.tif$")


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return a file for each month; the service is not asked before they are fetched."""
    settings = source.settings
    west, south, east, north = wanted.bounds
    pixels = (east - west) * (north - south) / settings["step"] ** 2
    least, most = subset_bytes(settings, int(pixels))
    region = region_key(wanted.bounds)
    kept = ("product", "layer", "valid", "every_s")
    return [
        RemoteFile(
            source=source.name,
            url=f"{API}/task#{settings['product']}/{settings['layer']}/{month}/{region}",
            path=with_month(settings["path"], month),
            form=TIFF,
            # A month at either end of the archive can have one composite.
            size=(least, most * settings["composites"]),
            login=source.login,
            settings={
                "bounds": wanted.bounds,
                "month": str(month),
                **{name: settings[name] for name in kept},
            },
        )
        for month in wanted.months
    ]


def prepare(files: Sequence[RemoteFile], folder: Path, client: Client, progress: Progress) -> None:
    """Make a task for the months that none of the tasks of earlier runs has."""
    store = _store(files[0], folder / files[0].path)
    tasks = store.read()
    uncovered = [file for file in files if _task_of(file, tasks) is None]
    if not uncovered:
        return
    settings = uncovered[0].settings
    months = np.sort([np.datetime64(file.settings["month"], "M") for file in uncovered])
    task = submit(client, settings["product"], settings["layer"], settings["bounds"], months)
    store.write([task, *tasks])
    progress.info(f"AppEEARS makes {task.product} {task.layer} as the task {task.task_id}.")


def fetch_file(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None] = lambda count: None,
) -> Downloaded:
    """Fetch the composites of a month once its task is done, and write their mean.

    Raises
    ------
    NotReady
        When the task is not done.
    """
    store = _store(file, target)
    task = _task_of(file, store.read())
    if task is None:
        raise Refused(f"{file.name} has no task of AppEEARS; run it again.")
    try:
        found = files_of(client, task, file.settings["every_s"])
    except NotThere as error:
        store.write([other for other in store.read() if other != task])
        raise Refused(f"{str(error).rstrip('.')}; run it again, which makes another.") from None
    pieces = [piece for item in found if (piece := _piece(file, task, item))]
    if not pieces:
        raise NotThere(
            f"AppEEARS has no {task.product} of {file.settings['month']}; choose an earlier last "
            "month, or leave this source out."
        )

    def make(paths: list[Path], made: Path) -> None:
        _write_mean(paths, file, made, progress)

    return make_from_pieces(client, file, pieces, target, make, progress, arrived)


def _store(file: RemoteFile, target: Path) -> TaskFile:
    return TaskFile(target.with_name(f".{file.source}.tasks.json"))


def _task_of(file: RemoteFile, tasks: list[Task]) -> Task | None:
    settings = file.settings
    region = region_key(settings["bounds"])
    wanted = settings["product"], settings["layer"], region, settings["month"]
    return next((task for task in tasks if task.has(*wanted)), None)


def _piece(file: RemoteFile, task: Task, item: dict) -> RemoteFile | None:
    """A file of a task, if it is a composite of the month."""
    name = str(item.get("file_name", "")).rpartition("/")[2]
    found = DAY.search(name)
    # Other layers of the product, such as that of the quality, come with it.
    if not found or f"_{task.layer.strip('_')}_doy" not in name:
        return None
    day = np.datetime64(found[1], "D") + int(found[2]) - 1
    if str(day.astype("datetime64[M]")) != file.settings["month"]:
        return None
    size = int(item.get("file_size") or 0)
    digest = item.get("sha256")
    return replace(
        file,
        url=f"{API}/bundle/{task.task_id}/{item['file_id']}",
        path=name,
        size=(size, size) if size else (0, 1 << 40),
        checksum=Checksum("sha256", digest.lower()) if digest else None,
    )


def _write_mean(paths: list[Path], file: RemoteFile, made: Path, progress: Progress) -> None:
    """Write the mean of the valid stored numbers of the composites."""
    bounds, (least, most) = file.settings["bounds"], file.settings["valid"]
    grid = _grid_of_all(paths, bounds)
    total = np.zeros(grid.shape, np.float32)
    count = np.zeros(grid.shape, np.float32)
    for path in paths:
        progress.stop_if_cancelled()
        with open_lonlat(path) as source:
            numbers = source.read_floats([1])[0]
            rows, columns = _place(grid, grid_of(source).turned(bounds))
        is_valid = (numbers >= least) & (numbers <= most)
        total[rows, columns] += np.where(is_valid, numbers, 0)
        count[rows, columns] += is_valid
    mean = np.divide(total, count, out=np.full(grid.shape, np.nan, np.float32), where=count > 0)
    header = Header(grid=grid, names=(file.settings["month"],), unit="", tags={})
    with new_geotiff(made, header) as target:
        target.write(1, mean)


def _grid_of_all(paths: list[Path], bounds: Bounds) -> Grid:
    """The grid of all composites: one, or two that meet at 180°."""
    grids = []
    for path in paths:
        with open_lonlat(path) as source:
            grids.append(grid_of(source).turned(bounds))
    first = grids[0]
    west, north = min(grid.west for grid in grids), max(grid.north for grid in grids)
    east = max(grid.bounds[2] for grid in grids)
    south = min(grid.bounds[1] for grid in grids)
    rows, columns = round((north - south) / first.dy), round((east - west) / first.dx)
    return Grid(west, north, first.dx, first.dy, rows, columns)


def _place(grid: Grid, part: Grid) -> tuple[slice, slice]:
    """Rows and columns of the pixels of a part, which are those of the grid."""
    top = round((grid.north - part.north) / grid.dy)
    left = round((part.west - grid.west) / grid.dx)
    return slice(top, top + part.rows), slice(left, left + part.columns)
