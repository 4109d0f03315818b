"""The table of bad inputs, and some of its rows: those that were once not refused well.

All rows: python -m gwsa.tests.faults.bad_inputs.
"""

import sys
from pathlib import Path

import pytest

from gwsa.tests.faults.bad_input_world import good_runs
from gwsa.tests.faults.bad_inputs import BAD, EXPECTED, rows, run_all
from gwsa.tests.faults.damage import DAMAGES

SAMPLE = {
    ("fillgaps", "INPUT"): (
        "page", "cut 0.1", "fifo", "source doubtful", "transform - - 20 - - 70", "in_mm",
    ),
    ("importtwsa", "INPUT"): (
        "nc_bytes_attribute title", "nc_attribute lwe_thickness scale_factor 0.0",
        'nc_attribute time calendar "julian"',
    ),
    ("importtwsa", "LAND_MASK"): ("nc_values lat 0",),
    ("importtwsa", "EXTENT"): ('set "70,71,20,21 [EPSG:999999]"',),
    ("gldasanomaly", "INPUT"): ("nc_values SoilMoi0_10cm_inst nan",),
    ("gwsabalance", "SIGMA_SMS"): ("set 1e+300",),
    ("recharge", "GWSA"): ("tag GWSA_VARIABLE rain",),
}  # fmt: skip


def test_each_row_of_the_table_can_be_run():
    table = rows()
    assert len({row[:4] for row in table}) == len(table) >= 766
    runs = good_runs(Path())
    for row in table:
        assert row.stage in runs
        assert row.damage.split(" ")[0] in {*DAMAGES, "set"}
        assert row.damage.startswith("set ") or row.parameter in runs[row.stage]
        assert row.expected in EXPECTED
        assert row.words or row.expected != "other"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and pipes are those of Linux")
def test_a_sample_of_bad_inputs_is_refused_well_or_read_right(tmp_path, capfd):
    pytest.importorskip("qgis.core")
    chosen = [row for row in rows() if row.damage in SAMPLE.get((row.stage, row.parameter), ())]
    counts = run_all(chosen, tmp_path)
    assert sum(counts.values()) == sum(map(len, SAMPLE.values()))
    assert not any(counts[verdict] for verdict in BAD), capfd.readouterr().out
