"""Evaluate XGBoost forests for 512 rows at a time.

The predictions have the same bits as those of ``Booster.inplace_predict``.

A split compares a feature with a threshold. ``model`` reads the trees from a Booster and
``arranged_forest`` arranges them. ``recode`` replaces each feature value by a byte: the number of
thresholds of that feature that are not above the value. ``kernel`` compares the bytes with each
threshold once for all trees, a bit per row, finds the leaf that each row reaches in each tree, and
adds the values of the leaves in the order of the trees. ``engine`` chooses between the kernel and
XGBoost, and processes the rows block by block.
"""
