"""gwsa:fetch against the servers of the loopback world, through the network of QGIS."""

import json
import os
import re

import numpy as np
import pytest
import rasterio
from qgis.core import (
    QgsApplication,
    QgsAuthMethodConfig,
    QgsProcessingException,
    QgsProcessingFeedback,
)
from qgis.PyQt.QtCore import QTimer

from gwsa.gwsa_plugin.core.fetching.logins import Account
from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN, VARIABLE
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.gwsa_plugin.core.files.lock import locked
from gwsa.processing_provider.login import EARTHDATA, read_tokens
from gwsa.tests.servers.faults import (
    AS_LOGIN_PAGE,
    DRIP,
    OTHER_HOST,
    STORE,
    UNAUTHORIZED,
    Fault,
)
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_predictors import write_small_predictors
from gwsa.tests.servers.world import all_hosts

TOKEN = "secret-token-of-a-user"
REGION = {"EXTENT": "77,79,29,31 [EPSG:4326]", "START": "2010-01", "END": "2010-12"}
MASCONS = "mascons/CSR_GRACE_GRACE-FO_RL0603_Mascons_all-corrections.nc"


@pytest.fixture
def server(sample_world, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    with Loopback(all_hosts(sample_world)) as loopback:
        monkeypatch.setenv(VARIABLE, loopback.address)
        yield loopback


def requests_to(server, host):
    return [visit for visit in server.log if visit.asked.host == host]


class Log(QgsProcessingFeedback):
    """Keeps all lines."""

    def __init__(self):
        super().__init__(False)
        self.lines = []

    def pushInfo(self, text):
        self.lines.append(text)

    def pushWarning(self, text):
        self.lines.append(text)


def bytes_sent(server):
    return sum(visit.sent for visit in server.log)


def test_the_mascon_file_comes_complete_and_is_recorded(run, server, sample_world, tmp_path):
    results = run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    served = next((sample_world / "grace").glob("*all-corrections.nc"))
    assert (tmp_path / MASCONS).read_bytes() == served.read_bytes()
    assert results["TWSA"] == str(tmp_path / MASCONS)
    record = json.loads((tmp_path / "inputs.json").read_text())
    (entry,) = record["files"]
    assert entry["path"] == MASCONS and entry["verified"] == "length"
    assert record["sources"]["csr_mascons"]["doi"]
    assert not list(tmp_path.rglob(".*"))


def test_what_is_there_is_not_fetched_again(run, server, tmp_path):
    run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    server.log.clear()
    results = run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    assert results["FILES"] == 0
    assert bytes_sent(server) == 0


def test_a_dry_run_lists_files_and_writes_nothing(run, server, sample_world, tmp_path):
    folder, log = tmp_path / "inputs", Log()
    results = run("fetch", log, **REGION, SOURCES="csr_mascons", DRY_RUN=True, OUTPUT=folder)
    size = next((sample_world / "grace").glob("*all-corrections.nc")).stat().st_size
    assert results["LEAST_BYTES"] == results["MOST_BYTES"] == size
    assert any(MASCONS in line for line in log.lines)
    assert any(line.startswith("To fetch: 1 file, ") for line in log.lines)
    assert not folder.exists()


def test_a_login_page_is_refused_and_nothing_has_its_name(run, server, tmp_path):
    server.faults.append(Fault("download.csr.utexas.edu", kind=AS_LOGIN_PAGE))
    with pytest.raises(QgsProcessingException, match="A web page came instead"):
        run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    assert not (tmp_path / MASCONS).exists()


def test_a_run_can_be_cancelled_within_half_a_second(run, server, tmp_path):
    server.faults.append(Fault("download.csr.utexas.edu", kind=DRIP))
    feedback = QgsProcessingFeedback(False)
    QTimer.singleShot(500, feedback.cancel)
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("fetch", feedback, **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    assert not (tmp_path / MASCONS).exists()
    server.faults.clear()
    run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)
    (again,) = [visit for visit in server.log if visit.asked.headers.get("range")]
    assert int(re.search(r"\d+", again.asked.headers["range"])[0]) > 0


def test_two_runs_into_one_folder_are_refused(run, server, tmp_path):
    sentence = f"is being written by process {os.getpid()}"
    with locked(tmp_path), pytest.raises(QgsProcessingException, match=sentence):
        run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SOURCES": "csr_mascon"}, "“csr_mascon” is not one of the choices"),
        ({"START": "2010"}, "START"),
        ({"END": "2009-01"}, "choose an end not before the start"),
        ({"START": "1990-01", "END": "1990-12"}, "CSR mascons has the months from 2002-04 to now"),
    ],
)
def test_a_mistake_is_one_sentence(run, server, tmp_path, change, sentence):
    given = {**REGION, "SOURCES": ["csr_mascons"], **change}
    with pytest.raises(QgsProcessingException, match=re.escape(sentence)):
        run("fetch", **given, OUTPUT=tmp_path)


def test_only_servers_of_this_machine_can_stand_for_others(run, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "http://192.0.2.1:8000")
    with pytest.raises(QgsProcessingException, match="only a server of this machine"):
        run("fetch", **REGION, SOURCES=["csr_mascons"], OUTPUT=tmp_path)


