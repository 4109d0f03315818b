"""The Common Metadata Repository, with the collections of JPL's mascons and of GLDAS.

The last page with files has CMR-Search-After as well; the empty page after it has none.

References
----------
https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html#search-after
UMM-G, https://git.earthdata.nasa.gov/projects/EMFD/repos/unified-metadata-model
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

from ..archive import GLDAS, JPL, JPL_NAME, gldas_files, mascons
from ..messages import NOT_THERE, Asked, Handler, Reply
from .gesdisc import GRANULES, archive_file
from .podaac import HOSTS as PODAAC
from .podaac import PATH

HOSTS = ("cmr.earthdata.nasa.gov",)
SEARCH = "/search/granules.umm_json"
LARGEST_PAGE = 2000
REVISED = "2024-05-01T12:00:00.000Z"


def handler(folder: Path) -> Handler:
    """Return what answers searches for the granules of a sample world."""

    def reply(asked: Asked) -> Reply:
        if asked.path != SEARCH:
            return NOT_THERE
        fields = asked.fields
        found = _within(_granules(folder, fields["collection_concept_id"]), fields.get("temporal"))
        start = int(json.loads(asked.headers.get("cmr-search-after", "[0]"))[0])
        size = min(int(fields.get("page_size", 10)), LARGEST_PAGE)
        page = found[start : start + size]
        after = {"CMR-Search-After": json.dumps([start + size])} if page else {}
        body = json.dumps({"hits": len(found), "took": 5, "items": page}).encode()
        kind = "application/vnd.nasa.cmr.umm_results+json; charset=utf-8"
        headers = {"Content-Type": kind, "CMR-Hits": str(len(found)), **after}
        return Reply(200, headers, body, generated=True)

    return reply


def _granules(folder: Path, collection: str) -> list[dict]:
    if collection == JPL:
        path, url = mascons(folder, JPL_NAME), f"https://{PODAAC[0]}{PATH}"
        return [_granule(path, JPL_NAME.removesuffix(".nc"), url, "", "2002-04", "2020-12")]
    if collection != GLDAS:
        return []
    granules = []
    for path in gldas_files(folder):
        month = np.datetime64(f"{path.name[17:21]}-{path.name[21:23]}", "M")
        name = f"GLDAS_NOAH025_M.2.1:{path.name}"
        service = GRANULES + name.replace(":", "%3A")
        granules.append(_granule(path, name, archive_file(path.name), service, month, month))
    return granules


def _granule(path: Path, name: str, url: str, service: str, first, last) -> dict:
    """The entry of a file, with the parts of UMM-G that clients use."""
    links = [
        {"URL": f"s3://bucket/{path.name}", "Type": "GET DATA VIA DIRECT ACCESS"},
        {"URL": url, "Type": "GET DATA"},
    ]
    if service:
        links.append({"URL": service, "Type": "USE SERVICE API", "Subtype": "OPENDAP DATA"})
    end = np.datetime64(np.datetime64(last, "M") + 1, "D") - 1
    file = url.rpartition("/")[2]
    # The first entry describes the metadata that come with the file.
    files = [
        {"Name": f"{file}.md5", "SizeInBytes": 32, "Checksum": _checksum(__file__)},
        {"Name": file, "SizeInBytes": path.stat().st_size, "Checksum": _checksum(str(path))},
    ]
    umm = {
        "GranuleUR": name,
        "RelatedUrls": links,
        "DataGranule": {"ArchiveAndDistributionInformation": files},
        "TemporalExtent": {
            "RangeDateTime": {
                "BeginningDateTime": f"{first}-01T00:00:00.000Z",
                "EndingDateTime": f"{end}T23:59:59.000Z",
            }
        },
    }
    return {"meta": {"concept-id": "G1", "native-id": name, "revision-date": REVISED}, "umm": umm}


@cache
def _checksum(path: str) -> dict[str, str]:
    return {"Algorithm": "MD5", "Value": hashlib.md5(Path(path).read_bytes()).hexdigest()}


def _within(granules: list[dict], temporal: str | None) -> list[dict]:
    """The granules that overlap a range of time."""
    if not temporal:
        return granules
    start, end = temporal.split(",")
    ranges = [item["umm"]["TemporalExtent"]["RangeDateTime"] for item in granules]
    return [
        item
        for item, covered in zip(granules, ranges)
        if covered["BeginningDateTime"] <= end and covered["EndingDateTime"] >= start
    ]
