"""What a person states about an exported dataset: title, creators, licence and DOI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ...base.errors import InputError
from .licences import Licence

ORCID = re.compile(r"(?:https?://orcid\.org/|orcid:? ?)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])$", re.I)
DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi: ?)?(10\.\d{4,9}/\S+)$", re.I)
EXAMPLE = "“Family, Given (0000-0002-1825-0097); Institute of Hydrology”"


class Creator(NamedTuple):
    """A person or an organisation.

    Attributes
    ----------
    name : str
        Family name of a person, name of an organisation.
    given : str
        Given names of a person; empty for an organisation.
    orcid : str
        Sixteen digits with hyphens, or empty.
    """

    name: str
    given: str = ""
    orcid: str = ""

    @property
    def full_name(self) -> str:
        """The name as it is read: "Given Family"."""
        return f"{self.given} {self.name}".strip()

    @property
    def sorted_name(self) -> str:
        """The name as it is cited: "Family, Given"."""
        return f"{self.name}, {self.given}" if self.given else self.name


@dataclass(frozen=True)
class Description:
    """What a person states about a dataset.

    Parameters
    ----------
    title : str
    creators : tuple of Creator
        At least one.
    licence : Licence
    doi : str
        Such as "10.5072/example"; empty without one.
    """

    title: str
    creators: tuple[Creator, ...]
    licence: Licence
    doi: str = ""

    @classmethod
    def from_texts(cls, title: str, creators: str, licence: Licence, doi: str = "") -> Description:
        """Read what a user has entered.

        Parameters
        ----------
        title : str
        creators : str
            Separated by semicolons: persons as "Family, Given", organisations by their names
            without a comma, each with an optional ORCID in brackets.
        licence : Licence
        doi : str
            A DOI or its address; empty for none.

        Raises
        ------
        InputError
            When a text is empty that must not be, or is not understood.
        """
        title = _one_line(title)
        if not title:
            raise InputError("TITLE is empty; give the title of the dataset.")
        parts = list(filter(None, map(_one_line, creators.split(";"))))
        if not parts:
            raise InputError(f"CREATORS is empty; name at least one creator, such as {EXAMPLE}.")
        stated = DOI.match(doi.strip())
        if doi.strip() and not stated:
            raise InputError(
                f"DOI is “{doi.strip()}”, which is no DOI; write one such as 10.5072/example, or "
                "leave it empty."
            )
        return cls(title, tuple(map(_creator, parts)), licence, stated[1] if stated else "")

    @property
    def names(self) -> str:
        """All creators: "Family, Given; Institute of Hydrology"."""
        return "; ".join(creator.sorted_name for creator in self.creators)

    @property
    def doi_address(self) -> str:
        """The address of the DOI; empty without one."""
        return f"https://doi.org/{self.doi}" if self.doi else ""

    @property
    def citation(self) -> str:
        """The dataset as a reference in one line."""
        parts = [f"{self.names}: {self.title} [data set]."]
        return " ".join([*parts, self.doi_address]).strip()

    @property
    def identifier(self) -> str:
        """The title in lower-case letters, digits and hyphens."""
        words = re.findall(r"[a-z0-9]+", self.title.lower())
        return "-".join(words)[:80].strip("-") or "gwsa"


def _one_line(text: str) -> str:
    """The printable characters of a text, with single spaces between its words."""
    words = "".join(one if one.isprintable() else " " for one in text).split()
    return " ".join(words)


def _creator(text: str) -> Creator:
    bracketed = re.fullmatch(r"(.*?)\s*\(([^()]*)\)", text)
    orcid = ORCID.match(bracketed[2].strip()) if bracketed else None
    name = bracketed[1] if bracketed and orcid else text
    if orcid and not _is_valid_orcid(orcid[1].upper()):
        raise InputError(
            f"CREATORS has the ORCID {orcid[1]}, whose last character does not fit the others; "
            "correct it, or leave it out."
        )
    family, comma, given = (part.strip() for part in name.partition(","))
    if not family or comma and (not given or "," in given):
        raise InputError(
            f"CREATORS has “{text}”; write persons as “Family, Given”, organisations without a "
            f"comma, and semicolons between them, such as {EXAMPLE}."
        )
    return Creator(family, given, orcid[1].upper() if orcid else "")


def _is_valid_orcid(orcid: str) -> bool:
    """Check the last character of an ORCID (ISO 7064 MOD 11-2)."""
    total = 0
    for digit in orcid.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == orcid[-1]
