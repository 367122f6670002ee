"""The settings, the worst case, the votes and the words of the PowerTrader strategy."""

import json

import pytest
from typer.testing import CliRunner

from absolute.cli.powertrader import app
from absolute.desk.powertrader_files import load_levels, read_bounds, read_votes
from absolute.domain.errors import UserError
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import BotId, TradeId
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    FeeReported,
    LevelReached,
    OrderFilled,
    Started,
    Submit,
    VotesChanged,
)
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Asset, Nanos
from absolute.engine.step import Engine
from absolute.engine.votes import Bounds, Count, Votes, count_votes
from absolute.kernels.feed import TapeFeed
from absolute.strategies.levels import Levels
from absolute.strategies.levels_orders import Line, window_opens
from absolute.strategies.levels_plan import Account, worst_case
from absolute.strategies.levels_settings import (
    DEFAULTS,
    LevelsConfig,
    LevelsRefused,
    levels_config,
    levels_mapping,
)

from tests.builders import MINUTE, START, D, Setting, fees, play, spot, tape_of

CALM = Setting(fees=fees("0", "0"))


# --- settings -------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_code_that_exists():
    assert levels_mapping(DEFAULTS) == {
        "coins": ["BTC", "ETH"],
        "trade_start_level": 3,
        "start_allocation_pct": D("0.005"),
        "dca_levels": [D(text) for text in ("-2.5", "-5", "-10", "-20", "-30", "-40", "-50")],
        "dca_multiplier": D(2),
        "max_dca_buys_per_24h": 2,
        "pm_start_pct_no_dca": D(5),
        "pm_start_pct_with_dca": D("2.5"),
        "trailing_gap_pct": D("0.5"),
        "min_order_quote": D("0.50"),
        "trailing_step_pct": D("0.01"),
        "worst_case_confirmed": False,
    }
    assert not DEFAULTS.validate()


@pytest.mark.parametrize("raw", ["0.005", "0.005%", " 0.005 % ", 0.005, D("0.005")])
def test_an_allocation_is_a_percent_however_it_is_written(raw):
    assert levels_config({"start_allocation_pct": raw}).start_allocation_pct == D("0.005")


def test_the_documented_allocation_is_refused_until_the_worst_case_is_confirmed():
    with pytest.raises(LevelsRefused, match="above 1 % of the account") as refused:
        levels_config({"start_allocation_pct": "5.0"})
    assert refused.value.code == "LEVELS_WORST_CASE_UNCONFIRMED"
    confirmed = {"start_allocation_pct": "5.0", "worst_case_confirmed": "yes"}
    assert levels_config(confirmed).start_allocation_pct == 5
    assert levels_config({"start_allocation_pct": "1"}).start_allocation_pct == 1


@pytest.mark.parametrize(
    "name",
    [
        "start_allocation_pct",
        "dca_multiplier",
        "max_dca_buys_per_24h",
        "pm_start_pct_no_dca",
        "pm_start_pct_with_dca",
        "trailing_gap_pct",
        "min_order_quote",
        "trailing_step_pct",
    ],
)
def test_zero_is_a_legal_value(name):
    assert getattr(levels_config({name: "0"}), name) == 0


def test_no_levels_and_a_level_of_zero_are_legal():
    assert levels_config({"dca_levels": ""}).dca_levels == ()
    assert levels_config({"dca_levels": "0,-1"}).dca_levels == (D(0), D(-1))


def test_every_mistake_is_told_in_one_go():
    wrong = {
        "coins": "btc,BTC,b!",
        "trade_start_level": "8",
        "dca_levels": "-2.5,5,x",
        "dca_multiplier": "-1",
        "max_dca_buys_per_24h": "1.5",
        "trailing_gap": "1",
    }
    with pytest.raises(LevelsRefused) as refused:
        levels_config(wrong)
    assert refused.value.code == "LEVELS_INVALID"
    assert {problem.field for problem in refused.value.problems} == {*wrong}
    assert "write trailing_gap_pct" in refused.value.message


@pytest.mark.parametrize("level", ["0", "8", "10", "-1"])
def test_a_start_level_is_one_to_seven(level):
    with pytest.raises(LevelsRefused, match="between 1 and 7"):
        levels_config({"trade_start_level": level})


