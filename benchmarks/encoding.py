"""Size of a map as it is written by default, compared with a DEFLATE float32 GeoTIFF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.downscaling.maps.encoding import ENCODINGS, ROUNDED
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator

from .grids import FINE, land
from .rasters import geotiff_profile

SMOOTH_CM = 9.0
# Standard deviation in cm and slope of the spectrum. Both textures have a standard deviation of
# 2.2 cm within cells, as maps of the sample world do. Adjacent pixels differ by 0.41 cm in those
# maps, by 0.44 cm in "maps", and by 1.07 cm in "predictors", which are rougher than model output.
TEXTURES = {"predictors": (2.4, 2.2), "maps": (2.8, 3.6)}
AS_WRITTEN = {"blockxsize": 512, "blockysize": 512, "sparse_ok": True}
PEER = {"compress": "DEFLATE", "predictor": 3}


def measure_bytes(folder: Path) -> dict:
    """Measure the bytes per land pixel of both encodings.

    Parameters
    ----------
    folder : Path
        Folder for temporary files.

    Returns
    -------
    dict
        ``ours`` and ``peer``: bytes per land pixel of the texture "maps". ``equal``: True if no
        error exceeds the limit, apart from rounding to float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {}
    equal = True
    for kind in TEXTURES:
        field = _field(kind)
        stored = ENCODINGS[ROUNDED]
        ours, error = _size_and_error(folder / "ours.tif", field, stored.options, stored.step)
        peer, _ = _size_and_error(folder / "peer.tif", field, PEER)
        equal = equal and bool(error <= stored.error)
        values[f"as rough as {kind}: bytes / those of the peer"] = ours / peer
        values[f"as rough as {kind}: largest error (cm)"] = error
    return {
        "values": values,
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": equal,
        "unit": "bytes a land pixel",
        "peer_name": "float32, DEFLATE, predictor 3",
    }


def _field(kind: str) -> np.ndarray:
    """One monthly map in cm: smooth field (150 km and more) plus texture, NaN in the ocean."""
    spread, slope = TEXTURES[kind]
    smooth = fractal(generator(2, "smooth"), FINE.shape, 150, 1500, 3)
    texture = fractal(generator(2, "texture"), FINE.shape, 3, 60, slope)
    field = np.where(land(FINE.shape), SMOOTH_CM * smooth + spread * texture, np.nan)
    return field.astype(np.float32)


def _size_and_error(
    path: Path, field: np.ndarray, encoding: Mapping, step: float = 0.0
) -> tuple[float, float]:
    """Write and read a field; return bytes per land pixel and the largest error."""
    profile = geotiff_profile(FINE, 1, **{**AS_WRITTEN, **encoding})
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.rint(field / step) * step if step else field, 1)
    with rasterio.open(path) as source:
        read = source.read(1)
    valid = np.isfinite(field)
    size = path.stat().st_size / valid.sum()
    path.unlink()
    if not np.array_equal(np.isfinite(read), valid):
        return size, np.inf
    return size, float(np.abs(read[valid].astype(np.float64) - field[valid]).max())
