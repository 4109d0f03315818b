"""The prior: groundwater storage as a linear response to antecedent water surplus and runoff.

The storage of a pixel is the sum of non-negative responses to antecedent means, the same
everywhere, times an amplitude that depends linearly on statics. Level and trend of each pixel over
the mapped months are left out: they are what drivers explain least reliably, and depletion must not
be explained by drought. The coefficients are fitted through the footprint of GRACE, see ``fit``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Statics are limited to so many standard deviations.
MOST_DEVIATIONS = 2.5
# The amplitude is limited to this range.
AMPLITUDES = (0.0, 3.0)


@dataclass(frozen=True, eq=False)
class Standard:
    """Mean and standard deviation of each static, by which statics are standardised.

    Parameters
    ----------
    mean, deviation : numpy.ndarray, shape (statics,)
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def from_statics(cls, statics: np.ndarray) -> Standard:
        """Compute them over all axes but the first; statics without values have deviation 1."""
        flat = statics.reshape(len(statics), -1)
        known = np.isfinite(flat)
        count = np.maximum(known.sum(axis=1), 1)
        mean = np.where(known, flat, 0.0).sum(axis=1, dtype=np.float64) / count
        squares = np.where(known, flat - mean[:, None], 0.0) ** 2
        deviation = np.sqrt(squares.sum(axis=1, dtype=np.float64) / count)
        return cls(mean, np.where(deviation > 1e-9 * (np.abs(mean) + 1e-30), deviation, 1.0))

    def apply(self, statics: np.ndarray) -> np.ndarray:
        """Standardise statics of shape (statics, ...); NaN becomes 0, the mean."""
        shape = (-1, *[1] * (statics.ndim - 1))
        scaled = (statics - self.mean.reshape(shape)) / self.deviation.reshape(shape)
        limited = np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS)
        return np.nan_to_num(limited).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Prior:
    """Coefficients of the prior.

    Parameters
    ----------
    terms : tuple of str
        Names of the antecedent means.
    responses : numpy.ndarray, shape (terms,)
        Response to each term, cm per unit of the drivers; at least 0.
    statics : tuple of str
        Names of the statics.
    standard : Standard
        Mean and deviation of the statics.
    modulation : numpy.ndarray, shape (statics,)
        Change of the amplitude per standard deviation of each static.
    """

    terms: tuple[str, ...]
    responses: np.ndarray
    statics: tuple[str, ...]
    standard: Standard
    modulation: np.ndarray

    def amplitude(self, statics: np.ndarray) -> np.ndarray:
        """Compute the amplitude from statics of shape (statics, ...); it is 1 on average."""
        change = weighted_sum(self.modulation, self.standard.apply(statics))
        return np.clip(1.0 + change, *AMPLITUDES).astype(np.float32)

    def response(self, terms: np.ndarray) -> np.ndarray:
        """Compute the response to terms of shape (terms, ...) before the amplitude, cm."""
        return weighted_sum(self.responses, terms)

    def as_record(self) -> dict:
        """Return the coefficients as plain values for JSON."""
        return {
            "terms": list(self.terms),
            "responses": self.responses.tolist(),
            "statics": list(self.statics),
            "mean": self.standard.mean.tolist(),
            "deviation": self.standard.deviation.tolist(),
            "modulation": self.modulation.tolist(),
        }

    @classmethod
    def from_record(cls, record: dict) -> Prior:
        """Return the prior of a result of ``as_record``."""
        standard = Standard(np.array(record["mean"]), np.array(record["deviation"]))
        return cls(
            tuple(record["terms"]),
            np.array(record["responses"]),
            tuple(record["statics"]),
            standard,
            np.array(record["modulation"]),
        )


def weighted_sum(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Sum fields, each times its weight.

    The bits do not depend on tiles and threads, unlike those of a matrix product.

    Parameters
    ----------
    weights : numpy.ndarray, shape (fields,)
        A field with the weight 0 is left out, also where it is NaN.
    fields : numpy.ndarray of float32, shape (fields, ...)

    Returns
    -------
    numpy.ndarray of float32, shape of a field
    """
    total = np.zeros(fields.shape[1:], dtype=np.float32)
    for weight, field in zip(weights.astype(np.float32), fields):
        if weight:
            total += weight * field
    return total
