"""Every interface and every example of the PowerTraderAI+ document, run from the document itself.

The blocks are cut out of the text and run unchanged against the exchange in the box. Two things the
document forgets are handed in: `datetime`, which it never imports, and for its last usage line the
two functions that stand inside another function there.
"""

import ast
import asyncio
import inspect
import json
import os
import re
import ssl
import subprocess
import sys
import textwrap
import threading
from datetime import datetime
from pathlib import Path

import pytest
import trustme

import pt_exchange_abstraction
import pt_exchanges
import pt_hub
import pt_multi_exchange
from absolute.domain.errors import UserError

from tests.fleet_box import FleetBox, fleet_box

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted((ROOT.parent / "shared" / "seeds").glob("004_*.txt"))
pytestmark = pytest.mark.skipif(not TEXTS, reason="the document is not on this machine")
DOCUMENT = TEXTS[0].read_text("utf-8").splitlines() if TEXTS else []
SRC = str(ROOT / "src")


def block(heading: str, first: str, last: str) -> str:
    """The lines from `first` to `last`, both as they begin, the next after `heading`."""
    start = DOCUMENT.index(heading)
    start = next(n for n in range(start, len(DOCUMENT)) if DOCUMENT[n].startswith(first))
    end = next(n for n in range(start, len(DOCUMENT)) if DOCUMENT[n].strip().startswith(last))
    return "\n".join(DOCUMENT[start : end + 1])


def run(text: str, names: dict) -> dict:
    """Runs a block as a notebook would: `await` may stand anywhere."""
    code = compile(text, "document", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waits = eval(code, names)
    if inspect.iscoroutine(waits):
        asyncio.run(waits)
    return names


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory):
    with fleet_box(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(shared_box: FleetBox, tmp_path, monkeypatch):
    """The box, with nothing going wrong, and an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    for name, value in shared_box.environment().items():
        monkeypatch.setenv(name, value)
    shared_box.faults()
    return shared_box


@pytest.fixture
def names():
    """What earlier blocks of the document have imported by the time of any of them."""
    return {
        "asyncio": asyncio,
        "os": os,
        "datetime": datetime,
        "OrderRequest": pt_exchange_abstraction.OrderRequest,
        "MultiExchangeManager": pt_multi_exchange.MultiExchangeManager,
    }


# --- interfaces -----------------------------------------------------------------------------------

INTERFACES = {
    "AbstractExchange": (pt_exchange_abstraction, '"""Base class for all cryptocurrency'),
    "ExchangeFactory": (pt_exchange_abstraction, '"""Factory for creating'),
    "MultiExchangeManager": (pt_multi_exchange, '"""Manages multiple exchanges'),
    "ExchangeConfigManager": (pt_multi_exchange, '"""Manages exchange config'),
    "RobinhoodExchange": (pt_exchanges, '"""Robinhood exchange'),
    "KrakenExchange": (pt_exchanges, '"""Kraken exchange'),
    "BinanceExchange": (pt_exchanges, '"""Binance exchange'),
}


def printed_class(name: str) -> ast.ClassDef:
    """The class as the document prints it first."""
    pattern = re.compile(rf"class {name}\b.*:$")
    start = next(n for n, line in enumerate(DOCUMENT) if pattern.match(line))
    end = start + 1
    while not DOCUMENT[end] or DOCUMENT[end].startswith(" "):
        end += 1
    (found,) = ast.parse("\n".join(DOCUMENT[start:end])).body
    assert isinstance(found, ast.ClassDef)
    return found


