"""Only `risk` makes the seal `Approved`: a venue can trust what carries it."""

import ast

from tests.house.tree import dotted, modules


def test_only_risk_approves():
    makers = {
        str(path)
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Approved"
    }
    assert makers == {"risk/checks.py"}
