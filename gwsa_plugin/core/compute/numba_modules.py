"""Programs compiled by numba, which need not be there."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def load_numba_module(name: str) -> ModuleType | None:
    """The module ``name`` of this package; None without numba, or where it finds nowhere to keep what it compiled."""
    try:
        return import_module(f"..{name}", __package__)
    except (ImportError, RuntimeError):
        return None
