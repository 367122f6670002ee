"""The core of the exchange in the box, order by order, with the arithmetic written out."""

from decimal import Decimal

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import Nanos, Price, Qty, Quote
from absolute.simex.exchange import Scope, jump
from absolute.simex.facts import (
    BalanceChanged,
    BookChanged,
    Executed,
    OrderChanged,
    Refusal,
    Refused,
    Traded,
)
from absolute.simex.house import HouseStyle
from absolute.simex.listing import Caps, Category, ListingStatus, VenueRules
from absolute.simex.orders import Amendment, BoxOrder, BoxStatus, EndCause, Trigger

from tests.box_markets import (
    BTC,
    LINEAR,
    MINUTE,
    ONE,
    SPOT,
    START,
    TWO,
    USDT,
    D,
    ask,
    balance,
    exchange,
    flat_tape,
    held,
    listing,
    path_tape,
)


def taken(answer) -> BoxOrder:
    assert isinstance(answer, BoxOrder), answer
    return answer


def refused(answer) -> Refusal:
    assert isinstance(answer, Refused), answer
    return answer.reason


def test_a_market_buy_pays_its_fee_in_the_coin_it_receives():
    box = exchange(flat_tape())
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01"), START))
    assert row.status is BoxStatus.FILLED
    assert balance(box, ONE, BTC) == D("0.01") * (1 - D("0.001"))
    assert balance(box, ONE, USDT) == 10_000 - row.value
    assert held(box, ONE, USDT) == 0
    assert row.fees == {BTC: D("0.00001")}


def test_a_market_buy_by_value_leaves_a_rest_and_counts_as_cancelled_or_filled_by_rule():
    for rule, status in ((False, BoxStatus.CANCELLED), (True, BoxStatus.FILLED)):
        box = exchange(flat_tape(), rules=VenueRules(spend_rest_fills=rule))
        row = taken(box.submit(ONE, ask(Side.BUY, spend=Quote(D("50.03"))), START))
        assert row.status is status
        assert 0 < row.spend_left < D("50005") * D("0.000001") * 2
        assert balance(box, ONE, USDT) == 10_000 - row.value
        assert held(box, ONE, USDT) == 0


def test_a_taker_walks_the_book_level_by_level():
    box = exchange(flat_tape(), house=HouseStyle(level_value=D(1_000)))
    row = taken(box.submit(ONE, ask(Side.BUY, "0.1"), START))
    prices = [each.price for each in box.executions(ONE, Scope())]
    assert len(prices) > 2
    assert prices == sorted(prices)
    assert sum(each.qty for each in box.executions(ONE, Scope())) == row.filled == D("0.1")


def test_a_waiting_buy_holds_its_value_and_a_cancel_gives_it_back():
    box = exchange(flat_tape())
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49000"), START))
    assert row.status is BoxStatus.OPEN
    assert held(box, ONE, USDT) == 490
    over = taken(box.cancel(ONE, row.number, START))
    assert (over.status, over.end) == (BoxStatus.CANCELLED, EndCause.USER)
    assert held(box, ONE, USDT) == 0
    assert refused(box.cancel(ONE, row.number, START)) is Refusal.ORDER_DONE


def test_the_market_fills_a_waiting_order_when_it_comes_to_its_price():
    box = exchange(path_tape(["50000", "49000", "50000"]))
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49500"), START))
    box.pass_time(Nanos(START + 2 * MINUTE))
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert after.status is BoxStatus.FILLED
    assert after.average == D("49500")
    (execution,) = box.executions(ONE, Scope())
    assert execution.liquidity == "maker"


def test_a_large_waiting_order_fills_in_parts():
    box = exchange(path_tape(["50000", "49000"], volume=0.013), house=HouseStyle(level_value=D(50)))
    row = taken(box.submit(ONE, ask(Side.BUY, "0.1", "49000.1"), START))
    box.pass_time(Nanos(START + MINUTE - 1))
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert after.status is BoxStatus.PARTLY_FILLED
    assert 0 < after.filled < D("0.1")
    assert held(box, ONE, USDT) == after.left * D("49000.1")


