"""Redirects, logins, repetitions and cancellation of requests."""

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.fetching import client as module
from gwsa.gwsa_plugin.core.fetching.client import FIRST_TRIES, TRIES
from gwsa.gwsa_plugin.core.fetching.http import (
    LoginRefused,
    NotThere,
    Refused,
    Request,
    Unreachable,
)
from gwsa.gwsa_plugin.core.fetching.logins import read_logins
from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN
from gwsa.tests.core.fetching.conftest import client_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import NOT_THERE, Reply

EARTHDATA = read_logins()["earthdata"]
HOME = EARTHDATA.hosts[0]
OTHER = "mirror.example.org"
URL = f"https://{HOME}/list.json"


@pytest.fixture
def pages(loopback):
    """Two hosts whose pages a test sets: (host, path) -> Reply."""
    found = {(HOME, "/list.json"): Reply(200, {}, b"content")}
    for host in (HOME, OTHER, EARTHDATA.login_host):
        loopback.hosts[host] = lambda asked: found.get((asked.host, asked.path), NOT_THERE)
    return found


@pytest.fixture
def waits(client, monkeypatch):
    """Seconds that the client waited; it does not really wait."""
    seconds = []
    monkeypatch.setattr(client, "wait", seconds.append)
    return seconds


def read(client, login=None, url=URL):
    return client.read(Request(url), login)[1]


def test_the_answer_comes_with_its_headers(pages, client):
    answer, body = client.read(Request(URL))
    assert (answer.status, body, answer.headers["content-length"]) == (200, b"content", "7")


def test_nothing_compressed_is_asked_for(pages, client, loopback):
    read(client)
    assert loopback.log[0].headers["accept-encoding"] == "identity"


def test_the_token_goes_to_the_hosts_of_its_login(pages, client, loopback):
    read(client, EARTHDATA)
    assert loopback.log[0].asked.token == DUMMY_LOGIN


