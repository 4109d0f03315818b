"""The Gaussian filter: a field as smooth as GRACE sees it, on the sphere, over the land alone, with its mass kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from ..base.errors import InputError
from ..base.grid import EARTH_RADIUS_KM, EDGE_TOLERANCE, Grid
from ..base.progress import SILENT, Progress
from ..files.stack import MonthlyStack

NEGLIGIBLE = 1e-12  # of the kernel's largest value, by distance and by zonal wavenumber
BEYOND_REACH = 1e-3  # of the kernel's mass
TOLERANCE = 1e-10  # of a constant field
WIDEST_KM = 10_000.0
BLOCK_ROWS = 16
BATCH_VALUES = 4 << 20  # 34 MB of float64, and a handful of such at once


def smooth(stack: MonthlyStack, radius_km: float, progress: Progress = SILENT) -> MonthlyStack:
    """The stack after a Gaussian filter whose weight falls to one half at ``radius_km``.

    The weight is exp(-b (1 - cos distance)), b = ln 2 / (1 - cos(radius / R)): Jekeli 1981 (OSU report 327), Wahr et
    al. 1998 (doi:10.1029/98JB02844). Cells that are NaN in a month neither give nor take and stay NaN. The weights of
    each pair of cells are scaled by a factor of the one and a factor of the other so that both what a cell gives and
    what it takes add up to one: the sum over the land of value times cell area is unchanged, and a constant stays one
    to the last coast, while a mean over the land nearby would move mass from the coast inland. Far from coasts the
    factors are equal and the filter is the plain one. Months of different cells are filtered apart.

    Raises InputError for a radius that is not above zero and below 10,000 km.
    """
    kernel = _Kernel(stack.grid, radius_km, progress.part(0.0, 0.1))
    areas = stack.grid.row_areas()[:, None]
    values = np.full_like(stack.values, np.nan)
    batches = _batches_by_cells(stack.values, progress)
    scaled_cells = scale = None
    for i, (cells, months) in enumerate(batches):
        progress.advance(0.1 + 0.9 * i / len(batches))
        if cells is not scaled_cells:
            scaled_cells, scale = cells, _scale(kernel, cells, areas, progress)
        given = np.where(cells, stack.values[months], 0.0) * (areas * scale)
        values[months] = np.where(cells, kernel.sums(given, progress) * scale, np.nan)
    progress.advance(1)
    return replace(stack, values=values)


def reach_km(radius_km: float) -> float:
    """The distance beyond which a thousandth of the weight lies."""
    return float(EARTH_RADIUS_KM * _angle(BEYOND_REACH, _sharpness(radius_km)))


def surroundings(bounds, radius_km: float) -> tuple[float, float, float, float]:
    """``bounds`` (west, south, east, north in degrees) and what lies within the filter's reach of them.

    Longitudes may pass 180; from where the reach includes a pole they go all around. Raises InputError as ``smooth``.
    """
    west, south, east, north = bounds
    reach = reach_km(radius_km) / EARTH_RADIUS_KM
    up = np.degrees(reach)
    narrowing = np.cos(np.radians(max(abs(south), abs(north))))
    across = (
        np.degrees(np.arcsin(np.sin(reach) / narrowing))
        if max(north, -south) + up < 90.0
        else 180.0
    )
    return west - across, max(south - up, -90.0), east + across, min(north + up, 90.0)


def short_sides(grid: Grid, needed) -> list[str]:
    """The sides where ``grid`` ends before the bounds ``needed`` do, as ``surroundings`` gives them."""
    west, south, east, north = (have - need for have, need in zip(grid.bounds, needed))
    short = {"north": -north, "south": south, "west": west, "east": -east}
    sides = ("north", "south") if grid.wraps else tuple(short)
    return [side for side in sides if short[side] > EDGE_TOLERANCE * grid.dx]


def _sharpness(radius_km: float) -> float:
    """Jekeli's b; 1 - cos x as 2 sin²(x/2), exact for small radii. InputError for a radius that cannot be."""
    if not 0 < radius_km < WIDEST_KM:
        raise InputError(
            f"A Gaussian filter with a radius of {radius_km:g} km is not possible; give one from 0 to {WIDEST_KM:g} km."
        )
    return np.log(2.0) / (2.0 * np.sin(radius_km / EARTH_RADIUS_KM / 2.0) ** 2)


def _angle(weight: float, sharpness: float) -> float:
    """Radians at which the kernel, 1 at its centre, has fallen to ``weight``."""
    return 2.0 * np.arcsin(np.sqrt(min(-np.log(weight) / sharpness / 2.0, 1.0)))