@pytest.mark.parametrize("name", INTERFACES)
def test_a_class_has_every_printed_method_with_its_parameters_and_defaults(name):
    ours = getattr(INTERFACES[name][0], name)
    printed = [
        each
        for each in printed_class(name).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert printed
    for method in printed:
        function = inspect.getattr_static(ours, method.name)
        function = getattr(function, "__func__", function)
        given = inspect.signature(function).parameters
        wanted = [each.arg for each in method.args.args]
        assert list(given)[: len(wanted)] == wanted, method.name
        rest = list(given.values())[len(wanted) :]
        assert all(each.default is not inspect.Parameter.empty for each in rest), method.name
        defaults = [ast.literal_eval(each) for each in method.args.defaults]
        for parameter, default in zip(wanted[len(wanted) - len(defaults) :], defaults, strict=True):
            assert given[parameter].default == default, (method.name, parameter)
        assert inspect.iscoroutinefunction(function) == isinstance(method, ast.AsyncFunctionDef)


@pytest.mark.parametrize("name", ["MarketData", "OrderRequest", "OrderResult"])
def test_a_record_begins_with_the_printed_fields_in_their_order(name):
    printed = [each for each in printed_class(name).body if isinstance(each, ast.AnnAssign)]
    ours = inspect.signature(getattr(pt_exchange_abstraction, name)).parameters
    assert list(ours)[: len(printed)] == [ast.unparse(each.target) for each in printed]
    for each, parameter in zip(printed, ours.values(), strict=False):
        wanted = inspect.Parameter.empty if each.value is None else ast.literal_eval(each.value)
        assert parameter.default == wanted
    added = list(ours.values())[len(printed) :]
    assert all(each.default is not inspect.Parameter.empty for each in added)


def test_the_exchange_types_are_the_printed_ones():
    printed = {
        ast.unparse(each.targets[0]): ast.literal_eval(each.value)
        for each in printed_class("ExchangeType").body
        if isinstance(each, ast.Assign)
    }
    assert {each.name: each.value for each in pt_exchange_abstraction.ExchangeType} == printed


def test_every_printed_import_works():
    lines = {line.strip() for line in DOCUMENT if re.match(r"from pt_\w+ import \w", line)}
    assert len(lines) >= 10
    for line in lines:
        run(line, {})
    run(block("Exception Classes", "from pt_exchange", ")"), {})


def test_regions_are_the_printed_ones(box):
    assert pt_exchanges.RobinhoodExchange().get_supported_regions() == ["us"]
    assert pt_exchanges.KrakenExchange().get_supported_regions() == ["us", "eu", "global"]
    assert pt_exchanges.BinanceExchange().get_supported_regions() == ["eu", "global"]
    assert pt_exchanges.BinanceExchange().normalize_symbol("BTC-USD") == "BTCUSDT"
    assert box.fired() == 0


# --- configuration --------------------------------------------------------------------------------


def test_settings_management(names, tmp_path, monkeypatch):
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    text = block("Settings Management", "from pt_hub", "start_allocation_pct")
    found = run(text, names)
    assert found["hub"].settings == pt_hub.PowerTraderHub().settings
    assert (found["primary_exchange"], found["region"]) == ("robinhood", "us")
    assert found["price_comparison"] is True
    assert found["coins"] == ["BTC", "ETH"]
    assert (found["trade_start_level"], found["start_allocation_pct"]) == (3, 5.0)


def test_credential_loading_priority(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    monkeypatch.setenv("ABSOLUTE_PLAIN_KEYS", "1")
    monkeypatch.setenv("KRAKEN_API_KEY", "")
    monkeypatch.setenv("KRAKEN_API_SECRET", "")
    name = next(line for line in DOCUMENT if line.startswith("# credentials/"))[2:]
    heading = "# credentials/kraken_config.json"
    file = tmp_path / name
    file.parent.mkdir()
    file.write_text(block(heading, "{", "}"))
    file.chmod(0o600)
    manager = pt_multi_exchange.ExchangeConfigManager()
    assert manager.load_exchange_config("kraken") == json.loads(file.read_text())
    assert manager.config_source("kraken") == "plain file kraken_config.json"
    heading = "# Environment variables format"
    run(block(heading, "os.environ", 'os.environ["KRAKEN_API_SECRET"]'), names)
    assert manager.config_source("kraken") == "environment"
    assert manager.load_exchange_config("kraken")["api_key"] == "your_key"
    assert manager.validate_config("kraken")


# --- trading --------------------------------------------------------------------------------------


def test_market_data_access(box, names, capsys):
    run(block("Market Data Access", "import asyncio", "asyncio.run("), names)
    said = capsys.readouterr().out
    assert re.search(r"^BTC: \$\d+", said, re.M)
    assert {"kraken", "coinbase", "binance"} <= set(re.findall(r"^(\w+): \$\d", said, re.M))
    # The price is the effective one: Binance has the smallest taker fee, and all books are alike.
    assert re.search(r"^Best buy price: \$\d+(\.\d+)? on binance$", said, re.M)


def test_order_placement(box, names, capsys):
    before = {venue: len(box.orders(venue)) for venue in ("kraken", "binance")}
    run(block("Order Placement", "from pt_exchange", "asyncio.run("), names)
    said = capsys.readouterr().out
    assert re.search(r"^Order O\S+: filled$", said, re.M)
    assert re.search(r"^Executed at \$\d+(\.\d+)? on best exchange$", said, re.M)
    for venue in before:  # one by name, one chosen: two wishes, two orders
        assert len(box.orders(venue)) == before[venue] + 1


def test_balance_management(box, names, capsys):
    run(block("Balance Management", "async def check", "asyncio.run("), names)
    said = capsys.readouterr().out
    assert "KRAKEN Balances:" in said
    assert re.search(r"^  USD: \d+", said, re.M)
    assert re.search(r"^Kraken BTC balance: 0\.\d+$", said, re.M)


# --- monitoring -----------------------------------------------------------------------------------


def test_exchange_health_monitoring(box, names, capsys):
    run(block("Exchange Health Monitoring", "from pt_multi", "monitor_exchanges()"), names)
    said = capsys.readouterr().out
    assert "System Status: healthy" in said
    assert "Available Exchanges: 3/8" in said  # Robinhood serves no region but the us
    assert re.search(r"^kraken: online \(\d+(\.\d+)?ms\)$", said, re.M)
    assert "  Error" not in said


def test_real_time_price_streaming(box):
    text = block("Real-time Price Streaming", "from pt_multi", "asyncio.run(price_stream())")
    environment = {**os.environ, "PYTHONPATH": SRC, "PYTHONUNBUFFERED": "1"}
    seen: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        giving_up = threading.Timer(60, program.kill)
        giving_up.start()
        assert program.stdout is not None
        for line in program.stdout:
            seen.add(re.sub(r"\$[\d.]+", "$", line.strip()))
            if {"[kraken] Connected", "[kraken] BTC-USD: $", "[kraken] ETH-USD: $"} <= seen:
                break
        giving_up.cancel()
        program.kill()
    assert {"[kraken] Connected", "[kraken] BTC-USD: $", "[kraken] ETH-USD: $"} <= seen


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ExchangeConnectionError", "Connection failed: x"),
        ("ExchangeAuthenticationError", "Auth failed: x"),
        ("ExchangeRateLimitError", "Rate limited: x"),
        ("ExchangeOrderError", "Order failed: x"),
    ],
)
def test_exception_classes(error, said, names, capsys):
    class Failing:
        async def place_order(self, order_request):
            raise getattr(pt_exchange_abstraction, error)("x")

    text = block("Exception Classes", "from pt_exchange", 'print(f"Order failed')
    run(text, names | {"exchange": Failing(), "order_request": None})
    assert capsys.readouterr().out.strip() == said