def test_a_closed_candle_has_the_bar_s_four_prices():
    tape = path_tape(["50000", "50400", "49800", "49900"])
    box = exchange(tape)
    start = Nanos(START - START % MINUTE)
    box.pass_time(start)
    box.pass_time(Nanos(start + 3 * MINUTE - 1))
    rows = box.market(SPOT).candles(MINUTE, start=start, end=Nanos(start + 3 * MINUTE), count=10)
    told = [tuple(map(int, (row.open, row.high, row.low, row.close))) for row in rows[:3]]
    assert told == [
        (50_000, 50_400, 50_000, 50_400),
        (50_400, 50_400, 49_800, 49_800),
        (49_800, 49_900, 49_800, 49_900),
    ]


def test_post_only_that_would_take_is_cancelled_or_refused_by_rule():
    post = ask(Side.BUY, "0.01", "50500", time_in_force=TimeInForce.POST_ONLY)
    row = taken(exchange(flat_tape()).submit(ONE, post, START))
    assert (row.status, row.end) == (BoxStatus.CANCELLED, EndCause.POST_ONLY_WOULD_TAKE)
    strict = exchange(flat_tape(), rules=VenueRules(post_only_refused=True))
    assert refused(strict.submit(ONE, post, START)) is Refusal.POST_ONLY_WOULD_TAKE


def test_ioc_takes_what_there_is_and_fok_all_or_nothing():
    box = exchange(flat_tape(), house=HouseStyle(levels=1, level_value=D(1_000)))
    ioc = ask(Side.BUY, "0.15", "50500", time_in_force=TimeInForce.IOC)
    row = taken(box.submit(ONE, ioc, START))
    assert row.status is BoxStatus.CANCELLED
    assert 0 < row.filled < D("0.15")
    fok = ask(Side.BUY, "0.15", "50500", time_in_force=TimeInForce.FOK)
    row = taken(box.submit(ONE, fok, START))
    assert (row.status, row.filled) == (BoxStatus.CANCELLED, Qty(D(0)))


def test_client_ids_are_taken_for_ever_or_while_open_by_rule():
    for forever in (True, False):
        box = exchange(flat_tape(), rules=VenueRules(client_ids_forever=forever))
        first = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49000", client_id="a"), START))
        again = box.submit(ONE, ask(Side.BUY, "0.01", "49000", client_id="a"), START)
        assert refused(again) is Refusal.CLIENT_ID_TAKEN
        box.cancel(ONE, first.number, START)
        third = box.submit(ONE, ask(Side.BUY, "0.01", "49000", client_id="a"), START)
        assert isinstance(third, Refused) is forever


def test_filters_are_asked_before_money_moves():
    box = exchange(flat_tape())
    cases = {
        Refusal.PRICE_STEP: ask(Side.BUY, "0.01", "49000.05"),
        Refusal.QTY_STEP: ask(Side.BUY, "0.0100001", "49000"),
        Refusal.QTY_MIN: ask(Side.BUY, "0.000001", "49000"),
        Refusal.QTY_MAX: ask(Side.BUY, "84", "49000"),
        Refusal.NOTIONAL_MIN: ask(Side.BUY, "0.0001", "49000"),
        Refusal.FUNDS_SHORT: ask(Side.BUY, "1", "49000"),
        Refusal.MARKET_UNKNOWN: ask(Side.BUY, "1", "1", market=SPOT._replace(symbol="X")),
    }
    for reason, order in cases.items():
        assert refused(box.submit(ONE, order, START)) is reason
    assert not box.orders(ONE, Scope())
    assert len(box.audit(ONE).refused) == len(cases)


def test_a_price_beyond_the_band_is_refused():
    box = exchange(flat_tape(), listings=[listing(SPOT, band=D("0.01"))])
    assert refused(box.submit(ONE, ask(Side.BUY, "0.01", "50600"), START)) is Refusal.PRICE_HIGH
    assert refused(box.submit(TWO, ask(Side.SELL, "0.01", "49400"), START)) is Refusal.PRICE_LOW
    assert isinstance(box.submit(ONE, ask(Side.BUY, "0.01", "40000"), START), BoxOrder)


