"""Owns strategy files: one flat set of named settings as `.js`, `.json` or `.yaml` text.

A `.js` file is strict JSON behind one assignment. It is parsed, never executed. Whatever is wrong
with the settings of a file is told in one go, each problem with its line; a file is written whole
or not at all. It must not know what a setting means: that is strategies.ladder_reading's.
"""

import json
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import yaml

from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import plain
from absolute.strategies.ladder_plan import (
    LadderConfig,
    LadderRefused,
    Problem,
    ladder_config,
    ladder_mapping,
)
from absolute.strategies.ladder_reading import Setting, read_setting, setting_name

SUFFIXES: Final = (".js", ".json", ".yaml", ".yml")
SCHEMA: Final = "absolute.ladder/1"
DRAFT_SCHEMA: Final = "absolute.ladder-draft/1"
SIZE_MAX: Final = 64 * 1024

_JS_HEAD: Final = "// A ladder of Absolute Trader. Strict JSON: it is read, never executed.\n"
_YAML_HEAD: Final = "# A ladder of Absolute Trader.\n"
_BLANK: Final = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_ASSIGNMENT: Final = re.compile(
    r"(?:module\.exports\s*=|export\s+default\b|(?:const|let|var)\s+\w+\s*=)"
)
_YAML_KINDS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str")
)


class _Settings(NamedTuple):
    """What a file says, and the line each spelling stands on."""

    values: dict[str, object]
    lines: Mapping[str, int]


class _Twice(ValueError):
    """One name stands twice in one object."""


def save_strategy(path: Path, config: LadderConfig, *, force: bool = False) -> None:
    """Write the settings whole, in the form the suffix names.

    Raises UserError STRATEGY_FILE_SUFFIX, STRATEGY_FILE_EXISTS (without `force`) or
    STRATEGY_FILE_WRITE.
    """
    _write(path, {"schema": SCHEMA, **ladder_mapping(config)}, force=force)


def load_strategy(path: Path) -> LadderConfig:
    """The settings of a file, seed defaults for what it leaves out.

    Raises UserError: STRATEGY_FILE_* for the file itself, LADDER_* for its settings.
    """
    text = _read(path)
    settings = _settings(path, text, SCHEMA)
    try:
        return ladder_config(settings.values)
    except LadderRefused as refusal:
        code, problems = refusal.code, refusal.problems
    raise UserError(code, "\n".join(_placed(path, settings.lines, one) for one in problems))


def save_draft(path: Path, answers: Mapping[str, Setting]) -> None:
    """Keep the answers of an unfinished menu, overwriting an older draft."""
    _write(path, {"schema": DRAFT_SCHEMA, **answers}, force=True)


def load_draft(path: Path) -> dict[str, Setting]:
    """The answers of an unfinished menu, each checked by itself; raises UserError."""
    settings = _settings(path, _read(path), DRAFT_SCHEMA)
    answers: dict[str, Setting] = {}
    for spelling, raw in settings.values.items():
        try:
            name = setting_name(spelling)
            answers[name] = read_setting(name, raw)
        except LadderRefused as refusal:
            told = _placed(path, settings.lines, refusal.problems[0])
            raise UserError(refusal.code, told) from None
    return answers


# ------------------------------------------------------------------------------------------ read


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        message = _("{file}: unknown kind of strategy file; end its name in one of {kinds}.")
        _refuse("SUFFIX", message, file=path, kinds=", ".join(SUFFIXES))
    return suffix


def _read(path: Path) -> str:
    """The text of a file of bounded size."""
    _suffix(path)
    try:
        if not path.is_file():
            _refuse("MISSING", _("{file}: there is no such file; check the name."), file=path)
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as fault:
        message = _("{file}: the file cannot be read ({reason}); check its rights.")
        _refuse("READ", message, file=path, reason=fault.strerror)
    if len(data) > SIZE_MAX:
        message = _("{file}: larger than {limit} bytes; this is no strategy file.")
        _refuse("TOO_LARGE", message, file=path, limit=SIZE_MAX)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("ENCODING", _("{file}: not UTF-8 text; save it as UTF-8."), file=path)


def _settings(path: Path, text: str, schema: str) -> _Settings:
    """The flat settings of a text without its schema, which must be the one asked for."""
    try:
        settings = _yaml(text) if _suffix(path) in (".yaml", ".yml") else _json(path, text)
    except _Twice as twice:
        message = _("{file}: {name} is set twice; keep one of the two lines.")
        _refuse("DUPLICATE", message, file=path, name=twice)
    except json.JSONDecodeError as fault:
        _refuse_syntax(path, fault.lineno, fault.msg)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        reason = getattr(fault, "problem", None) or "unreadable"
        _refuse_syntax(path, mark.line + 1 if mark else 1, reason)
    except RecursionError:
        _refuse_syntax(path, 1, "nested too deeply")
    found = settings.values.pop("schema", schema)
    if found != schema:
        message = _("{file}: it holds {found}, not {wanted}; choose another file.")
        _refuse("SCHEMA", message, file=path, found=found, wanted=schema)
    return settings


