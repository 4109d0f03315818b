"""Tasks of AppEEARS: made once, kept over restarts, and their composites averaged."""

import json

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.fetching.fetch import fetch
from gwsa.gwsa_plugin.core.fetching.logins import Account
from gwsa.gwsa_plugin.core.fetching.plan import make_plan
from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.tests.core.fetching.conftest import client_of, final_files
from gwsa.tests.core.fetching.ways.conftest import TOKENS, fetch_all, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.hosts import appeears
from gwsa.tests.servers.messages import Reply
from gwsa.tests.servers.small_predictors import plane

HOST = appeears.HOSTS[0]
pytestmark = pytest.mark.usefixtures("quick_tasks")


def tasks(archives):
    return [json.loads(visit.asked.body) for visit in archives.visits("api/task$", "POST")]


def test_the_mean_of_the_composites_of_a_month_is_kept(archives, client, steps, tmp_path):
    plan, outcome = fetch_all(order_of("modis_lai"), tmp_path, client, steps)
    assert outcome.failed == []
    assert final_files(tmp_path) == [
        f"predictors/modis/lai_2010{month}.tif" for month in ("03", "04")
    ]
    with rasterio.open(tmp_path / "predictors/modis/lai_201003.tif") as source:
        rows, columns = np.arange(source.height), np.arange(source.width)
        longitudes = source.transform.c + (columns + 0.5) * source.transform.a
        latitudes = source.transform.f + (rows + 0.5) * source.transform.e
        truth = plane("lai", longitudes, latitudes, "2010-03")
        assert np.abs(source.read(1) * 0.1 - truth).max() < 0.051
    entries = Record.read(tmp_path).entries.values()
    assert {entry.verified for entry in entries} == {"checksum"}
    came = sum(visit.sent for visit in archives.visits("bundle/.+/"))
    assert plan.bytes[0] <= came <= plan.bytes[1]
    # Layers of quality, which come with each task, are not fetched.
    assert len(archives.visits("bundle/.+/")) == 4 + 3


def test_a_task_has_all_months_and_the_region(archives, client, steps, tmp_path):
    fetch_all(order_of("modis_ndvi", start="2010-03", end="2010-12"), tmp_path, client, steps)
    (task,) = tasks(archives)
    params = task["params"]
    assert task["task_type"] == "area"
    # The longest mean of the index is of 24 months.
    assert params["dates"] == [{"startDate": "04-01-2008", "endDate": "12-31-2010"}]
    assert params["layers"] == [{"product": "MOD13A3.061", "layer": "_1_km_monthly_NDVI"}]
    assert params["output"] == {"format": {"type": "geotiff"}, "projection": "geographic"}
    (feature,) = params["geo"]["features"]
    ring = np.array(feature["geometry"]["coordinates"][0])
    assert ring.min(axis=0) == pytest.approx((77 - 1 / 120, 29 - 1 / 120))
    assert np.array_equal(ring[0], ring[-1])


def test_a_region_across_180_degrees_has_two_polygons(archives, client, steps, tmp_path):
    order = order_of("modis_lst", bounds=(179.6, -17.9, 180.4, -17.6))
    fetch_all(order, tmp_path, client, steps)
    (task,) = tasks(archives)
    rings = [f["geometry"]["coordinates"][0] for f in task["params"]["geo"]["features"]]
    assert [max(x for x, _ in ring) for ring in rings] == pytest.approx([180.0, -179.4916667])
    with rasterio.open(tmp_path / "predictors/modis/land_surface_temperature_201003.tif") as source:
        assert source.bounds.left < 179.5 < 180.5 < source.bounds.right


def test_a_task_survives_a_restart(archives, client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "bundle/task-1/", kinds.UNAVAILABLE))
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    assert len(outcome.failed) == 2 and final_files(tmp_path) == []
    archives.clear()
    later = client_of(archives, steps, TOKENS)
    assert fetch_all(order_of("modis_lst"), tmp_path, later, steps)[1].failed == []
    assert tasks(archives) == [] and len(archives.visits("api/task/task-1$")) == 1


def test_a_task_under_way_is_waited_for_and_can_be_cancelled(archives, client, steps, tmp_path):
    archives.hosts[HOST] = endless(archives.hosts[HOST])
    plan = make_plan(order_of("modis_lst", "soilgrids"), tmp_path, client, steps)
    count = 0

    def watch(_):
        nonlocal count
        count += sum("soilgrids/" in line for line in steps.lines) == 3
        steps.cancelled = count > 3

    with pytest.raises(Cancelled):
        fetch(plan, tmp_path, client, steps, watch)
    # Files of other sources came meanwhile.
    assert final_files(tmp_path) == [f"predictors/soilgrids/{name}.tif" for name in (
        "bulk_density", "clay", "sand")]  # fmt: skip
    lines = [line for line in steps.lines if "prepares MOD11A2.061" in line]
    assert len(lines) == 1 and "task-1" in lines[0]


def endless(host):
    def reply(asked):
        if asked.path.startswith("/api/task/"):
            return Reply(200, {}, b'{"status": "processing"}')
        return host(asked)

    return reply


