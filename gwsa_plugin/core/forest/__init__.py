"""XGBoost's forests evaluated 512 rows at a time: the same numbers as ``Booster.inplace_predict``, to the bit.

What a tree asks of a row is whether a feature lies below a threshold. A feature becomes one byte, its place among the
thresholds that the forest compares it with (``recode``); a question becomes one bit of every row, asked once however
many trees ask it (``kernel``: planes); a tree becomes a selection among such planes, which yields the bits of the number
of the leaf (trees), and the leaves are looked up and added in the order of the trees (leaves). ``model`` reads the trees
out of a Booster, ``segments`` lays them out, ``engine`` chooses who predicts and leads the rows through.
"""

from .engine import evaluator
from .features import Scaled

__all__ = ["Scaled", "evaluator"]
