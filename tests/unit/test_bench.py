"""The benchmark compares like with like: its reference is worked by hand, and all agree with it.

The peers are asked only where `absolute bench` has installed them.
"""

import json
import subprocess
from decimal import Decimal
from functools import partial
from itertools import accumulate

import numpy as np
import pytest

from absolute.cli.main import status_of
from absolute.desk.benchmark import (
    CASES,
    LADDER,
    LIVE,
    TWIN,
    Check,
    Entry,
    Failed,
    Measured,
    agrees,
    bench,
    ratios,
    request_of,
    steps,
)
from absolute.desk.benchmark_market import START_NS, cross_signals
from absolute.desk.benchmark_peers import (
    HOUSE,
    PEERS,
    REFERENCE,
    Peer,
    Unmeasured,
    python_path,
    run_peer,
)
from absolute.domain.errors import UserError
from absolute.domain.units import Quote

QUIET = {"watch": lambda sentence: None, "install": lambda sentence: None}


def _request(only=None, *, bars=20_000, repeat=1, peers=False, data=None):
    return request_of(only, bars=bars, repeat=repeat, peers=peers, data=data)


# ------------------------------------------------------------------------------------- the rules


def test_the_ladder_is_the_one_the_seed_prices():
    orders = [order.quantize(Decimal("0.01")) for order in LADDER.orders()]
    assert orders[:4] == [Decimal(text) for text in ("300.00", "306.00", "312.12", "318.36")]
    # 300 * (1.02 ** 21 - 1) / 0.02 = 7734.995... and 300 * (1.02 ** 14 - 1) / 0.02 = 4792.18...
    costs = [cost.quantize(Decimal("0.01")) for cost in accumulate(LADDER.orders())]
    assert costs[20] == Decimal("7735.00")
    assert costs[13] == Decimal("4792.18") < LADDER.cap < costs[14]


def test_a_target_is_lowered_from_the_clamped_one_before_it():
    first, second, third, *_ = LADDER.targets()
    assert (first, second, third) == (Decimal("0.035"), Decimal("0.03325"), Decimal("0.0315875"))


def test_a_signal_stands_where_the_fast_average_is_above_the_slow_one():
    # the averages of 2 at each close: -, 1.5, 2.5, 2.5, 1.5; the last closes: 1, 2, 3, 2, 1
    close = np.array([1, 2, 3, 2, 1], dtype=np.int64)
    assert cross_signals(close, 1, 2).tolist() == [False, True, True, False, False]


def test_the_made_up_market_crosses_as_often_as_the_case_says():
    # about 20,000 orders in a million bars: 4,052 in this fifth of it
    [case] = bench(_request("sma", bars=200_000), **QUIET).values()
    own = case["absolute"]
    assert isinstance(own, Measured)
    assert 3_500 <= own.fills <= 4_500


# ------------------------------------------------------------------------------------ the reference

BARS = (
    # open, high, low, close: one line for each, in cents
    (10000, 10020, 9890, 10000),  # the first buy at the open; the rebuy at 9900 is not there yet
    (10000, 10349, 9901, 9950),  # a cent short on both sides
    (9950, 10400, 9900, 9850),  # both are touched: the buy comes first, the exit is replaced
    (9800, 10300, 9790, 10300),  # it opens beyond the rebuy at 9801, which rested: filled at 9801
    (10300, 10310, 9000, 10200),  # it opens beyond the new exit, and there is no rebuy any more
    (10250, 10260, 10240, 10255),  # the next deal
)


@pytest.fixture
def market(tmp_path):
    """Six bars made for the ladder, as the runners read them."""
    columns = np.array(BARS, dtype=np.int64).T
    file = tmp_path / "market.npz"
    np.savez(
        file,
        ts=START_NS + np.arange(6) * 60_000_000_000,
        **dict(zip(("open", "high", "low", "close"), columns, strict=True)),
        signals=np.array([True, True, False, False, True, True]),
    )
    return file


def _rules(name, fee):
    return {
        "name": name,
        "bar_ns": 60_000_000_000,
        "cash": "10000",
        "fee": fee,
        "tick": "0.01",
        "lot": "0.00001",
        "cap": "5000",
        "drop": "0.01",
        "orders": ["300", "306", "312.12"],
        "targets": ["0.035", "0.03325", "0.0315875"],
        "bars": 6,
        "repeat": 1,
        "warm_up": 0,
        "engine": "auto",
        "list_fills": True,
    }


