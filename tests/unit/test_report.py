"""A result in its three forms: JSON for programs, text as the seed prints it, an offline page."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest

from absolute.domain.errors import UserError
from absolute.engine.metrics import DAY_NS, SECOND_NS, Curve, Metrics, measure
from absolute.research import charts, report_html, report_text
from absolute.research.result import BacktestResult, DealRow, FillRow, Passport, amount, iso
from absolute.research.wording import Wording

MINUTE_NS = 60 * SECOND_NS
MARCH_5 = 1_709_596_800 * SECOND_NS  # 2024-03-05T00:00:00Z
DATA_HASH = "d" * 64
LOG_HASH = "e" * 64


def passport(first_ts, last_ts, bars):
    return Passport(
        version="0.1.0",
        data_sha256=DATA_HASH,
        data_name="bars.parquet",
        bars=bars,
        first_ts=first_ts,
        last_ts=last_ts,
        gaps=0,
        missing_bars=0,
        parameters={"first_order": Decimal("1E+2"), "rungs": [1, 2], "compound": True},
        seed=7,
        fill_model="through",
        intrabar="pessimistic",
        fees={"maker": Decimal("0.001")},
        python="3.11.9",
        event_log_sha256=LOG_HASH,
    )


def deal(number, opened, *, closed=True):
    return DealRow(
        number=number,
        opened=opened,
        closed=opened + 30 * MINUTE_NS if closed else None,
        rebuys=number % 3,
        cost=Decimal("300"),
        average=Decimal("64000") / 3,
        exit_price=Decimal("65000.5") if closed else None,
        profit=Decimal("2.5") if closed else None,
        fees=Decimal("0.6"),
        status="closed" if closed else "open",
    )


def fill(ts, side, price, number):
    price = Decimal(str(price))
    qty = Decimal("0.005")
    return FillRow(
        ts, side, price, qty, price * qty, Decimal("0.3"), "USDT", "maker", "entry", number
    )


def result_of(bars=3 * 1440, *, deals=4, open_deals=1, **changes):
    """A seeded walk with deals spread over it; every field can be changed."""
    walk = np.cumsum(np.random.default_rng(3).normal(0, 5e-4, bars))
    ts = MARCH_5 + np.arange(bars, dtype=np.int64) * MINUTE_NS
    close = np.round(64_000 * np.exp(walk), 2)
    equity = 5_000 * np.exp(0.3 * walk)
    benchmark = 5_000 * close / close[0]
    rows = [
        deal(number + 1, int(ts[number * (bars // (deals + open_deals))]), closed=number < deals)
        for number in range(deals + open_deals)
    ]
    at = [int(index) for index in np.linspace(0, bars - 1, 2 * deals)]
    metrics = measure(
        Curve(ts, equity, 5_000.0, MINUTE_NS),
        trades=np.array([2.5] * deals),
        benchmark=benchmark,
        risk_free=0.0,
    )
    result = BacktestResult(
        instrument="BTCUSDT",
        settle="USDT",
        initial_capital=Decimal(5000),
        final_equity=amount_of(equity[-1]),
        net_profit=amount_of(equity[-1]) - 5000,
        fees=Decimal("12.30"),
        fills=tuple(
            fill(int(ts[index]), ("buy", "sell")[order % 2], close[index], order // 2 + 1)
            for order, index in enumerate(at)
        ),
        deals=tuple(rows),
        bar_ns=MINUTE_NS,
        ts=ts,
        close=close,
        equity=equity,
        benchmark=benchmark,
        metrics=metrics,
        passport=passport(int(ts[0]), int(ts[-1]), bars),
        seconds=0.5,
    )
    return replace(result, **changes)


def amount_of(value):
    return Decimal(amount(float(value)))


SEED_METRICS = Metrics(
    sampling="daily",
    samples=366,
    periods_per_year=365.0,
    elapsed_seconds=366 * 86_400.0,
    risk_free=0.0,
    total_return=0.245,
    annualized_return=0.228,
    volatility=0.182,
    sharpe_ratio=1.25,
    sortino_ratio=1.68,
    calmar_ratio=1.52,
    max_drawdown=-0.085,
    average_drawdown=-0.021,
    drawdown_duration=100_000.0,
    max_drawdown_duration=None,
    recovery_time=45.0,
    total_trades=156,
    win_rate=0.583,
    profit_factor=1.42,
    average_win=890.0,
    average_loss=-625.0,
    largest_win=3200.0,
    largest_loss=-1800.0,
    var_95=-0.028,
    cvar_95=-0.042,
    beta=0.5,
    alpha=0.0123,
    benchmark_return=None,
)

SEED_REPORT = """\
=== BACKTEST RESULTS ===
Period: 2024-01-01 to 2024-12-31
Initial Capital: $100,000

