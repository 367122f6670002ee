"""The reference page is what the program says of itself today."""

import runpy

from tests.house.tree import ROOT


def test_the_reference_is_not_stale():
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["page"]()
    assert (ROOT / "docs" / "reference.md").read_text("utf-8") == made, (
        "run python docs/make_reference.py"
    )
