"""Arrange the trees of a forest for the kernel, with a coding of the features that all share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .model import Forest

# Thresholds of a coding, so that codes and MISSING are bytes. A feature with more has more codings.
MOST_THRESHOLDS = 254
# Code of a missing value, above all others.
MISSING = 255


class Coding(NamedTuple):
    """How the values of a feature are replaced by bytes.

    The code of a value is the number of thresholds that are not above it, that of a missing value
    is ``MISSING``.

    Parameters
    ----------
    feature : int
        Number of the feature.
    thresholds : numpy.ndarray of float32
        Thresholds of the splits, ascending.
    """

    feature: int
    thresholds: np.ndarray


@dataclass(frozen=True, eq=False)
class ArrangedForest:
    """The trees of a forest, arranged for the kernel.

    A plane is a comparison of the codes of a feature with a limit, where a missing value is above
    the limit or not. Each plane that occurs in the trees is there once, however many trees use it.

    Parameters
    ----------
    codings : list of Coding
        Codings of the features that the trees split by.
    runs : numpy.ndarray of int64, shape (codings, 5)
        Planes of each coding: the first; the ends of those in which a missing value is not above
        the limit, in which it is, and for which there are both planes; and how many planes later
        the second plane is in which it is above.
    limits : numpy.ndarray of uint8, shape (limits,)
        A row goes right when its code is above the limit of a plane.
    planes : int
        Number of planes: the limits, and the second planes of those that have two.
    nodes : tuple of numpy.ndarray of uint32
        For each level of splits, the planes of the nodes, shape (trees, nodes). They are given as
        the first word of the plane, which is 8 times its number.
    leaves : numpy.ndarray of float32, shape (trees, leaves)
        Values of the leaves.
    """

    codings: list[Coding]
    runs: np.ndarray
    limits: np.ndarray
    planes: int
    nodes: tuple[np.ndarray, ...]
    leaves: np.ndarray


def arrange(forest: Forest) -> ArrangedForest:
    """Arrange the trees of a forest."""
    splits = forest.splits(slice(None))
    feature = forest.feature[splits]
    value = forest.value[splits]
    missing_left = forest.missing_left[splits]
    codings = [
        Coding(int(number), thresholds)
        for number in np.unique(feature)
        for thresholds in _parts(np.unique(value[feature == number]))
    ]
    second = sum(coding.thresholds.size for coding in codings)
    split_plane = np.empty(splits.size, dtype=np.int64)
    first = 0
    runs = []
    limits = [np.empty(0, dtype=np.int64)]
    for coding in codings:
        lowest, highest = coding.thresholds[[0, -1]]
        own = (feature == coding.feature) & (lowest <= value) & (value <= highest)
        limit = np.searchsorted(coding.thresholds, value[own])
        kinds, places = _arrange_planes(limit, missing_left[own], coding.thresholds.size)
        ends = first + np.cumsum([kind.size for kind in kinds])
        shift = second - int(ends[1])
        # The second of two planes is the one in which missing values go right.
        is_second = np.isin(limit, kinds[2]) & ~missing_left[own]
        split_plane[own] = first + places[limit] + np.where(is_second, shift, 0)
        runs.append((first, *ends.tolist(), shift))
        limits += kinds
        first = int(ends[2])
        second += kinds[2].size
    # A leaf above the last level may have any plane: the same leaf is on both sides below it.
    plane = np.zeros(forest.is_leaf.size, dtype=np.uint32)
    plane[splits] = 8 * split_plane
    return ArrangedForest(
        codings=codings,
        runs=np.array(runs, dtype=np.int64).reshape(-1, 5),
        limits=np.concatenate(limits).astype(np.uint8),
        planes=second,
        nodes=tuple(plane[level] for level in forest.levels[:-1]),
        leaves=forest.value[forest.levels[-1]],
    )


def _parts(thresholds: np.ndarray) -> list[np.ndarray]:
    """Thresholds in parts that a byte can count."""
    return np.array_split(thresholds, -(-thresholds.size // MOST_THRESHOLDS))


def _arrange_planes(
    limit: np.ndarray, missing_left: np.ndarray, count: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Sort the limits of a feature by where its splits send missing values.

    Returns the limits with left alone, right alone and both, and the place of each limit in this
    order.
    """
    every = np.arange(count)
    left, right = (np.isin(every, limit[where]) for where in (missing_left, ~missing_left))
    kinds = [every[left & ~right], every[right & ~left], every[left & right]]
    places = np.empty(count, dtype=np.int64)
    places[np.concatenate(kinds)] = every
    return kinds, places


def separate_bytes(leaves: np.ndarray) -> np.ndarray:
    """Separate the four bytes of each leaf, so that the kernel looks leaves up by permuting.

    Parameters
    ----------
    leaves : numpy.ndarray of float32, shape (trees, leaves)
        Values of the leaves.

    Returns
    -------
    numpy.ndarray of uint8, shape (trees, 4, max(64, leaves))
        The first, second, third and fourth bytes of the leaves of each tree.
    """
    trees, count = leaves.shape
    separate = np.zeros((trees, 4, max(64, count)), dtype=np.uint8)
    separate[:, :, :count] = np.swapaxes(
        leaves.astype("<f4").view(np.uint8).reshape(trees, count, 4), 1, 2
    )
    return separate
