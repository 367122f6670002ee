"""What can be typed, met or read off this program stands in its documents, in both languages."""

import ast
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import typer

from absolute.cli.main import Elsewhere, root_command
from absolute.domain import messages
from absolute.domain.errors import UserError

from tests.house.tree import ROOT, dotted, modules

README_LINES_MAX = 120
REFERENCE = ROOT / "docs" / "reference.md"
READMES = [ROOT / "README.md", ROOT / "README.pt-BR.md"]

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_file(), reason="docs/reference.md is not written yet"
)
needs_readmes = pytest.mark.skipif(
    not all(path.is_file() for path in READMES), reason="one of the READMEs is not written yet"
)


def _documents() -> str:
    paths = [*sorted((ROOT / "docs").glob("*.md")), *(path for path in READMES if path.is_file())]
    return "\n".join(path.read_text("utf-8") for path in paths)


def _commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, with its full name; what is not built yet is left out."""
    yield from _below("absolute", root_command())


def _below(path: str, command) -> Iterator[tuple[str, Any]]:
    if isinstance(command, Elsewhere):
        try:
            command = command.fetch()
        except UserError:
            return
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", child)


def _options(command) -> set[str]:
    long_ones = {
        word
        for param in command.params
        if not getattr(param, "hidden", False)
        for word in [*param.opts, *param.secondary_opts]
        if word.startswith("--")
    }
    return long_ones - {"--help"}


def _error_codes() -> dict[str, str]:
    """Every code of an error of the user that is written as a literal, with its place."""
    raised = {"UserError"} | {
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "UserError" in {dotted(each) for each in node.bases}
    }
    return {
        node.args[0].value: f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func).rpartition(".")[2] in raised
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@needs_reference
def test_every_command_and_every_option_is_documented():
    documents = _documents()
    missing = [path for path, _ in _commands() if path not in documents]
    missing += [
        f"{path} {option}"
        for path, command in _commands()
        for option in _options(command)
        if not re.search(rf"{option}(?![\w-])", documents)
    ]
    assert not missing, "\n".join(sorted(missing))


@needs_reference
@pytest.mark.parametrize("union", ["Event", "Command"])
def test_every_message_is_documented(union):
    documents = _documents()
    members = [member.__name__ for member in get_args(getattr(messages, union))]
    assert members
    assert not [name for name in members if f"`{name}`" not in documents]


@needs_reference
def test_every_error_code_is_documented():
    documents = _documents()
    missing = [
        f"{code} ({place})" for code, place in _error_codes().items() if code not in documents
    ]
    assert not missing, "\n".join(sorted(missing))


@pytest.mark.parametrize("code", _error_codes())
def test_an_error_code_is_an_upper_snake_word(code):
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", code)


def test_every_command_says_what_it_does_and_how_to_report():
    """One line for the list, help for every option, and no extra words that nobody asked for."""
    silent = []
    for path, command in _commands():
        if not command.help:
            silent.append(path)
        silent += [
            f"{path} {param.opts[0]}" for param in command.params if not getattr(param, "help", "")
        ]
        if "--install-completion" in _options(command):
            silent.append(f"{path}: write typer.Typer(add_completion=False)")
    assert not silent, "\n".join(silent)


def test_the_list_of_commands_is_walked():
    paths = [path for path, _ in _commands()]
    assert {"absolute", "absolute test", "absolute check"} <= set(paths)
    assert isinstance(root_command(), typer.core.TyperGroup)


@needs_readmes
@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_a_readme_is_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= README_LINES_MAX


@needs_readmes
def test_both_readmes_have_the_same_headings_and_commands():
    english, portuguese = (path.read_text("utf-8") for path in READMES)
    assert _heading_levels(english) == _heading_levels(portuguese)
    assert _typed(english) == _typed(portuguese)
    assert _typed(english)


@needs_readmes
@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_what_a_readme_links_to_exists(path):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text("utf-8"))
    assert not [link for link in links if not (ROOT / link).exists()]


def _heading_levels(text: str) -> list[int]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [len(match) for match in re.findall(r"^(#+) ", prose, flags=re.MULTILINE)]


def _typed(text: str) -> list[str]:
    """The commands of this program in the code blocks, without comments."""
    blocks = re.findall(r"^```.*?^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"(\$ )?(\./)?absolute ", line)]