@pytest.fixture
def stored_login(qgis_processing):
    """An entry of the authentication database whose password is a token."""
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not manager.setMasterPassword("only-for-tests", True):
        pytest.skip("the authentication database of QGIS cannot be opened here")
    config = QgsAuthMethodConfig("Basic")
    config.setName("earthdata")
    config.setConfigMap({"username": "", "password": TOKEN, "realm": ""})
    stored = manager.storeAuthenticationConfig(config)
    assert stored if isinstance(stored, bool) else stored[0]
    yield config.id()
    manager.removeAuthenticationConfig(config.id())


def test_the_token_is_read_from_qgis(stored_login, monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN", raising=False)
    assert read_tokens(stored_login) == {EARTHDATA: TOKEN, "appeears": TOKEN}
    assert read_tokens("") == {}


def test_an_account_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    monkeypatch.setenv("EARTHDATA_PASSWORD", "secret")
    assert read_tokens("") == {EARTHDATA: TOKEN, "appeears": Account("me", "secret")}
    monkeypatch.delenv("EARTHDATA_TOKEN")
    assert read_tokens("") == dict.fromkeys((EARTHDATA, "appeears"), Account("me", "secret"))


def test_an_entry_that_does_not_exist_is_one_sentence(run, server, tmp_path):
    with pytest.raises(QgsProcessingException, match="entry nothing7 "):
        run("fetch", **REGION, SOURCES=["csr_mascons"], LOGIN="nothing7", OUTPUT=tmp_path)


@pytest.mark.slow
def test_gldas_of_the_region_gives_the_storage_of_all_of_it(run, server, sample_world, tmp_path):
    results = run("fetch", **REGION, SOURCES=["gldas_noah"], OUTPUT=tmp_path / "inputs")
    outputs = ("SMS", "SWES", "CWS", "OUTPUT")
    stacks = []
    for name, folder in (("fetched", results["GLDAS"]), ("all", sample_world / "gldas")):
        given = {output: tmp_path / f"{name}_{output}.tif" for output in outputs}
        run("gldasanomaly", **REGION, INPUT=folder, **given)
        with rasterio.open(given["OUTPUT"]) as source:
            stacks.append(source.read())
    np.testing.assert_array_equal(*stacks)
    assert np.isfinite(stacks[0]).any()


def test_the_token_goes_to_its_hosts_only_and_into_no_file(run, server, tmp_path):
    server.faults.append(Fault("opendap.earthdata.nasa.gov", kind=OTHER_HOST))
    log = Log()
    run("fetch", log, **REGION, SOURCES=["csr_mascons", "gldas_noah"], OUTPUT=tmp_path)
    hosts = {visit.asked.host for visit in server.log if visit.asked.headers.get("authorization")}
    assert hosts == {"opendap.earthdata.nasa.gov"}
    assert requests_to(server, STORE)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (TOKEN, DUMMY_LOGIN):
        assert secret.encode() not in written
        assert not any(secret in line for line in log.lines)


def test_a_missing_token_is_one_sentence_with_the_pages_to_open(run, server, tmp_path, monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    sources = ["csr_mascons", "gldas_noah"]
    with pytest.raises(QgsProcessingException, match="needs a login.*users/new.*user_tokens"):
        run("fetch", **REGION, SOURCES=sources, OUTPUT=tmp_path)
    # It is stated before the files that need none are fetched.
    assert not (tmp_path / MASCONS).exists()


def test_a_token_that_is_not_accepted_is_asked_for_once(run, server, tmp_path):
    server.faults.append(Fault("opendap.earthdata.nasa.gov", kind=UNAUTHORIZED))
    with pytest.raises(QgsProcessingException, match="does not accept the token"):
        run("fetch", **REGION, SOURCES=["gldas_noah"], OUTPUT=tmp_path)
    # Four files are asked for at once; the others are not asked for any more.
    assert len(requests_to(server, "opendap.earthdata.nasa.gov")) <= 4


def test_a_later_run_fetches_the_new_months_only(run, server, tmp_path):
    run("fetch", **{**REGION, "END": "2010-03"}, SOURCES=["gldas_noah"], OUTPUT=tmp_path)
    server.log.clear()
    run("fetch", **REGION, SOURCES=["gldas_noah"], OUTPUT=tmp_path)
    assert len(requests_to(server, "opendap.earthdata.nasa.gov")) == 9


def test_predictors_come_by_ranges_and_tasks(run, monkeypatch, tmp_path):
    world = write_small_predictors(tmp_path / "world", ("temperature", "land_surface_temperature"))
    monkeypatch.setitem(read_sources()["modis_lst"].settings, "every_s", 0.01)
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    with Loopback(all_hosts(world)) as loopback:
        monkeypatch.setenv(VARIABLE, loopback.address)
        results = run(
            "fetch", EXTENT="77.1,77.3,29.2,29.3 [EPSG:4326]", START="2010-03", END="2010-03",
            SOURCES=["chelsa", "modis_lst"], OUTPUT=tmp_path / "in",
        )  # fmt: skip
    names = [entry["name"] for entry in json.loads(
        (tmp_path / "in" / "catalogue.json").read_text())["predictors"]]  # fmt: skip
    assert names == ["temperature", "land_surface_temperature"] and results["FILES"] == 2
    assert {visit.status for visit in loopback.visits("CHELSA")} == {206}
