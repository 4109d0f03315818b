"""One file: resumed, checked and whole, or not there."""

import hashlib

import pytest

from gwsa.gwsa_plugin.core.fetching.download import BY_LENGTH, download
from gwsa.gwsa_plugin.core.fetching.remote_file import TEXT, RemoteFile
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import Reply

HOST = "data.example.org"
TEXT_BODY = "".join(f"{number:09d}\n" for number in range(40_000)).encode()


@pytest.fixture
def table(loopback):
    """A file of text of 400 kB."""
    loopback.hosts[HOST] = lambda asked: Reply(200, {}, TEXT_BODY)
    return RemoteFile("source", f"https://{HOST}/table.txt", "table.txt", TEXT, (1, 1_000_000))


def test_a_file_comes_as_it_is(table, client, steps, tmp_path):
    target = tmp_path / "in" / "table.txt"
    downloaded = download(client, table, target, steps)
    assert target.read_bytes() == TEXT_BODY
    assert downloaded.sha256 == hashlib.sha256(TEXT_BODY).hexdigest()
    assert (downloaded.bytes, downloaded.verified) == (len(TEXT_BODY), BY_LENGTH)


def test_a_cut_file_goes_on_where_it_ended(table, client, loopback, steps, tmp_path):
    loopback.faults.append(Fault(HOST, "table", kinds.CUT, times=3))
    arrived = []
    download(client, table, tmp_path / "table.txt", steps, arrived.append)
    assert (tmp_path / "table.txt").read_bytes() == TEXT_BODY
    assert sum(arrived) == len(TEXT_BODY) and len(loopback.visits("table")) == 4
