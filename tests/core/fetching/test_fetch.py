"""A plan is fetched: budget, record, cancellation, disks."""

import hashlib
import json
import shutil
from collections import namedtuple

import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.fetching import fetch as module
from gwsa.gwsa_plugin.core.fetching.estimate import AT_ONCE
from gwsa.gwsa_plugin.core.fetching.fetch import fetch
from gwsa.gwsa_plugin.core.fetching.plan import make_plan
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.conftest import fetch_all, final_files, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault

ALL = ("csr_mascons", "csr_land_mask", "jpl_mascons", "gsfc_mascons", "gldas_noah")
FILES = r"\.nc$|\.nc\?|\.dap\.nc4"
Usage = namedtuple("Usage", "total used free")


def test_the_announced_bytes_hold_those_that_come(archives, client, steps, tmp_path):
    """Exactly where sizes are published, within a range elsewhere."""
    plan = make_plan(order_of(*ALL), tmp_path, client, steps)
    archives.log.clear()
    outcome = fetch(plan, tmp_path, client, steps)
    least, most = plan.bytes
    sent = sum(visit.sent for visit in archives.log)
    # Redirects and the like have bodies of their own.
    assert least <= sent <= most + 1000
    for file in outcome.fetched:
        size = (tmp_path / file.path).stat().st_size
        assert file.size[0] <= size <= file.size[1]
        assert file.source == "gldas_noah" or file.size == (size, size)


def test_the_record_describes_what_came(archives, client, steps, tmp_path):
    fetch_all(order_of(*ALL), tmp_path, client, steps)
    content = json.loads((tmp_path / "inputs.json").read_text(encoding="utf-8"))
    assert [item["path"] for item in content["files"]] == final_files(tmp_path)
    for item in content["files"]:
        body = (tmp_path / item["path"]).read_bytes()
        assert (item["bytes"], item["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert item["release"] == read_sources()[item["source"]].version
    verified = {item["source"]: item["verified"] for item in content["files"]}
    assert verified == {
        "csr_mascons": "length",
        "csr_land_mask": "length",
        "jpl_mascons": "checksum",
        "gsfc_mascons": "length",
        "gldas_noah": "unverified",
    }
    assert content["period"] == ["2010-01", "2010-04"] and set(content["sources"]) == set(ALL)


def test_two_runs_have_the_same_bytes(archives, client, steps, tmp_path):
    for name in ("first", "second"):
        fetch_all(order_of(*ALL), tmp_path / name, client, steps)
    for path in (*final_files(tmp_path / "first"), "inputs.json"):
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()


def test_pieces_that_a_disk_did_not_remove_are_removed_by_the_next_run(
    archives, client, steps, tmp_path
):
    outcome = fetch_all(order_of("csr_land_mask"), tmp_path, client, steps)
    (path,) = outcome.record.entries
    left = (tmp_path / path).with_name(f".{(tmp_path / path).name}.pieces")
    left.mkdir()
    (left / ".tile.tif").touch()
    fetch_all(order_of("csr_land_mask"), tmp_path, client, steps)
    assert not left.exists()


def test_the_fraction_grows_to_all(archives, client, steps, tmp_path):
    plan = make_plan(order_of("csr_mascons", "csr_land_mask"), tmp_path, client, SILENT)
    fetch(plan, tmp_path, client, steps)
    assert steps.fractions == sorted(steps.fractions) and steps.fractions[-1] == 1.0


def test_each_file_has_a_line_in_the_log(archives, client, steps, tmp_path):
    outcome = fetch_all(order_of(*ALL), tmp_path, client, steps)
    for file in outcome.fetched:
        assert [line for line in steps.lines if line.startswith(f"{file.path}: ")]


def test_no_more_files_come_at_once_than_are_allowed(archives, client, steps, tmp_path):
    archives.faults.append(Fault("", FILES, kinds.DRIP, detail=0.001))
    most = [0]

    def count(_):
        parts = [path for path in tmp_path.rglob(".*.part") if path.is_file()]
        most[0] = max(most[0], len(parts))

    plan = make_plan(order_of(*ALL), tmp_path, client, steps)
    fetch(plan, tmp_path, client, steps, count)
    assert 1 < most[0] <= AT_ONCE


def test_a_failed_file_does_not_stop_the_others(archives, client, steps, tmp_path):
    archives.faults.append(Fault("", "halfdegree", kinds.NOT_FOUND))
    outcome = fetch_all(order_of(*ALL), tmp_path, client, steps)
    assert [file.source for file, _ in outcome.failed] == ["gsfc_mascons"]
    assert len(outcome.fetched) == 7
    with pytest.raises(InputError, match="A file could not be fetched, and what came is kept: "):
        outcome.require_all()


def test_what_failed_comes_in_the_next_run(archives, client, steps, tmp_path):
    archives.faults.append(Fault("", "halfdegree|LandMask", kinds.NOT_FOUND))
    outcome = fetch_all(order_of(*ALL), tmp_path, client, steps)
    with pytest.raises(InputError, match=r"2 of 8 files .* The log has 1 more reasons\."):
        outcome.require_all()
    archives.faults.clear()
    outcome = fetch_all(order_of(*ALL), tmp_path, client, steps)
    assert len(outcome.fetched) == 2 and outcome.failed == []
    outcome.require_all()


def test_a_cancelled_run_keeps_what_came(archives, client, steps, tmp_path):
    archives.faults.append(Fault("", FILES, kinds.DRIP, detail=0.003))
    plan = make_plan(order_of(*ALL), tmp_path, client, steps)

    def cancel(_):
        steps.cancelled = len(final_files(tmp_path)) >= 2

    with pytest.raises(Cancelled, match="what came is kept"):
        fetch(plan, tmp_path, client, steps, cancel)
    steps.cancelled = False
    kept = len(final_files(tmp_path))
    assert 2 <= kept < 8
    archives.clear()
    outcome = fetch_all(order_of(*ALL), tmp_path, client, steps)
    assert len(outcome.fetched) == 8 - kept and len(final_files(tmp_path)) == 8


def test_a_disk_without_space_is_an_error_before_anything_is_fetched(
    archives, client, steps, tmp_path, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12 - 1000, 1000))
    plan = make_plan(order_of("csr_mascons"), tmp_path, client, steps)
    with pytest.raises(InputError, match="has 1 kB free; choose a folder on another disk"):
        fetch(plan, tmp_path, client, steps)
    assert archives.visits("all-corrections") == []


def test_a_disk_that_becomes_full_is_one_sentence(archives, client, steps, tmp_path, room_on_disk):
    plan = make_plan(order_of("csr_mascons", "csr_land_mask"), tmp_path, client, steps)
    with room_on_disk(30_000):
        outcome = fetch(plan, tmp_path, client, steps)
    ((file, sentence),) = outcome.failed
    assert file.source == "csr_mascons" and len(outcome.fetched) == 1
    assert sentence == (
        f"{tmp_path} cannot be written (File too large); free space on its disk, or choose "
        "another folder."
    )
    archives.log.clear()
    fetch_all(order_of("csr_mascons"), tmp_path, client, steps)
    (visit,) = archives.visits("all-corrections")
    assert visit.headers["range"] == "bytes=30000-"


def test_an_error_of_the_program_is_not_taken_for_a_failed_file(
    archives, client, steps, tmp_path, monkeypatch
):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "download", fail)
    with pytest.raises(ZeroDivisionError):
        fetch_all(order_of("csr_mascons"), tmp_path, client, steps)
