"""Owns Bybit's order endpoints: create, amend, cancel, all of them, in batches, and the lists.

docs/v5/order. It must not know headers, sockets or how orders meet.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from absolute.domain.units import NANOS_PER_MS, Price, Qty
from absolute.simex.bybit_calls import (
    BAD_PARAMETER,
    NO_DEMO,
    Answer,
    Call,
    Json,
    Problem,
    page_of,
    part,
)
from absolute.simex.bybit_codes import FALLING_PASSED, problem_of
from absolute.simex.bybit_orders import ask_of, status_of, wire_execution, wire_order
from absolute.simex.exchange import Scope
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Category, Listing
from absolute.simex.market import DAY_NS
from absolute.simex.orders import Amendment, BoxOrder, BoxStatus, OrderAsk
from absolute.wire.bybit_rows import (
    BybitOrder,
    execution_written,
    history_order_written,
    order_written,
)

BATCH_MAX: Final = 20
WEEK_MS: Final = 7 * DAY_NS // NANOS_PER_MS


def create(call: Call) -> Answer:
    """POST /v5/order/create: the answer holds only the two ids."""
    category = call.shown()
    if category is None:
        raise Problem(BAD_PARAMETER, "params error: category is not supported")
    ask = ask_of(call)
    row = call.world.exchange.submit(call.account, ask, call.now)
    if isinstance(row, Refused):
        raise _create_problem(row, ask, category)
    return Answer(_ids(call, row))


def amend(call: Call) -> Answer:
    """POST /v5/order/amend."""
    listing = call.listing()
    row = _named(call, listing)
    change = Amendment(
        qty=_qty(call.number("qty")),
        price=_price(call.number("price")),
        trigger=_price(call.number("triggerPrice")),
    )
    answer = call.world.exchange.amend(call.account, row.number, change=change, now=call.now)
    if isinstance(answer, Refused):
        raise problem_of(answer, listing.market.category)
    return Answer(_ids(call, answer))


def cancel(call: Call) -> Answer:
    """POST /v5/order/cancel."""
    listing = call.listing()
    row = _named(call, listing)
    answer = call.world.exchange.cancel(call.account, row.number, call.now)
    if isinstance(answer, Refused):
        raise problem_of(answer, listing.market.category)
    return Answer(_ids(call, answer))


def cancel_all(call: Call) -> Answer:
    """POST /v5/order/cancel-all: derivatives need a symbol or a coin; spot needs neither."""
    category = call.shown()
    scope = _scope(call, strict=True)
    if category is None:
        return Answer({"list": [], "success": "1"})
    wanted = call.text("orderFilter")
    rows = [
        row
        for row in call.world.exchange.open_orders(call.account, scope)
        if _filtered(row, wanted, default_all=category is Category.LINEAR)
    ]
    for row in rows:
        call.world.exchange.cancel(call.account, row.number, call.now)
    return Answer({"list": [_ids(call, row) for row in rows], "success": "1"})


def create_batch(call: Call) -> Answer:
    """POST /v5/order/create-batch: each order has its own code in retExtInfo."""
    return _batch(call, create, stamped=True)


def amend_batch(call: Call) -> Answer:
    """POST /v5/order/amend-batch."""
    return _batch(call, amend)


def cancel_batch(call: Call) -> Answer:
    """POST /v5/order/cancel-batch."""
    return _batch(call, cancel)


def _batch(call: Call, endpoint: Callable[[Call], Answer], *, stamped: bool = False) -> Answer:
    category = call.category()
    if call.world.demo and category == "spot":
        raise Problem(NO_DEMO, "Demo trading are not supported.")
    requests = call.words.get("request")
    if not isinstance(requests, list) or not 1 <= len(requests) <= BATCH_MAX:
        raise Problem(BAD_PARAMETER, "params error: request invalid")
    rows: list[Json] = []
    codes: list[Json] = []
    for words in requests:
        if not isinstance(words, dict):
            raise Problem(BAD_PARAMETER, "params error: request invalid")
        row = {
            "category": category,
            "symbol": str(words.get("symbol", "")),
            "orderId": "",
            "orderLinkId": str(words.get("orderLinkId", "")),
        }
        if stamped:
            row["createAt"] = ""
        try:
            ids = endpoint(part(call, {**words, "category": category})).result
        except Problem as problem:
            codes.append({"code": problem.code, "msg": problem.message})
        else:
            row |= ids
            if stamped:
                row["createAt"] = str(call.now_ms)
            codes.append({"code": 0, "msg": "OK"})
        rows.append(row)
    return Answer({"list": rows}, extra={"list": codes})


# --- lists --------------------------------------------------------------------------------------


def realtime(call: Call) -> Answer:
    """GET /v5/order/realtime: open ones; by id, or with openOnly=1, lately closed ones too."""
    category = call.category()
    scope = _scope(call, strict=True)
    exchange, account = call.world.exchange, call.account
    named = _asked_for(call)
    if category not in set(Category):
        rows: Iterable[BoxOrder] = ()
    elif named is not None:
        rows = [row for row in exchange.recent_orders(account, scope) if named(row)]
    elif call.whole("openOnly", 0) == 0:
        rows = exchange.open_orders(account, scope)
    else:
        recent = exchange.recent_orders(account, scope)
        rows = [row for row in recent if not row.status.alive]
    wanted = call.text("orderFilter")
    shown = [row for row in rows if named is not None or _filtered(row, wanted, default_all=True)]
    return _order_page(call, category, [(row, order_written) for row in shown])


def history(call: Call) -> Answer:
    """GET /v5/order/history: closed ones, the last seven days unless times are given."""
    category = call.category()
    named = _asked_for(call)
    rows = call.world.exchange.orders(call.account, Scope(category, call.text("symbol") or None))
    start, end = _span(call)
    wanted, status = call.text("orderFilter"), call.text("orderStatus")
    shown = [
        (row, history_order_written)
        for row in rows
        if not row.status.alive
        and (named is None or named(row))
        and start <= row.created // NANOS_PER_MS <= end
        and _filtered(row, wanted, default_all=True)
        and status in {"", status_of(row)}
    ]
    return _order_page(call, category, shown)


def executions(call: Call) -> Answer:
    """GET /v5/execution/list."""
    category = call.category()
    exchange, account = call.world.exchange, call.account
    start, end = _span(call)
    named = _asked_for(call)
    numbered: list[tuple[int, Json]] = []
    scope = Scope(category, call.text("symbol") or None)
    kind = call.text("execType")
    for each in exchange.executions(account, scope):
        row = exchange.find(account, number=each.order)
        if row is None or (named is not None and not named(row)):
            continue
        wire = wire_execution(call.world, each, row)
        if kind not in {"", wire.type} or not start <= wire.time_ms <= end:
            continue
        numbered.append((each.number, execution_written(wire)))
    page, cursor = page_of(numbered, call, default=50, most=100)
    return Answer({"nextPageCursor": cursor, "category": category, "list": page})


def _order_page(
    call: Call, category: str, rows: Iterable[tuple[BoxOrder, Callable[[BybitOrder], Json]]]
) -> Answer:
    numbered = [(int(row.number), write(wire_order(call.world, row))) for row, write in rows]
    page, cursor = page_of(numbered, call, default=20, most=50)
    return Answer({"list": page, "nextPageCursor": cursor, "category": category})


# --- which orders -------------------------------------------------------------------------------


def _ids(call: Call, row: BoxOrder) -> Json:
    order_id = call.world.order_id(row.ask.market, row.number)
    return {"orderId": order_id, "orderLinkId": row.ask.client_id}


def _named(call: Call, listing: Listing) -> BoxOrder:
    """The order a request names; the venue's id goes before the client's."""
    order_id, link = call.text("orderId"), call.text("orderLinkId")
    if not order_id and not link:
        raise Problem(BAD_PARAMETER, "params error: orderId or orderLinkId is required")
    exchange, row = call.world.exchange, None
    if order_id:
        number = call.world.order_number(order_id)
        if number is not None:
            row = exchange.find(call.account, number=number)
    else:
        row = exchange.find(call.account, client_id=link)
    if row is None or row.ask.market != listing.market:
        raise problem_of(Refused(Refusal.ORDER_UNKNOWN), listing.market.category)
    return row


def _asked_for(call: Call) -> Callable[[BoxOrder], bool] | None:
    """The one order that a list is asked for, if any: orderId goes before orderLinkId."""
    order_id, link = call.text("orderId"), call.text("orderLinkId")
    if order_id:
        number = call.world.order_number(order_id)
        return lambda row: row.number == number
    if link:
        return lambda row: row.ask.client_id == link
    return None


def _scope(call: Call, *, strict: bool) -> Scope:
    """Which markets; a linear list needs a symbol or a coin unless it asks for one order."""
    category, symbol = call.category(), call.text("symbol")
    coins = call.text("settleCoin") or call.text("baseCoin")
    named = call.text("orderId") or call.text("orderLinkId")
    if strict and category == "linear" and not (symbol or coins or named):
        raise Problem(
            BAD_PARAMETER, "params error: Missing some parameters that must be filled in, symbol"
        )
    return Scope(category, symbol or None)


def _filtered(row: BoxOrder, wanted: str, *, default_all: bool) -> bool:
    """orderFilter: Order are those without a trigger; spot's cancel-all means only them."""
    kind = row.ask.notes.get("stop", "")
    match wanted:
        case "Order":
            return row.ask.trigger is None or row.awake
        case "StopOrder":
            return row.ask.trigger is not None and kind != "tpslOrder"
        case "tpslOrder":
            return kind == "tpslOrder"
        case "":
            waits = row.status is BoxStatus.WAITING
            return default_all or not waits
        case _:
            raise Problem(170201, "Invalid orderFilter parameter")


def _span(call: Call) -> tuple[int, int]:
    """startTime and endTime: seven days at most, the last seven if none is given."""
    start, end = call.whole("startTime", 0), call.whole("endTime", 0)
    if start and end and end - start > WEEK_MS:
        raise Problem(BAD_PARAMETER, "params error: the time range exceeds 7 days")
    if start:
        return start, end or start + WEEK_MS
    return (end - WEEK_MS, end) if end else (call.now_ms - WEEK_MS, call.now_ms)


def _create_problem(refused: Refused, ask: OrderAsk, category: Category) -> Problem:
    problem = problem_of(refused, category)
    falling = ask.trigger is not None and not ask.trigger.rising
    if refused.reason is Refusal.TRIGGER_PASSED and category is Category.LINEAR and falling:
        return Problem(FALLING_PASSED, problem.message)
    return problem


def _qty(number: Decimal | None) -> Qty | None:
    return Qty(number) if number else None


def _price(number: Decimal | None) -> Price | None:
    return Price(number) if number else None
