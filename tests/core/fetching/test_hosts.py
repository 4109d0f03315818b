"""The hosts of the loopback world answer as the archives do."""

import json
from urllib.parse import quote

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.fetching.http import Refused, Request
from gwsa.gwsa_plugin.core.fetching.logins import read_logins
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.tests.servers.archive import GLDAS
from gwsa.tests.servers.client import PlainTransport
from gwsa.tests.servers.faults import STORE
from gwsa.tests.servers.hosts import gesdisc, podaac
from gwsa.tests.servers.hosts.gesdisc import archive_file

SEARCH = "https://cmr.earthdata.nasa.gov/search/granules.umm_json"
MONTH = "GLDAS_NOAH025_M.A201002.021.nc4"
EARTHDATA = read_logins()["earthdata"]


def test_a_search_comes_in_pages(archives, client):
    found, after = [], {}
    for _ in range(3):
        query = f"collection_concept_id={GLDAS}&page_size=3"
        answer, body = client.read(Request(f"{SEARCH}?{query}", after))
        page = json.loads(body)["items"]
        found.append(len(page))
        assert answer.headers["cmr-hits"] == "4"
        after = {"CMR-Search-After": answer.headers.get("cmr-search-after", "")}
    assert found == [3, 1, 0] and after == {"CMR-Search-After": ""}


def test_a_search_keeps_to_its_months(archives, client):
    query = f"collection_concept_id={GLDAS}&temporal=2010-02-01T00:00:00Z,2010-03-31T23:59:59Z"
    _, body = client.read(Request(f"{SEARCH}?{query}"))
    names = [item["umm"]["GranuleUR"] for item in json.loads(body)["items"]]
    assert names == [f"GLDAS_NOAH025_M.2.1:GLDAS_NOAH025_M.A20100{n}.021.nc4" for n in (2, 3)]


def test_the_mascons_of_jpl_are_at_a_store_that_gets_no_login(archives, client):
    _, body = client.read(Request(f"https://{podaac.HOSTS[0]}{podaac.PATH}"), EARTHDATA)
    assert body.startswith(b"\x89HDF")
    home, store = archives.log
    assert (home.status, store.status, store.host) == (302, 200, STORE)
    assert home.asked.token and "authorization" not in store.headers


@pytest.mark.parametrize(
    "address", [f"https://{podaac.HOSTS[0]}{podaac.PATH}", archive_file(MONTH)]
)
def test_the_archives_want_a_login(archives, address):
    no_token = PlainTransport().send(_to(archives, address), print, lambda: False)
    wrong = {"Authorization": "Bearer of-another-user"}
    wrong_token = PlainTransport().send(_to(archives, address, wrong), print, lambda: False)
    assert (no_token.status, wrong_token.status) == (302, 401)
    assert no_token.headers["location"].startswith(f"https://{EARTHDATA.login_host}/")


def _to(archives, address, headers=None):
    return Request(f"{archives.address}/{address.removeprefix('https://')}", headers or {})


def test_a_subset_has_the_values_of_the_file(archives, client, small_world, tmp_path):
    constraint = "/SWE_inst[0][370:373][1015:1017];/lat[370:373];/lon[1015:1017];/time[0]"
    url = f"{gesdisc.GRANULES}GLDAS_NOAH025_M.2.1%3A{MONTH}.dap.nc4?dap4.ce={quote(constraint)}"
    answer, body = client.read(Request(url), EARTHDATA)
    assert "content-length" not in answer.headers
    (tmp_path / "subset.nc4").write_bytes(body)
    with (
        open_netcdf(tmp_path / "subset.nc4") as part,
        open_netcdf(small_world / "gldas" / MONTH) as file,
    ):
        window = (slice(0, 1), slice(370, 374), slice(1015, 1018))
        assert np.array_equal(part.read("SWE_inst"), file.read("SWE_inst", *window))
        assert np.array_equal(part.read("lat"), file.read("lat", window[1]))
        assert part.dimensions("SWE_inst") == ("time", "lat", "lon")
        assert part.unit("SWE_inst") == "kg m-2" and part.text("begin_date", "time") == "20100201"


def test_a_subset_beyond_the_file_is_refused(archives, client):
    url = f"{gesdisc.GRANULES}GLDAS_NOAH025_M.2.1%3A{MONTH}.dap.nc4?dap4.ce=/lat[599:600]"
    with pytest.raises(Refused, match="status 400"):
        client.read(Request(url), EARTHDATA)
