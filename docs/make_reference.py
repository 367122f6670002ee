"""Makes docs/reference.md from the program itself: commands, messages, notes, error codes.

Run it after a change: python docs/make_reference.py. A house test fails where the page is stale.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from absolute.cli.main import Elsewhere, root_command
from absolute.domain import messages, notes

HOME = Path(__file__).resolve().parent
SOURCE = HOME.parent / "src" / "absolute"

EXIT = """| status | meaning |
|---|---|
| 0 | done |
| 1 | unexpected, or a check or an audit found something |
| 2 | the user's mistake: one sentence says what, where and what to do; nothing was changed |
| 130 | interrupted by the user before there was anything to tell |"""


FAMILIES = ("DATA_", "LADDER_", "MENU_", "BENCH_", "SYNTH_", "STRATEGY_", "AMOUNT_")
"""Codes whose sentence is put together from parts."""

OWN = {
    "BALANCE_TOO_LOW": "halt: the first order of a deal is above what is free",
    "ENTRY_BELOW_MINIMUM": (
        "halt: the first order is below the venue's minimum and may not be raised"
    ),
    "ENTRY_REFUSED": "halt: the venue refused or cancelled the first order",
    "EXIT_REFUSED": "halt: the venue refused the exit",
    "EQUITY_FLOOR": "halt: equity fell to the floor",
    "FOK_UNFILLABLE": "venue: fill-or-kill, and not all of it could trade",
    "INSUFFICIENT_BALANCE": "risk or venue: the order needs more than is free",
    "IOC_REMAINDER": "venue: what immediate-or-cancel left unfilled",
    "LEVERAGE_TOO_HIGH": "venue: the position would be above its bracket's leverage",
    "LIQUIDATION": "venue: the account is being liquidated; its orders are swept, new ones refused",
    "NOTHING_TO_SELL": "halt: what is held is too small to sell and no rebuy may follow",
    "NOTHING_TO_TRADE": "venue: a reduce-only order without a position, or a spend below one lot",
    "NOTIONAL_LIMIT": "risk: above the largest order allowed",
    "NOTIONAL_MAX": "filter: above the venue's largest value",
    "NOTIONAL_MIN": "filter: below the venue's smallest value",
    "NOT_MARKETABLE": "venue: immediate-or-cancel, and nothing could trade at once",
    "NO_LIQUIDITY": "venue: nobody stands on the other side",
    "NO_PRICE": "venue: no price is known yet",
    "OPEN_ORDERS_MAX": "risk: as many orders live as are allowed",
    "ORDER_NOT_OPEN": "venue: a cancel for an order that is not open",
    "ORDER_STANDS": "venue: an order of this id stands already",
    "POST_ONLY_WOULD_TAKE": "venue: post-only, and it would have traded at once",
    "PRICE_BAND": "risk: the limit lies too far from the last price",
    "PRICE_STEP": "filter: the price is off the tick",
    "PRICE_UNKNOWN": "risk: the order cannot be valued yet",
    "QTY_MAX": "filter: above the largest quantity",
    "QTY_MIN": "filter: below the smallest quantity",
    "QTY_MISSING": "the order states neither a quantity nor a spend",
    "QTY_STEP": "filter: the quantity is off the lot",
    "STOPPED": "halt: a person stopped the bot",
    "UNEXPECTED_SELL": "halt: something was sold while no deal was open",
    "WALLET_SHORT": "halt: the account holds less than the deal; somebody else moved it",
}


def page() -> str:
    """The whole page."""
    parts = [
        "# Reference",
        "Made by `python docs/make_reference.py`; do not edit by hand.",
        "## Commands",
        *_commands(),
        "## Exit status",
        EXIT,
        'With `--json` a mistake is also one object on stdout: `{"error": CODE, "message": TEXT}`.',
        "## Events",
        "Every fact that enters the engine (`domain/messages.py`).",
        _table(get_args(messages.Event)),
        "## Commands to a venue",
        _table(get_args(messages.Command)),
        "## Notes",
        "What a strategy decided that no order shows (`domain/notes.py`).",
        _table(get_args(notes.Note)),
        "## Error codes",
        "| code | sentence |\n|---|---|\n" + "\n".join(_codes()),
        "## Refusals, halts and reasons",
        "Why risk held a command back, a venue ended an order, or a bot stopped by itself.",
        _reasons(),
    ]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    for name, command in _below("absolute", root_command()):
        yield f"### `{name}`"
        yield (command.help or "").strip().split("\n\n")[0]
        rows = [_option(param) for param in command.params if not getattr(param, "hidden", False)]
        if rows:
            yield "| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _below(
    path: str,
    command: Any,  # noqa: ANN401 -- the library keeps its command types private
) -> Iterator[tuple[str, Any]]:
    if isinstance(command, Elsewhere):
        command = command.fetch()
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", child)


def _option(param: Any) -> str:  # noqa: ANN401 -- the library keeps this type private
    names = ", ".join(f"`{word}`" for word in [*param.opts, *param.secondary_opts])
    if param.param_type_name == "argument":
        names = f"`{param.metavar or param.name}`"
    default = param.default if not callable(param.default) else None
    told = (
        ""
        if default in {None, False, ()} or "Sentinel" in repr(default)
        else f"`{_plain(default)}`"
    )
    return f"| {names} | {told} | {getattr(param, 'help', '') or ''} |"


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


def _table(kinds: tuple[type, ...]) -> str:
    rows = [
        f"| `{kind.__name__}` | {', '.join(f'`{name}`' for name in kind.__slots__)} "
        f"| {(inspect.getdoc(kind) or '').splitlines()[0]} |"
        for kind in kinds
    ]
    return "| name | fields | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _codes() -> list[str]:
    """Every code of a user's mistake, with the sentence it is raised with."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for scope in _scopes(ast.parse(path.read_text("utf-8"))):
            for code, sentence in _pairs(scope):
                told = _sentence(sentence, _assigned(scope, before=sentence.lineno))
                own = path.name == "strategy_files.py" and not code.startswith(FAMILIES)
                name = f"STRATEGY_FILE_{code}" if own else code
                if name not in OWN and (told or name.startswith(FAMILIES)):
                    found[name] = "" if name.startswith(("DATA_", "LADDER_")) else told
    return [f"| `{code}` | {told or _elsewhere(code)} |" for code, told in sorted(found.items())]


