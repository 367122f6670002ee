"""A report replaces an earlier report and nothing else."""

import pytest

from absolute.domain.errors import UserError
from absolute.research.report_place import check_place, put_page

PAGE = b"<!DOCTYPE html><title>old</title>"


def test_a_page_replaces_an_earlier_page(tmp_path):
    path = tmp_path / "deep" / "run.html"
    put_page(path, PAGE)
    put_page(path, PAGE + b" ")
    assert path.read_bytes() == PAGE + b" "


@pytest.mark.parametrize("name", ["bars.parquet", "strategy.js", "page", "run.htm.gz"])
def test_a_name_that_is_no_page_is_refused(tmp_path, name):
    with pytest.raises(UserError) as refused:
        put_page(tmp_path / name, PAGE)
    assert refused.value.code == "REPORT_NAME"
    assert not (tmp_path / name).exists()


def test_a_file_of_another_kind_stays_as_it_is(tmp_path):
    path = tmp_path / "notes.html"
    path.write_bytes(b"my notes")
    with pytest.raises(UserError) as refused:
        put_page(path, PAGE)
    assert refused.value.code == "REPORT_WOULD_REPLACE"
    assert path.read_bytes() == b"my notes"


def test_a_folder_is_no_place_for_a_page(tmp_path):
    (tmp_path / "x.html").mkdir()
    with pytest.raises(UserError) as refused:
        check_place(tmp_path / "x.html")
    assert refused.value.code == "REPORT_WOULD_REPLACE"
