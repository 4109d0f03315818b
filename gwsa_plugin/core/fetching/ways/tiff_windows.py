"""The region of a large TIFF file, of which only the blocks of the region are asked for.

Settings: ``url`` with ``{YYYY}`` and ``{MM}``; ``path`` of the GeoTIFF of the region; ``spread``,
the least and the greatest size relative to that of the first month, whose header is read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from ...base.grid import Bounds, Grid
from ...base.progress import Progress
from ...files.atomic import scratch_folder
from ...rasters.geotiff import Header, new_geotiff
from ...rasters.raster import Raster
from ...rasters.reading import open_raster, readable
from ..client import Client
from ..download import BY_LENGTH, MOST_DAMAGED, Downloaded, Part
from ..http import Interrupted, OutOfRange, Refused
from ..logins import read_logins
from ..pieces import finish_made
from ..ranges import FileChanged, RemoteParts
from ..regions import between_180, region_key
from ..remote_file import TIFF, RemoteFile, Wanted, with_month
from ..sources import Source
from ..tiff import (
    Layout,
    Read,
    UnusableTiff,
    Window,
    blocks_of,
    header_of,
    read_layout,
    spans_of,
)

ROWS_AT_ONCE = 256
PIECE = 1 << 20


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return a window for each month; the sizes are those of the blocks of the first one."""
    settings = source.settings
    files: list[RemoteFile] = []
    least = most = 0
    for month in wanted.months:
        address = with_month(settings["url"], month)
        file = RemoteFile(
            source=source.name,
            url=f"{address}#{region_key(wanted.bounds)}",
            path=with_month(settings["path"], month),
            form=TIFF,
            size=(0, 0),
            login=source.login,
            settings={"address": address, "bounds": wanted.bounds, "band": str(month)},
        )
        if not files:
            size = _expected_size(client, file)
            least, most = (int(size * factor) for factor in settings["spread"])
        files.append(replace(file, size=(least, most)))
    return files


def fetch_file(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None] = lambda count: None,
) -> Downloaded:
    """Fetch the blocks of the region, from where an earlier run ended, and write the GeoTIFF."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, file.url)
    if finished := part.finished(target, progress):
        part.path.unlink(missing_ok=True)
        return finished
    damages: list[str] = []

    def attempt() -> Downloaded:
        try:
            layout, windows = _fetch_blocks(client, file, part, arrived)
            return _write(file, part, layout, windows, target, progress)
        except (FileChanged, OutOfRange):
            part.discard()
            raise
        except InputError as error:
            if isinstance(error, Refused) and not isinstance(error, UnusableTiff):
                raise
            part.discard()
            damages.append(str(error).rstrip("."))
            problem = f"{file.name} came damaged ({damages[-1]})"
            if len(damages) == MOST_DAMAGED:
                problem += f", {MOST_DAMAGED} times in a row; run it again later."
                raise Refused(problem) from None
            raise Interrupted(problem) from None

    return client.repeat(attempt, lambda: part.size)


def _expected_size(client: Client, file: RemoteFile) -> int:
    """Bytes of the blocks of the region."""
    parts = _remote_parts(client, file, {})
    _, windows = client.repeat(lambda: _read_windows(file, parts.read))
    return sum(stop - start for start, stop in spans_of(windows))


def _remote_parts(client: Client, file: RemoteFile, facts: dict, *others) -> RemoteParts:
    login = read_logins().get(file.login)
    return RemoteParts(client, file.settings["address"], login, facts, *others)


def _read_windows(file: RemoteFile, read: Read) -> tuple[Layout, list[Window]]:
    layout = read_layout(read, file.settings["address"].rpartition("/")[2])
    boxes = between_180(file.settings["bounds"])
    return layout, [blocks_of(layout, box, read) for box in boxes]


def _fetch_blocks(
    client: Client, file: RemoteFile, part: Part, arrived: Callable[[int], None]
) -> tuple[Layout, list[Window]]:
    """Fetch what is missing of the blocks; they follow each other in the part."""
    parts = _remote_parts(client, file, part.facts, arrived, part.keep_facts)
    layout, windows = _read_windows(file, parts.read)
    before = 0
    with open(part.path, "ab") as stream:

        def append(piece: bytes) -> None:
            stream.write(piece)
            stream.flush()

        for start, stop in spans_of(windows):
            come = max(min(part.size - before, stop - start), 0)
            if start + come < stop:
                parts.take(start + come, stop, append)
            before += stop - start
            if part.size < before:
                raise Interrupted(f"{file.name} ended early")
    return layout, windows


def _write(
    file: RemoteFile,
    part: Part,
    layout: Layout,
    windows: list[Window],
    target: Path,
    progress: Progress,
) -> Downloaded:
    """Write the GeoTIFF of the region from the blocks."""
    with scratch_folder(target) as scratch, ExitStack() as opened:
        sources = []
        for number, window in enumerate(windows):
            path = scratch / f"blocks{number}.tif"
            _write_blocks(path, header_of(layout, window, spans_of(windows)), part.path)
            sources.append(opened.enter_context(open_raster(path)))
        made = scratch / target.name
        _write_region(made, sources, file, progress)
        version = part.facts.get("etag") or part.facts.get("last-modified", "")
        downloaded = finish_made(part, made, target, BY_LENGTH, version, progress)
    part.path.unlink()
    return downloaded


def _write_blocks(path: Path, header: bytes, blocks: Path) -> None:
    with open(path, "wb") as stream, open(blocks, "rb") as source:
        stream.write(header)
        while piece := source.read(PIECE):
            stream.write(piece)


def _write_region(path: Path, sources: list[Raster], file: RemoteFile, progress: Progress) -> None:
    """Write the pixels of the region of one raster, or of two that meet at 180°."""
    boxes = between_180(file.settings["bounds"])
    windows = [_pixels(source, box) for source, box in zip(sources, boxes)]
    first = Grid.from_transform(sources[0].transform, sources[0].shape)
    rows, columns = windows[0]
    count = sum(there.stop - there.start for _, there in windows)
    grid = first.subgrid(rows, slice(columns.start, columns.start + count))
    band = sources[0].bands[0]
    header = Header(
        grid=replace(grid, crs=sources[0].crs or grid.crs),
        names=(file.settings["band"],),
        unit=band.unit,
        tags={},
        dtype=band.dtype,
        nodata=band.nodata,
        scale=band.scale,
        offset=band.offset,
    )
    with new_geotiff(path, header) as made:
        for row in range(0, grid.rows, ROWS_AT_ONCE):
            progress.stop_if_cancelled()
            stop = min(row + ROWS_AT_ONCE, grid.rows)
            with readable(Path(file.name)):
                fields = [
                    source.read(1, (slice(there.start + row, there.start + stop), across))
                    for source, (there, across) in zip(sources, windows)
                ]
            made.write(1, np.concatenate(fields, axis=1), (row, 0))


def _pixels(source: Raster, box: Bounds) -> tuple[slice, slice]:
    """The pixels of a region and one more on each side that is not at 180°."""
    grid = Grid.from_transform(source.transform, source.shape)
    rows, columns = grid.window(box)
    west, east = (int(abs(box[side]) < 180) for side in (0, 2))
    return (
        slice(max(rows.start - 1, 0), min(rows.stop + 1, grid.rows)),
        slice(max(columns.start - west, 0), min(columns.stop + east, grid.columns)),
    )