PERFORMANCE METRICS
Total Return: 24.5%
Annualized Return: 22.8%
Volatility: 18.2%
Sharpe Ratio: 1.25
Sortino Ratio: 1.68
Calmar Ratio: 1.52

RISK METRICS
Maximum Drawdown: -8.5%
Average Drawdown: -2.1%
VaR (95%): -2.8%
CVaR (95%): -4.2%
"""

SEED_TRADES = """\
TRADE ANALYSIS
Total Trades: 156
Win Rate: 58.3%
Profit Factor: 1.42
Average Win: $890
Average Loss: -$625
Largest Win: $3,200
Largest Loss: -$1,800
"""


def seed_result(**changes):
    first = 1_704_067_200 * SECOND_NS  # 2024-01-01
    known = {
        "metrics": SEED_METRICS,
        "initial_capital": Decimal("100000.00"),
        "final_equity": Decimal("124500"),
        "net_profit": Decimal("24500"),
        "passport": passport(first, first + 366 * DAY_NS - MINUTE_NS, 527_040),
    }
    return result_of(**known | changes)


def test_the_text_is_the_seeds_to_the_letter():
    text = report_text.render(seed_result())
    assert text.startswith(SEED_REPORT)
    assert "\n\n" + SEED_TRADES + "\n" in text


def test_the_text_ends_with_what_is_ours():
    result = seed_result(funding=Decimal("-3.2"), liquidations=2)
    text = report_text.render(result)
    added = text.partition("CVaR (95%): -4.2%\n")[2].partition("\n\nTRADE")[0]
    # 100,000 s are 1 d 3 h 46 min 40 s; two units are shown.
    assert added.splitlines() == [
        "Drawdown Duration: 1 d 3 h",
        "Longest Drawdown: n/a",
        "Recovery Time: 45 s",
        "Beta: 0.50",
        "Alpha: 1.2%",
    ]
    assert text.partition("COSTS\n")[2].splitlines() == [
        "Fees: $12.30",
        "Funding: -$3.20",
        "Liquidations: 2",
        "Net Profit: $24,500",
        "Final Equity: $124,500",
        "Buy and Hold: n/a",
        "Booked: $10",  # four deals of 2.50; the fifth is still open
        "Open Deal: $24,490",  # 24,500 - 10
        "",
        "PASSPORT",
        "Version: 0.1.0",
        "Instrument: BTCUSDT (USDT)",
        f"Data: bars.parquet sha256 {DATA_HASH}",
        "Bars: 527,040 (gaps: 0, missing: 0)",
        "Returns: 366 daily, annualised with 365 periods",
        "Fill Model: through, pessimistic",
        "Seed: 7",
        f"Event Log: sha256 {LOG_HASH}",
    ]


def test_the_text_in_portuguese_has_its_own_commas_and_dates():
    text = report_text.render(seed_result(), language="pt-BR")
    assert "01/01/2024" in text
    assert "24,5%" in text
    assert "US$ 100.000" in text
    assert "-US$ 1.800" in text


def test_amounts_in_a_coin_are_named_after_the_coin():
    text = report_text.render(
        seed_result(settle="BTC", initial_capital=Decimal("1.5"), fees=Decimal("0.00012345"))
    )
    assert "Initial Capital: 1.50 BTC" in text
    assert "Fees: 0.00012345 BTC" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.245, "24.5%"), (0.0034, "0.34%"), (-0.000123, "-0.012%"), (0.0, "0.0%"), (-0.0, "0.0%"),
     (-1e-9, "0.0000%"), (12.3456, "1,234.6%"), (7.5e20, "7.5e+22%"), (None, "n/a")],
)  # fmt: skip
def test_percentages_show_at_least_two_digits(value, shown):
    assert Wording("en", "USDT").percent(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.6, "1 min"), (3_600, "1 h"), (3_601, "1 h"), (19_920, "5 h 32 min"),
     (86_400 * 279 + 660, "279 d"), (86_400 * 1_000, "1,000 d"), (None, "n/a")],
)  # fmt: skip
def test_durations_show_a_unit_and_the_next(seconds, shown):
    assert Wording("en", "USDT").duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("64357.88", "64,357.88"), ("64000", "64,000.00"), ("0.00001234", "0.00001234"),
     ("1.23456789", "1.234568"), ("0.5", "0.50"), ("0", "0.00")],
)  # fmt: skip
def test_prices_keep_their_own_decimals(value, shown):
    assert Wording("en", "USDT").price(Decimal(value)) == shown


def test_json_has_the_keys_that_other_programs_read():
    answer = result_of().to_json(report="out.html")
    fixed = {"bars", "fills", "deals", "final_equity", "net_profit", "fees", "event_log_sha256",
             "seconds", "bars_per_second", "metrics", "passport", "report"}  # fmt: skip
    assert fixed <= answer.keys()
    assert not {"funding", "liquidations", "fill_rows", "deal_rows"} & answer.keys()
    assert (answer["bars"], answer["fills"], answer["deals"]) == (4320, 8, 5)
    assert answer["deals_closed"] == 4
    assert answer["bars_per_second"] == 4320 / 0.5
    assert answer["event_log_sha256"] == LOG_HASH
    assert answer["report"] == "out.html"
    assert json.loads(json.dumps(answer)) == answer


def test_json_amounts_are_plain_decimal_strings():
    answer = result_of(
        final_equity=Decimal("5E+3"), fees=Decimal("1E-8"), funding=Decimal("-0.10"), liquidations=0
    ).to_json(rows=True)
    assert answer["final_equity"] == "5000"
    assert answer["fees"] == "0.00000001"
    assert (answer["funding"], answer["liquidations"]) == ("-0.10", 0)
    assert answer["metrics"]["average_win"] == "2.5"
    assert answer["metrics"]["average_loss"] is None
    assert answer["passport"]["parameters"]["first_order"] == "100"
    assert answer["passport"]["first_ts"] == "2024-03-05T00:00:00Z"
    assert answer["fill_rows"][0]["ts"] == "2024-03-05T00:00:00Z"
    assert answer["fill_rows"][0]["qty"] == "0.005"
    assert answer["deal_rows"][-1]["closed"] is None


def test_the_passport_does_not_depend_on_the_speed_of_the_run():
    slow, fast = result_of(seconds=9.0), result_of(seconds=0.0)
    assert slow.to_json()["passport"] == fast.to_json()["passport"]
    assert fast.to_json()["bars_per_second"] is None
    assert report_text.render(slow) == report_text.render(fast)
    assert report_html.render(slow) == report_html.render(fast)


def test_a_passport_holds_only_what_json_can():
    odd = replace(result_of().passport, parameters={"when": object()})
    with pytest.raises(TypeError, match="object"):
        odd.to_json()


@pytest.mark.parametrize(
    ("ts_ns", "text"),
    [(0, "1970-01-01T00:00:00Z"), (MARCH_5 + 1_500_000_000, "2024-03-05T00:00:01.5Z")],
)
def test_instants_are_iso_8601(ts_ns, text):
    assert iso(ts_ns) == text


class Outline(HTMLParser):
    """What the tests look at in a page: its tags, its ids, and its visible words."""

    VOID = ("meta", "link", "br", "img", "path", "use", "rect")

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.words, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and "style" not in self.open:
            self.words.append((self.open[-1] if self.open else "", data.strip()))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_page_stands_alone():
    page = report_html.render(result_of())
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<img|\burl\((?!#)", page)
    assert "default-src 'none'" in page
    outline = Outline(page)
    assert outline.open == []
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.ids) == len(set(outline.ids))
    assert len(outline.all("h1")) == 1


def test_every_picture_has_words():
    outline = Outline(report_html.render(result_of()))
    drawn = [attrs for attrs in outline.all("svg") if attrs["role"] == "img"]
    assert len(drawn) == len(outline.all("svg")) == 3
    assert all(len(attrs["aria-label"]) > 20 for attrs in drawn)
    assert len(outline.all("figcaption")) == 3
    labelled = {attrs["aria-labelledby"] for attrs in outline.all("section")}
    described = {
        attrs["aria-describedby"] for attrs in outline.all("div") if "aria-describedby" in attrs
    }
    assert labelled | described <= set(outline.ids)
    assert {reference[1:] for attrs in outline.all("use") for reference in [attrs["href"]]} <= set(
        outline.ids
    )


def test_pictures_have_no_colours_of_their_own():
    page = report_html.render(result_of())
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert not re.search(r"#[0-9a-f]{6}\b", drawings)
    assert set(re.findall(r"var\(--(\w+)\)", drawings)) >= {"accent", "sell", "grid", "down"}


def test_the_numbers_beside_a_picture_keep_all_their_digits():
    page = report_html.render(result_of(), language="pt-BR")
    ticks = [words for tag, words in Outline(page).words if tag == "text"]
    assert "64.000" in ticks
    tiny = result_of()
    tiny = replace(tiny, close=tiny.close / 1e7, fills=())
    ticks = [words for tag, words in Outline(report_html.render(tiny)).words if tag == "text"]
    assert "0.0064" in ticks


def test_the_same_result_gives_the_same_bytes_whatever_the_readers_settings():
    first = report_html.render(result_of())
    with mpl.rc_context({"svg.fonttype": "path", "font.size": 30, "axes.grid": True}):
        assert report_html.render(result_of()) == first


def test_a_strange_name_is_text_and_not_markup():
    page = report_html.render(result_of(instrument="<b>&\\1", notes=("<script>x</script>",)))
    assert "&lt;b&gt;&amp;\\1" in page
    assert "<script" not in page
    odd = report_html.render(result_of(), translate=lambda text: text.replace("Equity", '"<b>'))
    assert 'aria-label="&quot;&lt;b&gt; from' in odd


def test_the_headline_says_what_happened():
    page = report_html.render(seed_result(metrics=replace(SEED_METRICS, benchmark_return=0.31)))
    assert "In 366 days 4 deals closed, +24.50% after fees." in page
    assert "Buy and hold: +31.00%, so trading did worse. Deepest fall: -8.50%." in page
    assert "A deal was still open at the end; it counts at the last close." in page
    assert "still open" not in report_html.render(result_of(open_deals=0))
    assert "In 1 h 40 min no deal closed" in report_html.render(result_of(100, deals=0))


def test_at_most_five_hundred_deals_are_shown_and_the_page_says_so():
    page = report_html.render(result_of(deals=510, open_deals=0))
    assert "The latest 500 of 510 deals." in page
    assert '<th scope="row">10</th>' not in page
    assert page.count("<td>closed</td>") == 500
    assert "All deals: 5." in report_html.render(result_of())


def test_months_compound_to_the_year():
    # 1 December to 2 January by day: 5,000 -> 5,500 in December (+10 %), 5,225 in January (-5 %).
    ts = 1_701_388_800 * SECOND_NS + np.arange(33, dtype=np.int64) * DAY_NS
    equity = np.r_[np.full(30, 5_000.0), 5_500.0, 5_500.0, 5_225.0]
    page = report_html.render(
        result_of(ts=ts, equity=equity, close=equity, benchmark=None, bar_ns=DAY_NS, fills=())
    )
    months = page[page.index('id="months-title"') : page.index('id="deals-title"')]
    cells = re.findall(r'<td class="(\w+-\d)">([^<]*)</td>', months)
    assert cells == [
        ("gain-5", "+10.00"),
        ("gain-5", "+10.00"),
        ("loss-3", "-5.00"),
        ("loss-3", "-5.00"),
    ]


def test_half_a_million_bars_stay_below_a_megabyte_and_a_half():
    page = report_html.render(result_of(500_000, deals=2_000))
    assert len(page.encode()) < 1_500_000


@pytest.mark.parametrize(
    "changes",
    [
        {"deals": 0, "open_deals": 1, "bars": 1},
        {"benchmark": None, "settle": "BTC", "funding": Decimal("-0.00000012"), "liquidations": 1},
        {"equity": np.full(4320, 5_000.0), "close": np.full(4320, 1.0)},
    ],
    ids=["one bar", "inverse perpetual", "nothing moves"],
)
@pytest.mark.filterwarnings("error")
def test_odd_runs_have_a_page_too(changes):
    result = result_of(**changes)
    assert Outline(report_html.render(result)).all("svg")
    assert report_text.render(result).startswith("=== BACKTEST RESULTS ===")


def test_every_word_passes_the_translator():
    result = result_of(notes=("A note of the back-test.",))
    marked = report_html.render(result, translate=lambda text: f"«{text}»")
    names = {"BTCUSDT", "A note of the back-test."}
    months = {Wording("en", "USDT").instant(MARCH_5 + 31 * n * DAY_NS, "LLL") for n in range(12)}
    spoken = [
        words
        for tag, words in Outline(marked).words
        if tag in {"h1", "h2", "p", "dt", "th", "figcaption", "li", "title"}
        if re.search(r"[A-Za-z]{2}", words)
    ]
    assert len(spoken) > 60
    bare = [words for words in spoken if "«" not in words]
    assert set(bare) <= names | months
    text = report_text.render(result, translate=lambda text: f"«{text}»")
    assert all(line.startswith("«") for line in text.splitlines() if line)


def test_thinning_keeps_every_extreme_and_the_ends():
    values = np.random.default_rng(8).normal(size=100_000).cumsum()
    ts = np.arange(values.size, dtype=np.int64) * MINUTE_NS
    thin = charts.thin(ts, values, bar_ns=MINUTE_NS, columns=500)
    assert 500 < thin.values.size <= 2 * 500 + 2
    assert (thin.values.min(), thin.values.max()) == (values.min(), values.max())
    assert (thin.values[0], thin.values[-1]) == (values[0], values[-1])
    assert np.all(np.diff(thin.days) > 0)
    columns = values[: 200 * 500].reshape(500, 200)
    assert set(columns.min(axis=1)) | set(columns.max(axis=1)) <= set(thin.values)


def test_a_hole_in_the_data_lifts_the_pen():
    ts = np.r_[np.arange(5_000), np.arange(9_000, 14_000)].astype(np.int64) * MINUTE_NS
    thin = charts.thin(ts, np.ones(ts.size), bar_ns=MINUTE_NS, columns=100)
    assert np.isnan(thin.values).sum() == 1
    few = charts.thin(ts[4_990:5_010], np.ones(20), bar_ns=MINUTE_NS)
    assert np.flatnonzero(np.isnan(few.values)).tolist() == [10]


def test_a_page_is_written_whole(tmp_path):
    path = tmp_path / "new" / "report.html"
    report_html.write(result_of(), path)
    assert path.read_text("utf-8") == report_html.render(result_of())
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_the_users_mistake(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError) as caught:
        report_html.write(result_of(), tmp_path / "file" / "report.html")
    assert caught.value.code == "REPORT_NOT_WRITABLE"
    occupied = tmp_path / "report.html"
    occupied.mkdir()
    with pytest.raises(UserError):
        report_html.write(result_of(), occupied)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "report.html"]


def test_the_drawing_library_is_loaded_only_for_a_page():
    code = (
        "import sys; from absolute.research import report_html, report_text, result; "
        "sys.exit('matplotlib' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 0
