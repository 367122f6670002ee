"""Owns the two commands for those who change this program: `test` and `check`.

Each runs the field's own tools in the source tree, from wherever it is called, and reports. It must
not know what they test.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

import typer

import absolute
from absolute.cli.output import print_json
from absolute.desk.language import _
from absolute.domain.errors import UserError

TOOLS = ("pytest", "xdist", "hypothesis", "ruff", "mypy", "importlinter")
WORKERS_MAX = 4
ALONE = ("tests/storm",)
"""Where the tests are that run alone; a house test holds that they are nowhere else."""

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
_PYTEST_USAGE = 4
_PYTEST_NOTHING = 5

test_app = typer.Typer(add_completion=False, rich_markup_mode=None)
check_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Check:
    """One tool with its arguments, run with this Python."""

    name: str
    arguments: tuple[str, ...]


LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

CHECKS = (
    Check("ruff check", ("-m", "ruff", "check", "--quiet")),
    Check("ruff format", ("-m", "ruff", "format", "--check", "--quiet")),
    Check("mypy", ("-m", "mypy", "--no-error-summary")),
    Check("import-linter", ("-c", LINT_IMPORTS)),
    Check("house", ("-m", "pytest", "-q", "--no-header", "tests/house")),
)


@test_app.command(context_settings=_PASS_ON, help=_("Run the tests; other words go to pytest."))
def test(
    ctx: typer.Context,
    as_json: bool = typer.Option(False, "--json", help=_("Print one JSON object.")),
) -> None:
    """Runs pytest over the source tree and leaves with status 0 when everything passed."""
    root = _source_tree()
    started = perf_counter()
    totals, statuses = Counter[str](), []
    for words in _sittings(root, ctx.args):
        with _report_file() as report:
            said = ["-m", "pytest", *words, f"--junitxml={report}", *ctx.args]
            statuses.append(_run(root, said, quiet_stdout=as_json))
            totals.update(_counts(report))
    seconds = round(perf_counter() - started, 1)
    if as_json:
        counts = {name: totals[name] for name in ("passed", "failed", "skipped")}
        print_json({**counts, "seconds": seconds})
    else:
        print(_("{seconds} s").format(seconds=seconds))
    if _PYTEST_USAGE in statuses:
        raise UserError("USAGE", _("pytest does not accept these words; its message is above."))
    # One sitting may find nothing to do where words chose the tests, but not both.
    done = [status for status in statuses if status != _PYTEST_NOTHING]
    raise typer.Exit(0 if done and not any(done) else 1)


def _sittings(root: Path, words: Sequence[str]) -> list[list[str]]:
    """The tests side by side, then those that need the machine for themselves; or as asked."""
    if any(word.startswith(("-n", "--numprocesses", "-m")) for word in words):
        return [["--dist", "loadfile"]]
    workers = str(min(os.cpu_count() or 1, WORKERS_MAX))
    side_by_side = ["-n", workers, "--dist", "loadfile", "-m", "not alone"]
    chosen = any((root / word.partition("::")[0]).exists() for word in words)
    return [side_by_side, ["-n", "0", "-m", "alone", *([] if chosen else ALONE)]]


@check_app.command(help=_("Run ruff, mypy, import-linter and the house tests."))
def check(
    as_json: bool = typer.Option(False, "--json", help=_("Print one JSON object.")),
) -> None:
    """Runs every check, also after one has failed, and leaves with status 1 when any failed."""
    root = _source_tree()
    results: dict[str, str] = {}
    for each in CHECKS:
        started = perf_counter()
        status = _run(root, each.arguments, quiet_stdout=as_json)
        results[each.name] = "failed" if status else "passed"
        if not as_json:
            verdict = _("FAILED") if status else _("passed")
            print(f"{each.name:<16}{verdict:<10}{perf_counter() - started:6.1f} s", flush=True)
    passed = "failed" not in results.values()
    if as_json:
        print_json({"passed": passed, "checks": results})
    raise typer.Exit(0 if passed else 1)


def _source_tree() -> Path:
    """The directory with pyproject.toml and tests; raises UserError where there is none."""
    root = Path(absolute.__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file() or not (root / "tests").is_dir():
        message = _(
            "Tests and checks need the source tree; clone the repository and call them there."
        )
        raise UserError("SOURCE_TREE_MISSING", message)
    missing = [tool for tool in TOOLS if find_spec(tool) is None]
    if missing:
        message = _("These tools are not installed: {names}; call ./absolute, which installs them.")
        raise UserError("DEVELOP_TOOLS_MISSING", message.format(names=", ".join(missing)))
    return root


def _run(root: Path, arguments: Sequence[str], *, quiet_stdout: bool) -> int:
    """Runs this Python with the arguments in the tree; its words may be sent to stderr instead."""
    stdout = sys.stderr if quiet_stdout else None
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, stdout=stdout, check=False
    ).returncode


@contextlib.contextmanager
def _report_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "report.xml"


def _counts(report: Path) -> dict[str, int]:
    """How many tests passed, failed and were skipped, as pytest's own report has it."""
    total = failed = skipped = 0
    if report.is_file():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}
