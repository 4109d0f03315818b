"""Read the trees of an XGBoost Booster into plain arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xgboost import Booster

# Levels of splits of the deepest tree. The number of a leaf is then a byte.
DEEPEST = 8


class Unsupported(Exception):
    """Raised when only XGBoost can predict; the message is the reason and ends a sentence."""


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of a Booster.

    Parameters
    ----------
    features : int
        Number of features.
    base : numpy.float32
        Base score, to which the leaves are added.
    feature : numpy.ndarray of int, shape (nodes,)
        Feature that a node splits by.
    value : numpy.ndarray of float32, shape (nodes,)
        Threshold of a split, below which a row goes left, or value of a leaf.
    missing_left : numpy.ndarray of bool, shape (nodes,)
        Whether a row without a value goes left.
    is_leaf : numpy.ndarray of bool, shape (nodes,)
        Whether a node is a leaf.
    levels : list of numpy.ndarray of int
        Nodes of each level of the trees from the root down, shapes (trees, 1), (trees, 2),
        (trees, 4) and so on. Below a leaf the leaf is repeated, so that all trees are equally deep
        and the last level consists of leaves.
    """

    features: int
    base: np.float32
    feature: np.ndarray
    value: np.ndarray
    missing_left: np.ndarray
    is_leaf: np.ndarray
    levels: list[np.ndarray]

    @property
    def trees(self) -> int:
        """Number of trees."""
        return self.levels[0].shape[0]

    def splits(self, trees: slice) -> np.ndarray:
        """Return the nodes of some trees that split, ascending and without repetition."""
        nodes = np.unique(np.concatenate([level[trees].ravel() for level in self.levels]))
        return nodes[~self.is_leaf[nodes]]


def read_forest(booster: Booster, skip: int = 0) -> Forest:
    """Read the trees of a Booster.

    Parameters
    ----------
    booster : xgboost.Booster
        The model.
    skip : int
        Number of trees at the beginning that are left out.

    Raises
    ------
    Unsupported
        When a prediction is not the plain sum of leaves of binary numerical splits, or trees are
        deeper than ``DEEPEST`` levels.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    parameters = learner["learner_model_param"]
    gradient_booster = learner["gradient_booster"]
    if gradient_booster["name"] != "gbtree":
        raise Unsupported(f"the model is of the kind {gradient_booster['name']}, not gbtree")
    if learner["objective"]["name"] != "reg:squarederror":
        raise Unsupported(
            f"the objective {learner['objective']['name']} may transform the sum of the leaves"
        )
    _refuse_other_outputs(parameters, gradient_booster["model"])
    # Written as "5E-1" until XGBoost 3.0 and as "[5E-1]" since.
    base = np.float32(parameters["base_score"].strip("[]"))
    return _build_forest(
        gradient_booster["model"]["trees"][skip:], int(parameters["num_feature"]), base
    )


def _refuse_other_outputs(parameters: dict, model: dict) -> None:
    """Raise Unsupported for models with several outputs, parallel trees or categories."""
    if int(parameters["num_class"]) > 1 or int(parameters.get("num_target", 1)) > 1:
        raise Unsupported("the model has several outputs")
    if int(model["gbtree_model_param"].get("num_parallel_tree", 1)) > 1:
        raise Unsupported("the model grows several trees in a round")
    if any(any(tree["split_type"]) for tree in model["trees"]):
        raise Unsupported("the model splits by categories")


def _build_forest(trees: list[dict], features: int, base: np.float32) -> Forest:
    """Join the nodes of all trees, numbered one tree after the other."""
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.cumsum([0, *sizes])[:-1]

    def joined(name: str, dtype: type) -> np.ndarray:
        return np.concatenate(
            [np.asarray(tree[name], dtype=dtype) for tree in trees] or [np.empty(0, dtype)]
        )

    left = joined("left_children", np.int64)
    right = joined("right_children", np.int64)
    is_leaf = left < 0
    nodes = np.arange(left.size)
    # Children are numbered within their tree; a leaf is its own child.
    first_node = np.repeat(roots, sizes)
    left = np.where(is_leaf, nodes, left + first_node)
    right = np.where(is_leaf, nodes, right + first_node)
    return Forest(
        features=features,
        base=base,
        feature=joined("split_indices", np.int64),
        value=joined("split_conditions", np.float32),
        missing_left=joined("default_left", bool),
        is_leaf=is_leaf,
        levels=_build_levels(roots[:, None], left, right, is_leaf),
    )


def _build_levels(
    roots: np.ndarray, left: np.ndarray, right: np.ndarray, is_leaf: np.ndarray
) -> list[np.ndarray]:
    """The nodes of each level, down to the first that consists of leaves.

    There is at least one level of splits, because the kernel looks leaves up by the results of
    splits.
    """
    levels = [roots]
    while len(levels) == 1 or not is_leaf[levels[-1]].all():
        if len(levels) > DEEPEST:
            raise Unsupported(f"trees are deeper than {DEEPEST} levels")
        nodes = levels[-1]
        children = np.stack([left[nodes], right[nodes]], axis=-1)
        levels.append(children.reshape(len(nodes), 2 * nodes.shape[1]))
    return levels
