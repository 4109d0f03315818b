"""Requests to a host keep to its limits."""

import threading
import time

import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.fetching import politeness
from gwsa.gwsa_plugin.core.fetching.politeness import HostTurns, Limit, read_limits


@pytest.fixture
def limits(monkeypatch):
    """The limits of two hosts."""
    found = {"other": Limit(3, 0.0), "slow.org": Limit(1, 5.0)}
    monkeypatch.setattr(politeness, "read_limits", lambda: found)


def most_at_once(turns, url, threads):
    """Return the most requests that were under way at once."""
    under_way, most, lock = [0], [0], threading.Lock()

    def ask():
        with turns.turn(url):
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.01)
            with lock:
                under_way[0] -= 1

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return most[0]


@pytest.mark.parametrize(("url", "most"), [("https://a.org/x", 3), ("https://slow.org/x", 1)])
def test_so_many_requests_are_under_way_at_once(url, most, limits):
    assert most_at_once(HostTurns(lambda seconds: None), url, 9) == most


def test_hosts_do_not_wait_for_each_other(limits):
    turns = HostTurns(lambda seconds: None)
    with turns.turn("https://slow.org/a"), turns.turn("https://a.org/b"):
        pass


def test_beginnings_are_apart(limits):
    """Three requests: the second waits 5 s and the third, asked for at once, 10 s."""
    waits = []
    turns = HostTurns(waits.append)
    for _ in range(3):
        with turns.turn("https://slow.org/a"):
            pass
    assert [round(max(wait, 0)) for wait in waits] == [0, 5, 10]


def test_a_cancelled_wait_frees_its_place(limits):
    def cancel(seconds):
        raise Cancelled

    turns = HostTurns(cancel)
    for _ in range(2):
        with pytest.raises(Cancelled), turns.turn("https://slow.org/a"):
            pass


def test_a_place_is_not_waited_for_after_a_cancellation(limits):
    """Another thread holds the only place."""
    cancelled = [False]

    def wait(seconds):
        if cancelled[0]:
            raise Cancelled

    turns = HostTurns(wait)
    with turns.turn("https://slow.org/a"):
        cancelled[0] = True
        with pytest.raises(Cancelled), turns.turn("https://slow.org/a"):
            pass


def test_the_table_has_a_limit_for_all_hosts():
    limits = read_limits()
    assert limits["other"].at_once <= 4
    assert all(limit.at_once >= 1 and limit.pause_s >= 0 for limit in limits.values())
