"""`absolute exchange`: a box is served until it is ended, and other programs can reach it."""

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from decimal import Decimal

import pytest

from absolute.cli.main import status_of
from absolute.desk.box import BoxWanted, running_box
from absolute.desk.box_venues import MarketWanted
from absolute.desk.clock import generator
from absolute.domain.errors import UserError
from absolute.kernels.synth import synth_tape
from absolute.lake.writing import write_bars
from absolute.simex.control import CONTROL_HOST
from absolute.simex.fault_rules import rules_of
from absolute.venues.box import box_session

COMMANDS = (("exchange", "absolute.cli.exchange:app", "serve"),)
PROGRAM = (
    "import sys; from absolute.cli.main import status_of; "
    "sys.exit(status_of(sys.argv[1:], commands=(('exchange', 'absolute.cli.exchange:app', ''),)))"
)


@contextmanager
def served(place, *words):
    """`absolute exchange serve` as a process; gives its first line and the process."""
    command = [sys.executable, "-c", PROGRAM, "exchange", "serve", "--venue", "kraken", *words]
    environment = {**os.environ, "ABSOLUTE_HOME": str(place)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline(), process
        finally:
            process.kill()


def env(place, capsys, monkeypatch, *words):
    """What `absolute exchange env` says for that folder, and its status."""
    monkeypatch.setenv("ABSOLUTE_HOME", str(place))
    status = status_of(["exchange", "env", *words], commands=COMMANDS)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_tells_its_environment_and_ends_cleanly(tmp_path, capsys, monkeypatch, sign):
    with served(tmp_path, "--json") as (line, process):
        told = json.loads(line)
        status, out, _ = env(tmp_path, capsys, monkeypatch, "--json")
        assert status == 0
        variables = json.loads(out)
        assert (variables["HTTPS_PROXY"], variables["SSL_CERT_FILE"]) == (told["proxy"], told["ca"])
        status, out, _ = env(tmp_path, capsys, monkeypatch)
        assert f"export HTTPS_PROXY={told['proxy']}" in out.splitlines()
        way = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": told["proxy"]}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=told["ca"])),
        )
        with way.open("https://api.kraken.com/0/public/Time", timeout=10) as answer:
            assert json.load(answer)["error"] == []
        with pytest.raises(urllib.error.URLError, match="403"):
            way.open("https://api.bybit.com/v5/market/time", timeout=10)
        process.send_signal(sign)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    assert not list(tmp_path.iterdir())
    status, out, err = env(tmp_path, capsys, monkeypatch)
    assert (status, out) == (2, "")
    assert "absolute exchange serve" in err


def test_a_person_is_told_hosts_keys_and_what_the_faults_did(tmp_path):
    faults = tmp_path / "faults.yaml"
    faults.write_text("rules: [{do: status, name: always down, when: {venue: kraken}}]")
    with served(tmp_path, "--faults", str(faults)) as (first, process):
        said = [first]
        while "Ctrl-C" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], said
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    told = "".join(said)
    assert "api.kraken.com" in told
    assert "box-kraken-main" in told
    assert "exchange env" in told
    assert rest.strip() == "always down: met 0 times, fired 0 times"


