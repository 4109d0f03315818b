"""Steps follow each other, works overlap, and a bound on works in progress holds."""

from functools import partial
from threading import Barrier, Lock

import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.compute.steps import Steps
from gwsa.gwsa_plugin.core.compute.threads import run_all


def give(value, progress):
    return value


def add(results):
    return [partial(give, sum(results)), partial(give, max(results))]


def test_a_step_gets_the_results_of_the_one_before():
    works = [Steps([partial(give, n), partial(give, 2 * n)], [add, add]) for n in (1, 2, 3)]
    assert run_all(works) == [[5, 3], [10, 6], [15, 9]]


def test_single_tasks_and_steps_may_be_mixed_and_steps_may_be_empty():
    seen = []
    works = [
        partial(give, "one"),
        Steps([]),
        Steps([], [lambda results: seen.append(results) or []]),
    ]
    assert run_all(works) == ["one", [], []]
    assert seen == [[]]
    assert run_all([]) == []


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_no_more_works_than_the_bound_are_in_progress(bound, monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    lock, begun, ended, most = Lock(), set(), set(), []

    def begin(number, progress):
        with lock:
            begun.add(number)
            most.append(len(begun - ended))

    def end(number, results):
        ended.add(number)
        return []

    works = [
        Steps(
            [partial(begin, number)] * 5, [lambda results: [partial(give, 0)], partial(end, number)]
        )
        for number in range(8)
    ]
    run_all(works, SILENT, lambda workers: bound * workers // 4)
    assert max(most) <= bound and ended == set(range(8))


def test_the_next_work_is_computed_while_a_work_ends(monkeypatch):
    """The last step of the first work and the first step of the second meet at a barrier."""
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    both = Barrier(2, timeout=20)

    def meet(progress):
        both.wait()

    first = Steps([partial(give, 0)], [lambda results: [meet]])
    run_all([first, Steps([partial(give, 0), meet])])


def test_later_steps_are_run_before_earlier_ones(monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    order = []

    def note(name, progress):
        order.append(name)

    works = [
        Steps([partial(note, f"{n} begins")], [lambda results, n=n: [partial(note, f"{n} ends")]])
        for n in range(50)
    ]
    run_all(works)
    # The end of the first work is not at the end of the queue.
    assert order.index("0 ends") < 40
    assert {*order} == {f"{n} {what}" for n in range(50) for what in ("begins", "ends")}


def test_the_fraction_done_follows_the_shares():
    class Listener(Progress):
        def __init__(self):
            self.shown = []

        def show(self, fraction):
            self.shown.append(fraction)

    listener = Listener()
    run_all([Steps([partial(give, 1)] * 4, [add], shares=(0.8, 0.2))], listener)
    assert listener.shown == sorted(listener.shown)
    assert listener.shown[-1] == pytest.approx(1)


def test_a_failure_in_any_step_ends_the_run():
    def fail(progress):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_all([Steps([partial(give, 1)], [lambda results: [fail]]), partial(give, 2)])

    def refuse(results):
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        run_all([Steps([partial(give, 1)], [refuse])])


def test_cancelling_stops_running_and_waiting_tasks():
    class Stopping(Progress):
        def is_cancelled(self):
            return True

    def wait(progress):
        while True:
            progress.stop_if_cancelled()

    with pytest.raises(Cancelled):
        run_all([wait] * 100, Stopping())
