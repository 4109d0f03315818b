"""The plugin under qgis_process: loading, list of algorithms and help."""

import pytest

ALGORITHMS = [
    "importtwsa",
    "fillgaps",
    "gldasanomaly",
    "gwsabalance",
    "makecatalogue",
    "buildpredictors",
    "downscale",
    "validatewells",
    "trendmap",
    "aquiferseries",
    "droughtindex",
    "recharge",
    "compare",
    "export",
    "sampledata",
    "fetch",
    "fetchandmap",
    "fullchain",
]


def test_plugin_loads_without_messages(qgis_process):
    run = qgis_process("plugins")
    assert run.code == 0
    assert run.json["plugins"]["gwsa"]["loaded"]
    assert not [line for line in run.errors if "gwsa" in line.lower() or "Traceback" in line]


def test_all_algorithms_are_listed(qgis_process):
    provider = qgis_process("list").json["providers"]["gwsa"]
    assert set(provider["algorithms"]) == {f"gwsa:{name}" for name in ALGORITHMS}
    assert provider["is_active"]


# All others are tested in the registry (tests/algorithms/test_help_pages.py).
@pytest.mark.parametrize("algorithm", ["fillgaps", "fullchain"])
def test_qgis_process_shows_the_help_of_algorithms_and_models(qgis_process, algorithm):
    run = qgis_process("help", f"gwsa:{algorithm}")
    assert run.code == 0
    assert run.json["outputs"]
    assert run.json["algorithm_details"]["help_url"].endswith(".html")
    for name, parameter in run.json["parameters"].items():
        assert parameter["description"] not in ("", name)
        assert parameter.get("help"), f"{name} has no help"
