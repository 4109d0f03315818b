"""Fixtures of all tests. They import the checkout as ``gwsa``, as the installed plugin."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"


settings.load_profile("ci")  # the same examples every time and no deadline


def pytest_addoption(parser):
    parser.addoption("--live", action="store_true", help="ask the real servers of the sources")


@pytest.fixture(scope="session", autouse=True)
def no_sync():
    """Files of tests need not outlast a loss of power; to wait for the disk takes milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: None)
        yield


@pytest.fixture
def room_on_disk():
    """A context manager: within ``room_on_disk(size)`` no file can exceed ``size`` bytes."""
    from gwsa.gwsa_plugin.core.rasters import child_process

    resource = pytest.importorskip("resource")

    @contextmanager
    def room(size: int):
        _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
        child_process._end_idle()  # Its next child has the limit too.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            child_process._end_idle()

    return room


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real GRACE, GLDAS, aquifer and well files, which are not in the repository."""
    if not REAL_DATA.is_dir():
        pytest.skip("../shared/data, the folder of real files, does not exist")
    return REAL_DATA


@pytest.fixture
def short_record(monkeypatch):
    """Sample worlds that are made have GRACE and GLDAS until 2010, half as many files."""
    from gwsa.gwsa_plugin.core.sample_world import grace_files, simulation

    for module in (grace_files, simulation):
        monkeypatch.setattr(module, "RECORD", grace_files.RECORD[:105])


@pytest.fixture(scope="session")
def sample_world(tmp_path_factory) -> Path:
    """Sample world of 2° x 2° and one year, with ice and sea, observed cell by cell.

    Tests copy the files that they change.
    """
    from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
    from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, make_world

    folder = tmp_path_factory.mktemp("world")
    options = WorldOptions((77.0, 29.0, 79.0, 31.0), "2010-01", "2010-12", observation=CELL_BY_CELL)
    make_world(folder, options)
    return folder
