"""The blocks of a region of a remote TIFF file, and a TIFF file of these blocks alone.

Only the header and the part of the table of blocks that concerns the region are read. The blocks
are kept as they are stored, so that GDAL decompresses them, whatever their compression is.

References
----------
TIFF 6.0 (Adobe 1992); BigTIFF, http://bigtiff.org/; OGC GeoTIFF 1.1,
https://docs.ogc.org/is/19-008r4/19-008r4.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from ..base.grid import Bounds
from .http import Refused

# Returns ``count`` bytes of a file from a position on.
Read = Callable[[int, int], bytes]

FIRST_BYTES = 16384
# Type of a tag -> its bytes and its code in ``struct``.
TYPES = {
    1: (1, "B"), 2: (1, "c"), 3: (2, "H"), 4: (4, "I"), 5: (8, ""), 6: (1, "b"), 7: (1, "c"),
    8: (2, "h"), 9: (4, "i"), 10: (8, ""), 11: (4, "f"), 12: (8, "d"), 13: (4, "I"),
    16: (8, "Q"), 17: (8, "q"), 18: (8, "Q"),
}  # fmt: skip
LONG, LONG8, DOUBLE = 4, 16, 12
INTEGERS = (3, 4, 16)
WIDTH, HEIGHT = 256, 257
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS = 273, 277, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
SCALE, TIEPOINT, MATRIX = 33550, 33922, 34264
TABLES = (STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS)
# Positions of other directories, which a file of some blocks does not have.
OTHER_DIRECTORIES = (330, 34665, 34853)
LONGEST_VALUE = 1 << 20
LONGEST_TABLE = 1 << 24
# Along one side, and degrees.
MOST_PIXELS = 1 << 24
SMALLEST_PIXEL = 1e-6
# Bytes between two blocks that are fetched with them rather than asking twice.
GAP = 16384


class UnusableTiff(Refused):
    """What came is not the beginning of a TIFF file of one band with a position on Earth."""


class Tag(NamedTuple):
    """A tag: type, number of values, and where the values are."""

    kind: int
    length: int
    position: int

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return TYPES[self.kind][0] * self.length


class Block(NamedTuple):
    """Where a block is stored; ``size`` is 0 for one that was never written."""

    position: int
    size: int


class Window(NamedTuple):
    """Blocks of a region: the first row and column of blocks, and the blocks row by row."""

    row: int
    column: int
    rows: int
    columns: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Layout:
    """What the header of a TIFF file states.

    Attributes
    ----------
    order : str
        ``<`` or ``>``, the order of bytes.
    is_big : bool
        Whether it is a BigTIFF.
    tags : dict of int to Tag
    values : dict of int to bytes
        Values of all tags but the tables of blocks.
    name : str
        Name of the file, for messages.
    """

    order: str
    is_big: bool
    tags: dict[int, Tag]
    values: dict[int, bytes]
    name: str

    def numbers(self, tag: int, default: tuple = ()) -> tuple:
        """Return the numbers of a tag."""
        if tag not in self.values:
            return default
        return _numbers(self.order, self.tags[tag], self.values[tag])

    @property
    def is_tiled(self) -> bool:
        """Whether the blocks are tiles; strips of rows otherwise."""
        return TILE_OFFSETS in self.tags

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.numbers(HEIGHT)[0], self.numbers(WIDTH)[0]

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of a block."""
        if self.is_tiled:
            return self.numbers(TILE_HEIGHT)[0], self.numbers(TILE_WIDTH)[0]
        height, width = self.shape
        return min(self.numbers(ROWS_PER_STRIP, (height,))[0], height), width

    @property
    def corner(self) -> tuple[float, float, float, float]:
        """Longitude and latitude of the first corner, and width and height of a pixel, degrees."""
        if SCALE in self.values and TIEPOINT in self.values:
            across, down = self.numbers(SCALE)[:2]
            column, row, _, west, north = self.numbers(TIEPOINT)[:5]
            return west - column * across, north + row * down, across, down
        matrix = self.numbers(MATRIX)
        if len(matrix) == 16 and not matrix[1] and not matrix[4]:
            return matrix[3], matrix[7], matrix[0], -matrix[5]
        raise ValueError("no position on Earth")


