"""One model per aquifer region, each continued from the model of all cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...predictors.stored_features import Feature, TileFeature
from ..domain import Domain
from ..forest.engine import Evaluator, evaluator
from ..prior.prior import Prior
from .training import Boosting

if TYPE_CHECKING:
    from xgboost import Booster

# Number of the model of all cells. It serves the background and regions without a model.
ALL = 0

# Names of the files of models.
MODEL_FILES = r"model_\d+\.ubj"


@dataclass(frozen=True, eq=False)
class RegionModels:
    """The models of all regions.

    Parameters
    ----------
    boosters : dict of int to xgboost.Booster
        Models by number. ``ALL`` is there unless nothing is trained; the others begin with its
        trees.
    pooled : numpy.ndarray of int, shape (regions,)
        Number of the model that serves each region. ``ALL`` takes its place if it does not exist.
    boosting : Boosting
        Hyper-parameters of the model of all cells.
    shrinkage : float
        Shrinkage factor, 0 to 1: the slope of observed on predicted local contrast in held-out
        cells. Predictions are multiplied by it; with 0 they are not computed.
    contrast_slope : float
        Calibration slope of the contrast at a finer scale, see ``contrast_scaling``. Predictions
        are multiplied by it too.
    """

    boosters: dict[int, Booster]
    pooled: np.ndarray
    boosting: Boosting = Boosting()
    shrinkage: float = 1.0
    contrast_slope: float = 1.0

    def __getstate__(self) -> dict:
        """Leave the evaluators out of a pickle; another process makes its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_evaluators"}

    def numbers(self, regions: np.ndarray) -> np.ndarray:
        """Return the number of the model that serves each element of ``regions``."""
        serving = np.where(np.isin(self.pooled, list(self.boosters)), self.pooled, ALL)
        return serving[regions]

    @property
    def remarks(self) -> set[str]:
        """Sentences for the log about slow prediction."""
        return self._evaluators[1]

    def predict(self, features: Sequence[Feature], weights: dict[int, np.ndarray]) -> np.ndarray:
        """Predict with a blend of models.

        Parameters
        ----------
        features : sequence of Feature
            The features in the order of training, each of shape (rows,).
        weights : dict of int to numpy.ndarray
            Weight of each model, shape (rows,).

        Returns
        -------
        numpy.ndarray of float32, shape (rows,)
            Prediction times shrinkage factor and calibration slope, cm.
        """
        return self.predict_months([TileFeature.from_rows(each) for each in features], 1, weights)[
            0
        ]

    def predict_months(
        self, features: Sequence[TileFeature], months: int, weights: dict[int, np.ndarray]
    ) -> np.ndarray:
        """Predict the same rows in some months with a blend of models.

        The trees that all models share are evaluated once.

        Parameters
        ----------
        features : sequence of TileFeature
            The features in the order of training, all with the same rows.
        months : int
            Number of months.
        weights : dict of int to numpy.ndarray
            Weight of each model, shape (rows,).

        Returns
        -------
        numpy.ndarray of float32, shape (months, rows)
            As ``predict``.
        """
        if not self.shrinkage:
            return np.zeros((months, len(next(iter(weights.values())))), dtype=np.float32)
        evaluators = self._evaluators[0]
        all_cells = evaluators[ALL].predict_months(features, months)
        if list(weights) == [ALL] and np.all(weights[ALL] == 1):
            field = all_cells
        else:
            field = np.zeros_like(all_cells)
            for number, weight in weights.items():
                inside = np.flatnonzero(weight > 0).astype(np.int32)
                if number == ALL:
                    field += weight * all_cells
                elif inside.size:
                    predicted = evaluators[number].predict_months(
                        [feature.select(..., inside) for feature in features],
                        months,
                        onto=all_cells[:, inside],
                    )
                    field[:, inside] += weight[inside] * predicted
        field *= np.float32(self.shrinkage * self.contrast_slope)
        return field

    def predict_by_region(self, table: np.ndarray, regions: np.ndarray) -> np.ndarray:
        """Predict each row with the model of its region.

        Parameters
        ----------
        table : numpy.ndarray of float32, shape (rows, features)
            Features; NaN for no value.
        regions : numpy.ndarray of int, shape (rows,)
            Region of each row.

        Returns
        -------
        numpy.ndarray of float32, shape (rows,)
            As ``predict``, cm.
        """
        numbers = self.numbers(regions)
        weights = {
            int(number): (numbers == number).astype(np.float32) for number in np.unique(numbers)
        }
        return self.predict(list(table.T), weights)

    @cached_property
    def _evaluators(self) -> tuple[dict[int, Evaluator], set[str]]:
        """Evaluators by number, and their remarks.

        Those of regions evaluate only the trees that are added to the trees of ``ALL``.
        """
        remarks: set[str] = set()
        shared = self.boosters[ALL].num_boosted_rounds()
        evaluators = {
            number: evaluator(booster, remarks.add, skip=0 if number == ALL else shared)
            for number, booster in self.boosters.items()
        }
        return evaluators, remarks


def write_models(
    folder: Path, domain: Domain, models: RegionModels, prior: Prior | None = None
) -> None:
    """Write the models.

    ``model_<number>.ubj`` are in the format of XGBoost. ``models.json`` holds the names of the
    features, the shrinkage factor ("share"), the calibration slope ("stretch") and the regions that
    each model serves.

    Parameters
    ----------
    folder : Path
        An existing folder.
    domain : Domain
        The study domain.
    models : RegionModels
        The models.
    prior : Prior, optional
        The prior that they are added to; its coefficients are under "prior".
    """
    present = np.unique(domain.regions.cells[domain.cells])
    serving = models.numbers(present)
    files = {}
    for number, booster in models.boosters.items():
        # XGBoost would not notice that the end of a file that it writes is lost.
        (folder / f"model_{number}.ubj").write_bytes(booster.save_raw("ubj"))
        files[f"model_{number}.ubj"] = [
            domain.regions.names[region] for region in present[serving == number]
        ]
    contents = {
        "features": list(domain.samples.names),
        "share": models.shrinkage,
        "stretch": models.contrast_slope,
        "models": files,
        "prior": prior.as_record() if prior else None,
    }
    (folder / "models.json").write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
