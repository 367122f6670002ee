"""Habits no linter knows, or that are too dear to leave to one: each test searches for a breach."""

import ast
import re
from collections.abc import Iterator

import pytest

from absolute.cli.develop import ALONE

from tests.house.tree import dotted, functions, modules, modules_of_tests, texts

CLOCK_ROOM = "desk/clock.py"

# Reading these needs the clock or luck; everything else is handed both.
CLOCK_AND_LUCK = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.localtime",
    "time.gmtime", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4", "os.urandom", "urandom",
    "np.random.default_rng", "numpy.random.default_rng", "default_rng",
}  # fmt: skip
LUCKY_MODULES = {"random", "secrets"}
BANNED_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
BANNED_CALLS = {"eval", "exec", "compile", "breakpoint", "read_pickle", "to_pickle"}
SEEDED = {"PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937", "SeedSequence", "Generator"}

# Money moves here: amounts are Decimal or whole ticks, and a float is a mistake.
MONEY_ROOMS = ("domain/", "matching/", "strategies/", "risk/", "engine/")
NO_MONEY: dict[str, str] = {
    "engine/metrics.py": "statistics of returns, computed after all money was counted",
}

# What is no money although it is a number: the tape's volume, how alike two words are.
NO_AMOUNTS = {"volume", "cutoff"}

# May stop anything that goes wrong below it, since it logs and halts.
SUPERVISORS = {"desk/bots.py"}


def _breaches(found) -> str:
    return "\n".join(found)


def test_every_file_opens_with_its_law():
    silent = [path for path, tree in modules().items() if not ast.get_docstring(tree)]
    silent += [path for path, tree in modules_of_tests().items() if not ast.get_docstring(tree)]
    assert not silent, _breaches(silent)


def test_only_the_clock_room_reads_the_clock_or_draws_luck():
    found = []
    for path, tree in modules().items():
        for node in ast.walk(tree) if path != CLOCK_ROOM else ():
            if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in CLOCK_AND_LUCK:
                found.append(f"{path}:{node.lineno} {dotted(node)}")
            found += [
                f"{path} imports {name}"
                for name in _imported(node)
                if name.partition(".")[0] in LUCKY_MODULES or name in CLOCK_AND_LUCK
            ]
    assert not found, _breaches(found)


def test_every_generator_of_numbers_gets_a_seed():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func).rpartition(".")[2] in SEEDED
        and not node.args
        and not node.keywords
    ]
    assert not found, _breaches(found)


def test_nothing_is_pickled_or_evaluated():
    found = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            names = [name for name in _imported(node) if name.partition(".")[0] in BANNED_MODULES]
            if isinstance(node, ast.Call) and dotted(node.func) in BANNED_CALLS:
                names.append(dotted(node.func))
            found += [f"{path}: {name}" for name in names]
    assert not found, _breaches(found)


def test_a_test_that_runs_alone_lies_where_the_second_sitting_looks():
    found = [
        path
        for path, tree in modules_of_tests().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and dotted(node) == "pytest.mark.alone"
    ]
    assert found
    assert all(f"tests/{path}".startswith(ALONE) for path in found), _breaches(found)


def test_no_error_is_swallowed():
    found = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            names = {dotted(each) for each in _alternatives(node.type)}
            broad = node.type is None or names & {"Exception", "BaseException"}
            if broad and path not in SUPERVISORS:
                found.append(f"{path}:{node.lineno} catches everything")
            if all(isinstance(each, ast.Pass) or _is_ellipsis(each) for each in node.body):
                found.append(f"{path}:{node.lineno} does nothing about it")
    assert not found, _breaches(found)


def test_only_the_terminal_room_prints():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func) in {"print", "typer.echo", "rich.print"}
        and not path.startswith("cli/")
    ]
    assert not found, _breaches(found)


def test_no_float_where_money_moves():
    found = []
    for path, tree in modules().items():
        if not path.startswith(MONEY_ROOMS) or path in NO_MONEY:
            continue
        found += [f"{path}:{node.lineno}" for node in _floats(tree)]
    assert not found, _breaches(found)


def test_the_search_for_floats_finds_them():
    tree = ast.parse("share = 0.5\nf(rate=0.5)\nfloat(price)\nself._volume = 0.0\nf(cutoff=0.6)")
    assert [node.lineno for node in _floats(tree)] == [1, 2, 3]


@pytest.mark.parametrize("path", NO_MONEY)
def test_a_file_without_money_exists_and_uses_floats(path):
    tree = modules()[path]
    assert any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(tree))


# Spelled in pieces so that this file passes its own test.
_HOSTS = re.compile(
    r"py" r"pi\.org|python" r"hosted\.org|npm" r"js\.(org|com)|registry\.n" r"pm|ana" r"conda\.org"
    r"|crates\.i" r"o\b|test\.py" r"pi",
    re.IGNORECASE,
)  # fmt: skip
_MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(work|root|mnt|home/\w+|Users/\w+|opt|tmp)/\w|[A-Z]:\\\\?Users"
)
_NEIGHBOURS = re.compile(r"\.\./shared|shared/(design|style|seeds|research|data)")


def test_no_file_names_a_package_registry():
    found = [
        f"{path}: {match.group()}"
        for path, text in texts().items()
        if (match := _HOSTS.search(text))
    ]
    assert not found, _breaches(found)


def test_no_file_knows_a_path_of_one_machine():
    found = [
        f"{path}: {match.group()}"
        for path, text in texts().items()
        if (match := _MACHINE_PATHS.search(text))
    ]
    assert not found, _breaches(found)


def test_the_product_knows_nothing_of_its_neighbours():
    found = [
        f"{path}: {match.group()}"
        for path, text in texts().items()
        if path.startswith(("src/", "README")) and (match := _NEIGHBOURS.search(text))
    ]
    assert not found, _breaches(found)


def test_every_test_can_fail():
    found = []
    for path, tree in modules_of_tests().items():
        local = {name.rpartition(".")[2]: node for name, node in functions(tree)}
        asserting = {name for name, node in local.items() if _asserts(node, set())}
        found += [
            f"{path}:{node.lineno} {name}"
            for name, node in functions(tree)
            if name.rpartition(".")[2].startswith("test_") and not _asserts(node, asserting)
        ]
    assert not found, _breaches(found)


def _asserts(node: ast.AST, asserting: set[str]) -> bool:
    """An assertion, an expected error, or a call of something that is known to hold one."""
    for each in ast.walk(node):
        if isinstance(each, ast.Assert):
            return True
        if isinstance(each, ast.Call):
            name = dotted(each.func)
            last = name.rpartition(".")[2]
            if name in {"pytest.raises", "pytest.warns", "pytest.fail"} or last in asserting:
                return True
            if last.startswith(("assert", "check", "expect", "prove", "run_state_machine")):
                return True
    return False


def _floats(node: ast.AST) -> Iterator[ast.expr]:
    """Every float literal and every call of float, except as the value of what is no amount."""
    for child in ast.iter_child_nodes(node):
        if _names_no_amount(child):
            continue
        match child:
            case ast.Constant(value=float()) | ast.Call(func=ast.Name(id="float")):
                yield child
        yield from _floats(child)


def _names_no_amount(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]):
            return name.strip("_") in NO_AMOUNTS
        case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.strip("_") in NO_AMOUNTS
        case ast.keyword(arg=str(name)):
            return name in NO_AMOUNTS
        case _:
            return False


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [each.name for each in node.names]
        case ast.ImportFrom():
            return [f"{node.module}.{each.name}" for each in node.names]
        case _:
            return []


def _alternatives(node: ast.expr | None) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node] if node else []


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
