"""One file: resumed, checked and whole, or not there."""

import hashlib
import json
from dataclasses import replace

import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.fetching.download import (
    BY_CHECKSUM,
    BY_LENGTH,
    UNVERIFIED,
    download,
    forget_part,
)
from gwsa.gwsa_plugin.core.fetching.http import Refused
from gwsa.gwsa_plugin.core.fetching.remote_file import TEXT, Checksum, RemoteFile
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import Reply

HOST = "data.example.org"
BODY = "".join(f"{number:09d}\n" for number in range(40_000)).encode()
OTHER = BODY.replace(b"7", b"8")
MD5 = Checksum("md5", hashlib.md5(BODY).hexdigest())


@pytest.fixture
def table(loopback):
    """A file of text of 400 kB of which neither length nor checksum is published."""
    loopback.hosts[HOST] = lambda asked: Reply(200, {}, BODY)
    return RemoteFile("source", f"https://{HOST}/table.txt", "table.txt", TEXT, (1, 1_000_000))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "in" / "table.txt"


def beside(target):
    """Names of all files in the folder of the target."""
    return sorted(path.name for path in target.parent.iterdir())


@pytest.fixture
def break_off(table, client, loopback, steps, target):
    """Return a function that runs a download which the user cancels after some bytes."""

    def run(after=100_000):
        cut = Fault(HOST, "table", kinds.CUT, detail=after)
        loopback.faults.append(cut)

        def cancel(size):
            steps.cancelled = True

        with pytest.raises(Cancelled):
            download(client, table, target, steps, cancel)
        steps.cancelled = False
        loopback.faults.remove(cut)
        loopback.log.clear()

    return run


def test_a_file_comes_as_it_is(table, client, steps, target):
    downloaded = download(client, table, target, steps)
    assert target.read_bytes() == BODY
    assert downloaded.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (downloaded.bytes, downloaded.verified) == (len(BODY), BY_LENGTH)
    assert beside(target) == [".table.txt.part.json", "table.txt"]
    forget_part(target)
    assert beside(target) == ["table.txt"]


def test_a_published_checksum_verifies(table, client, steps, target):
    assert download(client, replace(table, checksum=MD5), target, steps).verified == BY_CHECKSUM


def test_without_a_length_a_file_is_unverified(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.CHUNKED))
    assert download(client, table, target, steps).verified == UNVERIFIED


def test_a_cut_file_goes_on_where_it_ended(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.CUT, times=3))
    arrived = []
    download(client, table, target, steps, arrived.append)
    assert target.read_bytes() == BODY
    assert sum(arrived) == len(BODY) and len(loopback.visits("table")) == 4


def test_a_later_run_goes_on_where_the_user_cancelled(
    break_off, table, client, loopback, steps, target
):
    break_off()
    assert not target.exists()
    kept = (target.parent / ".table.txt.part").stat().st_size
    arrived = []
    download(client, table, target, steps, arrived.append)
    (visit,) = loopback.log
    assert visit.headers["range"] == "bytes=100000-" and kept == 100_000
    assert target.read_bytes() == BODY and sum(arrived) == len(BODY) - kept


def test_a_part_that_is_complete_is_not_fetched_again(
    break_off, table, client, loopback, steps, target
):
    """A run was killed after the last byte and before the final name."""
    break_off()
    (target.parent / ".table.txt.part").write_bytes(BODY)
    loopback.log.clear()
    download(client, table, target, steps)
    assert target.read_bytes() == BODY and loopback.log == []


def test_a_published_file_that_was_not_recorded_is_taken(table, client, loopback, steps, target):
    first = download(client, table, target, steps)
    loopback.log.clear()
    assert download(client, table, target, steps) == first and loopback.log == []
    target.write_bytes(OTHER)
    download(client, table, target, steps)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("kind", [kinds.CHANGED, kinds.MIXED])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    break_off, kind, table, client, loopback, steps, target
):
    break_off()
    loopback.faults.append(Fault(HOST, "table", kind, detail=OTHER))
    download(client, table, target, steps)
    assert target.read_bytes() == OTHER


def test_a_file_that_changes_between_two_tries_is_not_mixed(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.CUT, times=1))
    loopback.faults.append(Fault(HOST, "table", kinds.CHANGED, after=1, detail=OTHER))
    download(client, table, target, steps)
    assert target.read_bytes() == OTHER


