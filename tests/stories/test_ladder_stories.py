"""The ladder as short stories that a trader can read; each file under `ladder/` is one.

The language is explained in `teller.py`. A story without people in it is also replayed, skipping,
bar by bar and through the asynchronous loop: all must write the same log.
"""

from pathlib import Path

import pytest

from tests.stories.teller import broken, scenes, tell_ladder

STORIES = sorted((Path(__file__).parent / "ladder").glob("*.txt"))


def _case(path):
    why = broken(path.read_text("utf-8"))
    marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("story", [_case(path) for path in STORIES])
def test_the_ladder_does_as_the_story_says(story):
    told = tell_ladder(story.read_text("utf-8"))
    assert told.events


def test_there_are_stories():
    assert len(STORIES) >= 25


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_begins_with_what_it_is_about(story):
    first = story.read_text("utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert any(told for _, _, told in scenes(story.read_text("utf-8")))


TRUE = """
fees maker=0 taker=0
bar 100
    entry buys 3 at 100 taker
    deal 1 opens
bar 100 104 100 104
    exit sells 3 at 103.5 maker
    deal 1 closes: profit 10.5
"""


@pytest.mark.parametrize(
    ("true", "false", "line"),
    [
        ("3 at 100 taker", "3 at 100 maker", "line 3: bar 100"),
        ("    deal 1 opens\n", "", "line 3: bar 100"),
        ("profit 10.5", "profit 10.51", "line 6: bar 100 104 100 104"),
        ("profit 10.5\n", "profit 10.5\nbar 104\n", "line 9: bar 104"),
    ],
)
def test_a_story_that_is_not_true_fails(true, false, line):
    tell_ladder(TRUE)
    with pytest.raises(AssertionError, match=line):
        tell_ladder(TRUE.replace(true, false))


@pytest.mark.parametrize("line", ["a person sleeps", "bar", "bar 1 2 3 4 5"])
def test_a_line_nobody_understands_is_an_error(line):
    with pytest.raises((ValueError, AssertionError)):
        tell_ladder(TRUE + line + "\n")
