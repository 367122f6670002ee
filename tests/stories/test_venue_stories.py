"""Every type of order as a short story with its arithmetic; each file under `venue/` is one.

The orders are sent to the simulated venue itself; the language is explained in `teller.py`.
"""

from pathlib import Path

import pytest

from tests.stories.teller import broken, scenes, tell_venue

STORIES = sorted((Path(__file__).parent / "venue").glob("*.txt"))


def _case(path):
    why = broken(path.read_text("utf-8"))
    marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("story", [_case(path) for path in STORIES])
def test_the_venue_does_as_the_story_says(story):
    text = story.read_text("utf-8")
    tell_venue(text)
    assert any(told for _, _, told in scenes(text))


def test_there_are_stories():
    assert len(STORIES) >= 20


def test_a_story_that_is_not_true_fails():
    true = "fees maker=0 taker=0\na buys 1 market\nbar 100\n    a fills 1 at 100 taker\n"
    tell_venue(true)
    with pytest.raises(AssertionError, match="line 3: bar 100"):
        tell_venue(true.replace("at 100 taker", "at 99 taker"))