def test_order_caps_hold_and_are_freed_by_a_cancel():
    box = exchange(flat_tape(), rules=VenueRules(caps={Category.SPOT: Caps(open_max=2)}))
    rows = [taken(box.submit(ONE, ask(Side.BUY, "0.001", "49000"), START)) for _ in range(2)]
    third = ask(Side.BUY, "0.001", "49000")
    assert refused(box.submit(ONE, third, START)) is Refusal.ORDERS_MAX
    box.cancel(ONE, rows[0].number, START)
    assert isinstance(box.submit(ONE, third, START), BoxOrder)


def test_an_amended_order_holds_what_its_new_terms_need():
    box = exchange(flat_tape())
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49000"), START))
    change = Amendment(qty=Qty(D("0.02")), price=Price(D("48000")))
    after = taken(box.amend(ONE, row.number, change=change, now=START))
    assert (after.ask.qty, after.ask.price) == (D("0.02"), D("48000"))
    assert held(box, ONE, USDT) == 960
    same = box.amend(ONE, row.number, change=Amendment(price=Price(D("48000"))), now=START)
    assert refused(same) is Refusal.NOTHING_CHANGED
    dear = Amendment(qty=Qty(D("1")))
    assert refused(box.amend(ONE, row.number, change=dear, now=START)) is Refusal.FUNDS_SHORT
    assert held(box, ONE, USDT) == 960


def test_an_order_amended_through_the_market_takes():
    box = exchange(flat_tape())
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49000"), START))
    change = Amendment(price=Price(D("50100")))
    after = taken(box.amend(ONE, row.number, change=change, now=START))
    assert after.status is BoxStatus.FILLED
    assert held(box, ONE, USDT) == 0


def test_a_linear_position_opens_reduces_and_settles_its_profit():
    box = exchange(path_tape(["50000", "51000", "51000"]))
    opened = taken(box.submit(ONE, ask(Side.BUY, "0.1", market=LINEAR), START))
    entry = opened.average
    assert entry is not None
    fee = opened.fees[USDT]
    assert balance(box, ONE, USDT) == 10_000 - fee
    box.pass_time(Nanos(START + MINUTE))
    closed = taken(box.submit(ONE, ask(Side.SELL, "0.1", market=LINEAR, reduce_only=True), START))
    assert closed.average is not None
    profit = (closed.average - entry) * D("0.1")
    assert balance(box, ONE, USDT) == 10_000 - fee - closed.fees[USDT] + profit
    (position,) = box.positions(ONE, Scope("linear"))
    assert not position.qty
    assert position.entry is None


def test_margin_limits_what_can_be_opened():
    box = exchange(flat_tape())
    assert box.set_leverage(ONE, LINEAR, leverage=D(2), now=START) is None
    big = ask(Side.BUY, "0.5", "49000", market=LINEAR)
    assert refused(box.submit(ONE, big, START)) is Refusal.FUNDS_SHORT
    assert box.set_leverage(ONE, LINEAR, leverage=D(5), now=START) is None
    assert isinstance(box.submit(ONE, big, START), BoxOrder)
    again = box.set_leverage(ONE, LINEAR, leverage=D(5), now=START)
    assert refused(again) is Refusal.NOTHING_CHANGED


def test_reduce_only_needs_a_position_and_never_turns_it():
    box = exchange(flat_tape())
    exit_order = ask(Side.SELL, "0.3", market=LINEAR, reduce_only=True)
    assert refused(box.submit(ONE, exit_order, START)) is Refusal.REDUCE_ONLY
    box.submit(ONE, ask(Side.BUY, "0.1", market=LINEAR), START)
    row = taken(box.submit(ONE, exit_order, START))
    assert (row.filled, row.status) == (D("0.1"), BoxStatus.FILLED)
    assert box.position(ONE, LINEAR).qty == 0


