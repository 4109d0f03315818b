"""TODO."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...files.atomic import atomic_file


@dataclass(frozen=True, eq=False)
class Closure:
    """How the block means of the maps of a year compare with the coarse field.

    ``months``: their numbers, int, (months,). ``raw`` and ``corrected``: of the predictions and of the maps before
    encoding, cm, (months, rows, columns). ``seams``: of both in each month, how much steeper they are across edges of
    cells than inside, (months, 2).
    ``changes`` and ``residuals``: of each month the largest of what the correction adds, and of what it makes up for.
    """

    months: np.ndarray
    raw: np.ndarray
    corrected: np.ndarray
    seams: np.ndarray
    changes: np.ndarray
    residuals: np.ndarray

    @classmethod
    def read(cls, path: Path) -> Closure:
        """As ``save`` wrote it."""
        with np.load(path) as file:
            return cls(**file)

    def save(self, path: Path) -> None:
        with atomic_file(path) as whole:
            np.savez(whole, **asdict(self))

    @property
    def amplification(self) -> float:
        """The largest correction over the largest residual that it removes, of the worst month."""
        return float((self.changes / np.maximum(self.residuals, 1e-9)).max())
