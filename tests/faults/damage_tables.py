"""JSON, GeoJSON and CSV files with entries, fields or rows that are wrong or unusual."""

from __future__ import annotations

import json
import re
from pathlib import Path


def entry(path: Path, place: str, *value: str) -> None:
    """Another value, as JSON, at a place like ``features/0/properties/name``; none removes it."""
    content = json.loads(path.read_text())
    *parents, last = [int(key) if key.isdigit() else key for key in place.split("/")]
    owner = content
    for key in parents:
        owner = owner[key]
    if value:
        owner[last] = json.loads(" ".join(value))
    else:
        del owner[last]
    path.write_text(json.dumps(content))


def content(path: Path, *value: str) -> None:
    """Another content of the file."""
    path.write_text(" ".join(value))


def every(path: Path, place: str, *value: str) -> None:
    """As ``entry``, in every feature of a GeoJSON file."""
    for number in range(len(json.loads(path.read_text())["features"])):
        entry(path, f"features/{number}/{place}", *value)


def twice(path: Path, key: str) -> None:
    """The first item of a list of the file is in it twice."""
    found = json.loads(path.read_text())
    found[key].append(found[key][0])
    path.write_text(json.dumps(found))


def field(path: Path, name: str, *value: str) -> None:
    """Another value of a field in all rows; without a value, no such field."""
    head, *lines = path.read_text().splitlines()
    names = head.split(",")
    place = names.index(name)
    rows = [line.split(",") for line in lines]
    for row in [names, *rows] if not value else rows:
        row[place : place + 1] = [" ".join(value)] if value else []
    _write_rows(path, [names, *rows])


def cell(path: Path, name: str, row: str, *value: str) -> None:
    """Another value of a field in one row."""
    rows = [line.split(",") for line in path.read_text().splitlines()]
    rows[int(row)][rows[0].index(name)] = " ".join(value)
    _write_rows(path, rows)


def head(path: Path, old: str, new: str) -> None:
    """Another name of a field."""
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first.replace(old, new)}\n{rest}")


def first_rows(path: Path, count: str) -> None:
    path.write_text("\n".join(path.read_text().splitlines()[: int(count) + 1]) + "\n")


def doubled_rows(path: Path) -> None:
    """All rows twice."""
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first}\n{rest}{rest}")


def separator(path: Path, name: str) -> None:
    other = {"semicolon": ";", "tab": "\t", "pipe": "|"}[name]
    path.write_text(path.read_text().replace(",", other))


def decimal_comma(path: Path) -> None:
    """Semicolons between fields, and commas in numbers."""
    text = path.read_text().replace(",", ";")
    path.write_text(re.sub(r"(\d)\.(\d)", r"\1,\2", text))


def encoding(path: Path, name: str) -> None:
    """Another encoding, with a name that differs in it."""
    path.write_bytes(path.read_text().replace("W1,", "Wäßer,").encode(name))


def dates(path: Path, form: str) -> None:
    """Dates in another order: ``dmy``, ``mdy``, or ``none``."""
    order = {"dmy": r"\3/\2/\1", "mdy": r"\2/\3/\1", "none": "soon"}[form]
    path.write_text(re.sub(r"(\d{4})-(\d\d)-(\d\d)", order, path.read_text()))


def _write_rows(path: Path, rows: list[list[str]]) -> None:
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


TABLES = {
    one.__name__: one
    for one in (
        entry, content, every, twice, field, cell, head, first_rows, doubled_rows, separator,
        decimal_comma, encoding, dates,
    )
}  # fmt: skip
