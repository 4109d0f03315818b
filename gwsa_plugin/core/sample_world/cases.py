"""Cases of the sample world: the default, and worlds that break what a method may assume."""

from __future__ import annotations

from dataclasses import dataclass

from .land import OCEAN_FRACTION


@dataclass(frozen=True)
class Case:
    """How the water of a sample world behaves and how its predictors describe it.

    Parameters
    ----------
    signal : bool
        If False, groundwater is that of an independent world, so that no predictor explains it.
    aet_factor : float
        Factor by which the predictor of actual evapotranspiration errs.
    aet_sees_irrigation : bool
        If False, the predictor of actual evapotranspiration lacks the irrigation water.
    depletion_cm_per_yr : float
        Largest rate of groundwater depletion in patches that no predictor shows, cm/yr.
    depletion_throughout : bool
        Depletion lasts for the whole record; otherwise it begins in the middle of the period.
    canal_cm : float
        Seasonal storage beside canals, which no predictor shows, cm.
    memory_months : float
        Response time of groundwater, months; 0 for 2 to 6 months by depth to bedrock.
    recharge : bool
        If False, recharge is constant and storage varies by pumping alone.
    yield_factor : float
        Factor by which the stated specific yields of wells err.
    ocean_fraction : float
        Fraction of the region that is ocean.
    """

    signal: bool = True
    aet_factor: float = 1.0
    aet_sees_irrigation: bool = True
    depletion_cm_per_yr: float = 0.0
    depletion_throughout: bool = False
    canal_cm: float = 0.0
    memory_months: float = 0.0
    recharge: bool = True
    yield_factor: float = 1.0
    ocean_fraction: float = OCEAN_FRACTION


CASES = {
    "default": Case(),
    "no_signal": Case(signal=False),
    "pumping": Case(depletion_cm_per_yr=6.0),
    "aet_high": Case(aet_factor=1.25),
    "aet_low": Case(aet_factor=0.75),
    "aet_without_irrigation": Case(aet_sees_irrigation=False),
    "depletion": Case(depletion_cm_per_yr=20.0, depletion_throughout=True),
    "canals": Case(canal_cm=15.0),
    "slow_response": Case(memory_months=80.0),
    "no_recharge_signal": Case(recharge=False),
    "yields_doubled": Case(yield_factor=2.0),
    "coast": Case(ocean_fraction=0.4),
}
