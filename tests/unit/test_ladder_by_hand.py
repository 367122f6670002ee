"""The seed's default ladder over a hand-made market, with every number worked out beside it.

Market: tick 0.01, lot 0.00001, maker and taker 0.1 %, fees taken in what a trade brings.
"""

from absolute.domain.notes import DealClosed, DealOpened, DustKept
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import D, Setting, fees, play, spot, tape_of

MARKET = [
    100,  # the entry buys at this open
    (100, 100.5, 98.70, 99.10),  # rung 1 at 99.00
    (99.10, 99.40, 97.90, 98.20),  # rung 2 at 98.01
    (98.20, 98.30, 96.90, 97.00),  # rung 3 at 97.02
    (97.00, 101.20, 96.50, 101.00),  # rung 4 at 96.04 is not reached, nor is the exit at 101.43
    (101.00, 102.00, 100.50, 101.80),  # the exit
    101.80,  # the next deal
]


def run():
    return play(tape_of(MARKET), Ladder(LadderConfig()), Setting(instrument=spot(), fees=fees()))


def test_every_fill_of_the_first_deal():
    """Orders of 300, 306, 312.12, 318.3624, each 1 % below the last executed buy.

    entry   300      / 100.00 = 3.00000            fee 0.001 * 3.00000 = 0.00300000
    rung 1  99.00 = 100 * 0.99
            306      /  99.00 = 3.090909 -> 3.09090  fee 0.00309090
    rung 2  98.01 = 99 * 0.99
            312.12   /  98.01 = 3.184573 -> 3.18457  fee 0.00318457
    rung 3  97.0299 = 98.01 * 0.99 -> 97.02
            318.3624 /  97.02 = 3.281410 -> 3.28141  fee 0.00328141
    """
    fills = run().fills[:4]
    assert [(fill.side.value, fill.price, fill.qty, fill.fee.amount) for fill in fills] == [
        ("buy", D("100.00"), D("3.00000"), D("0.00300000")),
        ("buy", D("99.00"), D("3.09090"), D("0.00309090")),
        ("buy", D("98.01"), D("3.18457"), D("0.00318457")),
        ("buy", D("97.02"), D("3.28141"), D("0.00328141")),
    ]
    assert {fill.fee.asset for fill in fills} == {"COIN"}
    assert [fill.liquidity.value for fill in fills] == ["taker", "maker", "maker", "maker"]


def test_the_exit():
    """
    bought    3.00000 + 3.09090 + 3.18457 + 3.28141            = 12.55688
    fees      0.00300000 + 0.00309090 + 0.00318457 + 0.00328141 = 0.01255688
    held      12.55688 - 0.01255688                             = 12.54432312 -> 12.54432 in lots
    paid      300 + 305.9991 + 312.1197057 + 318.3623982        = 1236.4812039
    average   1236.4812039 / 12.55688                           = 98.47041...
    target    3.5 % * 0.95^3                                    = 3.0008125 %
    price     98.47041 * 1.030008125 = 101.42533...             -> 101.43, up to the tick
    brings    12.54432 * 101.43                                 = 1272.3703776
    fee       1.2723703776                                      -> 1.27237038, up to 1e-8
    """
    sold = run().fills[4]
    assert (sold.side.value, sold.price, sold.qty) == ("sell", D("101.43"), D("12.54432"))
    assert (sold.fee.amount, sold.fee.asset) == (D("1.27237038"), "USDT")
    assert sold.liquidity.value == "maker"


def test_profit_and_dust():
    """
    dust      12.54432312 - 12.54432                = 0.00000312
    its cost  1236.4812039 * 0.00000312 / 12.54432312 = 0.000307535... -> 0.00030754
    out       1236.4812039
    in        1272.3703776 - 1.27237038             = 1271.09800722
    profit    1271.09800722 - 1236.4812039 + 0.00030754 = 34.61711086
    """
    told = run()
    closed, dust = told.notes(DealClosed)[0], told.notes(DustKept)[0]
    assert closed.cost == D("1236.4812039")
    assert closed.profit == D("34.61711086")
    assert closed.rebuys == 3
    assert (dust.qty, dust.cost) == (D("0.00000312"), D("0.00030754"))


def test_the_next_deal_carries_a_share_of_the_profit_on_every_order():
    """
    34.61711086 / 21 = 1.648433850 -> 1.64843385, down to 1e-8
    301.64843385 / 101.80 = 2.9631476 -> 2.96314 coins
    """
    told = run()
    opened = told.notes(DealOpened)[1]
    assert opened.added == D("1.64843385")
    assert (told.fills[5].price, told.fills[5].qty) == (D("101.80"), D("2.96314"))
    assert len(told.fills) == 6


def test_the_wallet():
    """
    10,000 - 1236.4812039 + 1271.09800722 - 2.96314 * 101.80 = 9732.96915132
    coins: dust 0.00000312 + 2.96314 - 0.00296314             = 2.96017998
    """
    assert run().ledger.account.totals() == {"USDT": D("9732.96915132"), "COIN": D("2.96017998")}


def test_the_second_deal_sells_its_dust_with_the_rest():
    """Held 2.96017998 -> exit of 2.96017; the average counts the dust at its own cost:
    (0.00030754 + 2.96314 * 101.80) / (0.00000312 + 2.96314) = 101.799996... * 1.035 -> 105.37."""
    live = run().portfolio.live["exit"]
    assert (live.terms.qty, live.terms.price) == (D("2.96017"), D("105.37"))
