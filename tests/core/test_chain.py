"""The table of stages, and the chain run from plain Python."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.balance.options import PUBLISHED, BalanceOptions
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.chain import ChainInputs, ChainOptions, run_chain
from gwsa.gwsa_plugin.core.files.lock import locked
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions
from gwsa.gwsa_plugin.core.sample_world.world import PARTS
from gwsa.gwsa_plugin.core.stages import NAMES, STAGES, output_paths, stage_parameters

BOUNDS = (77.0, 29.0, 79.0, 31.0)
FILL = FillOptions(method="harmonic")
BALANCE = ("importtwsa", "fillgaps", "gldasanomaly", "gwsabalance")


def inputs(world) -> ChainInputs:
    return ChainInputs(
        twsa=world / PARTS["TWSA"],
        gldas=world / PARTS["GLDAS"],
        catalogue=world / PARTS["CATALOGUE"],
        land_mask=world / PARTS["LAND_MASK"],
    )


class Stopped(Progress):
    def is_cancelled(self):
        return True


def test_a_stage_reads_inputs_of_the_chain_or_outputs_of_earlier_stages():
    written = set()
    for stage in STAGES:
        sources = {source for source in stage.inputs.values() if ":" in source}
        assert sources <= written, stage.name
        written |= {f"{stage.name}:{parameter}" for parameter in stage.outputs}


def test_every_output_has_a_file_of_its_own(tmp_path):
    paths = output_paths(tmp_path)
    assert len(set(paths.values())) == len(paths)


def test_parameters_of_a_stage(tmp_path):
    stage = STAGES[NAMES.index("buildpredictors")]
    given = {"CATALOGUE": "catalogue.json", "START": "2010-01", "UNUSED": 1}
    assert stage_parameters(stage, tmp_path, given) == {
        "CATALOGUE": "catalogue.json",
        "GRID": tmp_path / "gwsa.tif",
        "START": "2010-01",
        "OUTPUT": tmp_path / "predictors",
    }


def test_the_method_and_the_corrected_field_belong_to_downscaling(tmp_path):
    stage = STAGES[NAMES.index("downscale")]
    parameters = stage_parameters(stage, tmp_path, {"METHOD": 2, "MODE": 1})
    assert parameters["METHOD"] == 2 and "MODE" not in parameters
    assert parameters["CORRECTED"] == tmp_path / "gwsa_corrected.tif"


@pytest.mark.slow
def test_the_balance_of_a_sample_world(sample_world, tmp_path):
    options = ChainOptions(
        bounds=BOUNDS, sigma_twsa_cm=1.0, fill=FILL, balance=BalanceOptions(mode=PUBLISHED)
    )
    outputs = run_chain(inputs(sample_world), tmp_path, options, last="gwsabalance")
    assert {name.split(":")[0] for name in outputs} == set(BALANCE)
    stacks = {
        name: read_stack(outputs[source])
        for name, source in STAGES[NAMES.index("gwsabalance")].inputs.items()
        if source in outputs
    }
    gwsa = read_stack(outputs["gwsabalance:OUTPUT"])
    stacks = {name: stack.crop(gwsa.grid).values for name, stack in stacks.items()}
    balance = stacks["TWSA"] - stacks["SMS"] - stacks["SWES"] - stacks["CWS"]
    found = gwsa.values
    shared = np.isfinite(found)
    assert shared.any()
    np.testing.assert_allclose(found[shared], balance[shared], atol=1e-3)
    assert "gwsabalance:SIGMA" in outputs
    assert gwsa.grid.bounds == BOUNDS
    assert gwsa.tags["GWSA_BALANCE_MODE"] == PUBLISHED


@pytest.mark.slow
def test_the_balance_is_at_the_footprint_by_default(sample_world, tmp_path):
    options = ChainOptions(
        bounds=BOUNDS, fill=FILL, balance=BalanceOptions(footprint_km=100.0), margin_km=100.0
    )
    outputs = run_chain(inputs(sample_world), tmp_path, options, last="gwsabalance")
    gwsa = read_stack(outputs["gwsabalance:OUTPUT"])
    assert gwsa.grid.bounds == BOUNDS
    assert gwsa.tags["GWSA_BALANCE_MODE"] == "footprint"
    assert gwsa.tags["GWSA_FOOTPRINT_KM"] == "100"


@pytest.mark.slow
def test_without_a_sigma_there_is_no_sigma_of_gwsa(sample_world, tmp_path):
    options = ChainOptions(bounds=BOUNDS, fill=FILL)
    outputs = run_chain(inputs(sample_world), tmp_path, options, last="gwsabalance")
    assert "importtwsa:SIGMA" not in outputs and "gwsabalance:SIGMA" not in outputs


@pytest.mark.slow
def test_a_mistake_is_one_sentence(sample_world, tmp_path):
    with pytest.raises(InputError, match="not a stage of the chain"):
        run_chain(inputs(sample_world), tmp_path, last="gwsa")
    absent = replace(inputs(sample_world), twsa=tmp_path / "absent.nc")
    with pytest.raises(InputError, match=r"absent\.nc"):
        run_chain(absent, tmp_path, last="importtwsa")


@pytest.mark.slow
def test_it_stops_when_cancelled(sample_world, tmp_path):
    with pytest.raises(Cancelled):
        run_chain(inputs(sample_world), tmp_path, progress=Stopped())
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_into_the_folder_is_refused(tmp_path):
    absent = ChainInputs(tmp_path / "twsa.nc", tmp_path, tmp_path / "catalogue.json")
    with locked(tmp_path / "out" / "chain"), pytest.raises(InputError, match="is being written by"):
        run_chain(absent, tmp_path / "out")
