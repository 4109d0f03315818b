"""The trees of a forest laid out for the kernel, as many at a time as one coding of the features serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .model import Forest

MOST_THRESHOLDS = 255  # of a feature, so that codes are bytes; no tree of 8 levels has more splits
MISSING_LEFT, MISSING_RIGHT = 0, 255  # codes that are below and above every threshold


class Coding(NamedTuple):
    """How many of the ``thresholds`` of a ``feature``, float32, ascending, are not above a value is its code.

    ``missing``: uint8, the codes of a missing value, for each of which there is a row of codes: both where some splits
    send it left by default and others right. It needs no code of its own: in each row it goes the same way as the least
    or the greatest values.
    """

    feature: int
    thresholds: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive trees. ``codings``: of the features that they split; their rows of codes follow each other.

    ``runs``: int64, (runs, 3): a row of codes, and first and last (exclusive) of its planes. ``limits``: uint8, of each
    plane: a row goes right when its code is above. ``nodes``: of each level uint32, (trees, nodes), the planes, as
    eight times their number: where their words begin. ``leaves``: float32, (trees, leaves).
    """

    codings: list[Coding]
    runs: np.ndarray
    limits: np.ndarray
    nodes: tuple[np.ndarray, ...]
    leaves: np.ndarray


def split_into_segments(forest: Forest) -> list[Segment]:
    """In the order of the trees. A model continued from another on other data has the thresholds of both, and may have
    too many for one byte."""
    return [_segment(forest, trees) for trees in _spans(forest)]


def _spans(forest: Forest) -> Iterator[slice]:
    """Consecutive trees that together have few enough thresholds of each feature."""
    first, known, counts = 0, set(), Counter()
    for tree in range(forest.trees):
        asked = _thresholds(forest, tree)
        counts.update(feature for feature, _ in asked - known)
        if max(counts.values(), default=0) > MOST_THRESHOLDS:
            yield slice(first, tree)
            first, known, counts = tree, set(), Counter(feature for feature, _ in asked)
        known |= asked
    yield slice(first, forest.trees)


def _thresholds(forest: Forest, tree: int) -> set[tuple[int, float]]:
    splits = forest.splits(slice(tree, tree + 1))
    return set(zip(forest.feature[splits].tolist(), forest.value[splits].tolist()))


def _segment(forest: Forest, trees: slice) -> Segment:
    splits = forest.splits(trees)
    feature, value = forest.feature[splits], forest.value[splits]
    missing = np.where(forest.missing_left[splits], MISSING_LEFT, MISSING_RIGHT)
    limit, codings = np.empty(splits.size, dtype=np.int64), []
    for one in np.unique(feature):
        here = feature == one
        thresholds, limit[here] = np.unique(value[here], return_inverse=True)
        codings.append(Coding(int(one), thresholds, np.unique(missing[here]).astype(np.uint8)))
    rows, row = np.unique(
        256 * feature + missing, return_inverse=True
    )  # in the order of the codings
    planes, plane_of_split = np.unique(256 * row + limit, return_inverse=True)
    bounds = np.searchsorted(planes, 256 * np.arange(rows.size + 1))
    plane = np.zeros(
        forest.is_leaf.size, dtype=np.uint32
    )  # of a leaf any will do: the same leaf stands on both sides
    plane[splits] = 8 * plane_of_split
    levels = [level[trees] for level in forest.levels]
    return Segment(
        codings, np.stack([np.arange(rows.size), bounds[:-1], bounds[1:]], axis=1).astype(np.int64),
        (planes % 256).astype(np.uint8), tuple(plane[level] for level in levels[:-1]), forest.value[levels[-1]],
    )  # fmt: skip
