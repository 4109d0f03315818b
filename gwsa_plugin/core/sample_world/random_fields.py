"""Random fields of the sample world: fractal maps and smooth fields that evolve month by month."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.interpolate import make_interp_spline

# Pixels by which maps are padded at most, because the Fourier transform is periodic.
MAX_PADDING = 300
# The weights of a node fall to a quarter with each further node. Smaller ones change no value, but
# their products are below the range of float32, in which processors are twenty times slower.
SMALLEST_WEIGHT = 1e-20


def generator(seed: int, *names) -> np.random.Generator:
    """Create an independent random stream for one purpose.

    Parameters
    ----------
    seed : int
        Seed of the world.
    *names
        Name of the purpose. An additional draw for one purpose does not change the others.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([seed, *(crc32(str(name).encode()) for name in names)])


def fractal(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    shortest: float,
    longest: float,
    slope: float = 2.2,
) -> np.ndarray:
    """Draw a map whose power spectrum follows k^-slope.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    shape : tuple of int
        Rows and columns.
    shortest, longest : float
        Range of wavelengths with structure, pixels.
    slope : float
        Exponent of the spectrum. With 2, every octave has the same variance.

    Returns
    -------
    ndarray of float32, shape ``shape``
        Mean 0 and standard deviation 1.
    """
    rows, columns = (_fft_size(int(size + min(longest, MAX_PADDING))) for size in shape)
    wavenumber = _wavenumbers(rows, columns)
    falling = np.maximum(wavenumber, 1 / longest)
    amplitude = np.where(wavenumber > 0, falling, np.inf) ** (-slope / 2)
    amplitude *= np.exp(-0.5 * (wavenumber * shortest) ** 2)
    white = rng.standard_normal((rows, columns), dtype=np.float32)
    values = irfft2(rfft2(white) * amplitude.astype(np.float32), (rows, columns))
    return standardised(values[: shape[0], : shape[1]])


def standardised(values: np.ndarray) -> np.ndarray:
    """Scale values to mean 0 and standard deviation 1, as float32."""
    return ((values - values.mean()) / values.std()).astype(np.float32)


class SplineGrid:
    """Coarse nodes that cover a map, with cubic spline interpolation to its pixels.

    Smooth fields are drawn and stored at the nodes, and interpolated to pixels one month at a
    time. This saves time and memory.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the map.
    spacing : float
        Distance between nodes, pixels.
    """

    def __init__(self, shape: tuple[int, int], spacing: float):
        self.spacing = spacing
        self._row_weights = _spline_matrix(shape[0], spacing)
        self._column_weights = _spline_matrix(shape[1], spacing)
        self.shape = (self._row_weights.shape[1], self._column_weights.shape[1])

    def interpolate(self, nodes: np.ndarray) -> np.ndarray:
        """Interpolate one field from the nodes to the pixels, as float32."""
        return self._row_weights @ nodes.astype(np.float32) @ self._column_weights.T

    def random_series(
        self, rng: np.random.Generator, months: int, length: float, memory: float = 0.0
    ) -> np.ndarray:
        """Draw a Gaussian field for each month, autoregressive in time.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of random numbers.
        months : int
            Number of fields.
        length : float
            Correlation length (e-folding), pixels.
        memory : float
            Correlation between consecutive months.

        Returns
        -------
        ndarray of float32, shape (months, node rows, node columns)
            Fields of unit expected variance.
        """
        fields = np.empty((months, *self.shape), dtype=np.float32)
        for month in range(months):
            innovation = self._smooth_field(rng, length)
            if month == 0:
                fields[month] = innovation
            else:
                fields[month] = memory * fields[month - 1] + np.sqrt(1 - memory**2) * innovation
        return fields

    def _smooth_field(self, rng: np.random.Generator, length: float) -> np.ndarray:
        """One Gaussian field of unit expected variance with correlation exp(-(d/length)²)."""
        reach = length / self.spacing
        rows, columns = (_fft_size(int(size + 3 * reach) + 1) for size in self.shape)
        wavenumber = _wavenumbers(rows, columns)
        amplitude = np.exp(-0.5 * (np.pi * reach * wavenumber) ** 2).astype(np.float32)
        response = irfft2(amplitude, (rows, columns))
        white = rng.standard_normal((rows, columns), dtype=np.float32)
        values = irfft2(rfft2(white) * amplitude, (rows, columns))
        values = values[: self.shape[0], : self.shape[1]]
        return values / np.float32(np.sqrt((response**2).sum()))


def _fft_size(size: int) -> int:
    """Smallest length of at least ``size`` for which the Fourier transform is fast."""
    return int(next_fast_len(size))


def _wavenumbers(rows: int, columns: int) -> np.ndarray:
    """Cycles per pixel of each coefficient of a real two-dimensional transform."""
    down = np.fft.fftfreq(rows, d=1.0)
    across = np.fft.rfftfreq(columns, d=1.0)
    return np.hypot(down[:, None], across[None, :])


def _spline_matrix(size: int, spacing: float) -> np.ndarray:
    """Weights of a cubic spline through nodes, shape (pixels, nodes).

    The nodes reach one spacing beyond the map.
    """
    nodes = np.arange(-spacing, size + 2 * spacing, spacing)
    matrix = make_interp_spline(nodes, np.eye(nodes.size), k=3)(np.arange(size) + 0.5)
    return np.where(np.abs(matrix) < SMALLEST_WEIGHT, 0, matrix).astype(np.float32)
