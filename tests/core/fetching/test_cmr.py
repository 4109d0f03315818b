"""Granules as CMR describes them."""

import copy
import json

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.fetching import cmr
from gwsa.gwsa_plugin.core.fetching.cmr import search_granules
from gwsa.gwsa_plugin.core.fetching.http import Refused
from gwsa.gwsa_plugin.core.fetching.remote_file import Checksum
from gwsa.tests.servers.archive import GLDAS, JPL, JPL_NAME
from gwsa.tests.servers.messages import Reply

CMR = "cmr.earthdata.nasa.gov"
# As PO.DAAC describes its granules: https://cmr.earthdata.nasa.gov/search, umm_json.
ITEM = {
    "meta": {"concept-id": "G1-POCLOUD", "revision-date": "2026-09-01T10:00:00.000Z"},
    "umm": {
        "GranuleUR": "GLDAS_NOAH025_M.2.1:a.nc4",
        "RelatedUrls": [
            {"URL": "s3://bucket/a.nc4", "Type": "GET DATA"},
            {"URL": "https://archive.org/a.nc4.md5", "Type": "EXTENDED METADATA"},
            {"URL": "https://archive.org/path/a.nc4", "Type": "GET DATA"},
            {"URL": "https://old.org/dap/a.nc4", "Type": "USE SERVICE API",
             "Subtype": "OPENDAP DATA"},
        ],
        "DataGranule": {
            "ArchiveAndDistributionInformation": [
                {"Name": "a.nc4.md5", "SizeInBytes": 32},
                {"Name": "a.nc4", "SizeInBytes": 24_000_000, "Size": 22.9, "SizeUnit": "MB",
                 "Checksum": {"Algorithm": "SHA-512", "Value": "ABCDEF"}},
            ]
        },
        "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": "2010-02-01T00:00:00.000Z"}},
    },
}  # fmt: skip


@pytest.fixture
def entry(loopback, client):
    """Return a function that searches a collection with one entry, changed by a function."""

    def search(change=lambda item: None):
        item = copy.deepcopy(ITEM)
        change(item["umm"])
        body = json.dumps({"hits": 1, "items": [item]}).encode()
        loopback.hosts[CMR] = lambda asked: Reply(200, {}, body, generated=True)
        (granule,) = search_granules(client, "C1-PROVIDER")
        return granule

    return search


def files(umm):
    """The descriptions of the files of an entry."""
    return umm["DataGranule"]["ArchiveAndDistributionInformation"]


def test_an_entry_describes_its_file(entry):
    granule = entry()
    assert granule.url == "https://archive.org/path/a.nc4"
    assert granule.size == (24_000_000, 24_000_000)
    assert granule.checksum == Checksum("sha512", "abcdef")
    assert granule.revision == "2026-09-01T10:00:00.000Z"
    assert granule.first == np.datetime64("2010-02", "M")


def test_a_retired_service_is_replaced_by_that_of_the_cloud(entry):
    assert entry().opendap == (
        "https://opendap.earthdata.nasa.gov/collections/C1-PROVIDER/granules/"
        "GLDAS_NOAH025_M.2.1%3Aa.nc4"
    )


def test_the_stated_service_of_the_cloud_is_taken(entry):
    url = "https://opendap.earthdata.nasa.gov/providers/X/granules/a"
    link = {"URL": url, "Type": "USE SERVICE API", "Subtype": "OPENDAP DATA"}
    assert entry(lambda umm: umm["RelatedUrls"].append(link)).opendap == url


def test_megabytes_are_a_range_of_bytes(entry):
    """Decimal and binary megabytes are both used: 22.9 are 22.9 or 24.0 million bytes."""
    least, most = entry(lambda umm: files(umm)[1].pop("SizeInBytes")).size
    assert least < 22_900_000 < 24_012_390 < most < 1.07 * least * 1.02


@pytest.mark.parametrize("unit", ["NA", "furlong"])
def test_an_unknown_unit_states_nothing(entry, unit):
    def change(umm):
        files(umm)[1].pop("SizeInBytes")
        files(umm)[1]["SizeUnit"] = unit

    assert entry(change).size is None


def test_a_checksum_of_another_kind_is_none(entry):
    def change(umm):
        files(umm)[1]["Checksum"]["Algorithm"] = "CRC-32"

    assert entry(change).checksum is None


def test_facts_of_other_files_are_not_those_of_the_file(entry):
    def change(umm):
        files(umm)[1]["Name"] = "b.nc4"

    granule = entry(change)
    assert granule.size is None and granule.checksum is None


def test_the_facts_of_the_only_file_need_no_name(entry):
    def change(umm):
        del files(umm)[0]
        files(umm)[0]["Name"] = "Not provided"

    assert entry(change).size == (24_000_000, 24_000_000)


def test_an_entry_can_state_nothing_of_its_file(entry):
    granule = entry(lambda umm: umm.pop("DataGranule"))
    assert granule.size is None and granule.checksum is None


def test_an_entry_can_state_one_time(entry):
    time = {"SingleDateTime": "2011-05-01T00:00:00Z"}
    assert entry(lambda umm: umm.update(TemporalExtent=time)).first == np.datetime64("2011-05")


@pytest.mark.parametrize("page_size", [1, 3, 4, 500])
def test_all_pages_are_read(page_size, archives, client, monkeypatch):
    monkeypatch.setattr(cmr, "PAGE_SIZE", page_size)
    granules = search_granules(client, GLDAS)
    assert [str(item.first) for item in granules] == ["2010-01", "2010-02", "2010-03", "2010-04"]
    assert len(archives.log) == 4 // page_size + 1


def test_only_the_months_are_found(archives, client):
    months = month_range("2010-02", "2010-12")
    granules = search_granules(client, GLDAS, months[[0, 2]])
    assert [str(item.first) for item in granules] == ["2010-02", "2010-04"]
    assert "temporal=2010-02-01T00%3A00%3A00Z%2C2010-04-30T23%3A59%3A59Z" in archives.log[0].path


def test_the_only_file_of_jpl_is_found(archives, client):
    (granule,) = search_granules(client, JPL)
    assert granule.url.endswith(JPL_NAME) and granule.checksum.algorithm == "md5"


def test_no_token_is_sent_to_the_search(archives, client):
    search_granules(client, GLDAS)
    assert all("authorization" not in visit.headers for visit in archives.log)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"[]", b"{}", b'{"items": [{}]}', b'{"items": [1]}',
     b'{"items": [{"meta": {}, "umm": null}]}', b'{"items": null}'],
)  # fmt: skip
def test_another_answer_is_refused(body, loopback, client):
    loopback.hosts[CMR] = lambda asked: Reply(200, {}, body, generated=True)
    with pytest.raises(Refused, match="collection C1 is not as CMR describes it"):
        search_granules(client, "C1")


def test_an_entry_without_a_file_is_refused(entry):
    with pytest.raises(Refused, match="is not as CMR describes it"):
        entry(lambda umm: umm["RelatedUrls"].clear())
