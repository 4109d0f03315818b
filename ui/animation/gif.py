"""Animated GIF from frames, one frame in memory at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

COLOURS = 256
# Most frequent colours that are exactly in the palette.
EXACT = 32
# Frames that the palette is made from, and their size: all colours are in any of them.
SAMPLES = 24
SAMPLE_SIZE = (480, 480)
# Colours that are compared with the palette at a time.
CHUNK = 10_000
NOT_YET = -1
# Numbers of Pillow, which names them differently from version to version.
MEDIAN_CUT = 0
NEAREST = 0
# Blocks of a GIF: CompuServe, Graphics Interchange Format 89a (1990).
EXTENSION, IMAGE, END = b"!", b",", b";"
KEEP = 0x04  # a frame stays below the next
REPEAT = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def has_pillow() -> bool:
    """Whether Pillow, which matplotlib needs and comes with, can be imported."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return False
    return True


def write_gif(
    path: Path, frames: Sequence[Path], rate: float, on_frame: Callable[[int], bool]
) -> bool:
    """Write an animated GIF that repeats for ever.

    All frames have one palette, so that a colour means the same value in each, and no dithering,
    which would flicker. Only the part of a frame that differs from the one before is stored.

    Parameters
    ----------
    path : Path
    frames : sequence of Path
        Pictures of one size.
    rate : float
        Frames per second. Times are rounded to 0.01 s, as GIF stores them.
    on_frame : callable
        Receives the number of frames that are written, and returns whether to go on.

    Returns
    -------
    bool
        False if it was stopped; the file is then not complete.
    """
    palette = _Palette(frames)
    before = None
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            indices = palette.indices(frame)
            if before is None:
                file.write(_header(indices.shape, palette.colours))
            rows, columns = _changed(indices, before)
            part = _compressed(indices[rows, columns], palette.colours)
            corner = (columns.start, rows.start)
            file.write(_frame(part, corner, indices[rows, columns].shape, _delay(number, rate)))
            before = indices
            if not on_frame(number + 1):
                return False
        file.write(END)
    return True


class _Palette:
    """The colours of an animation, and the nearest of them to any colour.

    Colours of large areas, such as paper, are in it exactly; the others are chosen by median cut.
    Rare colours count more there than by their area, so that the ends of a colour bar are smooth.
    """

    def __init__(self, frames: Sequence[Path]):
        from PIL import Image

        step = -(-len(frames) // SAMPLES)
        samples = [_pixels(frame, SAMPLE_SIZE) for frame in frames[::step]]
        values, counts = np.unique(np.concatenate(samples), return_counts=True)
        order = np.argsort(counts)[::-1]
        chosen = values[order][:EXACT]
        rest = np.repeat(values[order][EXACT:], np.ceil(np.sqrt(counts[order][EXACT:])).astype(int))
        if rest.size:
            line = Image.fromarray(_channels(rest)[None])
            cut = line.quantize(COLOURS - EXACT, method=MEDIAN_CUT, kmeans=1).convert("RGB")
            chosen = np.concatenate([chosen, np.unique(_packed(np.asarray(cut)[0]))])
        self.colours = _channels(chosen)
        self._nearest = np.full(1 << 24, NOT_YET, dtype=np.int16)

    def indices(self, frame: Path) -> np.ndarray:
        """Return the numbers of the colours of a picture, uint8 of shape (rows, columns)."""
        values = _pixels(frame)
        indices = self._nearest[values]
        new = np.unique(values[indices == NOT_YET])
        for start in range(0, new.size, CHUNK):
            some = new[start : start + CHUNK]
            differences = _channels(some)[:, None].astype(np.int32) - self.colours
            self._nearest[some] = np.argmin((differences**2).sum(axis=2), axis=1)
        if new.size:
            indices = self._nearest[values]
        return indices.astype(np.uint8)


def _pixels(frame: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the packed colours of a picture, shape (rows, columns).

    With a size, its nearest neighbours on as many columns and rows, which have no other colours.
    """
    from PIL import Image

    with Image.open(frame) as picture:
        image = picture.convert("RGB")
        return _packed(np.asarray(image.resize(size, NEAREST) if size else image))


def _packed(channels: np.ndarray) -> np.ndarray:
    """Return red, green and blue, uint8 of shape (..., 3), as one number."""
    red, green, blue = np.moveaxis(channels.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def _channels(packed: np.ndarray) -> np.ndarray:
    """Return red, green and blue of packed colours, uint8 of shape (..., 3)."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def _changed(indices: np.ndarray, before: np.ndarray | None) -> tuple[slice, slice]:
    """Return the rows and columns that have differences; one pixel if there are none."""
    if before is None:
        return slice(0, indices.shape[0]), slice(0, indices.shape[1])
    differs = indices != before
    bounds = (np.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
    rows, columns = (
        slice(int(one[0]), int(one[-1]) + 1) if one.size else slice(0, 1) for one in bounds
    )
    return rows, columns


def _delay(number: int, rate: float) -> int:
    """Return the time of a frame, 0.01 s, so that the rounding of all does not add up."""
    return round((number + 1) * 100 / rate) - round(number * 100 / rate)


def _header(shape: tuple[int, int], colours: np.ndarray) -> bytes:
    """Return the beginning of the file: size, palette, and that it repeats."""
    table = colours.tobytes().ljust(3 * COLOURS, b"\0")
    return b"GIF89a" + struct.pack("<HHBBB", *shape[::-1], 0xF7, 0, 0) + table + REPEAT


def _frame(data: bytes, corner: tuple[int, int], shape: tuple[int, int], delay: int) -> bytes:
    """Return the blocks of a frame whose upper left corner is at a place of the picture."""
    control = struct.pack("<BHBB", KEEP, delay, 0, 0)
    place = struct.pack("<HHHHB", *corner, *shape[::-1], 0)
    return EXTENSION + b"\xf9\x04" + control + IMAGE + place + data


def _compressed(indices: np.ndarray, colours: np.ndarray) -> bytes:
    """Return the pixels as Pillow compresses them, taken from a GIF of one frame."""
    from PIL import Image

    image = Image.fromarray(indices, mode="P")
    image.putpalette(colours.tobytes().ljust(3 * COLOURS, b"\0"))
    buffer = BytesIO()
    image.save(buffer, "GIF", optimize=False, interlace=0)
    data = buffer.getvalue()
    place = 13 + _table_size(data[10])
    while data[place : place + 1] == EXTENSION:
        place += 2
        while data[place]:
            place += data[place] + 1
        place += 1
    start = place + 10 + _table_size(data[place + 9])
    return data[start:-1]


def _table_size(flags: int) -> int:
    """Return the bytes of a colour table, from the flags of its screen or image."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