def _elsewhere(code: str) -> str:
    """Where a code is explained whose sentence is put together from parts."""
    own = {"DATA_": "data.md", "LADDER_": "ladder.md"}
    pages = [page for family, page in own.items() if code.startswith(family)]
    return f"see [{pages[0]}]({pages[0]})" if pages else ""


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Each function with its own names, then what stands outside them."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    yield tree


def _assigned(scope: ast.AST, *, before: int) -> dict[str, ast.expr]:
    """What each name was last given above a line."""
    given = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.lineno < before
    ]
    given.sort(key=lambda node: node.lineno)
    return {node.targets[0].id: node.value for node in given}


def _pairs(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """A code and the expression after it, in a call or a tuple."""
    for node in ast.walk(scope):
        parts = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        for first, second in pairwise(parts):
            if isinstance(first, ast.Constant) and _is_code(first.value):
                yield first.value, second


def _is_code(text: object) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|USAGE", text))


def _sentence(node: ast.expr, texts: dict[str, ast.expr]) -> str:
    """The text of a literal, through `_(...)`, `.format(...)`, a name or an f-string."""
    match node:
        case ast.Constant(value=str() as text) if " " in text:
            return text.replace("|", "\\|").replace("{", "‹").replace("}", "›")
        case ast.JoinedStr(values=values):
            parts = (each.value if isinstance(each, ast.Constant) else "…" for each in values)
            return "".join(map(str, parts)).replace("|", "\\|")
        case ast.Name(id=name) if name in texts:
            return _sentence(texts[name], {})
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            return _sentence(inner, texts)
        case ast.Call(func=ast.Name(), args=[first, *_]):
            return _sentence(first, texts)
        case ast.Tuple(elts=[first, *_]):
            return _sentence(first, texts)
        case _:
            return ""


def _reasons() -> str:
    rows = [f"| `{code}` | {meaning} |" for code, meaning in sorted(OWN.items())]
    return "| code | meaning |\n|---|---|\n" + "\n".join(rows)


if __name__ == "__main__":
    (HOME / "reference.md").write_text(page(), "utf-8")
