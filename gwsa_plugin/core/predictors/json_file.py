"""Read the JSON files of catalogues and predictor sets, and state what is wrong with them."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

from ..base.errors import InputError


def read_json(path: Path) -> dict:
    """Read a JSON file that contains an object of format 1.

    Raises
    ------
    InputError
        When the file does not exist or contains anything else.
    """
    try:
        text = _decode(path.read_bytes(), path.name)
        content = json.loads(text)
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path.name} in {path.parent.name}; check the path."
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path.name} is not readable as JSON: {_json_problem(text, error)}; correct it there."
        ) from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error}); check the file.") from None
    if not isinstance(content, dict) or content.get("format", 1) != 1:
        raise InputError(
            f"{path.name} is not of format 1; "
            'it must be an object with "format": 1 and "predictors".'
        )
    return content


def read_land(content: dict, name: str) -> str | None:
    """Return the land mask that a JSON file names, None when it names none.

    Raises
    ------
    InputError
        When it is not a text.
    """
    land = content.get("land")
    if land is not None and not isinstance(land, str):
        raise InputError(
            f'{name} has "land": {json.dumps(land)}; give the path of a raster as text, or remove '
            "it."
        )
    return land or None


def _decode(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with the mark that Windows programs write."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in content:
            raise InputError(
                f"{name} is not readable as JSON: it is no text; choose a catalogue."
            ) from None
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{name} is not encoded as UTF-8 (line {line}); save it as UTF-8 in your text editor."
        ) from None


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong with a text that is no JSON, and in which line."""
    rest = text[error.pos :].lstrip()
    # The position is that of the comma from Python 3.13 on, and behind it before.
    comma = text.rfind(",", 0, error.pos + 1)
    if comma >= 0 and re.match(r",\s*[\]}]", text[comma:]):
        line = text.count("\n", 0, comma) + 1
        return f"line {line} ends a list or an object with a comma, which has nothing after it"
    if rest.startswith(("//", "/*", "#")):
        return f"line {error.lineno} has a comment, and JSON has none"
    return f"{error.msg} in line {error.lineno}, column {error.colno}"