def test_the_part_of_another_address_is_discarded(
    break_off, table, client, loopback, steps, target
):
    break_off()
    download(client, replace(table, url=f"https://{HOST}/other.txt"), target, steps)
    assert "range" not in loopback.log[0].headers and target.read_bytes() == BODY


def test_a_part_without_readable_facts_is_discarded(
    break_off, table, client, loopback, steps, target
):
    break_off()
    (target.parent / ".table.txt.part.json").write_text("{", encoding="utf-8")
    loopback.log.clear()
    download(client, table, target, steps)
    assert "range" not in loopback.log[0].headers and target.read_bytes() == BODY


def test_a_server_without_validators_is_asked_from_the_beginning(
    break_off, table, client, loopback, steps, target
):
    """Whether the rest belongs to the part could not be known."""
    loopback.hosts[HOST] = lambda asked: Reply(200, {"ETag": ""}, BODY)
    break_off()
    download(client, table, target, steps)
    assert "range" not in loopback.log[0].headers and target.read_bytes() == BODY


def test_compressed_content_is_never_resumed(break_off, table, client, loopback, steps, target):
    """Also not by a run that finds a server which knows ranges and has the same file."""
    loopback.faults.append(Fault(HOST, "table", kinds.COMPRESSED))
    loopback.faults.append(Fault(HOST, "table", kinds.DRIP, detail=0.001))
    break_off(20_000)
    loopback.clear()
    download(client, table, target, steps)
    assert "range" not in loopback.log[0].headers and target.read_bytes() == BODY


def test_a_server_without_ranges_sends_the_file_again(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.NO_RANGE))
    loopback.faults.append(Fault(HOST, "table", kinds.CUT, times=2))
    download(client, table, target, steps)
    assert target.read_bytes() == BODY and len(loopback.visits("table")) == 3


def test_a_part_that_is_longer_than_the_file_is_discarded(
    break_off, table, client, loopback, steps, target
):
    break_off()
    with open(target.parent / ".table.txt.part", "ab") as part:
        part.write(BODY)
    download(client, table, target, steps)
    assert target.read_bytes() == BODY


def test_more_than_the_published_size_is_refused_early(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.DRIP, detail=0.01))
    file = replace(table, size=(5000, 5000))
    with pytest.raises(Refused, match="longer than the 5,000 bytes that its source states"):
        download(client, file, target, steps)
    assert loopback.log[0].sent < 100_000 and beside(target) == []


def test_less_than_the_published_size_is_refused(table, client, steps, target):
    file = replace(table, size=(500_000, 500_000))
    with pytest.raises(Refused, match="has 400,000 bytes instead of 500,000, 2 times in a row"):
        download(client, file, target, steps)
    assert beside(target) == []


def test_an_empty_answer_is_no_file(table, client, loopback, steps, target):
    loopback.hosts[HOST] = lambda asked: Reply(200, {}, b"")
    with pytest.raises(Refused, match="came without content, and 6 tries brought nothing more"):
        download(client, table, target, steps)
    assert not target.exists()


def test_a_login_page_leaves_nothing(table, client, loopback, steps, target):
    loopback.faults.append(Fault(HOST, "table", kinds.AS_LOGIN_PAGE))
    with pytest.raises(Refused, match="A web page came instead of table.txt"):
        download(client, table, target, steps)
    assert beside(target) == []


def test_an_earlier_file_stays_until_the_new_one_is_there(table, client, loopback, steps, target):
    target.parent.mkdir()
    target.write_bytes(OTHER)
    loopback.faults.append(Fault(HOST, "table", kinds.FLIPPED_BIT))
    with pytest.raises(Refused, match="checksum"):
        download(client, replace(table, checksum=MD5), target, steps)
    assert target.read_bytes() == OTHER
    loopback.clear()
    download(client, table, target, steps)
    assert target.read_bytes() == BODY


def test_the_facts_of_a_part_name_no_header_but_its_validators(
    break_off, table, client, steps, target
):
    break_off()
    facts = json.loads((target.parent / ".table.txt.part.json").read_text(encoding="utf-8"))
    assert set(facts) == {"url", "etag", "total"}


def test_a_full_disk_keeps_what_came(table, client, loopback, steps, target, room_on_disk):
    with room_on_disk(150_000), pytest.raises(OSError, match="too large"):
        download(client, table, target, steps)
    assert (target.parent / ".table.txt.part").stat().st_size == 150_000
    loopback.log.clear()
    download(client, table, target, steps)
    assert loopback.log[0].headers["range"] == "bytes=150000-" and target.read_bytes() == BODY
