"""The trees of a forest laid out for the kernel, as many at a time as one coding of the features serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .model import Forest, Unsupported

MOST_THRESHOLDS = 254  # of a feature: 255 codes, 0 to 254, and 255 for a missing value


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive trees. ``thresholds``: of each feature that they split, by its number, float32, ascending; a row's
    code is how many of them are not above its value, and it goes right at a split when its code is above the split's
    limit.

    ``runs``: int64, (runs, 4): feature by its place among those of ``thresholds``, what is added to its codes, first
    and last (exclusive) of its planes. The sum wraps around at 256, so that adding 1 puts a missing value before all
    others instead of behind, where splits send it left by default. ``limits``: uint8, of each plane, with that 1.
    ``nodes``: of each level uint32, (trees, nodes): planes, as eight times their number: where their words begin.
    ``leaves``: float32, (trees, leaves).
    """

    thresholds: dict[int, np.ndarray]
    runs: np.ndarray
    limits: np.ndarray
    nodes: tuple[np.ndarray, ...]
    leaves: np.ndarray


def segments_of(forest: Forest) -> list[Segment]:
    """In the order of the trees. A model continued from another on other data has thresholds of both, and may have too
    many for one byte. Unsupported when a single tree has."""
    return [_segment(forest, trees) for trees in _spans(forest)]


def _spans(forest: Forest) -> Iterator[slice]:
    """Consecutive trees that together have few enough thresholds of each feature."""
    first, known, counts = 0, set(), Counter()
    for tree in range(forest.trees):
        own = _questions(forest, tree)
        counts.update(feature for feature, _ in own - known)
        if max(counts.values(), default=0) > MOST_THRESHOLDS:
            yield slice(first, tree)
            first, known, counts = tree, set(), Counter(feature for feature, _ in own)
            if max(counts.values()) > MOST_THRESHOLDS:
                raise Unsupported(f"a tree splits one feature at more than {MOST_THRESHOLDS} values")
        known |= own
    yield slice(first, forest.trees)


def _questions(forest: Forest, tree: int) -> set[tuple[int, float]]:
    splits = forest.splits(slice(tree, tree + 1))
    return set(zip(forest.feature[splits].tolist(), forest.value[splits].tolist()))


def _segment(forest: Forest, trees: slice) -> Segment:
    splits = forest.splits(trees)
    feature, value, ahead = forest.feature[splits], forest.value[splits], forest.missing_left[splits]
    thresholds = {int(one): np.unique(value[feature == one]) for one in np.unique(feature)}
    limit = np.empty(splits.size, dtype=np.int64)
    for one, of_one in thresholds.items():
        limit[feature == one] = np.searchsorted(of_one, value[feature == one])
    place = np.searchsorted(np.array(list(thresholds), dtype=np.int64), feature)
    planes, plane_of_split = np.unique((2 * place + ahead) * 256 + limit + ahead, return_inverse=True)
    plane = np.zeros(forest.is_leaf.size, dtype=np.uint32)  # of a leaf any will do: the same leaf stands on both sides
    plane[splits] = 8 * plane_of_split
    # Trees that are all a single leaf are given a level, so that there is something to look up by.
    levels = [level[trees] for level in forest.levels]
    levels = levels if len(levels) > 1 else [levels[0], np.repeat(levels[0], 2, axis=1)]
    return Segment(
        thresholds, _runs(planes // 256), (planes % 256).astype(np.uint8), tuple(plane[level] for level in levels[:-1]),
        forest.value[levels[-1]],
    )  # fmt: skip


def _runs(coding: np.ndarray) -> np.ndarray:
    """Of ascending codings of the planes: twice the place of the feature, plus what is added to its codes."""
    codings, firsts = np.unique(coding, return_index=True)
    lasts = np.append(firsts[1:], coding.size)[: firsts.size]
    return np.stack([codings // 2, codings % 2, firsts, lasts], axis=1).astype(np.int64)