def retry_and_fallback() -> tuple[str, str]:
    """The two functions the document keeps inside `robust_trading`, and its usage lines."""
    whole = block("Retry and Fallback", "from pt_multi", "# Usage")
    tree = ast.parse(whole)
    (outer,) = (each for each in tree.body if isinstance(each, ast.AsyncFunctionDef))
    lines = whole.splitlines()[outer.body[0].lineno - 1 : -1]
    usage = block("Retry and Fallback", "order = OrderRequest", "result = await")
    return textwrap.dedent("\n".join(lines)), usage


LOST = {"do": "reset", "accepted": True, "count": 1, "when": {"method": "POST"}}
LOST_AT_KRAKEN = LOST | {"when": {"venue": "kraken", "path": "AddOrder"}}


def test_the_printed_fallback_buys_once_when_the_reply_is_lost(box, names):
    functions, usage = retry_and_fallback()
    run(functions, names)
    before = [len(box.orders(venue)) for venue in ("kraken", "coinbase", "binance")]
    box.faults(LOST_AT_KRAKEN)
    found = run(usage, names)
    after = [len(box.orders(venue)) for venue in ("kraken", "coinbase", "binance")]
    assert box.fired() >= 1
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 0, 0]
    assert found["result"].exchange == "kraken"
    assert found["result"].status == "filled"


def test_the_printed_retry_buys_once_when_the_reply_is_lost(box, names):
    functions, _usage = retry_and_fallback()
    run(functions, names)
    before = {venue: len(box.orders(venue)) for venue in ("kraken", "coinbase", "binance")}
    box.faults(
        *(LOST | {"when": {"venue": venue, "path": path, "method": "POST"}}
          for venue, path in (("binance", "/order$"), ("kraken", "AddOrder")))
    )  # fmt: skip
    order = 'OrderRequest(symbol="BTC-USD", side="buy", amount=0.001, order_type="market")'
    found = run(f"order = {order}\nresult = await place_order_with_retry(order)", names)
    assert box.fired() == 1
    grown = {venue: len(box.orders(venue)) - count for venue, count in before.items()}
    assert sum(grown.values()) == 1
    assert grown[found["result"].exchange] == 1


def test_the_printed_fallback_buys_once_even_where_nobody_can_tell(box, names, capsys):
    functions, usage = retry_and_fallback()
    run(functions, names)
    before = [len(box.orders(venue)) for venue in ("kraken", "coinbase", "binance")]
    silent = LOST_AT_KRAKEN | {"count": None, "when": {"venue": "kraken", "path": "ClosedOrders"}}
    box.faults(LOST_AT_KRAKEN, silent)
    with pytest.raises(Exception, match="All exchanges failed"):
        run(usage, names)
    after = [len(box.orders(venue)) for venue in ("kraken", "coinbase", "binance")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 0, 0]
    assert capsys.readouterr().out.count("its state is unknown") == 3


