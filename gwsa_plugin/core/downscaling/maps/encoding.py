"""How the values of the 1 km maps are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...base.errors import InputError
from ...rasters.geotiff import can_compress

ROUNDED = "rounded"
LERC = "lerc"
EXACT = "exact"


class Encoding(NamedTuple):
    """A way to store values in cm.

    Parameters
    ----------
    options : mapping
        Creation options of GDAL's GTiff driver.
    step : float
        Values are rounded to multiples of it, cm; 0 for none.
    error : float
        Largest error, cm.
    bytes : float
        Upper bound of the bytes of a land pixel and month, overviews included.
    """

    options: Mapping
    step: float
    error: float
    bytes: float

    def require(self) -> None:
        """Check that GDAL can write maps in this way.

        Raises
        ------
        InputError
            When its build lacks the compression.
        """
        compression = self.options["compress"]
        if not can_compress(compression):
            raise InputError(
                f"The GDAL of this QGIS cannot write the compression {compression}; choose another "
                f"ENCODING, such as {ROUNDED}, which every GDAL writes."
            )


# Level 1 of DEFLATE takes half of the time of the usual 6, as LERC does, and 3 % more bytes; with
# numba, tiles take a third of that and 2 to 9 % more (``deflate_numba``). Level 1 of ZSTD takes two
# thirds of the time of the usual 9, and 1 % more bytes.
_DEFLATE = {"compress": "DEFLATE", "predictor": 3, "zlevel": 1}
_LERC = {"compress": "LERC_ZSTD", "max_z_error": 0.005, "predictor": 1, "zstd_level": 1}
# The first one is the default.
ENCODINGS = {
    ROUNDED: Encoding(_DEFLATE, step=1 / 128, error=1 / 256, bytes=1.9),
    LERC: Encoding(_LERC, step=0.0, error=0.005, bytes=1.5),
    EXACT: Encoding(_DEFLATE, step=0.0, error=0.0, bytes=3.6),
}
