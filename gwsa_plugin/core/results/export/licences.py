"""Licences for data: their names, identifiers and addresses, and the file LICENSE."""

from __future__ import annotations

from typing import NamedTuple


class Licence(NamedTuple):
    """A licence for data.

    Attributes
    ----------
    identifier : str
        Identifier of the SPDX licence list, https://spdx.org/licenses.
    name : str
        Name of the licence.
    address : str
        Address of its text.
    duties : str
        What it asks of users of the data, in one sentence.
    """

    identifier: str
    name: str
    address: str
    duties: str


# The first one is the default.
LICENCES = (
    Licence("CC-BY-4.0", "Creative Commons Attribution 4.0 International",
            "https://creativecommons.org/licenses/by/4.0/",
            "Anyone may use, change and share the data if they name the creators, link to the "
            "licence and state what they changed."),
    Licence("CC0-1.0", "Creative Commons Zero 1.0 Universal",
            "https://creativecommons.org/publicdomain/zero/1.0/",
            "The creators waive their rights: anyone may use, change and share the data without "
            "conditions."),
    Licence("CC-BY-SA-4.0", "Creative Commons Attribution-ShareAlike 4.0 International",
            "https://creativecommons.org/licenses/by-sa/4.0/",
            "Anyone may use, change and share the data if they name the creators, link to the "
            "licence, state what they changed, and share changed data under the same licence."),
    Licence("CC-BY-NC-4.0", "Creative Commons Attribution-NonCommercial 4.0 International",
            "https://creativecommons.org/licenses/by-nc/4.0/",
            "Anyone may use, change and share the data for purposes that are not commercial if "
            "they name the creators, link to the licence and state what they changed."),
    Licence("ODC-By-1.0", "Open Data Commons Attribution License 1.0",
            "https://opendatacommons.org/licenses/by/1-0/",
            "Anyone may use, change and share the data if they name their source and this "
            "licence."),
    Licence("ODbL-1.0", "Open Data Commons Open Database License 1.0",
            "https://opendatacommons.org/licenses/odbl/1-0/",
            "Anyone may use, change and share the data if they name their source and this "
            "licence, and share changed data under the same licence."),
)  # fmt: skip


def licence_text(licence: Licence, title: str, creators: str) -> str:
    """Return the file LICENSE.

    Parameters
    ----------
    licence : Licence
    title : str
        Title of the dataset.
    creators : str
        Its creators, as in ``Description.names``.
    """
    return (
        f"{title}\n"
        f"Copyright: {creators}\n\n"
        f"This dataset is under the licence {licence.name} ({licence.identifier}).\n"
        f"{licence.duties}\n\n"
        f"SPDX-License-Identifier: {licence.identifier}\n"
        f"The text of the licence, which alone is binding: {licence.address}\n"
    )
