"""Bytes of a map as it is written, within 0.005 cm, beside the float32 of a compressed GeoTIFF as others write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import LERC_ERROR_CM, MapOptions
from gwsa.gwsa_plugin.core.files.geotiff import creation
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator

from .grids import FINE, land

SMOOTH_CM = 9.0
TEXTURES = {"predictors": (2.4, 2.2), "maps": (2.8, 3.6)}
"""Standard deviation in cm and slope of the spectrum. Both vary by 2.2 cm within cells, as maps of the sample world do.
Neighbours in those are 0.41 cm apart, in "maps" 0.44; as rough as predictors, which models smooth, they are 1.07."""
AS_WRITTEN = {"blockxsize": 512, "blockysize": 512, "sparse_ok": True}
PEER = {"compress": "DEFLATE", "predictor": 3}


def measure_bytes(folder: Path) -> dict:
    """``ours`` and ``peer``: bytes a land pixel of a field like maps. ``equal``: no error is beyond what is promised,
    rounding to float32 aside."""
    folder.mkdir(parents=True, exist_ok=True)
    values, equal = {}, True
    for kind in TEXTURES:
        field = _field(kind)
        ours, error = _written(folder / "ours.tif", field, MapOptions().encoding)
        peer, _ = _written(folder / "peer.tif", field, PEER)
        equal = equal and bool(error <= LERC_ERROR_CM + np.spacing(np.nanmax(np.abs(field))))
        values[f"as rough as {kind}: bytes / those of the peer"] = ours / peer
        values[f"as rough as {kind}: largest error (cm)"] = error
    return {
        "values": values, "ours": ours, "peer": peer, "ratio": peer / ours, "equal": equal,
        "unit": "bytes a land pixel", "peer_name": "float32, DEFLATE, predictor 3",
    }  # fmt: skip


def _field(kind: str) -> np.ndarray:
    """A month of a map, cm: what GRACE sees, from 150 km on, and texture; NaN in the sea."""
    spread, slope = TEXTURES[kind]
    smooth = fractal(generator(2, "smooth"), FINE.shape, 150, 1500, 3)
    texture = fractal(generator(2, "texture"), FINE.shape, 3, 60, slope)
    return np.where(land(FINE.shape), SMOOTH_CM * smooth + spread * texture, np.nan).astype(
        np.float32
    )


def _written(path: Path, field: np.ndarray, encoding: dict) -> tuple[float, float]:
    """Bytes a land pixel, and the largest error of what is read back."""
    with rasterio.open(path, "w", **creation(FINE, 1, **{**AS_WRITTEN, **encoding})) as target:
        target.write(field, 1)
    with rasterio.open(path) as source:
        read = source.read(1)
    there, size = np.isfinite(field), path.stat().st_size
    path.unlink()
    if not np.array_equal(np.isfinite(read), there):
        return size / there.sum(), np.inf
    return size / there.sum(), float(np.abs(read[there].astype(np.float64) - field[there]).max())
