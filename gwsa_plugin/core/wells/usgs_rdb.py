"""Tables of the USGS in its RDB format: comments, names, widths of the columns, and rows.

Source: USGS Water Services, description of the tab-delimited (RDB) format.
"""

from __future__ import annotations

import re
from pathlib import Path

COMMENT = "#"
_WIDTH = re.compile(r"\d+[sdnSDN]")


def read_rdb(path: str | Path) -> dict[str, list[str]]:
    """Read the columns of an RDB file.

    A file of several sites repeats comments, names and widths; its tables are joined.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to list of str
        Name -> texts of the rows, empty where a table does not have the column.
    """
    columns: dict[str, list[str]] = {}
    names: list[str] = []
    previous: list[str] = []
    rows = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(COMMENT) or not line.strip():
                continue
            cells = line.rstrip("\r\n").split("\t")
            if all(_WIDTH.fullmatch(cell.strip()) for cell in cells):
                names = previous
                rows = _remove_header(columns, rows)
                for name in names:
                    columns.setdefault(name, [""] * rows)
                continue
            for name, column in columns.items():
                column.append(cells[names.index(name)] if name in names[: len(cells)] else "")
            rows += 1
            previous = cells
    return columns


def _remove_header(columns: dict[str, list[str]], rows: int) -> int:
    """Remove the names of the next table, which were read as a row of the one before."""
    for column in columns.values():
        if column:
            column.pop()
    return max(rows - 1, 0)
