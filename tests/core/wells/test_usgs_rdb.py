"""RDB files of the USGS."""

from gwsa.gwsa_plugin.core.wells.usgs_rdb import read_rdb

ONE = (
    "# USGS\n#\nsite_no\tlev_dt\tlev_va\n15s\t10d\t12s\n"
    "382205\t2004-05-31\t12.5\n382205\t2004-06-30\t\n"
)
OTHER = "# next site\nsite_no\tlev_va\tlev_dt\n15s\t12s\t10d\n0047\t7.5\t2005-01-02\n"


def test_comments_and_widths_are_no_rows(tmp_path):
    path = tmp_path / "levels.rdb"
    path.write_text(ONE)
    assert read_rdb(path) == {
        "site_no": ["382205", "382205"],
        "lev_dt": ["2004-05-31", "2004-06-30"],
        "lev_va": ["12.5", ""],
    }


def test_tables_of_several_sites_are_joined_by_their_names(tmp_path):
    path = tmp_path / "levels.rdb"
    path.write_text(ONE + OTHER, newline="\r\n")
    read = read_rdb(path)
    assert read["site_no"] == ["382205", "382205", "0047"]
    assert read["lev_va"] == ["12.5", "", "7.5"]
    assert read["lev_dt"][2] == "2005-01-02"


def test_other_files_have_no_columns(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("# my wells\nwell,date,depth\n1,2004-01-01,3\n")
    assert read_rdb(path) == {}


def test_widths_without_names_before_them_are_read(tmp_path):
    path = tmp_path / "w.rdb"
    path.write_text("# x\na\tb\n5s\t5s\n5s\t5s\n5s\t5s\n1\t2\n")
    read_rdb(path)
