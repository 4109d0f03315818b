"""Random fields of the sample world: fractal maps of the land, and smooth fields that evolve from month to month."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.interpolate import make_interp_spline


def generator(seed: int, *names) -> np.random.Generator:
    """Random numbers of their own for each use: adding one draw somewhere does not change the others."""
    return np.random.default_rng([seed, *(crc32(str(name).encode()) for name in names)])


def fractal(rng, shape, shortest: float, longest: float, slope: float = 2.2) -> np.ndarray:
    """A map with structure from ``shortest`` to ``longest`` pixels, power falling with wavenumber as k^-slope.

    float32, mean 0 and standard deviation 1 over ``shape``. A slope of 2 gives every octave the same variance.
    """
    padded = tuple(
        next_fast_len(int(size + min(longest, 300))) for size in shape
    )  # the transform is periodic
    cycles = np.hypot(np.fft.fftfreq(padded[0])[:, None], np.fft.rfftfreq(padded[1])[None, :])
    amplitude = np.where(cycles > 0, np.maximum(cycles, 1 / longest), np.inf) ** (-slope / 2)
    amplitude *= np.exp(-0.5 * (cycles * shortest) ** 2)
    white = rng.standard_normal(padded, dtype=np.float32)
    values = irfft2(rfft2(white) * amplitude.astype(np.float32), padded)[: shape[0], : shape[1]]
    return standardised(values)


def standardised(values: np.ndarray) -> np.ndarray:
    """float32, mean 0 and standard deviation 1."""
    return ((values - values.mean()) / values.std()).astype(np.float32)


class Lattice:
    """Nodes ``spacing`` pixels apart that cover a map of ``shape``, and the spline between them.

    Smooth fields are made and kept at the nodes, which costs little, and refined to pixels when a month is needed.
    """

    def __init__(self, shape, spacing: float):
        self.spacing = spacing
        self._down, self._across = (_spline(size, spacing) for size in shape)
        self.shape = self._down.shape[1], self._across.shape[1]

    def refine(self, nodes: np.ndarray) -> np.ndarray:
        """Pixels from nodes: float32."""
        return self._down @ nodes.astype(np.float32) @ self._across.T

    def evolving(self, rng, months: int, length: float, memory: float = 0.0) -> np.ndarray:
        """A unit-variance Gaussian field at the nodes for each month: float32, shape (months, rows, columns).

        ``length`` is the correlation length in pixels (e-folding), ``memory`` the correlation of a month with the next.
        """
        fields = np.empty((months, *self.shape), dtype=np.float32)
        for month in range(months):
            fresh = self._smooth(rng, length)
            fields[month] = (
                fresh if month == 0 else memory * fields[month - 1] + np.sqrt(1 - memory**2) * fresh
            )
        return fields

    def _smooth(self, rng, length: float) -> np.ndarray:
        """One Gaussian field of unit expected variance with correlation exp(-(d/length)²)."""
        reach = length / self.spacing
        padded = tuple(next_fast_len(int(size + 3 * reach) + 1) for size in self.shape)
        cycles = np.hypot(np.fft.fftfreq(padded[0])[:, None], np.fft.rfftfreq(padded[1])[None, :])
        amplitude = np.exp(-0.5 * (np.pi * reach * cycles) ** 2).astype(np.float32)
        response = irfft2(amplitude, padded)
        white = rng.standard_normal(padded, dtype=np.float32)
        values = irfft2(rfft2(white) * amplitude, padded)[: self.shape[0], : self.shape[1]]
        return values / np.float32(np.sqrt((response**2).sum()))


def _spline(size: int, spacing: float) -> np.ndarray:
    """The cubic spline through nodes as a matrix (pixels, nodes); nodes reach one spacing beyond the map."""
    nodes = np.arange(-spacing, size + 2 * spacing, spacing)
    matrix = make_interp_spline(nodes, np.eye(nodes.size), k=3)(np.arange(size) + 0.5)
    return matrix.astype(np.float32)
