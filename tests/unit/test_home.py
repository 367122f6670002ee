"""Laws of the place where runs are kept: `.env` is never passed over, whoever asks."""

import os
from pathlib import Path

import pytest

from absolute.desk.home import database
from absolute.domain.errors import UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in an environment that names no database and forgets afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_database_named_in_dotenv_is_the_one_that_is_used(folder: Path) -> None:
    (folder / ".env").write_text("DATABASE_URL=mine.db\n", encoding="utf-8")
    assert database() == "mine.db"


def test_the_environment_and_the_option_come_before_dotenv(folder: Path) -> None:
    (folder / ".env").write_text("DATABASE_URL=mine.db\n", encoding="utf-8")
    os.environ["DATABASE_URL"] = "theirs.db"
    assert database() == "theirs.db"
    assert database("told.db") == "told.db"


def test_without_a_word_runs_are_kept_in_the_folder_of_this_user(folder: Path) -> None:
    assert database() == str(folder / "home" / "absolute.db")


def test_an_unreadable_dotenv_is_refused_before_a_place_is_chosen(folder: Path) -> None:
    (folder / ".env").write_bytes(b"A=\xff\xfe\x00")
    with pytest.raises(UserError) as refused:
        database()
    assert refused.value.code == "DOTENV_UNREADABLE"