def read_layout(read: Read, name: str) -> Layout:
    """Read the header of a TIFF file of one band.

    Raises
    ------
    UnusableTiff
        When it is not one.
    """
    head = read(0, FIRST_BYTES)
    try:
        order = {b"II": "<", b"MM": ">"}[head[:2]]
        (version,) = struct.unpack_from(f"{order}H", head, 2)
        is_big = {42: False, 43: True}[version]
        word, at = ("Q", 8) if is_big else ("I", 4)
        (position,) = struct.unpack_from(f"{order}{word}", head, at)
        tags = _read_tags(read, order, is_big, position)
        values = {
            number: _value(read, tag)
            for number, tag in tags.items()
            if number not in TABLES + OTHER_DIRECTORIES
        }
        layout = Layout(order, is_big, tags, values, name)
        is_usable = _is_usable(layout)
    except (struct.error, LookupError, TypeError, ValueError):
        is_usable = False
    if not is_usable:
        raise UnusableTiff(f"{name} is not a TIFF file of one band; the source has changed it.")
    return layout


def _is_usable(layout: Layout) -> bool:
    """Whether a file has one band of pixels in degrees, and a table of blocks."""
    left, top, across, down = layout.corner
    sides = layout.shape + layout.block_shape
    return (
        all(isinstance(side, int) for side in sides)
        and min(sides) > 0
        and max(layout.shape) < MOST_PIXELS
        and layout.numbers(SAMPLES, (1,)) == (1,)
        and len(_tables(layout)) == 2
        and min(across, down) > SMALLEST_PIXEL
        and max(across, down) < 1
        and abs(left) <= 360
        and abs(top) <= 91
    )


def blocks_of(layout: Layout, bounds: Bounds, read: Read) -> Window:
    """Return the blocks of a region and of one pixel around it.

    Parameters
    ----------
    layout : Layout
    bounds : (float, float, float, float)
        West, south, east and north, degrees.
    read : callable

    Raises
    ------
    Refused
        When the file does not reach the region.
    """
    west, south, east, north = bounds
    left, top, across, down = layout.corner
    height, width = layout.shape
    tall, wide = layout.block_shape
    rows = _touched((top - north) / down, (top - south) / down, height, tall)
    columns = _touched((west - left) / across, (east - left) / across, width, wide)
    if not rows or not columns:
        raise Refused(f"{layout.name} does not reach the region; leave this source out.")
    per_row = ceil(width / wide)
    first, last = rows[0] * per_row + columns[0], rows[-1] * per_row + columns[-1]
    positions, sizes = (
        _table(layout, tag, first, last + 1 - first, read) for tag in _tables(layout)
    )
    numbers = [row * per_row + column - first for row in rows for column in columns]
    blocks = tuple(Block(positions[number], sizes[number]) for number in numbers)
    return Window(rows[0], columns[0], len(rows), len(columns), blocks)


def spans_of(windows: list[Window]) -> list[tuple[int, int]]:
    """Return the parts of the file that have the blocks of some windows, in ascending order."""
    spans: list[tuple[int, int]] = []
    for position, size in sorted({block for window in windows for block in window.blocks}):
        if not size:
            continue
        if spans and position <= spans[-1][1] + GAP:
            spans[-1] = (spans[-1][0], max(spans[-1][1], position + size))
        else:
            spans.append((position, position + size))
    return spans


def header_of(layout: Layout, window: Window, spans: list[tuple[int, int]]) -> bytes:
    """Return the header of a TIFF file of the blocks of a window.

    Parameters
    ----------
    layout : Layout
        Of the remote file.
    window : Window
    spans : list of (int, int)
        Parts of the remote file that follow the header, one after the other.
    """
    empty = _header(layout, window, [0] * len(window.blocks))
    places = [_place(block, spans, len(empty)) for block in window.blocks]
    return _header(layout, window, places)


def _header(layout: Layout, window: Window, places: list[int]) -> bytes:
    """The header and the directory, with the places of the blocks in the new file."""
    order, long = layout.order, LONG8 if layout.is_big else LONG
    tall, wide = layout.block_shape
    height, width = layout.shape
    shape = (
        min(window.rows * tall, height - window.row * tall),
        min(window.columns * wide, width - window.column * wide),
    )
    offsets, counts = _tables(layout)
    entries = {
        number: (tag.kind, layout.values[number])
        for number, tag in layout.tags.items()
        if number in layout.values
    }
    entries |= {
        HEIGHT: _packed(order, LONG, [shape[0]]),
        WIDTH: _packed(order, LONG, [shape[1]]),
        offsets: _packed(order, long, places),
        counts: _packed(order, long, [block.size for block in window.blocks]),
    }
    shift = window.column * wide, window.row * tall
    if TIEPOINT in layout.values:
        column, row, *rest = layout.numbers(TIEPOINT)
        tied = [column - shift[0], row - shift[1], *rest]
        entries[TIEPOINT] = _packed(order, DOUBLE, tied)
    elif MATRIX in layout.values:
        matrix = list(layout.numbers(MATRIX))
        matrix[3] += matrix[0] * shift[0]
        matrix[7] += matrix[5] * shift[1]
        entries[MATRIX] = _packed(order, DOUBLE, matrix)
    return _assemble(layout, entries)