def _batches_by_cells(values: np.ndarray, progress: Progress) -> list[tuple[np.ndarray, list[int]]]:
    """(cells that have a value, the months that have a value in just these), as many months as memory is meant for.

    Batches of the same cells follow one another and share the array. Months without any value are in none.
    """
    groups: dict[bytes, tuple[np.ndarray, list[int]]] = {}
    for month, cells in enumerate(map(np.isfinite, values)):
        progress.stop_if_cancelled()
        if cells.any():
            groups.setdefault(np.packbits(cells).tobytes(), (cells, []))[1].append(month)
    size = max(BATCH_VALUES // values[0].size, 1)
    return [
        (cells, months[start : start + size])
        for cells, months in groups.values()
        for start in range(0, len(months), size)
    ]


def _scale(kernel: _Kernel, cells: np.ndarray, areas: np.ndarray, progress: Progress) -> np.ndarray:
    """d >= 0 of each cell such that the weights d_i w_ij d_j, times the areas, add up to 1 over j for every i.

    Symmetric Sinkhorn scaling (Knight, Ruiz & Uçar 2014, doi:10.1137/110825753). As the kernel is positive definite,
    the power -2/3 leaves at most a third of the error in each step; their -1/2 leaves up to a half.
    """
    scale = cells / np.sqrt(kernel.area)
    while True:
        sums = scale * kernel.sums((areas * scale)[None], progress)[0]
        if np.abs(sums[cells] - 1.0).max() < TOLERANCE:
            return scale
        scale[cells] *= sums[cells] ** (-2 / 3)


class _Kernel:
    """The weights w between all cells of a grid, a function of the two rows and of the difference in longitude.

    Along a pair of rows the weighted sum is a convolution, and so a product for each zonal wavenumber: a matrix over
    rows, banded and needed for the first wavenumbers only. A grid that does not close around the globe is padded with
    zeros until no cell meets another twice; distances remain those on the sphere.
    """

    def __init__(self, grid: Grid, radius_km: float, progress: Progress):
        sharpness = _sharpness(radius_km)
        self.area = 2.0 * np.pi * EARTH_RADIUS_KM**2 / sharpness  # km², the integral of w
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
            near = slice(max(top - reach, 0), rows.stop + reach)
            self.blocks.append(
                (rows, near, _spectra(latitudes[rows, None], latitudes[near], sharpness, zonal))
            )
        self.wavenumbers = max(len(spectra) for _, _, spectra in self.blocks)

    def sums(self, fields: np.ndarray, progress: Progress) -> np.ndarray:
        """Sum over j of w_ij times the value in j: float64, (fields, rows, columns) in and out."""
        count, rows, _ = fields.shape
        spectra = np.empty((self.wavenumbers, rows, count), dtype=complex)
        for i, field in enumerate(fields):
            progress.stop_if_cancelled()
            spectra[:, :, i] = rfft(field, self.length)[:, : self.wavenumbers].T
        result = self._times_rows(spectra.view(float), progress).view(complex)
        sums = np.empty_like(fields)
        for i in range(count):
            progress.stop_if_cancelled()
            sums[i] = irfft(result[:, :, i].T, self.length)[:, : self.columns]
        return sums

    def _times_rows(self, spectra: np.ndarray, progress: Progress) -> np.ndarray:
        """The matrices over rows times the columns of each wavenumber: (wavenumbers, rows, columns) in and out."""
        result = np.zeros_like(spectra)
        for rows, near, matrices in self.blocks:
            progress.stop_if_cancelled()
            result[: len(matrices), rows] = matrices @ spectra[: len(matrices), near]
        return result


def _spectra(
    latitudes: np.ndarray, near: np.ndarray, sharpness: float, zonal: np.ndarray
) -> np.ndarray:
    """The kernel between two sets of rows by wavenumber: float64, shape (wavenumbers kept, rows, rows near).

    1 - cos(distance) = 1 - cos(latitude - latitude') + cos(latitude) cos(latitude') (1 - cos(longitude - longitude')).
    """
    meridional = -sharpness * 2.0 * np.sin((latitudes - near) / 2.0) ** 2
    narrowing = np.cos(latitudes) * np.cos(near)
    spectra = rfft(np.exp(meridional[:, :, None] + narrowing[:, :, None] * zonal)).real
    kept = np.flatnonzero(np.abs(spectra).max(axis=(0, 1)) > NEGLIGIBLE * spectra.max())[-1] + 1
    return np.ascontiguousarray(np.moveaxis(spectra[:, :, :kept], -1, 0))
