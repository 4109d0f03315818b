"""Addresses of the pages of the documentation."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def page_url(name: str) -> str:
    """Return the address of a page.

    Parameters
    ----------
    name : str
        Path of the page in the folder docs without suffix, for example ``stages/downscale``.

    Returns
    -------
    str
        ``file:`` address of the HTML page, which the package contains, or else of its Markdown,
        which a checkout contains. Empty if there is neither.
    """
    pages = (ROOT / "docs" / f"{name}{suffix}" for suffix in (".html", ".md"))
    return next((page.as_uri() for page in pages if page.is_file()), "")