@pytest.mark.parametrize(
    ("start", "stages"), [(1, [2, 3, 4, 5, 6, 7, None]), (3, [4, 5, 6, 7, None]), (7, [None])]
)
def test_rebuy_k_needs_the_start_level_plus_k(start, stages):
    config = LevelsConfig(trade_start_level=start)
    assert config.stages == len(stages) - 1
    assert [config.stage_level(rebuy + 1) for rebuy in range(len(stages))] == stages


def test_the_last_level_repeats():
    assert [DEFAULTS.drop(rebuy) for rebuy in (1, 7, 8, 90)] == [
        D(text) for text in ("0.025", "0.5", "0.5", "0.5")
    ]


# --- the worst case --------------------------------------------------------------------------


def test_seven_rebuys_of_the_default_hold_a_thirtieth_of_the_account():
    case = worst_case(DEFAULTS)
    last = case.buys[-1]
    assert last.number == 7
    assert round(last.cumulative_pct, 2) == D("3.29")
    assert round((1 - last.drop) * 100, 1) == D("22.6")
    assert case.money_ends_at is None


def test_a_rebuy_triples_the_position():
    first, second = worst_case(DEFAULTS).buys[:2]
    assert second.price == D("97.5")
    assert second.size_pct / second.price == 2 * first.size_pct / first.price


def test_an_account_pays_the_least_order_where_its_share_is_smaller():
    account = Account(D(1_000), D(5))
    case = worst_case(DEFAULTS, account)
    assert case.first_pct == D("0.5")
    assert case.buys[0].size == 5
    assert case.money_ends_at == 6


@pytest.mark.parametrize(
    "settings", [{"max_dca_buys_per_24h": 0}, {"dca_multiplier": 0}, {"dca_levels": ()}]
)
def test_rebuys_that_are_switched_off_cost_nothing(settings):
    assert len(worst_case(LevelsConfig(**settings)).buys) == 1


# --- votes -----------------------------------------------------------------------------------


def test_a_price_on_a_bound_is_no_vote():
    frames = [Bounds(D(100), D(110)), Bounds(D(101), D(102)), Bounds(D(90), D(99))]
    assert count_votes(frames, D(100)) == Count(1, 1)
    assert count_votes(frames, D("99.99")) == Count(2, 1)
    assert count_votes(frames, D(111)) == Count(0, 3)
    assert count_votes([], D(100)) == Count(0, 0)


def test_only_a_change_of_the_votes_is_an_event():
    votes = Votes([0, 1, 2, 5], [Count(0, 0), Count(3, 0), Count(3, 0), Count(4, 1)])
    feed = TapeFeed(tape_of([100] * 6))
    assert len(votes) == 2
    assert [votes.next(start) for start in (0, 1, 2, 5, 6)] == [1, 1, 5, 5, None]
    told = [votes.due(feed.row(number), feed.unit) for number in range(6)]
    assert [event for event in told if event is not None] == [
        VotesChanged(Nanos(START + 2 * MINUTE), 3, 0, D(100)),
        VotesChanged(Nanos(START + 6 * MINUTE), 4, 1, D(100)),
    ]


def _file(tmp_path, *rows, header="ts,long,short"):
    path = tmp_path / "votes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_a_vote_holds_from_the_first_close_that_is_no_earlier(tmp_path):
    tape = tape_of([100] * 4)
    seconds = START // 1_000_000_000
    rows = [(-600, 1), (60, 2), (61, 3), (119, 4), (121, 5), (9_999, 6)]
    path = _file(tmp_path, *(f"{seconds + at},{long},0" for at, long in rows))
    votes = read_votes(path, tape)
    feed = TapeFeed(tape)
    told = [votes.due(feed.row(number), feed.unit) for number in range(4)]
    assert [event and event.long for event in told] == [2, 4, 5, None]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (["2024-01-01,8,0"], "VOTES_INVALID"),
        (["2024-01-01,4,4"], "VOTES_INVALID"),
        (["2024-01-01,-1,0"], "VOTES_INVALID"),
        (["2024-01-01,2.5,0"], "VOTES_INVALID"),
        (["never,2,0"], "VOTES_INVALID"),
        (["2024-01-02,2,0", "2024-01-01,2,0"], "VOTES_ORDER"),
        (["2030-01-01,2,0"], "VOTES_ELSEWHERE"),
    ],
)
def test_votes_that_cannot_be_meant_are_refused(tmp_path, rows, code):
    with pytest.raises(UserError) as refused:
        read_votes(_file(tmp_path, *rows), tape_of([100] * 3))
    assert refused.value.code == code


