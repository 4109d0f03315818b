"""Simulated workers take as long as a schedule that is made by hand."""

import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.simulated_pool import SimulatedPool, taking
from gwsa.gwsa_plugin.core.compute.steps import Steps, run_works


@pytest.mark.parametrize(("workers", "seconds"), [(1, 10.0), (2, 5.0), (3, 5.0), (9, 5.0)])
def test_tasks_wait_for_a_free_worker(workers, seconds):
    pool = SimulatedPool(workers)
    run_works([taking(time) for time in (5.0, 1.0, 3.0, 1.0)], pool, SILENT)
    assert pool.now == seconds


def test_a_step_begins_when_the_one_before_has_ended():
    pool = SimulatedPool(2)
    run_works(
        [Steps([taking(4.0), taking(1.0)], [lambda results: [taking(2.0)] * 2])], pool, SILENT
    )
    assert pool.now == 6.0


def test_other_works_run_meanwhile_and_later_steps_go_first():
    pool = SimulatedPool(2)
    works = [Steps([taking(4.0)], [lambda results: [taking(2.0)]]), *[taking(3.0)] * 2]
    run_works(works, pool, SILENT)
    assert pool.now == 6.0


def test_what_is_done_between_steps_adds_to_the_time():
    pool = SimulatedPool(4)

    def solve(results):
        pool.now += 0.5
        return [taking(1.0)]

    run_works([Steps([taking(2.0)], [solve])], pool, SILENT)
    assert pool.now == 3.5
