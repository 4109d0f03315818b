"""The file CITATION.cff of a dataset.

References
----------
Druskat et al. (2021): Citation File Format 1.2.0, https://doi.org/10.5281/zenodo.5171937.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from .description import Creator, Description


def citation_file(description: Description, abstract: str) -> str:
    """Return the text of CITATION.cff.

    Parameters
    ----------
    description : Description
    abstract : str
        What the dataset contains, in plain text.
    """
    return "\n".join(_lines(description, abstract)) + "\n"


def _lines(description: Description, abstract: str) -> Iterator[str]:
    yield "cff-version: 1.2.0"
    yield 'message: "Cite this dataset with its title and its creators."'
    yield "type: dataset"
    yield f"title: {_quoted(description.title)}"
    yield "authors:"
    for creator in description.creators:
        yield from _author(creator)
    yield f"license: {description.licence.identifier}"
    if description.doi:
        yield f"doi: {_quoted(description.doi)}"
    yield f"abstract: {_quoted(abstract)}"
    yield "keywords:"
    yield from (f"  - {_quoted(word)}" for word in KEYWORDS)


KEYWORDS = ("groundwater", "groundwater storage anomaly", "GRACE", "GRACE-FO", "hydrology")


def _author(creator: Creator) -> Iterator[str]:
    if creator.given:
        yield f"  - family-names: {_quoted(creator.name)}"
        yield f"    given-names: {_quoted(creator.given)}"
    else:
        yield f"  - name: {_quoted(creator.name)}"
    if creator.orcid:
        yield f"    orcid: https://orcid.org/{creator.orcid}"


def _quoted(text: str) -> str:
    """A text as a scalar of YAML, whose double-quoted scalars include those of JSON."""
    return json.dumps(text, ensure_ascii=False)