def _said(peer: Peer, market, rules) -> dict:
    """What a runner prints, with its fills."""
    python = python_path(peer)
    if not python.exists():
        pytest.skip(f"{peer.name} is not installed; `absolute bench` does it")
    file = market.with_suffix(".json")
    file.write_text(json.dumps({**rules, "engine": peer.engine}))
    words = [python, HOUSE / "peers" / peer.script, market, file]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_reference_works_the_ladder_as_by_hand(market):
    said = _said(REFERENCE, market, _rules("dca", "0.001"))
    assert said["fill_list"] == [
        # 300 / 100.00 = 3 coins
        [0, 300_000, 10000],
        # 100.00 * 0.99 = 99.00; 306 / 99.00 = 3.09090|9
        [2, 309_090, 9900],
        # 99.00 * 0.99 = 98.01; 312.12 / 98.01 = 3.18457|3
        [3, 318_457, 9801],
        # (300 + 305.9991 + 312.1197057) / 9.27547 * 1.0315875 = 102.110...
        [4, -927_547, 10212],
        # 300 / 102.50 = 2.92682|9
        [5, 292_682, 10250],
    ]
    bought = Decimal("918.1188057") + Decimal("299.99905")  # the three buys, and 2.92682 * 102.50
    sold = Decimal("947.2109964")  # 9.27547 * 102.12
    held = Decimal("300.145391")  # 2.92682 * 102.55
    fees = (bought + sold) * Decimal("0.001")
    assert Decimal(said["final_equity"]) == 10_000 - bought + sold - fees + held


def test_the_reference_works_the_cross_as_by_hand(market):
    said = _said(REFERENCE, market, _rules("sma", "0.0001"))
    assert said["fill_list"] == [
        # 10000 / (100.00 * 1.0001) = 99.99000|09 coins cost 9999.9999, and 0.0001 is left
        [1, 9_999_000, 10000],
        # 99.99 * 98.00 * 0.9999 brings 9798.040098
        [3, -9_999_000, 9800],
        # 9798.040198 / (102.50 * 1.0001) = 95.58107|7 coins cost 9798.0393809675
        [5, 9_558_107, 10250],
    ]
    held = Decimal("9801.8387285")  # 95.58107 * 102.55
    assert Decimal(said["final_equity"]) == Decimal("0.0008170325") + held


# ----------------------------------------------------------------------------------- who agrees


@pytest.mark.parametrize("ours", [LIVE, TWIN])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_agrees_with_the_reference(case, ours):
    [results] = bench(_request(case.name), **QUIET).values()
    own = results[ours]
    assert isinstance(own, Measured)
    assert own.reference is not None
    assert own.fills == own.reference.fills > 10
    assert own.agrees is True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dca", "sma"])
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_trades_as_the_reference_does(peer, name, tmp_path):
    """An unbroken market, on which nothing in which the libraries differ can show."""
    if name == "dca" and peer.engine == "numba":
        pytest.skip("there is one engine for order functions")
    rng = np.random.Generator(np.random.PCG64(3))
    swings = 120_000 * np.sin(np.arange(8_000) / 64)
    close = 3_000_000 + swings.astype(np.int64) + rng.integers(-500, 501, 8_000)
    opened = np.concatenate(([3_000_000], close[:-1]))
    wick = rng.integers(0, 2_000, (2, len(close)))
    market = tmp_path / "market.npz"
    np.savez(
        market,
        ts=START_NS + np.arange(len(close)) * 60_000_000_000,
        open=opened,
        high=np.maximum(opened, close) + wick[0],
        low=np.minimum(opened, close) - wick[1],
        close=close,
        signals=cross_signals(close, 5, 20),
    )
    rules = _rules(name, "0.001" if name == "dca" else "0.0001")
    rules |= {"bars": len(close), "orders": ["300"] * 21, "targets": ["0.02"] * 21}
    said, expected = _said(peer, market, rules), _said(REFERENCE, market, rules)
    assert said["fill_list"] == expected["fill_list"]
    assert len(expected["fill_list"]) > 40
    check = Check(expected["fills"], Quote(Decimal(expected["final_equity"])))
    assert agrees(said["fills"], Quote(Decimal(said["final_equity"])), check)


def test_a_missed_fill_or_a_millionth_is_no_agreement():
    check = Check(10, Quote(Decimal(10_000)))
    assert agrees(10, Quote(Decimal("10000.009")), check)
    assert not agrees(10, Quote(Decimal("10000.011")), check)
    assert not agrees(9, Quote(Decimal(10_000)), check)


# --------------------------------------------------------------------------------- what may fail


def test_a_peer_that_cannot_run_says_why(market):
    run = partial(run_peer, watch=lambda sentence: None)
    with pytest.raises(Unmeasured, match="source tree"):
        run(Peer("absent", "run_absent.py", None), market, {})
    with pytest.raises(Unmeasured, match="KeyError: 'bars'"):
        run(REFERENCE, market, {"name": "dca"})


