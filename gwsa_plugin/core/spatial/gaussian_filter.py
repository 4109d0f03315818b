"""Gaussian filter on the sphere, over land alone and mass-conserving.

It smooths a storage map to the resolution of GRACE.

References
----------
Jekeli, C. (1981): Alternative methods to smooth the Earth's gravity field. OSU report 327.
Wahr, J., Molenaar, M. & Bryan, F. (1998): Time variability of the Earth's gravity field.
    J. Geophys. Res. 103, doi:10.1029/98JB02844.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from ..base.errors import InputError
from ..base.grid import EARTH_RADIUS_KM, EDGE_TOLERANCE, Bounds, Grid
from ..base.progress import SILENT, Progress
from ..files.stack import MonthlyStack
from .margin import extended

# Fraction of the kernel's largest value, by distance and by zonal wavenumber, that is dropped.
NEGLIGIBLE = 1e-12
# Fraction of the kernel's mass that lies beyond its reach.
BEYOND_REACH = 1e-3
# Largest error of a filtered constant field, as a fraction of the constant.
TOLERANCE = 1e-10
WIDEST_KM = 10_000.0
BLOCK_ROWS = 16
# Values of a batch of months: 34 MB of float64, of which some copies are in memory at a time.
BATCH_VALUES = 4 << 20


def smooth(stack: MonthlyStack, radius_km: float, progress: Progress = SILENT) -> MonthlyStack:
    """Filter each month of a stack with a Gaussian kernel.

    The kernel is exp(-b (1 - cos d)) at an angular distance d, with b = ln 2 / (1 - cos(r / R)), r
    the radius of the filter and R that of the Earth.

    A mean over the land nearby would move mass from the coast inland. Therefore the weight of each
    pair of cells is multiplied by a factor of each cell, such that both the weights from a cell and
    the weights to a cell add up to 1. The sum of value times cell area over the land is then
    unchanged, and a constant field is unchanged up to the coast. Far from coasts all factors are
    equal and the filter is the usual one.

    Parameters
    ----------
    stack : MonthlyStack
        Cells that are NaN in a month are excluded from that month's filter and stay NaN. Months
        that have values in different cells are filtered with separate factors.
    radius_km : float
        Distance at which the kernel falls to one half, above 0 and below 10,000 km.
    progress : Progress

    Returns
    -------
    MonthlyStack

    Raises
    ------
    InputError
        When the radius is out of range.

    References
    ----------
    Jekeli (1981), OSU report 327; Wahr et al. (1998), doi:10.1029/98JB02844.
    """
    kernel = Kernel(stack.grid, radius_km, progress.part(0.0, 0.1))
    values = np.full_like(stack.values, np.nan)
    batches = batches_by_cells(stack.values, progress)
    land: LandFilter | None = None
    for i, (cells, months) in enumerate(batches):
        progress.advance(0.1 + 0.9 * i / len(batches))
        # Consecutive batches of the same cells share the array, and so the scaling.
        if land is None or cells is not land.cells:
            land = LandFilter(kernel, cells, progress)
        values[months] = land.means(stack.values[months], progress)
    progress.advance(1)
    return replace(stack, values=values)


def reach_km(radius_km: float) -> float:
    """Return the distance in km beyond which a thousandth of the kernel's mass lies."""
    return float(EARTH_RADIUS_KM * _angle(BEYOND_REACH, _sharpness(radius_km)))


def surroundings(bounds: Bounds, radius_km: float) -> Bounds:
    """Extend a region by the reach of the filter.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east and north of the region, degrees.
    radius_km : float
        As in ``smooth``.

    Returns
    -------
    (float, float, float, float)
        Longitudes may exceed 180°. They span at least 360° where the reach includes a pole.

    Raises
    ------
    InputError
        When the radius is out of range.
    """
    return extended(bounds, reach_km(radius_km))


def uncovered_sides(grid: Grid, needed: Bounds) -> list[str]:
    """Return the sides on which a grid does not reach the bounds ``needed``.

    Parameters
    ----------
    grid : Grid
    needed : (float, float, float, float)
        West, south, east and north, degrees, as ``surroundings`` returns them.

    Returns
    -------
    list of str
        Any of "north", "south", "west" and "east".
    """
    west, south, east, north = (have - need for have, need in zip(grid.bounds, needed))
    lacking = {"north": -north, "south": south, "west": west, "east": -east}
    sides = ("north", "south") if grid.wraps else tuple(lacking)
    return [side for side in sides if lacking[side] > EDGE_TOLERANCE * grid.dx]


