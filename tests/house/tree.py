"""Owns what the house tests read: the files of this repository and their syntax trees.

It must not know any rule.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "absolute"
TESTS = ROOT / "tests"

_ROOMS = ("src", "tests", "docs", "requirements", "benchmarks", "examples", ".ci")
_PASSED_OVER = {"__pycache__", "results", ".hypothesis"}
_OURS = {"", ".md", ".toml", ".cmd"}
_BINARY = {".png", ".parquet", ".pyc", ".nbi", ".nbc", ".ico", ".woff2"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def texts() -> dict[str, str]:
    """Every text file that belongs to the repository, by its path from the root."""
    files = [path for path in ROOT.iterdir() if path.is_file() and _ours(path)]
    for room in _ROOMS:
        files += [path for path in (ROOT / room).rglob("*") if path.is_file() and _belongs(path)]
    return {_name(path): path.read_text("utf-8") for path in sorted(files)}


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of the package, by its path inside it."""
    paths = sorted(SOURCE.rglob("*.py"))
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_bytes()) for path in paths}


@cache
def modules_of_tests() -> dict[str, ast.Module]:
    """The syntax tree of every test module, by its path inside tests."""
    paths = sorted(TESTS.rglob("test_*.py"))
    return {path.relative_to(TESTS).as_posix(): ast.parse(path.read_bytes()) for path in paths}


def _ours(path: Path) -> bool:
    """True for a file of the root that is part of the repository: users leave theirs there."""
    return path.suffix in _OURS and not path.name.startswith(".git")


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function in the tree, also inner ones, with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield prefix + node.name, node
        if isinstance(node, Function | ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def dotted(node: ast.expr) -> str:
    """The dotted name an expression spells, such as `datetime.now`; empty when it spells none."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            left = dotted(node.value)
            return f"{left}.{node.attr}" if left else ""
        case _:
            return ""


def _belongs(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return path.suffix not in _BINARY and not any(
        part in _PASSED_OVER or part.startswith(".venv") for part in parts
    )


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
