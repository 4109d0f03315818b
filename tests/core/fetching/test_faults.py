"""Each fault at each source: the right file, or one true sentence and no file."""

import re

import h5py
import pytest

from gwsa.gwsa_plugin.core.fetching.logins import read_logins
from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN
from gwsa.tests.core.fetching.conftest import (
    TOKEN,
    Steps,
    client_of,
    fetch_all,
    final_files,
    order_of,
)
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import ALWAYS, Fault
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_world import write_small_world
from gwsa.tests.servers.world import all_hosts

SOURCES = ("csr_mascons", "csr_land_mask", "jpl_mascons", "gsfc_mascons", "gldas_noah")
WITH_LOGIN = ("jpl_mascons", "gldas_noah")
# Requests for files, and not for lists of them.
FILES = r"\.nc$|\.nc\?|\.dap\.nc4"
each_source = pytest.mark.parametrize("name", SOURCES)

# Kind, how often it happens to a file, and more of the fault: the file comes nevertheless.
PASSES = [
    (kinds.TOO_MANY, 3, {}),
    (kinds.SERVER_ERROR, 3, {}),
    (kinds.UNAVAILABLE, 5, {}),
    (kinds.NO_ANSWER, 3, {}),
    (kinds.CUT, 3, {}),
    (kinds.CUT, 1, {"detail": 0}),
    (kinds.CUT, 4, {"detail": 3000}),
    (kinds.LONG_LENGTH, 1, {}),
    (kinds.SHORT_LENGTH, 1, {}),
    (kinds.FLIPPED_BIT, 1, {}),
    (kinds.DRIP, ALWAYS, {"detail": 0.0002}),
    (kinds.CHUNKED, ALWAYS, {}),
    (kinds.COMPRESSED, ALWAYS, {}),
    (kinds.NO_RANGE, ALWAYS, {}),
    (kinds.OTHER_HOST, ALWAYS, {}),
]
# The file never comes: what the sentence has to state.
FAILS = {
    kinds.UNAUTHORIZED: "status 401",
    kinds.NOT_APPROVED_403: "status 403",
    kinds.NOT_FOUND: "is not there (status 404)",
    kinds.TOO_MANY: "answers with status 429",
    kinds.SERVER_ERROR: "answers with status 500",
    kinds.UNAVAILABLE: "answers with status 503",
    kinds.TO_LOGIN: "A web page came instead",
    kinds.AS_LOGIN_PAGE: "A web page came instead",
    kinds.FLIPPED_BIT: "",
    kinds.NO_ANSWER: "cannot be reached",
}
FAILS_WITH_LOGIN = {
    kinds.UNAUTHORIZED: "does not accept the token",
    kinds.NOT_APPROVED_403: "has not approved the application",
    kinds.TO_LOGIN: "does not accept the token",
}


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Folder of all files as they come without faults, from a world of its own."""
    folder = tmp_path_factory.mktemp("truth")
    world = write_small_world(folder / "world")
    with Loopback(all_hosts(world)) as server:
        steps = Steps()
        outcome = fetch_all(order_of(*SOURCES), folder / "in", client_of(server, steps), steps)
        assert outcome.failed == []
    return folder / "in"


@pytest.fixture
def archives(loopback, truth):
    loopback.hosts.update(all_hosts(truth.parent / "world"))
    return loopback


def flipped_place(truth, source):
    """A byte in the compressed values of the first file of a source."""
    path = next(iter(sorted(truth.glob(f"{files_of(truth, source)[0]}"))))
    with h5py.File(path, "r") as file:
        name = next(key for key, item in file.items() if item.ndim == 3)
        chunk = file[name].id.get_chunk_info(0)
        return chunk.byte_offset + chunk.size // 2


def files_of(truth, source):
    """Paths of the files of a source."""
    parts = {"csr_mascons": "CSR.*all-corr", "csr_land_mask": "LandMask", "jpl_mascons": "JPL",
             "gsfc_mascons": "gsfc", "gldas_noah": "GLDAS"}  # fmt: skip
    return [path for path in final_files(truth) if re.search(parts[source], path)]


def add(server, truth, source, kind, times, more):
    """Add a fault of the files of a source: it happens to each of them ``times`` times."""
    if kind == kinds.FLIPPED_BIT:
        more = {"detail": flipped_place(truth, source)}
    for path in files_of(truth, source):
        name = re.escape(path.rpartition("/")[2])
        server.faults.append(Fault("", rf"{name}(\?|\.dap|$)", kind, times, **more))


def check_secrets(server, folder, steps):
    """No file and no line has a token, and it went to no host but those of the login."""
    hosts = read_logins()["earthdata"].hosts
    secrets = (TOKEN.encode(), DUMMY_LOGIN.encode())
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(secret in content for secret in secrets), path.name
    assert not any(TOKEN in line or DUMMY_LOGIN in line for line in steps.lines)
    for visit in server.log:
        sent = f"{visit.path}{visit.headers}{visit.asked.body!r}"
        assert TOKEN not in sent
        assert DUMMY_LOGIN not in sent.replace(f"Bearer {DUMMY_LOGIN}", "")
        assert visit.host in hosts or "authorization" not in visit.headers


def check_sentence(text):
    """A sentence is one line, has one full stop at its end, and names no loopback server."""
    assert re.fullmatch(r"[A-Z\w][^\n]*[^.]\.", text), text
    assert not re.search(r"[a-z)]\. [A-Z]", text), text
    assert "127.0.0.1" not in text and "Traceback" not in text and "None" not in text, text


@each_source
@pytest.mark.parametrize(("kind", "times", "more"), PASSES, ids=lambda item: str(item))
def test_a_passing_fault(name, kind, times, more, archives, truth, client, steps, tmp_path):
    add(archives, truth, name, kind, times, more)
    outcome = fetch_all(order_of(name), tmp_path, client, steps)
    assert outcome.failed == []
    assert final_files(tmp_path) == files_of(truth, name)
    for path in files_of(truth, name):
        assert (tmp_path / path).read_bytes() == (truth / path).read_bytes()
    check_secrets(archives, tmp_path, steps)
    assert not [path.name for path in tmp_path.rglob(".*")], "nothing is left beside the files"


@each_source
@pytest.mark.parametrize("kind", list(FAILS))
def test_a_lasting_fault(name, kind, archives, truth, client, steps, tmp_path):
    add(archives, truth, name, kind, ALWAYS, {})
    outcome = fetch_all(order_of(name), tmp_path, client, steps)
    assert len(outcome.failed) == len(files_of(truth, name))
    assert final_files(tmp_path) == []
    expected = (FAILS_WITH_LOGIN if name in WITH_LOGIN else {}).get(kind, FAILS[kind])
    for _, sentence in outcome.failed:
        check_sentence(sentence)
        assert expected in sentence
    check_secrets(archives, tmp_path, steps)
    # Nothing that came is used by the next run.
    archives.faults.clear()
    fetch_all(order_of(name), tmp_path, client, steps)
    for path in files_of(truth, name):
        assert (tmp_path / path).read_bytes() == (truth / path).read_bytes()


@each_source
def test_a_lasting_cut_goes_on_to_the_end(name, archives, truth, client, steps, tmp_path):
    """Each try brings more where the server knows ranges; others never end."""
    add(archives, truth, name, kinds.CUT, ALWAYS, {"detail": 9000})
    outcome = fetch_all(order_of(name), tmp_path, client, steps)
    if name == "gldas_noah":
        assert final_files(tmp_path) == []
        for _, sentence in outcome.failed:
            check_sentence(sentence)
    else:
        assert outcome.failed == []
        (path,) = files_of(truth, name)
        sent = sum(visit.sent for visit in archives.visits(FILES) if visit.status in (200, 206))
        assert sent == (truth / path).stat().st_size


@each_source
@pytest.mark.parametrize("kind", [kinds.UNAVAILABLE, kinds.NOT_FOUND, kinds.CUT, kinds.NO_ANSWER,
                                  kinds.AS_LOGIN_PAGE, kinds.TOO_MANY])  # fmt: skip
def test_a_fault_of_the_list_of_files(name, kind, archives, client, steps, tmp_path):
    """The plan is not made, or the file is asked for all the same."""
    archives.faults.append(Fault("cmr.earthdata.nasa.gov", "", kind))
    archives.faults.append(Fault("earth.gsfc.nasa.gov", "mascons$", kind))
    archives.faults.append(Fault("", "", kind, methods=("HEAD",)))
    try:
        outcome = fetch_all(order_of(name), tmp_path, client, steps)
    except ValueError as error:
        check_sentence(str(error))
        assert final_files(tmp_path) == []
    else:
        assert outcome.failed == [] and name.startswith("csr")


def test_a_wrong_checksum_is_not_accepted(archives, client, steps, tmp_path):
    archives.faults.append(Fault("cmr.earthdata.nasa.gov", "", kinds.WRONG_CHECKSUM))
    ((_, sentence),) = fetch_all(order_of("jpl_mascons"), tmp_path, client, steps).failed
    check_sentence(sentence)
    assert "does not have the checksum" in sentence and final_files(tmp_path) == []


def test_a_token_that_expires_fails_the_rest_once(archives, client, steps, tmp_path):
    """What came before is kept, and no more requests than those under way are made."""
    archives.faults.append(Fault("opendap.earthdata.nasa.gov", "", kinds.UNAUTHORIZED, after=2))
    outcome = fetch_all(order_of("gldas_noah"), tmp_path, client, steps)
    assert len(outcome.fetched) == 2 and len(final_files(tmp_path)) == 2
    assert len({sentence for _, sentence in outcome.failed}) == 1
    with pytest.raises(
        ValueError, match="2 of 4 files could not be fetched, and what came is kept"
    ):
        outcome.require_all()
    archives.clear()
    fetch_all(order_of("gldas_noah"), tmp_path, client, steps)
    assert len(final_files(tmp_path)) == 4 and len(archives.visits("dap.nc4")) == 2


def test_without_a_token_no_request_is_made_for_a_file(archives, steps, tmp_path):
    client = client_of(archives, steps, tokens={})
    outcome = fetch_all(order_of("jpl_mascons", "csr_land_mask"), tmp_path, client, steps)
    ((file, sentence),) = outcome.failed
    assert file.source == "jpl_mascons" and "none was found" in sentence
    assert archives.visits("MSCNv04CRI") == [] and len(final_files(tmp_path)) == 1
