"""Answers from monthly maps: trends, series of polygons, drought, recharge, comparison, export."""
