"""What a benchmark of scores returns: one of ours beside that of a peer, and whatever else was measured."""

from __future__ import annotations


def score_result(values: dict[str, float], ours: float, peer: float, unit: str, peer_name: str) -> dict:
    """Scores are better high or low as the case may be, so that there is no ratio."""
    return {
        "values": values, "ours": ours, "peer": peer, "ratio": None, "equal": None,
        "unit": unit, "peer_name": peer_name,
    }  # fmt: skip
