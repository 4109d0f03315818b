"""Granules in NASA's Common Metadata Repository.

References
----------
Parameters of a search, pages of 1 to 2000 entries and CMR-Search-After:
https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html#search-after

Entries in the format UMM-G, with RelatedUrls, ArchiveAndDistributionInformation and the names of
checksums: https://git.earthdata.nasa.gov/projects/EMFD/repos/unified-metadata-model

OPeNDAP in the cloud, whose addresses are those of collection and granule:
https://podaac.jpl.nasa.gov/OPeNDAP-in-the-Cloud
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote, urlencode

import numpy as np

from .client import Client
from .http import Refused, Request
from .remote_file import Checksum

SEARCH = "https://cmr.earthdata.nasa.gov/search/granules.umm_json"
OPENDAP = "https://opendap.earthdata.nasa.gov"
PAGE_SIZE = 500
# Names of CMR -> those of hashlib.
ALGORITHMS = {
    "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512",
}  # fmt: skip
# Bytes of the units of sizes, as decimal and as binary units: which ones are meant is not stated.
UNITS = {
    "KB": (10**3, 2**10), "MB": (10**6, 2**20), "GB": (10**9, 2**30), "TB": (10**12, 2**40),
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
        Address of the granule at the OPeNDAP service of the cloud.
    size : (int, int) or None
        Least and greatest number of bytes; equal where CMR states bytes and not megabytes, None
        where it states nothing.
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
    size: tuple[int, int] | None
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
        # The last page can name a next one, which is empty.
        after = answer.headers.get("cmr-search-after")
        if not after or len(page) < PAGE_SIZE:
            return found


def _parse(body: bytes, collection: str) -> list[Granule]:
    try:
        return [_granule(item, collection) for item in json.loads(body)["items"]]
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration):
        raise Refused(
            f"The list of files of the collection {collection} is not as CMR describes it; run it "
            "again later."
        ) from None


def _granule(item: dict, collection: str) -> Granule:
    umm = item["umm"]
    links = umm["RelatedUrls"]
    url = next(link["URL"] for link in links if _is_file(link))
    facts = _file_facts(umm, url.rpartition("/")[2])
    return Granule(
        name=umm["GranuleUR"],
        url=url,
        opendap=_opendap(links, collection, umm["GranuleUR"]),
        size=_size(facts),
        checksum=_checksum(facts.get("Checksum") or {}),
        revision=item["meta"].get("revision-date", ""),
        first=np.datetime64(_beginning(umm)[:7], "M"),
    )


def _is_file(link: dict) -> bool:
    return link.get("Type") == "GET DATA" and link["URL"].startswith("https://")


def _opendap(links: list[dict], collection: str, name: str) -> str:
    """The address at the service of the cloud, which entries name beside retired services."""
    stated = (link["URL"] for link in links if link.get("Subtype") == "OPENDAP DATA")
    made = f"{OPENDAP}/collections/{collection}/granules/{quote(name, safe='')}"
    return next((url for url in stated if url.startswith(f"{OPENDAP}/")), made)


def _file_facts(umm: dict, name: str) -> dict:
    """Size and checksum of a file: entries describe the files beside it, such as .md5, as well."""
    files = umm.get("DataGranule", {}).get("ArchiveAndDistributionInformation") or []
    named = [file for file in files if file.get("Name") == name]
    return next(iter(named or (files if len(files) == 1 else [])), {})


def _size(facts: dict) -> tuple[int, int] | None:
    if "SizeInBytes" in facts:
        return (int(facts["SizeInBytes"]),) * 2
    if facts.get("SizeUnit") not in UNITS or "Size" not in facts:
        return None
    decimal, binary = UNITS[facts["SizeUnit"]]
    # Sizes are rounded to two digits at worst.
    return int(0.99 * facts["Size"] * decimal), int(1.01 * facts["Size"] * binary)


def _checksum(stated: dict[str, str]) -> Checksum | None:
    algorithm = ALGORITHMS.get(stated.get("Algorithm", ""))
    return Checksum(algorithm, stated["Value"].lower()) if algorithm else None


def _beginning(umm: dict) -> str:
    extent = umm["TemporalExtent"]
    single = extent.get("SingleDateTime")
    return single or extent["RangeDateTime"]["BeginningDateTime"]
