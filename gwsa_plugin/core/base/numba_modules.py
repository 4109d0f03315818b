"""Import of modules that need numba, which is optional."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def load_numba_module(name: str) -> ModuleType | None:
    """Import a module of the core that contains functions compiled by numba.

    Parameters
    ----------
    name : str
        Dotted name inside the core, for example ``"spatial.blocks_numba"``.

    Returns
    -------
    module or None
        None when numba is not installed, cannot be loaded, or has no folder in which it can cache
        compiled code.
    """
    try:
        return import_module(f"..{name}", __package__)
    except Exception:  # a numba that does not fit to numpy raises errors of any kind
        return None