def _json(path: Path, text: str) -> _Settings:
    """Strict JSON; in a `.js` file comments and one assignment may stand around it."""
    script = path.suffix.lower() == ".js"
    start = _script_start(text) if script else len(text) - len(text.lstrip())
    decoder = json.JSONDecoder(
        parse_int=Decimal,
        parse_float=Decimal,
        parse_constant=_no_constant,
        object_pairs_hook=_once,
    )
    values, end = decoder.raw_decode(text, start)
    if script:
        end = _skip(text, end)
        end = _skip(text, end + 1) if text[end : end + 1] == ";" else end
    if text[end:].strip():
        raise json.JSONDecodeError("Text after the settings", text, end)
    if not isinstance(values, dict):
        raise json.JSONDecodeError("Expecting an object of settings", text, start)
    lines = {name: _json_line(text, name) for name in values}
    return _Settings(values, {name: line for name, line in lines.items() if line})


def _script_start(text: str) -> int:
    """Where the JSON of a `.js` text begins: after comments and at most one assignment."""
    start = _skip(text, 0)
    assignment = _ASSIGNMENT.match(text, start)
    return _skip(text, assignment.end()) if assignment else start


def _skip(text: str, position: int) -> int:
    """The first place that is neither blank nor comment."""
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _value in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return values


def _no_constant(word: str) -> NoReturn:
    raise json.JSONDecodeError(f"{word} is not a number", "", 0)


def _json_line(text: str, name: str) -> int:
    """The line a name stands on, 0 where it is spelled with escapes."""
    found = re.search(re.escape(f'"{name}"') + r"\s*:", text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def _yaml(text: str) -> _Settings:
    """One flat YAML mapping; scalars stay text, so that a number keeps every digit."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise yaml.MarkedYAMLError(problem="expected settings, one `name: value` a line")
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    for key, node in root.value:
        if not _is_plain(key) or not _is_plain(node):
            raise yaml.MarkedYAMLError(
                problem="expected `name: value`", problem_mark=key.start_mark
            )
        if key.value in values:
            raise _Twice(key.value)
        values[key.value] = None if node.tag.endswith(":null") else node.value
        lines[key.value] = key.start_mark.line + 1
    return _Settings(values, lines)


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag in _YAML_KINDS


def _placed(path: Path, lines: Mapping[str, int], problem: Problem) -> str:
    """A problem behind its file and, where the file names the setting, its line."""
    by_name = {_canonical(spelling): line for spelling, line in lines.items()}
    for name in (problem.field, *problem.about):
        if line := by_name.get(name):
            return f"{path}:{line}: {problem.text(_)}"
    return f"{path}: {problem.text(_)}"


def _canonical(spelling: str) -> str:
    try:
        return setting_name(spelling)
    except LadderRefused as refusal:
        return refusal.problems[0].field


# ----------------------------------------------------------------------------------------- write


def _write(path: Path, values: Mapping[str, Setting], *, force: bool) -> None:
    """The values as text of the path's kind, through a neighbour file and a rename."""
    text = _text(_suffix(path), values)
    try:
        if path.exists() and not force:
            message = _("{file}: the file exists and was kept; take another name, or add --force.")
            _refuse("EXISTS", message, file=path)
        _replace(path, text)
    except OSError as fault:
        message = _("{file}: the file cannot be written ({reason}); check its folder.")
        _refuse("WRITE", message, file=path, reason=fault.strerror)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _text(suffix: str, values: Mapping[str, Setting]) -> str:
    """The settings as text; numbers are written as plain digits, exactly."""
    if suffix in (".yaml", ".yml"):
        lines = (f"{name}: {_literal(value)}\n" for name, value in values.items())
        return _YAML_HEAD + "".join(lines)
    body = ",\n".join(f"  {json.dumps(name)}: {_literal(value)}" for name, value in values.items())
    if suffix == ".json":
        return f"{{\n{body}\n}}\n"
    return f"{_JS_HEAD}module.exports = {{\n{body}\n}};\n"


def _literal(value: Setting) -> str:
    return plain(value) if isinstance(value, Decimal) else json.dumps(value)


# ---------------------------------------------------------------------------------------- refuse


def _refuse(kind: str, message: str, **words: object) -> NoReturn:
    raise UserError(f"STRATEGY_FILE_{kind}", message.format(**words))


def _refuse_syntax(path: Path, line: int, reason: str) -> NoReturn:
    message = _("{file}:{line}: not a strategy file ({reason}); correct that line.")
    _refuse("SYNTAX", message, file=path, line=line, reason=reason)
