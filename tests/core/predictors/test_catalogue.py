"""Roles of predictors in a catalogue: stated, by default from the name, and refused."""

import json

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.predictors.catalogue import (
    EVAPOTRANSPIRATION,
    PRECIPITATION,
    ROLES,
    RUNOFF,
    read_catalogue,
)

CHIRPS = {"name": "chirps", "files": "chirps_{YYYY}.tif", "unit": "mm", "role": PRECIPITATION}
GLEAM = {"name": "gleam", "files": "gleam_{YYYY}.tif", "unit": "mm", "role": EVAPOTRANSPIRATION}


@pytest.fixture
def roles(tmp_path):
    """roles(entry, ...) -> name of each predictor and its role."""

    def read(*entries):
        path = tmp_path / "catalogue.json"
        path.write_text(json.dumps({"format": 1, "predictors": entries}))
        return {item.name: item.role for item in read_catalogue(path).predictors}

    return read


def named(name, **keys):
    return {"name": name, "files": f"{name}_{{YYYY}}.tif", **keys}


def test_stated_roles_do_not_depend_on_the_name(roles):
    discharge = named("discharge", unit="mm", role=RUNOFF)
    assert roles(CHIRPS, GLEAM, discharge, named("ndvi")) == {
        "chirps": PRECIPITATION,
        "gleam": EVAPOTRANSPIRATION,
        "discharge": RUNOFF,
        "ndvi": "",
    }


@pytest.mark.parametrize("role", ROLES)
def test_role_is_by_default_the_name(roles, role):
    assert roles(named(role)) == {role: role}
    assert roles({"name": role, "files": "all.tif", "kind": "monthly"}) == {role: role}


@pytest.mark.parametrize("none", ["", None])
def test_stated_absence_of_a_role_replaces_the_default(roles, none):
    entries = CHIRPS, named("precipitation", unit="inch", role=none)
    assert roles(*entries) == {"chirps": PRECIPITATION, "precipitation": ""}


def test_static_entries_and_differences_have_no_role_by_default(roles):
    static = {"name": "precipitation", "files": "annual_precipitation.tif"}
    difference = {"name": "runoff", "difference": ["rain", "loss"]}
    assert set(roles(static, difference, named("rain"), named("loss")).values()) == {""}


def test_runoff_may_have_another_unit_and_a_unit_may_be_absent(roles):
    depth = named("actual_evapotranspiration")
    assert len(roles(CHIRPS, depth, named("runoff", unit="m3 s-1"))) == 3


@pytest.mark.parametrize(
    "entries, sentence",
    [
        (
            [named("rain", role="rainfall")],
            r'Predictor 1 of catalogue.json \(rain\) has the unknown role "rainfall"; '
            "the roles are precipitation, actual_evapotranspiration, runoff",
        ),
        ([named("rain", role=["runoff"])], r'unknown role \["runoff"\]'),
        ([named("rain", role=False)], "unknown role false"),
        (
            [{"name": "rain", "files": "rain.tif", "role": PRECIPITATION}],
            r"\(rain\) has the role precipitation but is not a monthly predictor with files",
        ),
        (
            [named("a"), named("b"), {"name": "c", "difference": ["a", "b"], "role": RUNOFF}],
            r"\(c\) has the role runoff but is not a monthly predictor with files",
        ),
        (
            [CHIRPS, named("precipitation", unit="mm")],
            "two predictors with the role precipitation, chirps and precipitation; set",
        ),
        (
            [CHIRPS, {**GLEAM, "unit": "mm d-1"}],
            "chirps in mm and gleam in mm d-1, but .* the same unit; convert",
        ),
    ],
)
def test_invalid_role_is_refused(roles, entries, sentence):
    with pytest.raises(InputError, match=sentence):
        roles(*entries)


PLAIN = json.dumps(
    {"predictors": [{"name": "t", "files": "t.tif", "unit": "°C"}]}, ensure_ascii=False
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_catalogue_of_any_unicode_encoding_is_read(tmp_path, encoding):
    path = tmp_path / "catalogue.json"
    path.write_bytes(PLAIN.encode(encoding))
    assert read_catalogue(path).predictors[0].unit == "°C"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PLAIN.encode("latin-1"), r"catalogue.json is not encoded as UTF-8 \(line 1\); save it"),
        (b'{"predictors": [\n{"name": "t"},\n]}', "line 2 ends a list or an object with a comma"),
        (b'{"predictors": [\n{"name": "t",\n}]}', "line 2 ends a list or an object with a comma"),
        (b'{\n// mine\n"predictors": []}', "line 2 has a comment"),
        (b'{"predictors":\n [1 2]}', "line 2, column 5; correct it there"),
        (b"", "line 1, column 1"),
        (b"II*\0\xff\xfe", "catalogue.json is not readable as JSON: it is no text"),
    ],
)  # fmt: skip
def test_broken_catalogue_is_refused_with_its_line(tmp_path, content, sentence):
    path = tmp_path / "catalogue.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_catalogue(path)
