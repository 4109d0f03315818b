"""Predict with a Booster: by the compiled kernel where possible, otherwise by XGBoost."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...base.thread_arrays import thread_array
from ...predictors.stored_features import Feature, TileFeature, count_rows, row_blocks
from .arranged_forest import arrange, separate_bytes
from .model import Forest, Unsupported, read_forest

if TYPE_CHECKING:
    from xgboost import Booster

# Rows that are processed at a time: of many months, so that their codes take a few megabytes, and
# of a single one, so that calls take little of the time.
ROWS_OF_MONTHS = 8192
ROWS = 32768


class Evaluator(ABC):
    """Predicts with the trees of a Booster. Threads may share it."""

    def predict(self, features: Sequence[Feature], onto: np.ndarray | None = None) -> np.ndarray:
        """Predict rows.

        Parameters
        ----------
        features : sequence of Feature
            The features of the Booster in its order, each of shape (rows,): float32 with NaN for no
            value, or ``StoredFeature``. An array of shape (features, rows) is such a sequence.
        onto : numpy.ndarray of float32, shape (rows,), optional
            What the leaves are added to; by default the base score of the Booster.

        Returns
        -------
        numpy.ndarray of float32, shape (rows,)
            The same bits as ``Booster.inplace_predict`` with ``onto`` as base margin.

        Raises
        ------
        ValueError
            When the number of features is not that of the Booster or the lengths differ.
        """
        sums = self.predict_months(
            [TileFeature.from_rows(feature) for feature in features],
            1,
            None if onto is None else onto[None],
        )
        return sums[0]

    @abstractmethod
    def predict_months(
        self, features: Sequence[TileFeature], months: int, onto: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict the same rows in some months.

        Parameters
        ----------
        features : sequence of TileFeature
            The features of the Booster in its order, all with the same rows, with ``months`` bands
            or one.
        months : int
            Number of months.
        onto : numpy.ndarray of float32, shape (months, rows), optional
            What the leaves are added to; by default the base score of the Booster.

        Returns
        -------
        numpy.ndarray of float32, shape (months, rows)
            As ``predict``.

        Raises
        ------
        ValueError
            As ``predict``.
        """


def evaluator(
    booster: Booster,
    report: Callable[[str], None],
    skip: int = 0,
    permuting: bool | None = None,
) -> Evaluator:
    """Return the fastest evaluator of a Booster on this machine.

    Trees that two models share can be evaluated once::

        first = evaluator(booster, report).predict(features)
        rest = evaluator(continued, report, skip=booster.num_boosted_rounds())
        second = rest.predict(features, onto=first)

    Parameters
    ----------
    booster : xgboost.Booster
        The model.
    report : callable
        Receives a sentence with the reason when XGBoost must predict, which is slower.
    skip : int
        Number of trees at the beginning that are left out.
    permuting : bool, optional
        Whether leaves are looked up by permuting bytes, which needs AVX512-VBMI. By default it is
        used where the processor has it.
    """
    try:
        return _KernelEvaluator(read_forest(booster, skip), permuting)
    except Unsupported as reason:
        report(
            f"XGBoost predicts instead of the compiled kernel: {reason}. The results are the "
            "same but take many times as long."
        )
        return _XgboostEvaluator(booster, skip)


class _XgboostEvaluator(Evaluator):
    """The predictor of XGBoost, applied block by block."""

    def __init__(self, booster: Booster, skip: int):
        self._booster = booster
        self._trees = (skip, booster.num_boosted_rounds())

    def predict_months(
        self, features: Sequence[TileFeature], months: int, onto: np.ndarray | None = None
    ) -> np.ndarray:
        rows = count_rows(features, self._booster.num_features(), months, onto)
        sums = np.empty((months, rows), dtype=np.float32)
        for month in range(months):
            for block in row_blocks(rows, ROWS):
                sums[month, block] = self._booster.inplace_predict(
                    np.stack([feature.month(month, block) for feature in features], axis=1),
                    iteration_range=self._trees,
                    base_margin=None if onto is None else onto[month, block],
                    validate_features=False,
                )
        return sums


class _KernelEvaluator(Evaluator):
    """The compiled kernel, applied to blocks of rows, and the coders of the features."""

    def __init__(self, forest: Forest, permuting: bool | None):
        self._features = forest.features
        self._base = forest.base
        kernel, recode = _import_compiled()
        if permuting is None:
            permuting = kernel.can_permute()
        arranged = arrange(forest)
        leaves = separate_bytes(arranged.leaves) if permuting else arranged.leaves
        self._coders = [recode.Coder(coding, permuting) for coding in arranged.codings]
        self._trees = (arranged.runs, arranged.limits, arranged.planes, arranged.nodes, leaves)
        self._kernel = kernel

    def predict_months(
        self, features: Sequence[TileFeature], months: int, onto: np.ndarray | None = None
    ) -> np.ndarray:
        rows = count_rows(features, self._features, months, onto)
        if onto is None:
            sums = np.full((months, rows), self._base)
        else:
            sums = np.array(onto, dtype=np.float32)
        for block in row_blocks(rows, max(ROWS_OF_MONTHS, ROWS // months)):
            self._add(features, block, sums[:, block])
        return sums

    def _add(self, features: Sequence[TileFeature], rows: slice, sums: np.ndarray) -> None:
        """Add the leaves that ``rows`` reach to ``sums``, float32, shape (months, rows)."""
        months, count = sums.shape
        bands = [features[coder.feature].bands.size for coder in self._coders]
        first = np.cumsum([0, *bands])
        # The kernel takes complete groups of rows; codes beyond the last row are arbitrary.
        group = self._kernel.ROWS
        codes = thread_array("codes", (int(first[-1]), -(-count // group) * group), np.uint8)
        for coder, begin, end in zip(self._coders, first, first[1:]):
            coder.code(features[coder.feature], rows, codes[begin:end])
        advance = np.array(bands, dtype=np.int64) // max(months, 2)
        places = np.stack([first[:-1], np.minimum(advance, 1)], axis=1)
        self._kernel.add_trees(codes, places, *self._trees, sums)


def _import_compiled():
    """The modules that need numba, imported when they are first used."""
    if sys.byteorder != "little":
        raise Unsupported("the kernel is written for little-endian processors")
    try:
        from . import kernel, recode
    except Exception as error:
        # numba is not installed, does not fit to numpy, or finds no folder for compiled code.
        raise Unsupported(f"numba could not be used ({error})") from None
    return kernel, recode