def test_a_peer_that_failed_has_no_ratio():
    own = Measured(100, 0.5, 200.0, 1, Quote(Decimal(1)), "1", agrees=None, reference=None)
    slow = Measured(10, 0.5, 20.0, 1, Quote(Decimal(1)), "1", agrees=None, reference=None)
    results: dict[str, Entry] = {"absolute": own, "slow": slow, "broken": Failed("no wheel")}
    assert ratios(results) == {"slow": 10.0}
    assert ratios({"absolute": Failed("no"), "slow": slow}) == {}


def test_the_twin_has_ratios_of_its_own():
    own, twin, slow = (
        Measured(100, 1.0, speed, 1, Quote(Decimal(1)), "1", agrees=None, reference=None)
        for speed in (200.0, 3000.0, 20.0)
    )
    results: dict[str, Entry] = {LIVE: own, TWIN: twin, "slow": slow}
    assert ratios(results) == {"slow": 10.0}
    assert ratios(results, own=TWIN) == {"slow": 150.0}
    assert ratios({LIVE: own, TWIN: Failed("too much money"), "slow": slow}, own=TWIN) == {}


def test_a_twin_that_refuses_leaves_ours_alone(tmp_path):
    # a coin of 10,000,000: three lots of it are above what the orders may safely be
    rows = [f"{1_700_000_000 + 60 * n},1e7,1.01e7,9.9e6,1e7,1" for n in range(1_000)]
    file = tmp_path / "bars.csv"
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    [results] = bench(_request("dca", data=file), **QUIET).values()
    own, twin = results[LIVE], results[TWIN]
    assert isinstance(own, Measured)
    assert isinstance(twin, Failed)
    assert "smallest" in twin.error


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"only": "grid"}, "BENCH_CASE"),
        ({"bars": 999}, "BENCH_BARS"),
        ({"bars": 10_000_001}, "BENCH_BARS"),
        ({"repeat": 0}, "BENCH_REPEAT"),
        ({"repeat": 101}, "BENCH_REPEAT"),
    ],
)
def test_a_request_out_of_range_is_refused(changed, code):
    with pytest.raises(UserError) as caught:
        _request(**changed)
    assert caught.value.code == code


def test_every_step_is_told():
    told: list[str] = []
    request = _request(bars=1_000)
    bench(request, watch=told.append, install=told.append)
    cases = [f"{case}: {ours}" for case in ("dca", "sma") for ours in ("absolute", TWIN)]
    assert told == cases
    assert steps(request) == len(told)
    assert steps(_request(peers=True)) == 4 + 3 + 4


# -------------------------------------------------------------------------------------- the door


def test_the_json_has_the_agreed_keys(capsys):
    words = ["bench", "--only", "dca", "--no-peers", "--bars", "2000", "--repeat", "2", "--json"]
    assert status_of(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"system", "dca"}
    assert set(told["dca"]) == {"absolute", "absolute_kernel", "ratios", "kernel_ratios"}
    for own in (told["dca"]["absolute"], told["dca"]["absolute_kernel"]):
        assert own["bars"] == 2000
        assert own["bars_per_second"] == pytest.approx(2000 / own["seconds"])
        assert Decimal(own["final_equity"]) > 0
    live, twin = told["dca"]["absolute"], told["dca"]["absolute_kernel"]
    assert live["fills"] == twin["fills"]
    assert Decimal(live["final_equity"]) == Decimal(twin["final_equity"])


def test_the_table_tells_our_two_rows_apart(capsys):
    assert status_of(["bench", "--only", "sma", "--no-peers", "--bars", "2000"]) == 0
    said = capsys.readouterr().out
    assert "absolute is the live strategy class, absolute_kernel its compiled twin." in said
    assert "live is" in said
    assert "twin is" in said
    assert "…" not in said


def test_a_file_without_a_long_stretch_is_refused(tmp_path, capsys):
    file = tmp_path / "bars.csv"
    rows = [f"{1_700_000_000 + 60 * n},100,101,99,100,1" for n in range(50)]
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    assert status_of(["bench", "--no-peers", "--data", str(file), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "BENCH_DATA_SHORT"


def test_every_peer_is_locked_with_hashes():
    for name in {peer.environment for peer in PEERS}:
        lock = (HOUSE / "peers" / f"{name}.txt").read_text("utf-8")
        wanted = (HOUSE / "peers" / f"{name}.in").read_text("utf-8").splitlines()[-1]
        package, version = wanted.split("==")
        assert f"\n{package.partition('[')[0].replace('_', '-')}=={version} " in f"\n{lock}"
        lines = lock.splitlines()
        pinned = [number for number, line in enumerate(lines) if "==" in line]
        assert len(pinned) > 10
        assert all(lines[number + 1].startswith("    --hash=sha256:") for number in pinned)
