"""Refuse fill values that are not declared, and values that a predictor cannot have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.plausible import FILL_VALUES, require_plausible
from ..rasters.raster import Band
from .catalogue import Predictor
from .files import in_unit, scaling
from .limits import limits_for

ADVICE = 'set "nodata": {0} for it in the catalogue, or as the nodata value of the file'
# A scale up to this one that the catalogue or the file states is that of integers, and fractional
# numbers up to LARGEST_FRACTION are values already.
PACKED = 0.01
LARGEST_FRACTION = 2.0


class BandCheck:
    """The check of one band that is read window by window.

    Parameters
    ----------
    predictor : Predictor
        The variable.
    path : Path
        The file.
    band : Band
        How the band is stored.
    label : object
        Month of the band, or its number.
    """

    def __init__(self, predictor: Predictor, path: Path, band: Band, label: object):
        self._name = f"{predictor.name} ({path.name})"
        self._label = label
        # Class codes are no values.
        self._has_values = not predictor.classes
        self._limits = limits_for(predictor)
        self._scaling = scaling(band, predictor)
        self._is_float = np.issubdtype(band.dtype, np.floating)
        self._extremes: list[np.ndarray] = []

    def add(self, stored: np.ndarray) -> None:
        """Add a window of stored numbers: float32, NaN for no value."""
        if not self._has_values:
            return
        extremes = np.array([np.fmin.reduce(stored, axis=None), np.fmax.reduce(stored, axis=None)])
        if not np.isnan(extremes).any():
            self._extremes.append(self._conspicuous(stored, extremes))

    def require_plausible(self) -> None:
        """Raise InputError for a value that cannot be one; it names value, file and count."""
        if not self._extremes:
            return
        stored = np.concatenate(self._extremes)
        self._require_scaled_once(stored)
        values = in_unit(stored, *self._scaling)
        require_plausible(
            values[None], self._limits, self._name, [self._label], self._scaling, ADVICE
        )

    def _conspicuous(self, stored: np.ndarray, extremes: np.ndarray) -> np.ndarray:
        """The extreme values, all fill values among them, and all values outside the limits."""
        fills = extremes[np.isin(extremes, np.array(FILL_VALUES, dtype=np.float32))]
        low, high = sorted(in_unit(extremes, *self._scaling))
        if not fills.size and self._limits.least <= low and high <= self._limits.most:
            return extremes
        known = stored[~np.isnan(stored)]
        values = in_unit(known, *self._scaling)
        outside = (values < self._limits.least) | (values > self._limits.most)
        conspicuous = outside | np.isin(known, fills)
        others = known[~conspicuous]
        ends = [others.min(), others.max()] if others.size else []
        return np.concatenate([known[conspicuous], np.array(ends, dtype=np.float32)])

    def _require_scaled_once(self, stored: np.ndarray) -> None:
        """Refuse a small scale of fractional numbers, which are values already."""
        scale, _ = self._scaling
        most = np.abs(stored).max()
        is_value = self._is_float and 0 < most <= LARGEST_FRACTION and (stored % 1 != 0).any()
        if is_value and abs(scale) <= PACKED:
            raise InputError(
                f"{self._name} stores fractions up to {most:.3g}, which the scale {scale:g} would "
                f"turn into {most * abs(scale):.3g}; they seem to be values already, so set "
                '"scale": 1 for it in the catalogue.'
            )
