"""Who predicts: our kernel, or XGBoost itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from ...predictors.stored_features import count_rows, feature_table, row_blocks
from .model import Forest, Unsupported, read_forest
from .segments import Segment, split_into_segments


def evaluator(booster, say: Callable[[str], None], skip: int = 0, permuting: bool | None = None):
    """What predicts as ``booster`` does, to the bit, by ``predict(features, onto=None)``, as fast as it can be here.

    ``features``: one for each that the Booster knows, in its order: float32, (rows,), NaN missing, or ``StoredFeature``; an
    array of shape (features, rows) is such a sequence. The result is float32, (rows,). Threads may share an evaluator.

    ``skip``: trees at the beginning that are left out. ``onto``: float32, (rows,), what the sum starts from in place of
    the Booster's base score. So the trees that two models share are evaluated once:

        first = evaluator(booster, say).predict(features)
        second = evaluator(continued, say, skip=booster.num_boosted_rounds()).predict(features, onto=first)

    ``say`` is told, in a sentence, when XGBoost itself must predict and why. ``permuting``: whether leaves are looked
    up by permuting bytes, which takes a processor with AVX512-VBMI; by default where there is one.
    """
    try:
        return _Kernel(read_forest(booster, skip), permuting)
    except Unsupported as reason:
        say(
            f"XGBoost itself predicts, which takes many times as long for the same numbers: {reason}."
        )
        return XgboostEvaluator(booster, skip)


class XgboostEvaluator:
    """XGBoost's own predictor, block by block."""

    def __init__(self, booster, skip: int):
        self._booster, self._trees = booster, (skip, booster.num_boosted_rounds())

    def predict(self, features: Sequence, onto: np.ndarray | None = None) -> np.ndarray:
        rows = count_rows(features, self._booster.num_features(), onto)
        sums = np.empty(rows, dtype=np.float32)
        for block, of_block in row_blocks(features, rows):
            start = None if onto is None else onto[block]
            sums[block] = self._booster.inplace_predict(
                feature_table(of_block),
                iteration_range=self._trees,
                base_margin=start,
                validate_features=False,
            )
        return sums


class _Kernel:
    """Ours, segment by segment within a block."""

    def __init__(self, forest: Forest, permuting: bool | None):
        self._features, self._base = forest.features, forest.base
        self._parts = [_Part(segment, permuting) for segment in split_into_segments(forest)]

    def predict(self, features: Sequence, onto: np.ndarray | None = None) -> np.ndarray:
        rows = count_rows(features, self._features, onto)
        sums = np.full(rows, self._base) if onto is None else np.array(onto, dtype=np.float32)
        for block, of_block in row_blocks(features, rows):
            for part in self._parts:
                part.add(of_block, sums[block])
        return sums


class _Part:
    """The trees of a segment, with what codes features for them."""

    def __init__(self, segment: Segment, permuting: bool | None):
        kernel, recode = _compiled()
        self._coders = [recode.Coder(coding) for coding in segment.codings]
        permuting = kernel.can_permute() if permuting is None else permuting
        leaves = kernel.permutable(segment.leaves) if permuting else segment.leaves
        self._trees = segment.runs, segment.limits, segment.nodes, leaves
        self._width, self._add = kernel.ROWS, kernel.add_trees

    def add(self, features: Sequence, sums: np.ndarray) -> None:
        """To ``sums``, float32, (rows,)."""
        filled_up = -(-sums.size // self._width) * self._width
        codes, row = np.empty((len(self._trees[0]), filled_up), dtype=np.uint8), 0
        for coder in self._coders:
            coder.code(features[coder.feature], codes[row : row + coder.rows, : sums.size])
            row += coder.rows
        self._add(codes, *self._trees, sums)


def _compiled():
    """The modules that need numba."""
    if sys.byteorder != "little":
        raise Unsupported("the kernel is written for little-endian processors")
    try:
        from . import kernel, recode
    except (
        ImportError,
        RuntimeError,
    ) as error:  # no numba; or one that finds nowhere to keep what it compiled
        raise Unsupported(f"numba could not be used ({error})") from None
    return kernel, recode