def test_waiting_exits_end_when_the_position_is_gone():
    box = exchange(flat_tape())
    box.submit(ONE, ask(Side.BUY, "0.1", market=LINEAR), START)
    exit_order = ask(Side.SELL, "0.1", "52000", market=LINEAR, reduce_only=True)
    row = taken(box.submit(ONE, exit_order, START))
    box.submit(ONE, ask(Side.SELL, "0.1", market=LINEAR), START)
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert (after.status, after.end) == (BoxStatus.CANCELLED, EndCause.REDUCE_ONLY)


def test_a_stop_waits_without_funds_and_goes_when_the_price_comes():
    box = exchange(path_tape(["50000", "49000", "49000"]))
    box.submit(ONE, ask(Side.BUY, "0.1", market=LINEAR), START)
    stop = ask(
        Side.SELL,
        "0.1",
        market=LINEAR,
        reduce_only=True,
        trigger=Trigger(Price(D("49500")), rising=False),
    )
    row = taken(box.submit(ONE, stop, START))
    assert row.status is BoxStatus.WAITING
    box.pass_time(Nanos(START + MINUTE))
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert (after.status, after.awake) == (BoxStatus.FILLED, True)
    assert after.average is not None
    assert after.average <= D("49500")


def test_a_trigger_that_has_passed_already_is_refused():
    box = exchange(flat_tape())
    stop = ask(Side.BUY, "0.01", trigger=Trigger(Price(D("49500")), rising=True))
    assert refused(box.submit(ONE, stop, START)) is Refusal.TRIGGER_PASSED


def test_a_triggered_order_without_funds_is_cancelled():
    box = exchange(path_tape(["50000", "51000"]))
    stop = ask(Side.BUY, "1", trigger=Trigger(Price(D("50500")), rising=True))
    row = taken(box.submit(ONE, stop, START))
    box.pass_time(Nanos(START + MINUTE))
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert (after.status, after.end) == (BoxStatus.CANCELLED, EndCause.TRIGGER_FUNDS)


def test_a_stop_that_holds_its_funds_holds_what_its_new_terms_need():
    box = exchange(flat_tape())
    trigger = Trigger(Price(D("51000")), rising=True, holds=True)
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "51000", trigger=trigger), START))
    assert held(box, ONE, USDT) == 510
    change = Amendment(qty=Qty(D("0.02")))
    taken(box.amend(ONE, row.number, change=change, now=START))
    assert held(box, ONE, USDT) == 1020
    dear = box.amend(ONE, row.number, change=Amendment(qty=Qty(D(1))), now=START)
    assert refused(dear) is Refusal.FUNDS_SHORT
    box.cancel(ONE, row.number, START)
    assert held(box, ONE, USDT) == 0


def test_a_trailing_stop_follows_the_best_price():
    box = exchange(path_tape(["50000", "51000", "50000"]))
    box.submit(ONE, ask(Side.BUY, "0.1", market=LINEAR), START)
    stop = ask(
        Side.SELL,
        "0.1",
        market=LINEAR,
        reduce_only=True,
        trigger=Trigger(Price(D("49500")), rising=False, trail=D(500)),
    )
    row = taken(box.submit(ONE, stop, START))
    box.pass_time(Nanos(START + 2 * MINUTE))
    after = box.find(ONE, number=row.number)
    assert after is not None
    assert after.average is not None
    assert D("50200") < after.average <= D("50500")


def test_closed_orders_leave_the_quick_view_but_not_the_history():
    box = exchange(flat_tape(), rules=VenueRules(closed_recent_max=2))
    rows = [taken(box.submit(ONE, ask(Side.BUY, "0.001"), START)) for _ in range(3)]
    numbers = [row.number for row in rows]
    assert [row.number for row in box.recent_orders(ONE, Scope())] == numbers[1:]
    assert [row.number for row in box.orders(ONE, Scope())] == numbers
    box.restart()
    assert not box.recent_orders(ONE, Scope())