def test_no_token_goes_where_none_is_asked_for(pages, client, loopback):
    read(client)
    assert "authorization" not in loopback.log[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_gets_no_token(status, pages, client, loopback):
    pages[HOME, "/list.json"] = Reply(status, {"Location": f"https://{OTHER}/a?signature=1"})
    pages[OTHER, "/a"] = Reply(200, {}, b"there")
    assert read(client, EARTHDATA) == b"there"
    assert loopback.log[0].asked.token and "authorization" not in loopback.log[1].headers


def test_a_redirect_back_to_the_home_host_gets_the_token_again(pages, client, loopback):
    pages[HOME, "/list.json"] = Reply(302, {"Location": f"https://{OTHER}/a"})
    pages[OTHER, "/a"] = Reply(302, {"Location": f"https://{HOME}/b"})
    pages[HOME, "/b"] = Reply(200, {}, b"back")
    assert read(client, EARTHDATA) == b"back"
    assert [bool(visit.asked.token) for visit in loopback.log] == [True, False, True]


def test_a_relative_redirect_stays_at_its_host(pages, client):
    pages[HOME, "/list.json"] = Reply(302, {"Location": "../b"})
    pages[HOME, "/b"] = Reply(200, {}, b"relative")
    assert read(client) == b"relative"


@pytest.mark.parametrize(("status", "method"), [(303, "GET"), (302, "GET"), (307, "POST")])
def test_a_post_is_redirected_as_the_status_wants(status, method, pages, client, loopback):
    pages[HOME, "/list.json"] = Reply(status, {"Location": "/b"})
    pages[HOME, "/b"] = Reply(200, {}, b"done")
    client.read(Request(URL, {}, "POST", b"task"))
    assert [visit.method for visit in loopback.log] == ["POST", method]
    assert loopback.log[1].asked.body == (b"task" if method == "POST" else b"")


def test_a_redirected_head_stays_one(pages, client, loopback):
    pages[HOME, "/list.json"] = Reply(303, {"Location": "/b"})
    pages[HOME, "/b"] = Reply(200, {}, b"large file")
    client.read(Request(URL, method="HEAD"))
    assert [visit.method for visit in loopback.log] == ["HEAD", "HEAD"]


def test_redirects_without_an_end_are_refused(pages, client):
    pages[HOME, "/list.json"] = Reply(302, {"Location": URL})
    with pytest.raises(Refused, match="redirects without an end"):
        read(client)


def test_an_address_without_encryption_is_not_followed(pages, client, loopback):
    pages[HOME, "/list.json"] = Reply(302, {"Location": f"http://{OTHER}/a"})
    with pytest.raises(Refused, match="without encryption"):
        read(client)
    assert len(loopback.log) == 1


def test_a_redirect_to_the_login_means_a_refused_token(pages, client, loopback):
    loopback.faults.append(Fault(HOME, "", kinds.TO_LOGIN))
    with pytest.raises(LoginRefused, match="does not accept the token.*urs.earthdata"):
        read(client, EARTHDATA)
    assert len(loopback.log) == 1


def test_a_missing_token_names_the_pages_to_open(pages, loopback, steps):
    with pytest.raises(LoginRefused, match="users/new.*user_tokens.*EARTHDATA_TOKEN"):
        read(client_of(loopback, steps, tokens={}), EARTHDATA)
    assert loopback.log == []


@pytest.mark.parametrize(
    ("kind", "login", "error", "words"),
    [
        (kinds.UNAUTHORIZED, EARTHDATA, LoginRefused, "does not accept the token"),
        (kinds.UNAUTHORIZED, None, Refused, "list.json of .* is refused with status 401"),
        (kinds.NOT_APPROVED_403, EARTHDATA, LoginRefused, "approve it once at https://urs"),
        (kinds.NOT_APPROVED_403, None, Refused, "status 403"),
        (kinds.NOT_FOUND, EARTHDATA, NotThere, "is not there"),
    ],
)
def test_a_refusal_is_final(kind, login, error, words, pages, client, loopback):
    loopback.faults.append(Fault(HOME, "", kind))
    with pytest.raises(error, match=words):
        read(client, login)
    assert len(loopback.log) == 1


@pytest.mark.parametrize(
    "kind", [kinds.UNAVAILABLE, kinds.SERVER_ERROR, kinds.NO_ANSWER, kinds.CUT]
)
def test_a_passing_failure_is_repeated_with_pauses_that_double(
    kind, pages, client, loopback, waits
):
    assert read(client) == b"content"
    loopback.faults.append(Fault(HOME, "", kind, times=TRIES - 1))
    assert read(client) == b"content"
    assert waits == [0.001 * 2**number for number in range(TRIES - 1)]


def test_a_lasting_failure_ends_after_some_tries(pages, client, loopback, waits):
    loopback.faults.append(Fault(HOME, "", kinds.UNAVAILABLE))
    with pytest.raises(Refused, match=rf"status 503, and {TRIES} tries brought nothing more"):
        read(client)
    assert len(loopback.log) == TRIES


def test_without_a_network_it_is_soon_given_up(pages, client, loopback, waits):
    loopback.faults.append(Fault(HOME, "", kinds.NO_ANSWER))
    with pytest.raises(Unreachable, match=rf"cannot be reached .*{FIRST_TRIES} tries.*check"):
        read(client)
    assert len(loopback.log) == FIRST_TRIES


def test_the_wait_that_a_server_asks_for_is_kept(pages, client, loopback, waits):
    loopback.faults.append(Fault(HOME, "", kinds.TOO_MANY, times=1, detail=7))
    assert read(client) == b"content" and waits == [7.0]


def test_the_wait_can_be_a_date(pages, client, loopback, waits):
    until = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    loopback.faults.append(Fault(HOME, "", kinds.TOO_MANY, times=1, detail=until))
    assert read(client) == b"content" and 25 < waits[0] <= 30


@pytest.mark.parametrize("value", ["soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_is_none_is_the_pause_of_the_client(value, pages, client, loopback, waits):
    loopback.faults.append(Fault(HOME, "", kinds.TOO_MANY, times=1, detail=value))
    assert read(client) == b"content" and waits[0] in (0.0, 0.001)


def test_a_long_wait_is_left_to_the_user(pages, client, loopback, waits):
    loopback.faults.append(Fault(HOME, "", kinds.TOO_MANY, detail=3600))
    with pytest.raises(Refused, match="asks to wait 60 minutes; run it again then"):
        read(client)
    assert waits == [] and len(loopback.log) == 1


def test_the_tries_are_counted_anew_while_it_goes_on(client, waits):
    """Each try brings a byte, and the transfer ends early more often than there are tries."""
    count = [0]

    def attempt():
        count[0] += 1
        if count[0] < 3 * TRIES:
            raise module.Interrupted("ended early")
        return "all"

    assert client.repeat(attempt, lambda: count[0]) == "all"
    assert set(waits) == {0.001}


def test_a_list_without_an_end_is_not_kept_in_memory(pages, client, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_TEXT", 5)
    with pytest.raises(Refused, match="sends more than was asked for"):
        read(client)


def test_a_signature_is_in_no_sentence(pages, client):
    pages[HOME, "/list.json"] = Reply(302, {"Location": f"https://{OTHER}/file.nc?X-Sign=secret"})
    with pytest.raises(Refused) as caught:
        read(client)
    assert "file.nc of mirror.example.org" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_transfer_ends_soon_after_it_is_cancelled(pages, client, loopback, steps):
    pages[HOME, "/list.json"] = Reply(200, {}, bytes(1 << 20))
    loopback.faults.append(Fault(HOME, "", kinds.DRIP, detail=0.05))

    def keep(answer, piece):
        steps.cancelled = True

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        client.send(Request(URL), keep)
    assert time.monotonic() - begun < 2


def test_a_wait_ends_soon_after_it_is_cancelled(client, steps):
    steps.cancelled = True
    with pytest.raises(Cancelled):
        client.wait(60)
