"""What has to be fetched: what is missing, there, or newer at the source."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.plan import (
    compared_again,
    make_plan,
    make_plan_by_source,
    wanted_of,
)
from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.conftest import client_of, fetch_all, final_files, order_of
from gwsa.tests.servers import archive
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.hosts import cmr, gsfc, podaac
from gwsa.tests.servers.small_world import write_small_world
from gwsa.tests.servers.world import all_hosts

MASCONS = ("csr_mascons", "jpl_mascons", "gsfc_mascons")
MASK = "csr_land_mask"


@pytest.fixture
def world(loopback, tmp_path):
    """A world that a test changes, as the archives do."""
    folder = write_small_world(tmp_path / "world")
    loopback.hosts.update(all_hosts(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "in"


def summary(plan):
    """Numbers of files that are missing, there, and newer."""
    return len(plan.missing), len(plan.present), len(plan.newer)


def new_month(world, monkeypatch):
    """Let all centres publish one month more; names change where those of the centre do."""
    cmr._checksum.cache_clear()
    write_small_world(world, seed=2, months=25)
    for module, name in ((archive, "JPL_NAME"), (cmr, "JPL_NAME"), (podaac, "PATH"), (cmr, "PATH")):
        newer = getattr(module, name).replace("202012", "202101")
        monkeypatch.setattr(module, name, newer)
    page = gsfc.HTML.replace("202012", "202101")
    monkeypatch.setattr(gsfc, "GSFC_NAME", gsfc.GSFC_NAME.replace("202012", "202101"))
    monkeypatch.setattr(gsfc, "HTML", page)


def test_all_files_are_missing_at_first(archives, client, steps, folder):
    plan = make_plan(order_of(*MASCONS, MASK, "gldas_noah"), folder, client, steps)
    assert summary(plan) == (8, 0, 0) and not folder.exists()
    assert plan.logins == ["earthdata"]
    assert {name: len(files) for name, files in plan.by_source().items()} == {
        "csr_mascons": 1, "jpl_mascons": 1, "gsfc_mascons": 1, MASK: 1, "gldas_noah": 4,
    }  # fmt: skip


def test_a_plan_needs_no_token(archives, steps, folder):
    client = client_of(archives, steps, tokens={})
    assert summary(make_plan(order_of("jpl_mascons", "gldas_noah"), folder, client, steps))[0] == 5
    assert all("authorization" not in visit.headers for visit in archives.log)


def test_what_is_there_is_not_fetched_again(archives, client, steps, folder):
    order = order_of(*MASCONS, MASK, "gldas_noah")
    fetch_all(order, folder, client, steps)
    archives.log.clear()
    outcome = fetch_all(order, folder, client, steps)
    assert outcome.fetched == []
    assert {visit.method for visit in archives.log if "nc" in visit.path[-4:]} <= {"HEAD"}


@pytest.mark.parametrize("change", ["deleted", "shortened", "another bit"])
def test_a_file_that_is_not_as_it_came_is_fetched_again(change, archives, client, steps, folder):
    order = order_of(MASK)
    (path,) = [folder / file.path for file in fetch_all(order, folder, client, steps).fetched]
    content = path.read_bytes()
    path.write_bytes(content[:-1] if change == "shortened" else bytes([1]) + content[1:])
    if change == "deleted":
        path.unlink()
    assert summary(make_plan(order, folder, client, steps)) == (1, 0, 0)
    fetch_all(order, folder, client, steps)
    assert path.read_bytes() == content


def test_only_new_months_are_fetched(archives, client, steps, folder):
    fetch_all(order_of("gldas_noah", end="2010-02"), folder, client, steps)
    plan = make_plan(order_of("gldas_noah", end="2010-04"), folder, client, steps)
    assert summary(plan) == (2, 2, 0)
    assert [file.path[-16:-10] for file in plan.missing] == [".A2010", ".A2010"]
    assert [file.path[-14:-8] for file in plan.missing] == ["201003", "201004"]


def test_files_that_stay_of_another_region_are_named(archives, client, steps, folder):
    order = order_of("gldas_noah", MASK, end="2010-02")
    west, south, east, north = order.bounds
    inside = (west + 0.1, south + 0.1, east - 0.1, north - 0.1)
    beside = (west, south - 1, east, north)
    fetch_all(order, folder, client, steps)
    for bounds, names, count in (
        (inside, (MASK,), 0),
        (beside, (MASK,), 1),
        # All files of the folder are fetched for the region, or one month is not.
        (beside, ("gldas_noah",), 0),
    ):
        other = replace(order, sources=names, bounds=bounds)
        plan, _ = make_plan_by_source(other, folder, client, steps)
        named = [line for line in plan.remarks if "another region" in line]
        assert len(named) == count and all("GLDAS Noah 2.1" in line for line in named)
    shorter = replace(order, bounds=beside, end=order.start)
    fetch_all(shorter, folder, client, steps)
    assert Record.read(folder).entries["gldas/GLDAS_NOAH025_M.A201001.021.nc4"].region == [*beside]
    plan = make_plan(shorter, folder, client, steps)
    sentence = "another region (GLDAS Noah 2.1); fetch them for this region"
    assert any(sentence in remark for remark in plan.remarks)


def test_one_month_more_is_no_newer_version_of_another(archives, client, steps, folder):
    """Each list has a single file, of another month."""
    for month in ("2010-01", "2010-02"):
        fetch_all(order_of("gldas_noah", start=month, end=month), folder, client, steps)
    assert len(final_files(folder)) == 2


def test_months_that_the_source_does_not_have_yet_are_named(world, client, steps, folder):
    make_plan(order_of("gldas_noah", end="2021-02"), folder, client, steps)
    (line,) = [line for line in steps.lines if "has no file of" in line]
    assert line.startswith("GLDAS") and "2021-02" in line


def test_another_region_is_fetched(archives, client, steps, folder):
    order = order_of("gldas_noah")
    fetch_all(order, folder, client, steps)
    moved = replace(order, bounds=(76.0, 28.0, 78.0, 30.0))
    assert summary(make_plan(moved, folder, client, steps)) == (4, 0, 0)


@pytest.mark.parametrize("name", MASCONS)
def test_a_newer_version_is_listed_and_the_old_one_kept(
    name, world, client, steps, folder, monkeypatch
):
    fetch_all(order_of(name), folder, client, steps)
    before = {path: (folder / path).read_bytes() for path in final_files(folder)}
    new_month(world, monkeypatch)
    plan = make_plan(order_of(name), folder, client, steps)
    assert summary(plan) == (0, 0, 1) and plan.newer[0][0].path in before
    assert fetch_all(order_of(name), folder, client, steps).fetched == []
    assert before == {path: (folder / path).read_bytes() for path in final_files(folder)}


@pytest.mark.parametrize("name", MASCONS)
def test_an_update_replaces_the_old_version(name, world, client, steps, folder, monkeypatch):
    fetch_all(order_of(name), folder, client, steps)
    new_month(world, monkeypatch)
    outcome = fetch_all(order_of(name, update=True), folder, client, steps)
    (path,) = final_files(folder)
    assert outcome.failed == [] and [file.path for file in outcome.fetched] == [path]
    assert (folder / path).read_bytes() == (world / archive_path(world)).read_bytes()
    assert list(Record.read(folder).entries) == [path]
    assert summary(make_plan(order_of(name), folder, client, steps)) == (0, 1, 0)


def archive_path(world):
    return archive.mascons(world, "").relative_to(world)


def test_an_update_that_fails_keeps_the_old_version(
    world, client, loopback, steps, folder, monkeypatch
):
    fetch_all(order_of("gsfc_mascons"), folder, client, steps)
    before = final_files(folder)
    new_month(world, monkeypatch)
    loopback.faults.append(Fault("", "halfdegree", kinds.AS_LOGIN_PAGE))
    outcome = fetch_all(order_of("gsfc_mascons", update=True), folder, client, steps)
    assert len(outcome.failed) == 1 and final_files(folder) == before
    assert list(Record.read(folder).entries) == before


def test_a_source_is_asked_for_its_baseline_and_its_margin():
    order = order_of("csr_mascons", start="2015-01", end="2015-03")
    wanted = wanted_of(read_sources()["gldas_noah"], order)
    assert str(wanted.months[0]) == "2002-04" and str(wanted.months[-1]) == "2015-03"
    assert len(wanted.months) == 156
    early = wanted_of(
        read_sources()["gldas_noah"], order_of("gldas_noah", start="2004-01", end="2004-03")
    )
    assert str(early.months[-1]) == "2009-12"
    west, south, east, north = wanted.bounds
    assert west < 77 < 79 < east and south < 29 < 31 < north


def test_an_unknown_source_is_refused(client, steps, folder):
    with pytest.raises(InputError, match="mars is not a source; the sources are csr_mascons"):
        make_plan(order_of("mars"), folder, client, steps)


def test_a_period_that_a_source_does_not_have_is_refused(client, steps, folder, monkeypatch):
    source = replace(read_sources()[MASK], period=(np.datetime64("2020-01"), None))
    monkeypatch.setitem(read_sources(), MASK, source)
    with pytest.raises(InputError, match="has the months from 2020-01 to now, but 2010-01 to"):
        make_plan(order_of(MASK), folder, client, steps)


def test_a_file_that_the_source_does_not_have_is_an_error(world, client, steps, folder):
    shutil.rmtree(world / "grace")
    with pytest.raises(InputError, match="is not there.*the source has moved it"):
        make_plan(order_of(MASK), folder, client, steps)


def test_a_source_that_does_not_answer_leaves_the_others(archives, client, steps, folder):
    archives.faults.append(Fault(path="all-corrections", kind=kinds.NOT_FOUND, methods=("HEAD",)))
    order = order_of("csr_mascons", MASK, "gldas_noah")
    plan, reasons = make_plan_by_source(order, folder, client, steps)
    assert summary(plan) == (5, 0, 0)
    assert list(reasons) == ["csr_mascons"] and "status 404" in reasons["csr_mascons"]
    assert plan.order == order


def test_a_plan_is_compared_again_with_what_came_since(archives, client, steps, folder):
    plan = make_plan(order_of("csr_mascons", MASK), folder, client, steps)
    fetch_all(order_of(MASK), folder, client, steps)
    assert summary(plan) == (2, 0, 0)
    assert summary(compared_again(plan, folder, steps)) == (1, 1, 0)


def test_newer_versions_that_are_wanted_are_missing(world, client, steps, folder, monkeypatch):
    fetch_all(order_of("csr_mascons"), folder, client, steps)
    new_month(world, monkeypatch)
    plan = make_plan(order_of("csr_mascons"), folder, client, steps).with_newer()
    assert summary(plan) == (1, 0, 0)
    assert summary(compared_again(plan, folder, steps)) == (1, 0, 0)


def test_what_came_is_no_longer_missing(archives, client, steps, folder):
    plan = make_plan(order_of(MASK, "gldas_noah"), folder, client, steps)
    left = plan.after(plan.missing[:2])
    assert summary(left) == (3, 2, 0)
    assert left.missing == plan.missing[2:]
    assert summary(plan) == (5, 0, 0)
