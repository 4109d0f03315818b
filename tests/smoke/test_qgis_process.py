"""The plugin loads, lists and explains itself under qgis_process."""

import pytest

ALGORITHMS = [
    "importtwsa",
    "fillgaps",
    "gldasanomaly",
    "gwsabalance",
    "buildpredictors",
    "downscale",
    "validatewells",
    "sampledata",
    "fullchain",
]


def test_the_plugin_loads_without_a_word(qgis_process):
    run = qgis_process("plugins")
    assert run.code == 0
    assert run.json["plugins"]["gwsa"]["loaded"]
    assert not [line for line in run.errors if "gwsa" in line.lower() or "Traceback" in line]


def test_it_lists_its_algorithms(qgis_process):
    provider = qgis_process("list").json["providers"]["gwsa"]
    assert set(provider["algorithms"]) == {f"gwsa:{name}" for name in ALGORITHMS}
    assert provider["is_active"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_explains_every_algorithm_and_parameter(qgis_process, algorithm):
    run = qgis_process("help", f"gwsa:{algorithm}")
    assert run.code == 0
    assert run.json["outputs"]
    for name, parameter in run.json["parameters"].items():
        assert parameter["description"] not in ("", name)
        assert parameter.get("help"), f"{name} has no help"
