"""Granules in NASA's Common Metadata Repository.

References
----------
CMR Search API, https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np

from .client import Client
from .http import Refused, Request
from .remote_file import Checksum

SEARCH = "https://cmr.earthdata.nasa.gov/search/granules.umm_json"
PAGE_SIZE = 500
# Names of CMR -> those of hashlib.
ALGORITHMS = {
    "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512",
}  # fmt: skip


class Granule(NamedTuple):
    """One file of a collection.

    Attributes
    ----------
    name : str
        Its unique name, GranuleUR.
    url : str
        Address of the file.
    opendap : str
        Address of its OPeNDAP service; empty without one.
    size : int or None
        Bytes; None where CMR does not state them.
    checksum : Checksum or None
        Checksum of the file.
    revision : str
        Time of the newest change of its entry.
    first : datetime64[M]
        Month in which it begins.
    """

    name: str
    url: str
    opendap: str
    size: int | None
    checksum: Checksum | None
    revision: str
    first: np.datetime64


def search_granules(
    client: Client, collection: str, months: np.ndarray | None = None
) -> list[Granule]:
    """Return the granules of a collection, page by page.

    Parameters
    ----------
    client : Client
    collection : str
        Concept id of the collection.
    months : ndarray of datetime64[M], optional
        Only granules that begin in one of these; None for all.

    Raises
    ------
    Refused
        When the answer is not one of CMR.
    """
    query = {"collection_concept_id": collection, "page_size": PAGE_SIZE}
    if months is not None:
        end = np.datetime64(months[-1] + 1, "D") - 1
        query["temporal"] = f"{months[0]}-01T00:00:00Z,{end}T23:59:59Z"
    wanted = None if months is None else set(months.tolist())
    found: list[Granule] = []
    after: str | None = None
    while True:
        headers = {"CMR-Search-After": after} if after else {}
        answer, body = client.read(Request(f"{SEARCH}?{urlencode(query)}", headers))
        page = _parse(body, collection)
        found += [item for item in page if wanted is None or item.first.tolist() in wanted]
        after = answer.headers.get("cmr-search-after")
        if not after or not page:
            return found


def _parse(body: bytes, collection: str) -> list[Granule]:
    try:
        return [_granule(item) for item in json.loads(body)["items"]]
    except (ValueError, LookupError, TypeError, StopIteration):
        raise Refused(
            f"The list of files of the collection {collection} is not as CMR describes it; run it "
            "again later."
        ) from None


def _granule(item: dict) -> Granule:
    umm = item["umm"]
    links = umm.get("RelatedUrls", [])
    facts = _file_facts(umm)
    return Granule(
        name=umm["GranuleUR"],
        url=next(link["URL"] for link in links if _is_file(link)),
        opendap=next((link["URL"] for link in links if link.get("Subtype") == "OPENDAP DATA"), ""),
        size=facts.get("SizeInBytes"),
        checksum=_checksum(facts.get("Checksum") or {}),
        revision=item["meta"].get("revision-date", ""),
        first=np.datetime64(_beginning(umm)[:7], "M"),
    )


def _is_file(link: dict) -> bool:
    return link.get("Type") == "GET DATA" and link["URL"].startswith("https://")


def _file_facts(umm: dict) -> dict:
    """Size and checksum of the first file of a granule."""
    files = umm.get("DataGranule", {}).get("ArchiveAndDistributionInformation") or [{}]
    return files[0]


def _checksum(stated: dict[str, str]) -> Checksum | None:
    algorithm = ALGORITHMS.get(stated.get("Algorithm", ""))
    return Checksum(algorithm, stated["Value"].lower()) if algorithm else None


def _beginning(umm: dict) -> str:
    extent = umm["TemporalExtent"]
    single = extent.get("SingleDateTime")
    return single or extent["RangeDateTime"]["BeginningDateTime"]
