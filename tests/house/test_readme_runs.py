"""The example in the README runs as printed."""

import re

from tests.house.tree import ROOT


def test_the_python_example_runs(capsys):
    text = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # the reader's own words, as they stand
    assert "deals closed" in capsys.readouterr().out
