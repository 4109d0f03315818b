"""Each fault at each source of predictors ends in the right files, or in one sentence."""

import hashlib
import re

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.conftest import client_of, final_files
from gwsa.tests.core.fetching.ways.conftest import TOKENS, fetch_all, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import ALWAYS, Fault

SOURCES = [name for name, source in read_sources().items() if source.predictors]
# The content of these two is another one than that of the world.
KINDS = [kind for kind in kinds.KINDS if kind not in (kinds.CHANGED, kinds.MIXED)]
# With these nothing can come.
FINAL = (
    kinds.NOT_FOUND, kinds.UNAVAILABLE, kinds.SERVER_ERROR, kinds.AS_LOGIN_PAGE, kinds.NO_ANSWER,
    kinds.UNAUTHORIZED, kinds.TO_LOGIN,
)  # fmt: skip
# Bits of NetCDF 3, which has no checksums, cannot be told from others.
NO_CHECKSUM = ("terraclimate",)
pytestmark = pytest.mark.usefixtures("quick_tasks")


def digests(folder):
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in final_files(folder)
    }


@pytest.fixture(scope="session")
def right_files():
    return {}


@pytest.fixture
def expected(archives, right_files, steps, tmp_path_factory):
    """Return the right files of a source, which are fetched once."""

    def fetched(source):
        if source not in right_files:
            folder = tmp_path_factory.mktemp(source)
            client = client_of(archives, steps, TOKENS)
            fetch_all(order_of(source, end="2010-03"), folder, client, steps)
            right_files[source] = digests(folder)
            archives.clear()
        return right_files[source]

    return fetched


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, ALWAYS], ids=["twice", "always"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", SOURCES)
def test_the_files_are_right_or_not_there(
    archives, client, steps, tmp_path, expected, source, kind, times
):
    right = expected(source)
    if kind == kinds.FLIPPED_BIT and source in NO_CHECKSUM:
        pytest.skip("cannot be told")
    detail = 0.0 if kind == kinds.DRIP else None
    # The descriptions that plans ask for are tested with the plans.
    archives.faults.append(Fault("", "^(?!.*(tileList|dataset.xml))", kind, times, detail=detail))
    try:
        _, outcome = fetch_all(order_of(source, end="2010-03"), tmp_path, client, steps)
        reasons = [reason for _, reason in outcome.failed]
    except InputError as error:
        reasons = [str(error)]
    found = digests(tmp_path)
    assert found.items() <= right.items()
    assert reasons or found == right
    if kind in FINAL and times == ALWAYS:
        assert reasons and found == {}
    for reason in reasons:
        assert reason.endswith(".") and "Traceback" not in reason and "\n" not in reason
        assert not re.search(r"\w\. [a-z]", reason)
    # The next run, without the fault, ends with the right files.
    archives.faults.clear()
    later = client_of(archives, steps, TOKENS)
    fetch_all(order_of(source, end="2010-03"), tmp_path, later, steps)
    assert digests(tmp_path) == right
