"""The catalogue of what was fetched, and that no other one is written over."""

import json

import pytest

from gwsa.gwsa_plugin.core.fetching.catalogue import (
    NAME,
    OTHER_NAME,
    write_fetched_catalogue,
)
from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.gwsa_plugin.core.fetching.sources import read_sources


@pytest.fixture
def write(tmp_path, steps):
    """Function that writes the catalogue of some sources, as a run of its own does."""

    def write(*names):
        sources = [read_sources()[name] for name in names]
        return write_fetched_catalogue(Record.read(tmp_path), sources, steps)

    return write


def names_in(path):
    return [item["name"] for item in json.loads(path.read_text(encoding="utf-8"))["predictors"]]


def test_it_grows_with_the_sources(write, tmp_path):
    assert names_in(write("soilgrids")) == ["sand", "clay", "bulk_density"]
    path = write("soilgrids", "terraclimate")
    assert path == tmp_path / NAME and not (tmp_path / OTHER_NAME).exists()
    assert names_in(path)[-1] == "water_surplus"


def test_without_predictors_there_is_none(write, tmp_path):
    assert write("csr_mascons") is None and list(tmp_path.iterdir()) == []


def test_one_that_was_there_before_is_kept(write, tmp_path, steps):
    (tmp_path / NAME).write_text('{"predictors": []}')
    path = write("soilgrids")
    assert path == tmp_path / OTHER_NAME and "sand" in names_in(path)
    assert (tmp_path / NAME).read_text() == '{"predictors": []}'
    assert any("made or changed by you and is kept" in line for line in steps.lines)


def test_one_that_the_user_changed_is_kept(write, tmp_path):
    path = write("soilgrids")
    changed = path.read_text(encoding="utf-8").replace('"group": "soil"', '"group": "ground"')
    path.write_text(changed, encoding="utf-8")
    assert write("soilgrids") == tmp_path / OTHER_NAME
    assert path.read_text(encoding="utf-8") == changed
    path.unlink()
    assert write("soilgrids") == path


def test_one_of_a_run_that_was_killed_is_no_other(write, tmp_path):
    path = write("soilgrids")
    record = Record.read(tmp_path)
    record.catalogue = ""
    record.write(read_sources())
    assert write("soilgrids") == path and not (tmp_path / OTHER_NAME).exists()
    assert Record.read(tmp_path).catalogue
