"""Subsets of TerraClimate: a file for each variable and year, of the region and the months."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.fetching.http import NotThere, Refused
from gwsa.gwsa_plugin.core.fetching.remote_file import Wanted
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.gwsa_plugin.core.fetching.ways.netcdf_subsets import list_files
from gwsa.gwsa_plugin.core.rasters.netcdf_raster import NetCdfRaster
from gwsa.tests.core.fetching.conftest import final_files
from gwsa.tests.core.fetching.ways.conftest import REGION, fetch_all, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import Reply

HOST = "thredds.northwestknowledge.net"
SOURCE = read_sources()["terraclimate"]


def months(first, last):
    return np.arange(first, np.datetime64(last) + 1, dtype="datetime64[M]")


def test_a_file_has_a_variable_and_a_year(archives, client, steps, tmp_path):
    plan, outcome = fetch_all(order_of("terraclimate"), tmp_path, client, steps)
    # The longest mean is of 24 months, so the first of them is 2008-04.
    assert len(outcome.fetched) == len(plan.missing) == 6 * 3
    source = NetCdfRaster(tmp_path / "predictors/terraclimate/precipitation_2009.nc", "ppt")
    assert [band.description for band in source.bands] == [f"2009-{m:02d}" for m in range(1, 13)]
    west, north = source.transform.c, source.transform.f
    east = west + source.transform.a * source.shape[1]
    south = north + source.transform.e * source.shape[0]
    # The coarse cell and one cell around it.
    cell = 1 / 24
    around = (77 - cell, 29 - cell, 77.5 + cell, 29.5 + cell)
    assert (west, south, east, north) == pytest.approx(around)
    came = sum(visit.sent for visit in archives.visits("accept=netcdf"))
    least, most = plan.bytes
    assert least <= came <= most
    queries = [visit.asked.fields for visit in archives.visits("accept=netcdf")]
    assert {query["time_start"][4:] for query in queries} == {"-01-01T00:00:00Z"}


def test_years_that_are_there_are_not_fetched_again(archives, client, steps, tmp_path):
    fetch_all(order_of("terraclimate", start="2009-03", end="2009-05"), tmp_path, client, steps)
    later = order_of("terraclimate", start="2009-03", end="2010-05")
    plan, _ = fetch_all(later, tmp_path, client, steps)
    assert {file.path[-7:-3] for file in plan.missing} == {"2010"} and len(plan.present) == 12


def test_a_year_that_has_grown_is_fetched_again(archives, client, steps, tmp_path):
    service = archives.hosts[HOST]

    def until_may(asked):
        reply = service(asked)
        if not asked.path.endswith("dataset.xml"):
            return reply
        return replace(reply, body=reply.body.replace(b"2010-12-01", b"2010-05-01"))

    order = order_of("terraclimate", start="2009-03", end="2010-07")
    archives.hosts[HOST] = until_may
    plan, outcome = fetch_all(order, tmp_path, client, steps)
    assert any("2010-06..2010-07; fetch again" in line for line in steps.lines)
    archives.hosts[HOST] = service
    plan, outcome = fetch_all(order, tmp_path, client, steps)
    assert {file.path[-7:-3] for file in plan.missing} == {"2010"} and not outcome.failed
    source = NetCdfRaster(tmp_path / "predictors/terraclimate/precipitation_2010.nc", "ppt")
    assert [band.description for band in source.bands][-1] == "2010-12"


def test_months_after_the_end_of_the_dataset_are_left_out(client):
    files = list_files(SOURCE, Wanted(REGION, months("2010-06", "2013-02")), client)
    assert {re.search(r"\d{4}", file.path)[0] for file in files} == {"2010"}
    with pytest.raises(NotThere, match="has the months from 2008-01 to 2010-12; choose a period"):
        list_files(SOURCE, Wanted(REGION, months("2011-01", "2013-02")), client)


def test_a_region_across_180_degrees_gets_all_columns(client):
    wanted = Wanted((179.0, -18.0, 181.0, -17.0), months("2010-01", "2010-02"))
    address = list_files(SOURCE, wanted, client)[0].url
    assert "west=-179.9958" in address and "east=179.9958" in address


@pytest.mark.parametrize("page", [b"<html>Error</html>", b"", b"<TimeSpan><begin>x</begin>"])
def test_a_description_without_a_span_is_refused(archives, client, page):
    archives.hosts[HOST] = lambda asked: Reply(200, {}, page)
    with pytest.raises(Refused, match="states no time span; the source has changed it"):
        list_files(SOURCE, Wanted(REGION, months("2010-01", "2010-02")), client)


@pytest.mark.parametrize(
    ("kind", "times"),
    [(kinds.CUT, 2), (kinds.UNAVAILABLE, 3), (kinds.TOO_MANY, 2), (kinds.FLIPPED_BIT, 1)],
)
def test_a_subset_survives_faults(archives, client, steps, tmp_path, kind, times):
    detail = 3 if kind == kinds.FLIPPED_BIT else None
    archives.faults.append(Fault(HOST, "var=ppt.*2009", kind, times, detail=detail))
    _, outcome = fetch_all(order_of("terraclimate"), tmp_path, client, steps)
    names = [file.name for file, _ in outcome.failed]
    # What does not begin as NetCDF is another file, which is not asked for again.
    assert names == (["precipitation_2009.nc"] if kind == kinds.FLIPPED_BIT else [])


def test_a_problem_of_the_service_is_one_sentence(archives, client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "var=q&", kinds.AS_LOGIN_PAGE))
    _, outcome = fetch_all(order_of("terraclimate"), tmp_path, client, steps)
    names = sorted(file.name for file, _ in outcome.failed)
    assert names == [f"runoff_{year}.nc" for year in (2008, 2009, 2010)]
    assert not any("runoff" in path for path in final_files(tmp_path))