def test_the_printed_fallback_goes_on_when_nothing_was_sent(box, names, capsys):
    functions, usage = retry_and_fallback()
    run(functions, names)
    before = len(box.orders("kraken"))
    refused = {"do": "status", "status": 200, "body": '{"error":["EOrder:Insufficient funds"]}'}
    box.faults(refused | {"when": {"venue": "kraken", "path": "AddOrder"}})
    found = run(usage, names)
    assert found["result"].exchange == "coinbase"
    assert len(box.orders("kraken")) == before
    assert "Failed on kraken" in capsys.readouterr().out


# --- a custom exchange ----------------------------------------------------------------------------

CUSTOM_HOST = "api.customexchange.com"


@pytest.fixture
def custom_server(tmp_path):
    """A small exchange on loopback under its own name, over TLS."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(CUSTOM_HOST).configure_cert(context)
    root = tmp_path / "custom.ca"
    authority.cert_pem.write_to_path(str(root))
    replies = {
        "/ping": {},
        "/ticker/BTCUSD": {"price": "60000.5", "bid": "60000", "ask": "60001", "volume": "12"},
        "/order": {"order_id": "c-1", "status": "filled", "filled_qty": "0.001"},
    }
    seen: list[str] = []

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        seen.append(head)
        length = re.search(r"(?i)content-length: (\d+)", head)
        if length:
            seen.append((await reader.readexactly(int(length[1]))).decode())
        body = json.dumps(replies[path]).encode()
        kind = b"Content-Type: application/json\r\nConnection: close\r\n"
        size = f"Content-Length: {len(body)}\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\n" + kind + size + body)
        await writer.drain()
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1], root, seen
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


LED = """
import asyncio, os, socket
from datetime import datetime
from pt_exchange_abstraction import OrderRequest
real = socket.getaddrinfo
def led(host, port, *rest, **more):
    name = host.decode() if isinstance(host, bytes) else host
    inside = name == os.environ["CUSTOM_HOST"]
    return real("127.0.0.1", int(os.environ["CUSTOM_PORT"]), *rest, **more) if inside else real(
        host, port, *rest, **more)
socket.getaddrinfo = led
"""


def test_a_custom_exchange_is_written_registered_and_used(custom_server, tmp_path):
    port, root, seen = custom_server
    written = block("Creating Custom Exchange", "from pt_exchange", "ExchangeFactory.register")
    used = block("Using Custom Exchange", "from pt_multi", "print(f")
    order = (
        'order = OrderRequest(symbol="BTC-USD", side="buy", amount=0.001, order_type="market")\n'
        'result = await manager.place_order(order, "custom")\n'
        "print(result.order_id, result.status, manager.get_available_exchanges())\n"
        'await manager._roster.exchange("custom").session.close()'
    )
    program = tmp_path / "program.py"
    lines = used.splitlines()
    body = "\n".join([*lines, *order.splitlines()])
    program.write_text(
        f"{LED}\n{written}\nasync def main():\n{textwrap.indent(body, '    ')}\nasyncio.run(main())"
    )
    environment = {
        **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        "PYTHONPATH": SRC,
        "SSL_CERT_FILE": str(root),
        "CUSTOM_HOST": CUSTOM_HOST,
        "CUSTOM_PORT": str(port),
        "ABSOLUTE_HOME": str(tmp_path),
        "ABSOLUTE_PLAIN_KEYS": "1",
    }
    done = subprocess.run(
        [sys.executable, program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Custom exchange price: $60000.5" in done.stdout
    assert "c-1 filled ['custom']" in done.stdout
    kept = tmp_path / "credentials" / "custom_config.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert any("X-API-Key: your_custom_api_key" in each for each in seen)


def test_a_custom_configuration_is_not_kept_in_the_open_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    monkeypatch.delenv("ABSOLUTE_PLAIN_KEYS", raising=False)
    used = block("Using Custom Exchange", "config_manager =", "})")
    kept = {"ExchangeConfigManager": pt_multi_exchange.ExchangeConfigManager}
    with pytest.raises(UserError, match="absolute keys add custom:main") as refused:
        run(used, kept)
    assert refused.value.code == "KEYS_NOT_SAVED"
    assert not (tmp_path / "credentials").exists()


# --- helpers --------------------------------------------------------------------------------------


def test_symbol_conversion(names):
    text = block("Symbol Conversion", "from pt_exchanges", "standard_symbol")
    found = run(text, names)
    for line in text.splitlines():
        promised = re.match(r'(\w+) = .*# "(\S+)"', line)
        if promised:
            assert found[promised[1]] == promised[2]
    assert found["standard_symbol"] == "BTC-USD"


def test_configuration_helpers(box, names, capsys):
    run(block("Configuration Helpers", "from pt_multi", 'print(f"Kraken connected'), names)
    said = capsys.readouterr().out
    assert names["is_valid"] is True
    assert "US exchanges: ['robinhood', 'kraken', 'coinbase', 'bitstamp']" in said
    assert "Kraken connected: True" in said
    assert box.fired() == 0
