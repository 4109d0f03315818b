"""The trees of a Booster as plain arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

DEEPEST = 8  # levels of splits: the number of a leaf is a byte


class Unsupported(Exception):
    """Why XGBoost itself must predict; the message ends a sentence."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Of each node: ``feature``, ``missing_left``, and ``value``, the threshold below which a row goes left, or what a
    leaf adds. ``levels``: the nodes of each tree from its root down, int, (trees, 1), (trees, 2), (trees, 4)...; below
    a leaf stands the leaf again, so that all trees are equally deep and the last level is all leaves. ``base``: what
    the sum starts from."""

    features: int
    base: np.float32
    feature: np.ndarray
    value: np.ndarray
    missing_left: np.ndarray
    is_leaf: np.ndarray
    levels: list[np.ndarray]

    @property
    def trees(self) -> int:
        return self.levels[0].shape[0]

    def splits(self, trees: slice) -> np.ndarray:
        """The nodes of ``trees`` that split, each once."""
        nodes = np.unique(np.concatenate([level[trees].ravel() for level in self.levels]))
        return nodes[~self.is_leaf[nodes]]


def read_forest(booster, skip: int = 0) -> Forest:
    """The trees of a Booster from number ``skip`` on. Unsupported where its predictions are not just their sum."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    parameters, gradient_booster = learner["learner_model_param"], learner["gradient_booster"]
    if gradient_booster["name"] != "gbtree":
        raise Unsupported(f"the model is of the kind {gradient_booster['name']}, not gbtree")
    if learner["objective"]["name"] != "reg:squarederror":
        raise Unsupported(
            f"the objective {learner['objective']['name']} may transform what the trees say"
        )
    _refuse_other_outputs(parameters, gradient_booster["model"])
    # "5E-1" until XGBoost 3.0, "[5E-1]" after.
    base = np.float32(parameters["base_score"].strip("[]"))
    return _forest(gradient_booster["model"]["trees"][skip:], int(parameters["num_feature"]), base)


def _refuse_other_outputs(parameters: dict, model: dict) -> None:
    if int(parameters["num_class"]) > 1 or int(parameters.get("num_target", 1)) > 1:
        raise Unsupported("the model has several outputs")
    if int(model["gbtree_model_param"].get("num_parallel_tree", 1)) > 1:
        raise Unsupported("the model grows several trees in a round")
    if any(any(tree["split_type"]) for tree in model["trees"]):
        raise Unsupported("the model splits by categories")


def _forest(trees: list[dict], features: int, base: np.float32) -> Forest:
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.cumsum([0, *sizes])[:-1]

    def joined(name, kind):
        return np.concatenate(
            [np.asarray(tree[name], dtype=kind) for tree in trees] or [np.empty(0, kind)]
        )

    left, right = joined("left_children", np.int64), joined("right_children", np.int64)
    is_leaf, nodes = left < 0, np.arange(left.size)
    of_tree = np.repeat(roots, sizes)
    left, right = (np.where(is_leaf, nodes, children + of_tree) for children in (left, right))
    return Forest(
        features=features, base=base, is_leaf=is_leaf, levels=_levels(roots[:, None], left, right, is_leaf),
        feature=joined("split_indices", np.int64), value=joined("split_conditions", np.float32),
        missing_left=joined("default_left", bool),
    )  # fmt: skip


def _levels(
    roots: np.ndarray, left: np.ndarray, right: np.ndarray, is_leaf: np.ndarray
) -> list[np.ndarray]:
    levels = [roots]
    while (
        len(levels) == 1 or not is_leaf[levels[-1]].all()
    ):  # one level of splits at least, to look leaves up by
        if len(levels) > DEEPEST:
            raise Unsupported(f"trees are deeper than {DEEPEST} levels")
        nodes = levels[-1]
        levels.append(
            np.stack([left[nodes], right[nodes]], axis=-1).reshape(len(nodes), 2 * nodes.shape[1])
        )
    return levels