def _assemble(layout: Layout, entries: dict[int, tuple[int, bytes]]) -> bytes:
    order, is_big = layout.order, layout.is_big
    word, inline = ("Q", 8) if is_big else ("I", 4)
    entry_size = 20 if is_big else 12
    start = 16 if is_big else 8
    mark = b"II" if order == "<" else b"MM"
    head = mark + (
        struct.pack(f"{order}HHHQ", 43, 8, 0, start)
        if is_big
        else struct.pack(f"{order}HI", 42, start)
    )
    count = struct.pack(f"{order}{'Q' if is_big else 'H'}", len(entries))
    end = start + len(count) + len(entries) * entry_size + inline
    directory, values = b"", b""
    for number, (kind, value) in sorted(entries.items()):
        if len(value) <= inline:
            field = value.ljust(inline, b"\0")
        else:
            field = struct.pack(f"{order}{word}", end + len(values))
            values += value + b"\0" * (-len(value) % 8)
        amount = len(value) // TYPES[kind][0]
        directory += struct.pack(f"{order}HH{word}", number, kind, amount) + field
    return head + count + directory + b"\0" * inline + values


def _place(block: Block, spans: list[tuple[int, int]], before: int) -> int:
    """Where a block is once the spans follow each other behind ``before`` bytes."""
    if not block.size:
        return 0
    for start, stop in spans:
        if start <= block.position < stop:
            return before + block.position - start
        before += stop - start
    raise ValueError("the spans do not have the block")


def _read_tags(read: Read, order: str, is_big: bool, position: int) -> dict[int, Tag]:
    """The tags of the directory at a position; their values are in it where they are short."""
    word, inline, entry = ("Q", 8, 20) if is_big else ("I", 4, 12)
    form = f"{order}{'Q' if is_big else 'H'}"
    (count,) = struct.unpack(form, read(position, struct.calcsize(form)))
    first = position + struct.calcsize(form)
    directory = read(first, min(count, 4096) * entry)
    tags = {}
    for at in range(0, count * entry, entry):
        number, kind, values = struct.unpack_from(f"{order}HH{word}", directory, at)
        if kind not in TYPES:
            continue
        tag = Tag(kind, values, first + at + entry - inline)
        if tag.size > inline:
            (there,) = struct.unpack_from(f"{order}{word}", directory, at + entry - inline)
            tag = tag._replace(position=there)
        tags[number] = tag
    return tags


def _value(read: Read, tag: Tag) -> bytes:
    if tag.size > LONGEST_VALUE:
        raise ValueError("a value of the header is too long")
    value = read(tag.position, tag.size)
    if len(value) < tag.size:
        raise ValueError("a value of the header is missing")
    return value


def _tables(layout: Layout) -> tuple[int, ...]:
    """The tags of the positions and of the sizes of the blocks."""
    pair = (TILE_OFFSETS, TILE_COUNTS) if layout.is_tiled else (STRIP_OFFSETS, STRIP_COUNTS)
    return tuple(tag for tag in pair if tag in layout.tags)


def _table(layout: Layout, number: int, first: int, count: int, read: Read) -> tuple[int, ...]:
    """Some entries of a table of blocks."""
    tag = layout.tags[number]
    size = TYPES[tag.kind][0]
    part = Tag(tag.kind, count, tag.position + first * size)
    if tag.kind not in INTEGERS or first + count > tag.length or part.size > LONGEST_TABLE:
        raise UnusableTiff(f"{layout.name} has no usable table of blocks; run it again later.")
    values = read(part.position, part.size)
    if len(values) < part.size:
        raise UnusableTiff(f"{layout.name} ends within its table of blocks; run it again later.")
    return _numbers(layout.order, part, values)


def _numbers(order: str, tag: Tag, values: bytes) -> tuple:
    return struct.unpack(f"{order}{tag.length}{TYPES[tag.kind][1]}", values)


def _packed(order: str, kind: int, numbers: list) -> tuple[int, bytes]:
    return kind, struct.pack(f"{order}{len(numbers)}{TYPES[kind][1]}", *numbers)


def _touched(start: float, stop: float, pixels: int, block: int) -> range:
    """The blocks along one side that have the pixels of an interval and one more on each side."""
    first, last = max(floor(start) - 1, 0), min(ceil(stop) + 1, pixels)
    return range(first // block, ceil(last / block)) if first < last else range(0)
