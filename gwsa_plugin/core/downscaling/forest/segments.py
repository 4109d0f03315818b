"""Arrange the trees of a forest in segments that share one coding of the features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .model import Forest

# Thresholds of a feature in a segment, so that codes are bytes. A tree of 8 levels has no more
# splits.
MOST_THRESHOLDS = 255
# Codes of a missing value that are below and above every threshold.
MISSING_LEFT = 0
MISSING_RIGHT = 255


class Coding(NamedTuple):
    """How the values of a feature are replaced by bytes.

    The code of a value is the number of thresholds that are not above it. Missing values need no
    code of their own: a split sends them the same way as the smallest or the largest values. If
    some splits of the feature send missing values left and others right, there are two rows of
    codes.

    Parameters
    ----------
    feature : int
        Number of the feature.
    thresholds : numpy.ndarray of float32
        Thresholds of the splits, ascending.
    missing : numpy.ndarray of uint8
        Code of a missing value in each row of codes: ``MISSING_LEFT`` or ``MISSING_RIGHT``.
    """

    feature: int
    thresholds: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive trees, arranged for the kernel.

    A plane is a comparison of a row of codes with a limit. Each comparison that occurs in the trees
    is a plane once, however many trees use it.

    Parameters
    ----------
    codings : list of Coding
        Codings of the features that the trees split by; their rows of codes follow each other.
    runs : numpy.ndarray of int64, shape (runs, 3)
        A row of codes, and the first and last (exclusive) of its planes.
    limits : numpy.ndarray of uint8, shape (planes,)
        A table row goes right when its code is above the limit.
    nodes : tuple of numpy.ndarray of uint32
        For each level of splits, the planes of the nodes, shape (trees, nodes). They are given as
        the first word of the plane, which is 8 times its number.
    leaves : numpy.ndarray of float32, shape (trees, leaves)
        Values of the leaves.
    """

    codings: list[Coding]
    runs: np.ndarray
    limits: np.ndarray
    nodes: tuple[np.ndarray, ...]
    leaves: np.ndarray


def split_into_segments(forest: Forest) -> list[Segment]:
    """Split a forest into segments, in the order of the trees.

    Usually there is one segment. A model that is continued on other data has the thresholds of both
    trainings, and may have too many for one byte.
    """
    return [_make_segment(forest, trees) for trees in _find_spans(forest)]


def _find_spans(forest: Forest) -> Iterator[slice]:
    """Consecutive trees that together have at most ``MOST_THRESHOLDS`` of each feature."""
    first = 0
    known: set[tuple[int, float]] = set()
    counts: Counter[int] = Counter()
    for tree in range(forest.trees):
        thresholds = _thresholds(forest, tree)
        counts.update(feature for feature, _ in thresholds - known)
        if max(counts.values(), default=0) > MOST_THRESHOLDS:
            # This tree does not fit: the segment ends before it.
            yield slice(first, tree)
            first = tree
            known = set()
            counts = Counter(feature for feature, _ in thresholds)
        known |= thresholds
    yield slice(first, forest.trees)


def _thresholds(forest: Forest, tree: int) -> set[tuple[int, float]]:
    """Features and thresholds of the splits of a tree."""
    splits = forest.splits(slice(tree, tree + 1))
    return set(zip(forest.feature[splits].tolist(), forest.value[splits].tolist()))


def _make_segment(forest: Forest, trees: slice) -> Segment:
    """Arrange the trees ``trees``."""
    splits = forest.splits(trees)
    feature = forest.feature[splits]
    value = forest.value[splits]
    missing = np.where(forest.missing_left[splits], MISSING_LEFT, MISSING_RIGHT)
    # The limit of a split is the position of its threshold among those of the feature.
    limit = np.empty(splits.size, dtype=np.int64)
    codings = []
    for number in np.unique(feature):
        own = feature == number
        thresholds, limit[own] = np.unique(value[own], return_inverse=True)
        codings.append(Coding(int(number), thresholds, np.unique(missing[own]).astype(np.uint8)))
    # Rows of codes are sorted by feature and code of a missing value, as the codings are.
    rows, row = np.unique(256 * feature + missing, return_inverse=True)
    # Planes are sorted by row of codes and limit.
    planes, split_plane = np.unique(256 * row + limit, return_inverse=True)
    bounds = np.searchsorted(planes, 256 * np.arange(rows.size + 1))
    runs = np.stack([np.arange(rows.size), bounds[:-1], bounds[1:]], axis=1)
    # A leaf above the last level may have any plane: the same leaf is on both sides below it.
    plane = np.zeros(forest.is_leaf.size, dtype=np.uint32)
    plane[splits] = 8 * split_plane
    levels = [level[trees] for level in forest.levels]
    return Segment(
        codings=codings,
        runs=runs.astype(np.int64),
        limits=(planes % 256).astype(np.uint8),
        nodes=tuple(plane[level] for level in levels[:-1]),
        leaves=forest.value[levels[-1]],
    )