def test_what_is_too_old_is_forgotten_but_stays_in_the_audit():
    box = exchange(flat_tape(), rules=VenueRules(closed_kept_ns=60 * MINUTE))
    done = taken(box.submit(ONE, ask(Side.BUY, "0.001", client_id="a"), START))
    waits = taken(box.submit(ONE, ask(Side.BUY, "0.001", "49000", client_id="b"), START))
    box.pass_time(Nanos(START + 61 * MINUTE))
    assert box.find(ONE, number=done.number) is None
    assert box.find(ONE, client_id="a") is None
    assert box.find(ONE, client_id="b") == waits
    assert not box.executions(ONE, Scope())
    assert [row.ask.client_id for row in box.audit(ONE).orders] == ["a", "b"]
    assert len(box.audit(ONE).executions) == 1


def test_an_account_cannot_see_or_touch_another_s_orders():
    box = exchange(flat_tape())
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49000", client_id="a"), START))
    assert box.find(TWO, number=row.number) is None
    assert refused(box.cancel(TWO, row.number, START)) is Refusal.ORDER_UNKNOWN
    assert isinstance(
        box.submit(TWO, ask(Side.BUY, "0.01", "49000", client_id="a"), START), BoxOrder
    )


def test_facts_tell_the_order_before_its_fill_and_the_fill_before_its_end():
    box = exchange(flat_tape())
    box.pass_time(START)
    box.drain()
    box.submit(ONE, ask(Side.BUY, "0.001"), START)
    facts = box.drain()
    kinds = [type(fact) for fact in facts]
    assert kinds[:4] == [OrderChanged, Traded, Executed, OrderChanged]
    assert [fact.asset for fact in facts if isinstance(fact, BalanceChanged)] == [USDT, BTC]
    assert isinstance(facts[-1], BookChanged)
    assert not box.drain()


def test_two_clients_trade_with_each_other_first_come_first():
    box = exchange(flat_tape(), house=HouseStyle(gap=D("0.01")))
    first = taken(box.submit(ONE, ask(Side.BUY, "0.01", "50000"), START))
    taken(box.submit(TWO, ask(Side.SELL, "0.004", "50000"), START))
    after = box.find(ONE, number=first.number)
    assert after is not None
    assert (after.filled, after.average) == (D("0.004"), D("50000"))
    assert balance(box, TWO, USDT) == 10_000 + D(200) * (1 - D("0.001"))
    assert box.sums() == {}


def test_the_book_s_changes_rebuild_the_book():
    box = exchange(path_tape(["50000", "49000", "50500"]))
    sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    for minute in range(3):
        box.pass_time(Nanos(START + minute * MINUTE))
        for fact in box.drain():
            if isinstance(fact, BookChanged) and fact.market == SPOT:
                for levels, rows in zip(sides, (fact.bids, fact.asks), strict=True):
                    for price, qty in rows:
                        levels[price] = qty
                        if not qty:
                            del levels[price]
        bids, asks = box.market(SPOT).view(1_000)
        assert dict(bids) == sides[0]
        assert dict(asks) == sides[1]


def test_a_market_buy_needs_what_walking_the_book_costs():
    wide = HouseStyle(levels=25, gap=D("0.002"), level_value=D(500))
    box = exchange(flat_tape(), house=wide)
    enough_at_the_best_price = ask(Side.BUY, "0.199")
    assert refused(box.submit(ONE, enough_at_the_best_price, START)) is Refusal.FUNDS_SHORT
    row = taken(box.submit(ONE, ask(Side.BUY, "0.15"), START))
    assert row.value > D("0.15") * D("50100")


def test_an_order_that_turns_a_position_needs_margin_for_what_it_opens_alone():
    box = exchange(flat_tape())
    assert box.set_leverage(ONE, LINEAR, leverage=D(1), now=START) is None
    taken(box.submit(ONE, ask(Side.BUY, "0.15", market=LINEAR), START))
    row = taken(box.submit(ONE, ask(Side.SELL, "0.18", market=LINEAR), START))
    assert row.status is BoxStatus.FILLED
    assert box.position(ONE, LINEAR).qty == D("-0.03")
    closed = [each.closed for each in box.executions(ONE, Scope())]
    assert sum(closed) == D("0.15")
    assert closed[0] == 0


