"""XGBoost's forests evaluated 512 rows at a time: the same numbers as ``Booster.inplace_predict``, to the bit.

What a tree asks of a row is whether a feature lies below a threshold. ``model`` reads the trees out of a Booster, and
``segments`` lays them out. Each feature becomes a byte, its place among the thresholds that it is compared with
(``recode``). Each question becomes a bit of every row, asked once however many trees ask it; a tree becomes a selection
among such bits, which yields the number of the leaf; leaves are looked up and added in the order of the trees
(``kernel``). ``engine`` chooses who predicts and leads the rows through.
"""