def batches_by_cells(
    values: np.ndarray, progress: Progress = SILENT, land: np.ndarray | None = None
) -> list[tuple[np.ndarray, list[int]]]:
    """Group months by the cells that have a value, in batches limited by memory.

    Parameters
    ----------
    values : ndarray of float, shape (months, rows, columns)
        NaN where there is no value.
    progress : Progress
    land : ndarray of bool, shape (rows, columns), optional
        Cells elsewhere are taken as without a value.

    Returns
    -------
    list of (ndarray of bool, list of int)
        The cells, shape (rows, columns), and the indices of the months. Batches of the same cells
        follow one another and share the array of cells. Months without any value are in no batch.
    """
    groups: dict[bytes, tuple[np.ndarray, list[int]]] = {}
    for month, cells in enumerate(map(np.isfinite, values)):
        progress.stop_if_cancelled()
        if land is not None:
            cells &= land
        if cells.any():
            groups.setdefault(np.packbits(cells).tobytes(), (cells, []))[1].append(month)
    size = max(BATCH_VALUES // values[0].size, 1)
    return [
        (cells, months[start : start + size])
        for cells, months in groups.values()
        for start in range(0, len(months), size)
    ]


def _sharpness(radius_km: float) -> float:
    """The constant b of the kernel.

    1 - cos x is computed as 2 sin²(x/2), which is exact for small radii.
    """
    if not 0 < radius_km < WIDEST_KM:
        raise InputError(
            f"A Gaussian filter with a radius of {radius_km:g} km is not possible; "
            f"give one from 0 to {WIDEST_KM:g} km."
        )
    return np.log(2.0) / (2.0 * np.sin(radius_km / EARTH_RADIUS_KM / 2.0) ** 2)


def _angle(weight: float, sharpness: float) -> float:
    """The angle in radians at which the kernel, 1 at its centre, has fallen to ``weight``."""
    return 2.0 * np.arcsin(np.sqrt(min(-np.log(weight) / sharpness / 2.0, 1.0)))


class LandFilter:
    """The filter between the cells of one mask.

    The weight of cell j in the mean of cell i is d_i w_ij d_j area_j, where w is the kernel and the
    factors d >= 0 are such that the weights of each mean add up to 1. As w is symmetric, the mass
    of each cell is then distributed completely, too.

    Parameters
    ----------
    kernel : Kernel
    cells : ndarray of bool, shape (rows, columns)
        The cells that take part; at least one.
    progress : Progress

    References
    ----------
    Knight, P. A., Ruiz, D. & Uçar, B. (2014): A symmetry preserving algorithm for matrix scaling.
        SIAM J. Matrix Anal. Appl. 35, 931-955, doi:10.1137/110825753.
    """

    def __init__(self, kernel: Kernel, cells: np.ndarray, progress: Progress = SILENT):
        self.cells = cells
        self._kernel = kernel
        # Symmetric Sinkhorn scaling.
        self._factors = cells / np.sqrt(kernel.area)
        while True:
            sums = self._factors * kernel.sums((kernel.areas * self._factors)[None], progress)[0]
            if np.abs(sums[cells] - 1.0).max() < TOLERANCE:
                break
            # The usual power -1/2 leaves up to a half of the error in each step. The kernel is
            # positive definite, for which -2/3 leaves at most a third.
            self._factors[cells] *= sums[cells] ** (-2 / 3)

    def means(self, values: np.ndarray, progress: Progress = SILENT) -> np.ndarray:
        """Filter fields.

        Parameters
        ----------
        values : ndarray of float, shape (fields, rows, columns)
            Finite in the cells of the mask; other cells are ignored.
        progress : Progress

        Returns
        -------
        ndarray of float64, shape (fields, rows, columns)
            NaN outside the mask.
        """
        # Cells outside the mask contribute nothing to the sums.
        mass = np.where(self.cells, values, 0.0) * (self._kernel.areas * self._factors)
        return np.where(self.cells, self._kernel.sums(mass, progress) * self._factors, np.nan)


class Kernel:
    """The weights w between all cells of a grid.

    A weight depends on the two rows and on the difference in longitude. For a pair of rows the
    weighted sum is a convolution along longitude, and therefore a product for each zonal
    wavenumber. For each wavenumber the weights form a banded matrix over rows, which is needed for
    the lowest wavenumbers only. A grid that does not go around the globe is padded with zeros, so
    that the cyclic convolution equals the plain one.

    Parameters
    ----------
    grid : Grid
    radius_km : float
        Distance at which the kernel falls to one half, above 0 and below 10,000 km.
    progress : Progress

    Raises
    ------
    InputError
        When the radius is out of range.
    """

    def __init__(self, grid: Grid, radius_km: float, progress: Progress = SILENT):
        sharpness = _sharpness(radius_km)
        # The integral of w in km².
        self.area = 2.0 * np.pi * EARTH_RADIUS_KM**2 / sharpness
        # Of the cells of each row, km², shape (rows, 1).
        self.areas = grid.row_areas()[:, None]
        self.columns = grid.columns
        self.length = grid.columns if grid.wraps else next_fast_len(2 * grid.columns - 1, real=True)
        latitudes = np.radians(grid.latitudes)
        lags = np.minimum(
            np.arange(self.length), self.length - np.arange(self.length)
        ) * np.radians(grid.dx)
        zonal = -sharpness * 2.0 * np.sin(lags / 2.0) ** 2
        reach = int(_angle(NEGLIGIBLE, sharpness) / np.radians(grid.dy)) + 1
        self.blocks = []
        for top in range(0, grid.rows, BLOCK_ROWS):
            progress.advance(top / grid.rows)
            rows = slice(top, min(top + BLOCK_ROWS, grid.rows))
            # Rows beyond the reach have negligible weights: the band of the matrix.
            near = slice(max(top - reach, 0), rows.stop + reach)
            self.blocks.append(
                (rows, near, _spectra(latitudes[rows, None], latitudes[near], sharpness, zonal))
            )
        self.wavenumbers = max(len(spectra) for _, _, spectra in self.blocks)

    def sums(self, fields: np.ndarray, progress: Progress = SILENT) -> np.ndarray:
        """Sum w_ij times the value in j over all cells j.

        Parameters
        ----------
        fields : ndarray of float64, shape (fields, rows, columns)
            Finite.
        progress : Progress

        Returns
        -------
        ndarray of float64, shape (fields, rows, columns)
        """
        count, rows, _ = fields.shape
        spectra = np.empty((self.wavenumbers, rows, count), dtype=complex)
        for i, field in enumerate(fields):
            progress.stop_if_cancelled()
            spectra[:, :, i] = rfft(field, self.length)[:, : self.wavenumbers].T
        # The kernel is even in longitude, so that its spectrum is real: real and imaginary parts
        # are multiplied as separate columns.
        result = self._times_rows(spectra.view(float), progress).view(complex)
        sums = np.empty_like(fields)
        for i in range(count):
            progress.stop_if_cancelled()
            # The columns beyond the grid are the padding.
            sums[i] = irfft(result[:, :, i].T, self.length)[:, : self.columns]
        return sums

    def _times_rows(self, spectra: np.ndarray, progress: Progress) -> np.ndarray:
        """Multiply by the matrix of each wavenumber: (wavenumbers, rows, columns) in and out."""
        result = np.zeros_like(spectra)
        for rows, near, matrices in self.blocks:
            progress.stop_if_cancelled()
            # The wavenumbers beyond those of the block have negligible weights there.
            result[: len(matrices), rows] = matrices @ spectra[: len(matrices), near]
        return result


def _spectra(
    latitudes: np.ndarray, near: np.ndarray, sharpness: float, zonal: np.ndarray
) -> np.ndarray:
    """The kernel between two sets of rows by wavenumber: (wavenumbers kept, rows, rows near).

    With latitudes φ, φ' and a difference in longitude λ, the distance d between two cells has
    1 - cos d = 1 - cos(φ - φ') + cos φ cos φ' (1 - cos λ).
    """
    meridional = -sharpness * 2.0 * np.sin((latitudes - near) / 2.0) ** 2
    narrowing = np.cos(latitudes) * np.cos(near)
    spectra = rfft(np.exp(meridional[:, :, None] + narrowing[:, :, None] * zonal)).real
    kept = np.flatnonzero(np.abs(spectra).max(axis=(0, 1)) > NEGLIGIBLE * spectra.max())[-1] + 1
    return np.ascontiguousarray(np.moveaxis(spectra[:, :, :kept], -1, 0))