def test_bounds_are_counted_at_every_close(tmp_path):
    """1h sees 100 below its low, 4h does not yet; the second close is above the high of 1h."""
    path = tmp_path / "bounds.csv"
    path.write_text(
        "ts,frame,low,high\n2023-12-31,1h,100.5,101\n2023-12-31,4h,99,105\n"
        "2024-01-01T00:02:30Z,4h,106,110\n",
        "utf-8",
    )
    votes = read_bounds(path, tape_of([100, 102, 102, 110]))
    told = [votes.count(number) for number in range(4)]
    assert told == [Count(1, 0), Count(0, 1), Count(1, 1), Count(0, 1)]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (["2024-01-01,1h,5,4"], "VOTES_INVALID"),
        (["2024-01-01,1h,x,4"], "VOTES_INVALID"),
        (["2024-01-01,1h,-1,4"], "VOTES_INVALID"),
        ([f"2024-01-01,{frame},1,2" for frame in "abcdefgh"], "VOTES_INVALID"),
        (["2024-01-02,1h,1,2", "2024-01-01,1h,1,2"], "VOTES_ORDER"),
        (["2030-01-01,1h,1,2"], "VOTES_ELSEWHERE"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(tmp_path, rows, code):
    path = _file(tmp_path, *rows, header="ts,frame,low,high")
    with pytest.raises(UserError) as refused:
        read_bounds(path, tape_of([100] * 3))
    assert refused.value.code == code


def test_a_backtest_needs_votes_or_bounds(tmp_path):
    bars = _file(tmp_path, "2024-01-01,1,1,1,1,1", "2024-01-01T00:01Z,1,1,1,1,1",
                 header="ts,open,high,low,close,volume")  # fmt: skip
    refused = _words("backtest", "--data", bars, "--no-report", "--json")
    assert isinstance(refused, UserError)
    assert refused.code == "USAGE"


# --- the machine ------------------------------------------------------------------------------


def test_the_line_never_falls_below_the_profit_and_follows_the_peak():
    line = Line.of(DEFAULTS, D(100), again=False)
    instrument = spot()
    assert line.stop(D(105)) == 105
    assert line.stop(D(110)) == D("109.45")
    assert line.falls_to(D(105), instrument) == D("104.99")
    assert line.falls_to(D(110), instrument) == D("109.44")
    assert line.rises_to(None, instrument) == 105
    assert line.rises_to(D(110), instrument) == D("110.02")
    assert Line.of(DEFAULTS, D(100), again=True).stop(D(100)) == D("102.5")


def test_the_day_rolls():
    config = LevelsConfig(max_dca_buys_per_24h=2)
    times = (Nanos(10), Nanos(50), Nanos(60))
    assert window_opens(times[:1], config, now=Nanos(60), span=100) is None
    assert window_opens(times, config, now=Nanos(70), span=100) == 150
    assert window_opens(times, config, now=Nanos(149), span=100) == 150
    assert window_opens(times, config, now=Nanos(150), span=100) is None


def test_the_same_profit_line_is_told_again_in_the_next_deal():
    """The stop of the first deal, 105, is the line of the second, which begins at 100 as well."""
    rows = [100, 100, (100, 106, 100, 105.5), (105.5, 105.5, 105, 105), 100, 100, 100]
    rows += [(100, 106, 100, 105.5), (105.5, 105.5, 105, 105), 100, 100]
    config = LevelsConfig(start_allocation_pct=D(1), trailing_gap_pct=D("0.94"))
    votes = Votes([0, 4], [Count(3, 0), Count(3, 0)])
    run = play(tape_of(rows), Levels(config), CALM, agenda=votes)
    sold = [each.fill for each in run.events if isinstance(each, OrderFilled)]
    assert [fill.side for fill in sold].count(Side.SELL) == 2
    assert len([each for each in run.events if isinstance(each, LevelReached)]) >= 4


def test_a_fee_that_comes_late_is_waited_for():
    """Nothing is sold while what is held is not known; then it is all that was left by the fee."""
    config = LevelsConfig(start_allocation_pct=D(1), max_dca_buys_per_24h=0)
    engine = Engine(BotId("b"), Portfolio(CALM.ledger()), Levels(config), CALM.limits)
    engine.step(Started(Nanos(1), D(100)))
    entry = engine.step(VotesChanged(Nanos(2), 3, 0, D(100))).commands[0].command
    assert isinstance(entry, Submit)
    fill = Fill(TradeId("t"), entry.client_id, Side.BUY, D(100), D(1), Liquidity.TAKER, None,
                Nanos(3))  # fmt: skip
    engine.step(OrderFilled(Nanos(3), fill, done=True))
    engine.step(LevelReached(Nanos(4), D(106)))
    assert not engine.step(LevelReached(Nanos(5), D(105))).commands
    fee = Fee(D("0.001"), Asset("COIN"), D("0.1"))
    sell = engine.step(FeeReported(Nanos(6), TradeId("t"), fee)).commands[0].command
    assert isinstance(sell, Submit)
    assert (sell.terms.side, sell.terms.qty) == (Side.SELL, D("0.999"))


# --- words -----------------------------------------------------------------------------------


def _words(*arguments):
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if isinstance(done.exception, UserError):
        return done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_preflight_shows_what_the_documented_allocation_would_do():
    told = json.loads(_words("preflight", "--set", "start_allocation_pct=5.0", "--json"))
    assert told["money_ends_at"] == 3
    assert told["confirmation_needed"] is True
    assert told["buys"][3]["level_pct"] == "-10"
    assert told["buys"][3]["affordable"] is False
    assert "rebuy 3" in _words("preflight", "--set", "start_allocation_pct=5.0")


def test_preflight_in_money():
    told = json.loads(_words("preflight", "--capital", "10000", "--least-order", "5", "--json"))
    assert told["buys"][0]["size"] == "5"
    assert told["first_pct"] == "0.05"


def test_a_settings_file_is_checked_strictly(tmp_path):
    path = tmp_path / "settings.json"
    good = {"coins": ["BTC"], "start_allocation_pct": 0.005, "primary_exchange": "robinhood"}
    path.write_text(json.dumps(good), "utf-8")
    assert "in order" in _words("check", path)
    assert load_levels(path, {}).start_allocation_pct == D("0.005")
    path.write_text(json.dumps({**good, "start_allocation_pct": 5.0, "dca_levels": [1]}), "utf-8")
    refused = _words("check", path)
    assert isinstance(refused, UserError)
    assert "dca_levels = 1" in refused.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "LEVELS_FILE_SYNTAX"),
        ("[1]", "LEVELS_FILE_SYNTAX"),
        ('{"coins": ["BTC"], "coins": ["ETH"]}', "LEVELS_FILE_SYNTAX"),
        (" " * 70_000, "LEVELS_FILE_TOO_LARGE"),
        ('{"start_allocation_pct": 5.0}', "LEVELS_WORST_CASE_UNCONFIRMED"),
    ],
)
def test_a_settings_file_that_cannot_be_meant_is_refused(tmp_path, text, code):
    path = tmp_path / "settings.json"
    path.write_text(text, "utf-8")
    refused = _words("check", path)
    assert isinstance(refused, UserError)
    assert refused.code == code


def test_a_backtest_from_files(tmp_path):
    bars = tmp_path / "btcusdt_1m.csv"
    rows = [100, 100, (100, 106, 100, 106), (106, 106, 105, 105), 105, 105]
    lines = ["ts,open,high,low,close,volume"]
    for number, row in enumerate(rows):
        prices = row if isinstance(row, tuple) else (row,) * 4
        cells = (START // 10**9 + 60 * number, *(f"{price:.2f}" for price in prices), 10)
        lines.append(",".join(map(str, cells)))
    bars.write_text("\n".join(lines) + "\n", "utf-8")
    votes = _file(tmp_path, "2024-01-01T00:00:30Z,3,0", "2024-01-01T00:02:00Z,0,0")
    told = json.loads(
        _words("backtest", "--data", bars, "--votes", votes, "--set", "start_allocation_pct=1",
               "--maker", "0", "--taker", "0", "--no-report", "--json")
    )  # fmt: skip
    assert told["deals_closed"] == 1
    assert told["net_profit"] == "5.00000000"
    assert told["passport"]["parameters"]["start_allocation_pct"] == "1"
