"""What inputs.json states, and that nothing else is taken for it."""

import json

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.record import NAME, Entry, Record
from gwsa.gwsa_plugin.core.fetching.sources import read_sources

ENTRY = Entry(
    path="mascons/a.nc",
    source="csr_mascons",
    release="RL06.3",
    url="https://download.csr.utexas.edu/a.nc",
    version='"etag"',
    bytes=12,
    sha256="00",
    verified="length",
    fetched="2026-11-30",
)


def written(folder):
    record = Record(
        folder, [77.0, 29.0, 79.0, 31.0], ["2010-01", "2010-12"], {ENTRY.path: ENTRY}, "ab"
    )
    record.write(read_sources())
    return record


def test_a_record_is_read_as_it_was_written(tmp_path):
    assert Record.read(tmp_path) == Record(tmp_path)
    assert Record.read(tmp_path) != written(tmp_path) == Record.read(tmp_path)


def test_it_has_the_facts_of_its_sources(tmp_path):
    written(tmp_path)
    content = json.loads((tmp_path / NAME).read_text(encoding="utf-8"))
    source = read_sources()["csr_mascons"]
    assert content["sources"] == {
        "csr_mascons": {
            "title": source.title,
            "version": source.version,
            "doi": source.doi,
            "citation": source.citation,
            "licence": source.licence,
            "resolution": source.resolution,
            "page": source.page,
        }
    }
    assert content["files"][0]["verified"] == "length" and content["format"] == 1


def test_the_same_record_has_the_same_bytes(tmp_path):
    written(tmp_path)
    first = (tmp_path / NAME).read_bytes()
    Record.read(tmp_path).write(read_sources())
    assert (tmp_path / NAME).read_bytes() == first


def test_a_source_that_is_no_longer_known_keeps_its_files(tmp_path):
    written(tmp_path).write({})
    assert Record.read(tmp_path).entries == {ENTRY.path: ENTRY}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"files": [], "region": []}', "\xff",
     '{"files": ["a"], "region": [], "period": []}',
     '{"files": [{"path": "a"}], "region": [], "period": []}'],
)  # fmt: skip
def test_another_file_is_not_taken_for_a_record(text, tmp_path):
    (tmp_path / NAME).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is not a record of fetched files; move it away"):
        Record.read(tmp_path)
