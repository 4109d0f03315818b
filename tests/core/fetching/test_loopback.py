"""The loopback server is a good server where no fault is asked for."""

import gzip
from http.client import HTTPConnection

import pytest

from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import Reply

BODY = bytes(range(256)) * 16
HOST = "data.example.org"


@pytest.fixture
def ask(loopback):
    """Return a function that sends a request for a file of 4096 bytes."""
    loopback.hosts[HOST] = lambda asked: Reply(200, {}, BODY)

    def send(method="GET", **headers):
        connection = HTTPConnection("127.0.0.1", int(loopback.address.rpartition(":")[2]), 5)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/{HOST}/file.nc?x=1", headers=named)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    return send


def test_a_file_comes_with_its_length_and_validators(ask, loopback):
    response, body = ask()
    assert (response.status, body) == (200, BODY)
    assert response.getheader("Content-Length") == "4096" and response.getheader("ETag")
    (visit,) = loopback.log
    assert (visit.host, visit.path, visit.status, visit.sent) == (HOST, "/file.nc?x=1", 200, 4096)


def test_head_has_the_headers_alone(ask, loopback):
    response, body = ask("HEAD")
    assert (response.getheader("Content-Length"), body, loopback.log[0].sent) == ("4096", b"", 0)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-", 0, 4096), ("bytes=100-199", 100, 200), ("bytes=4095-9999", 4095, 4096)],
)
def test_ranges_are_parts_of_the_file(ask, asked, start, stop):
    response, body = ask(Range=asked)
    assert (response.status, body) == (206, BODY[start:stop])
    assert response.getheader("Content-Range") == f"bytes {start}-{stop - 1}/4096"


def test_a_range_behind_the_end_is_refused(ask):
    response, _ = ask(Range="bytes=4096-")
    assert (response.status, response.getheader("Content-Range")) == (416, "bytes */4096")


def test_a_file_that_is_another_one_comes_from_its_beginning(ask):
    etag = ask()[0].getheader("ETag")
    assert ask(Range="bytes=9-", If_Range=etag)[0].status == 206
    assert ask(Range="bytes=9-", If_Range='"other"')[0].status == 200


def test_compressed_content_is_that_of_the_file(ask, loopback):
    loopback.faults.append(Fault(HOST, "", kinds.COMPRESSED))
    response, body = ask(Range="bytes=9-")
    assert (response.status, gzip.decompress(body)) == (200, BODY)


def test_a_fault_happens_as_often_as_it_is_asked_for(ask, loopback):
    loopback.faults.append(Fault(HOST, r"file\.nc", kinds.UNAVAILABLE, times=2, after=1))
    assert [ask()[0].status for _ in range(5)] == [200, 503, 503, 200, 200]


def test_an_unknown_fault_is_an_error_of_the_test(ask, loopback):
    with pytest.raises(ValueError, match="not a kind"):
        loopback.faults.append(Fault(HOST, "", "typo"))