def test_a_box_of_a_process_ends_with_it_also_when_that_is_killed(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from absolute.desk.box import box_process\n"
        "with box_process('--venue', 'kraken', place=Path(sys.argv[1])) as state:\n"
        "    print(state.port, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        parent.kill()
    assert within_seconds(20, lambda: not answers(port))
    assert within_seconds(5, lambda: not list(tmp_path.iterdir()))


def answers(port):
    """True if something takes a call there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def within_seconds(span, holds):
    """True once it holds; False if it does not in time."""
    end = time.monotonic() + span
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path):
    async def play():
        market = MarketWanted(seed=3)
        async with running_box(BoxWanted("kraken", market), tmp_path) as box:
            wanted = BoxWanted("kraken", market, port=box.state.port)
            with pytest.raises(UserError, match="Choose another") as mistake:
                async with running_box(wanted, tmp_path):
                    pass
            return mistake.value.code

    assert asyncio.run(play()) == "PORT_TAKEN"


def control(tmp_path, play, **options):
    """What `play` gives with a box and a session."""

    async def run():
        wanted = BoxWanted("kraken", MarketWanted(seed=3), **options)
        async with running_box(wanted, tmp_path) as box, box_session(box.state.address) as client:
            return await play(box, client)

    return asyncio.run(run())


def test_faults_are_set_and_counted_over_the_boxes_own_host(tmp_path):
    async def play(_box, client):
        url = f"https://{CONTROL_HOST}/faults"
        rule = {"do": "status", "status": 503, "body": "", "when": {"venue": "kraken"}, "count": 1}
        await client.put(url, json=[rule])
        seen = [(await client.get("https://api.kraken.com/0/public/Time")).status for _ in "ab"]
        wrong = await client.put(url, json=[{"do": "explode"}])
        return seen, await (await client.get(url)).json(), wrong.status

    seen, told, wrong = control(tmp_path, play)
    assert seen == [503, 200]
    assert told == [{"name": "status", "do": "status", "met": 2, "fired": 1}]
    assert wrong == 400


def test_the_audit_and_every_step_of_steering(tmp_path):
    market = {"venue": "kraken", "environment": "main", "symbol": "XXBTZUSD"}
    steps = [
        {"do": "jump", "price": "50000", **market},
        {"do": "fees", "maker": "-0.0001", "taker": "0.002", **market},
        {"do": "filters", "min_notional": "100", **market},
        {"do": "halt", **market},
        {"do": "restart", "venue": "kraken", "environment": "main"},
        {
            "do": "deposit",
            "venue": "kraken",
            "environment": "main",
            "key": "box-kraken-main",
            "asset": "USD",
            "amount": "5.5",
        },
    ]

    async def play(box, client):
        done = [
            (await client.post(f"https://{CONTROL_HOST}/steer", json=step)).status for step in steps
        ]
        wrong = [
            (await client.post(f"https://{CONTROL_HOST}/steer", json=step)).status
            for step in (
                {"do": "halt", **market, "symbol": "X"},
                {"do": "fly"},
                {**steps[4], "venue": "okx"},
            )
        ]
        audit = await (await client.get(f"https://{CONTROL_HOST}/audit?key=box-kraken-main")).json()
        sums = await (await client.get(f"https://{CONTROL_HOST}/sums")).json()
        lost = (await client.get(f"https://{CONTROL_HOST}/nowhere")).status
        return done, wrong, audit, box.control.audit(key="box-kraken-main"), sums, lost

    done, wrong, audit, inside, sums, lost = control(tmp_path, play)
    assert done == [200] * len(steps)
    assert wrong == [400, 400, 400]
    assert lost == 404
    [account] = audit
    assert account["balances"]["USD"]["total"] == "10005.5"
    assert [str(each["balances"]["USD"]["total"]) for each in inside] == ["10005.5"]
    assert (account["orders"], account["executions"]) == ([], [])
    assert set(sums) == {"kraken:main"}


def test_rules_given_in_code_stand_before_those_of_the_file(tmp_path):
    file = tmp_path / "faults.yaml"
    file.write_text("rules: [{do: cut}]")

    async def play(box, _client):
        return [each.do for each in box.book.report()]

    rules = rules_of([{"do": "late"}])
    assert control(tmp_path, play, faults=file, rules=rules) == ["late", "cut"]


def test_bars_of_a_file_move_the_price_at_the_speed_that_was_asked_for(tmp_path):
    tape = synth_tape(
        generator(3),
        bars=300,
        start_ns=1_700_000_000_000_000_000 // (60 * 10**9) * 60 * 10**9,
        bar_ns=60 * 10**9,
        first_price=Decimal(20_000),
        price_unit=Decimal("0.01"),
    )
    file = tmp_path / "btcusdt_1m.csv"
    write_bars(tape, file)
    market = MarketWanted(data=file, speed=Decimal(600))

    async def play():
        async with (
            running_box(BoxWanted("kraken", market), tmp_path) as box,
            box_session(box.state.address) as client,
        ):
            seen = []
            for _ in range(6):
                url = "https://api.kraken.com/0/public/Ticker?pair=XBTUSD"
                told = await (await client.get(url)).json()
                seen.append(Decimal(told["result"]["XXBTZUSD"]["c"][0]))
                await asyncio.sleep(0.1)
            return seen

    seen = asyncio.run(play())
    low, high = (tape.price(int(each)) for each in (tape.low.min(), tape.high.max()))
    assert all(low - 1 <= price <= high + 1 for price in seen)
    assert len(set(seen)) >= 3
