"""The rooms keep their order, and the contracts that say so have teeth."""

import ast
import shutil
import subprocess
import sys

import pytest

from absolute.cli.develop import LINT_IMPORTS

from tests.house.tree import ROOT, modules

ROOMS = (
    "cli api dashboard desk research surveillance collectors simex venues lake store engine "
    "strategies risk models features matching wire kernels domain"
).split()

# what is written where, and the contract that must catch it
PLANTED = {
    "the foundation looks up": ("domain/plain.py", "import absolute.kernels.plain", "layers"),
    "strangers meet": ("strategies/plain.py", "import absolute.risk.plain", "layers"),
    "a circle": ("cli/plain.py", "import absolute.cli.other", "cycles"),
    "water in a dry room": ("matching/plain.py", "import socket", "dry"),
    "water through a pipe": ("engine/step.py", "import absolute.engine.loop", "driver"),
    "a waiting workshop": ("research/plain.py", "import asyncio", "quiet"),
    "a frame beside money": ("kernels/plain.py", "import polars", "frames"),
    "the door left open": ("cli/plain.py", "import absolute.lake.plain", "doors"),
    "the engine peeks": ("strategies/plain.py", "import absolute.matching.plain", "blind"),
}


def _lint(directory, *, contract: str = "") -> subprocess.CompletedProcess:
    words = [sys.executable, "-c", LINT_IMPORTS]
    if contract:
        program = f"sys.exit(lint_imports(limit_to_contracts=('{contract}',), no_cache=True))"
        words = [*words[:2], f"import sys; from importlinter.cli import lint_imports; {program}"]
    environment = {"PYTHONPATH": str(directory / "src"), "PATH": ""}
    return subprocess.run(
        words, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def skeleton(tmp_path):
    """A house with one empty file in every room, under the contracts of this one."""
    for room in ROOMS:
        directory = tmp_path / "src" / "absolute" / room
        directory.mkdir(parents=True)
        for name in ("__init__", "step" if room == "engine" else "plain"):
            (directory / f"{name}.py").touch()
    (tmp_path / "src/absolute/__init__.py").touch()
    (tmp_path / "src/absolute/cli/other.py").write_text("import absolute.cli.plain\n")
    (tmp_path / "src/absolute/engine/loop.py").write_text("import asyncio\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_of_this_house_keeps_the_contracts():
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_an_empty_house_keeps_them_as_well(skeleton):
    result = _lint(skeleton)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_caught(skeleton, planted):
    path, line, contract = PLANTED[planted]
    with (skeleton / "src/absolute" / path).open("a") as file:
        file.write(line + "\n")
    result = _lint(skeleton, contract=contract)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_a_room_that_nobody_declared_is_refused(skeleton):
    (skeleton / "src/absolute/attic").mkdir()
    (skeleton / "src/absolute/attic/__init__.py").touch()
    assert _lint(skeleton, contract="layers").returncode == 1


def test_the_doors_of_inner_rooms_are_empty():
    """A package that re-exports its own files ties knots; only the root may."""
    busy = [
        path
        for path, tree in modules().items()
        if path.endswith("/__init__.py")
        and any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    ]
    assert not busy