def test_only_new_months_are_in_a_new_task(archives, client, steps, tmp_path):
    fetch_all(order_of("modis_lst", end="2010-03"), tmp_path, client, steps)
    fetch_all(order_of("modis_lst", end="2010-05"), tmp_path, client, steps)
    dates = [task["params"]["dates"][0] for task in tasks(archives)]
    assert [(date["startDate"], date["endDate"]) for date in dates] == [
        ("03-01-2010", "03-31-2010"), ("04-01-2010", "05-31-2010"),
    ]  # fmt: skip


def test_a_task_that_failed_is_made_anew_by_the_next_run(archives, client, steps, tmp_path):
    host = archives.hosts[HOST]
    failed = Reply(200, {}, b'{"status": "error"}')
    archives.hosts[HOST] = lambda asked: failed if asked.path == "/api/task/task-1" else host(asked)
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    reasons = {reason for _, reason in outcome.failed}
    assert (
        "AppEEARS could not finish the task task-1 (error); run it again, which makes another."
        in (reasons)
    )
    later = client_of(archives, steps, TOKENS)
    assert fetch_all(order_of("modis_lst"), tmp_path, later, steps)[1].failed == []
    assert len(tasks(archives)) == 2


def test_a_month_without_composites_is_one_sentence(archives, client, steps, tmp_path):
    _, outcome = fetch_all(order_of("modis_lst", end="2011-01"), tmp_path, client, steps)
    ((file, reason),) = outcome.failed
    assert file.name == "land_surface_temperature_201101.tif"
    assert reason.startswith("AppEEARS has no MOD11A2.061 of 2011-01; choose an earlier last month")


def test_a_wrong_composite_is_fetched_again(archives, client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "bundle/task-1/", kinds.FLIPPED_BIT, times=1))
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    assert outcome.failed == []


def test_answers_that_are_no_json_are_refused(archives, client, steps, tmp_path):
    archives.hosts[HOST] = lambda asked: Reply(200, {}, b"<html>maintenance</html>")
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    assert {reason for _, reason in outcome.failed} == {
        "AppEEARS does not answer as its documentation states; run it again later."
    }


@pytest.fixture
def account_client(archives, predictor_world, steps):
    """A client with name and password; AppEEARS accepts no other tokens than those of sessions."""
    archives.hosts[HOST] = appeears.handler(predictor_world, accepts_tokens=False)
    account = Account("a.user", "secret-password-of-a-user")
    return client_of(archives, steps, {"earthdata": account, "appeears": account})


def test_the_account_gives_a_token_of_a_session(archives, account_client, steps, tmp_path):
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, account_client, steps)
    assert outcome.failed == []
    (login,) = archives.visits("api/login", "POST")
    assert login.headers["authorization"].startswith("Basic ")
    others = [visit for visit in archives.log if visit is not login]
    assert {visit.asked.token for visit in others if visit.host == HOST} == {appeears.SESSION}
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (b"secret-password", appeears.SESSION.encode()):
        assert not any(secret in content for content in written)
        assert not any(secret.decode() in line for line in steps.lines)


def test_a_session_that_expired_is_renewed(archives, account_client, steps, tmp_path, monkeypatch):
    fetch_all(order_of("modis_lst", end="2010-03"), tmp_path, account_client, steps)
    monkeypatch.setattr(appeears, "SESSION", "session-token-of-the-next-days")
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, account_client, steps)
    assert outcome.failed == [] and len(archives.visits("api/login", "POST")) == 2


def test_a_token_that_is_not_accepted_is_one_sentence(archives, predictor_world, steps, tmp_path):
    archives.hosts[HOST] = appeears.handler(predictor_world, accepts_tokens=False)
    client = client_of(archives, steps, TOKENS)
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    (reason,) = {reason for _, reason in outcome.failed}
    assert reason == (
        "NASA AppEEARS does not accept the token; store the name and the password of your "
        "Earthdata account in the entry (LOGIN) instead, for which AppEEARS gives a token of its "
        "own."
    )


def test_a_wrong_password_is_one_sentence(archives, account_client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "login", kinds.UNAUTHORIZED))
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, account_client, steps)
    (reason,) = {reason for _, reason in outcome.failed}
    assert reason.startswith("NASA AppEEARS does not accept the name and the password; ")
    assert "secret" not in reason


def test_a_missing_login_is_one_sentence(archives, steps, tmp_path):
    client = client_of(archives, steps, {})
    _, outcome = fetch_all(order_of("modis_lst"), tmp_path, client, steps)
    (reason,) = {reason for _, reason in outcome.failed}
    assert reason.startswith("NASA AppEEARS needs a login, and none was found: make an account at ")


def test_a_damaged_list_of_tasks_is_as_none(archives, client, steps, tmp_path):
    (tmp_path / "predictors/modis").mkdir(parents=True)
    (tmp_path / "predictors/modis/.modis_lst.tasks.json").write_text("[{]")
    assert fetch_all(order_of("modis_lst"), tmp_path, client, steps)[1].failed == []
