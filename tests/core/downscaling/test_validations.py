"""How much is held out, and what is not available where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.report.report import write_downscale_report
from gwsa.gwsa_plugin.core.downscaling.skill.validations import (
    BLOCKED,
    FULL,
    NONE,
    NOTHING_HELD_OUT,
    QUICK,
    make_validations,
)

OPTIONS = DownscaleOptions(
    method=PUBLISHED,
    validation=NONE,
    feather_km=10,
    stopping=False,
    boosting=Boosting(trees=5, depth=2, rate=0.3),
    blocking=Blocking(0.75, 0.25),
)


@pytest.fixture(scope="module")
def domain(small_world):
    return make_domain(small_world.gwsa, small_world.predictors, [], (None, None), SILENT)


@pytest.mark.parametrize("extent, most, kinds", [(QUICK, 24, 1), (FULL, 48, 3)])
def test_every_cell_and_month_is_held_out_once(domain, extent, most, kinds):
    validations = make_validations(domain, OPTIONS.blocking, extent, SILENT)
    blocked = validations[BLOCKED]
    assert len(blocked) <= most and len(validations) == kinds
    times = np.sum([split.held(domain.samples) for split in blocked], axis=0)
    assert (times == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["published", "footprint"])
def test_maps_without_validation_claim_nothing(small_world, driver_world, tmp_path, method):
    world = small_world if method == PUBLISHED else driver_world
    options = replace(OPTIONS, method=method)
    outputs = Outputs(tmp_path / "maps")
    made = downscale(world.gwsa, world.predictors, [], outputs, options)
    assert made.years and not made.fitted.validations[BLOCKED].held_out
    assert made.fitted.models.shrinkage == (method == PUBLISHED)
    assert made.scores["reduced_resolution"] == {"not_made": NOTHING_HELD_OUT}
    assert made.verdict.unseen_footprints.untestable
    write_downscale_report(tmp_path / "report.html", made, options)
    assert NOTHING_HELD_OUT in (tmp_path / "report.html").read_text()


def test_outputs_that_need_held_out_models_are_refused(small_world, tmp_path):
    outputs = Outputs(tmp_path / "maps", applicability=tmp_path / "area.tif")
    with pytest.raises(InputError, match="^GWSA_SIGMA and APPLICABILITY need held-out models"):
        downscale(
            small_world.gwsa, small_world.predictors, [], outputs, OPTIONS, sigma=small_world.gwsa
        )
    assert not (tmp_path / "maps").exists()