def test_open_losses_are_not_lent_out():
    box = exchange(path_tape(["50000", "49000", "49000"]))
    taken(box.submit(ONE, ask(Side.BUY, "0.5", market=LINEAR), START))
    lent = box.available(ONE, USDT) - min(D(0), box.position(ONE, LINEAR).unrealised)
    box.pass_time(Nanos(START + MINUTE))
    assert box.market(LINEAR).last == D(49_000)
    lost = box.position(ONE, LINEAR).unrealised
    assert lost < -500
    assert box.available(ONE, USDT) == lent + lost


def test_minutes_without_a_trade_are_flat_candles():
    box = exchange(flat_tape())
    start = Nanos(START - START % MINUTE)
    box.pass_time(start)
    state = box.market(SPOT)
    late = Nanos(start + 5 * MINUTE)
    state.trade(Price(D(50_500)), Qty(D("0.01")), taker_side=Side.BUY, now=late)
    rows = state.candles(MINUTE, start=start, end=late, count=10)
    assert [row.time for row in rows] == [start + n * MINUTE for n in range(6)]
    assert [row.count for row in rows[1:5]] == [0, 0, 0, 0]
    assert {row.close for row in rows[:5]} == {D(50_000)}


FORCEFUL = VenueRules(forced_notes={"create": "the venue"})


def test_an_account_that_cannot_carry_its_position_is_closed_by_force():
    box = exchange(path_tape(["50000", "44000", "60000"]), rules=FORCEFUL)
    assert box.set_leverage(ONE, LINEAR, leverage=D(20), now=START) is None
    taken(box.submit(ONE, ask(Side.BUY, "2", market=LINEAR), START))
    waits = taken(box.submit(ONE, ask(Side.BUY, "0.1", "40000", market=LINEAR), START))
    box.pass_time(Nanos(START + 2 * MINUTE))
    assert box.position(ONE, LINEAR).qty == 0
    forced = box.audit(ONE).orders[-1]
    assert forced.ask.notes == FORCEFUL.forced_notes
    assert forced.ask.side is Side.SELL
    end = box.find(ONE, number=waits.number)
    assert end is not None
    assert end.end is EndCause.VENUE
    assert 0 <= balance(box, ONE, USDT) < 1_000
    assert box.sums() == {}


def test_a_loss_beyond_the_account_is_borne_by_the_insurance_fund():
    wide = HouseStyle(gap=D("0.02"))
    box = exchange(path_tape(["50000", "50000", "50000"]), house=wide, rules=FORCEFUL)
    taken(box.submit(ONE, ask(Side.BUY, "1", market=LINEAR), START))
    jump(box, LINEAR, price=Price(D(30_000)), volume=D(1), now=START)
    box.pass_time(Nanos(START + MINUTE))
    assert box.position(ONE, LINEAR).qty == 0
    assert balance(box, ONE, USDT) == 0
    assert box.sums() == {}


def test_a_halted_market_stands_still_and_lets_orders_only_go():
    box = exchange(path_tape(["50000", "49000", "48000"]))
    row = taken(box.submit(ONE, ask(Side.BUY, "0.01", "49500"), START))
    box.halt(SPOT, ListingStatus.HALTED)
    last = box.market(SPOT).last
    box.pass_time(Nanos(START + MINUTE))
    assert box.market(SPOT).last == last
    assert box.market(LINEAR).last == D(49_000)
    assert refused(box.submit(ONE, ask(Side.BUY, "0.01", "49500"), START)) is Refusal.MARKET_CLOSED
    change = Amendment(price=Price(D("49000")))
    assert refused(box.amend(ONE, row.number, change=change, now=START)) is Refusal.MARKET_CLOSED
    taken(box.cancel(ONE, row.number, START))
    box.halt(SPOT, ListingStatus.TRADING)
    box.pass_time(Nanos(START + 2 * MINUTE))
    assert box.market(SPOT).last < D(49_000)
