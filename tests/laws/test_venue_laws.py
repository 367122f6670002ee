"""What holds for every schedule, id, clock and row at the doors of the venues."""

import json
from collections import deque
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.desk.clock import ManualClock
from absolute.domain.ids import BotId, ClientOrderId, Role, client_order_id
from absolute.domain.units import Nanos
from absolute.venues.client_ids import ClientIds
from absolute.venues.clock_offset import VenueClock, sample
from absolute.venues.error_table import DEFINITIVE, Meaning, VenueFault, meaning_of
from absolute.venues.limiter import BAN_NS, RULES, Cost, Lane, Limiter, Rule
from absolute.venues.market_filters import decimal_of, exact
from absolute.venues.profile_table import TABLE
from absolute.venues.profiles import Family
from absolute.venues.rows import nanos_of

D = Decimal
lanes = st.sampled_from(list(Lane))
costs = st.builds(Cost, weight=st.integers(1, 20), orders=st.integers(0, 1))
asks = st.lists(st.tuples(st.integers(0, 300_000_000), lanes, costs), max_size=200)
RULE_SETS = st.sampled_from([*RULES.values(), (Rule(10**9, 10, 3), Rule(10**9, 5, 1, orders=True))])


@given(RULE_SETS, asks)
def test_no_span_ever_holds_more_than_its_budget(rules, schedule):
    limiter, now = Limiter(rules), Nanos(10**18)
    spent: list[tuple[int, Cost]] = []
    for step, lane, cost in schedule:
        now = Nanos(now + step)
        if limiter.take(lane, cost, now) == 0:
            spent.append((now, cost))
        for rule in rules:
            used = sum(rule.cost(each) for time, each in spent if time > now - rule.span)
            assert used <= rule.capacity


@given(RULE_SETS, asks)
def test_an_exit_never_waits_behind_entries_and_questions(rules, schedule):
    """Whatever the others spent, the reserve for exits is still there for an exit of its size."""
    limiter, now = Limiter(rules), Nanos(10**18)
    for step, lane, cost in schedule:
        now = Nanos(now + step)
        limiter.take(max(lane, Lane.ENTRY), cost, now)
        least = Cost(1, 1)
        trial = Limiter(rules)
        trial._spent = [deque(each) for each in limiter._spent]
        assert trial.take(Lane.EXIT, least, now) == 0


@given(RULE_SETS, asks)
def test_a_wait_that_was_told_is_enough_where_nobody_else_asks(rules, schedule):
    limiter, now = Limiter(rules), Nanos(10**18)
    for step, lane, cost in schedule:
        now = Nanos(now + step)
        wait = limiter.take(lane, cost, now)
        fits = all(rule.cost(cost) <= rule.room(lane) for rule in rules)
        if wait and fits:
            now = Nanos(now + wait)
            again = limiter.take(lane, cost, now)
            while again:  # several rules may each ask for a wait, one after another
                assert again <= max(rule.span for rule in rules)
                now = Nanos(now + again)
                again = limiter.take(lane, cost, now)


@given(st.integers(0, 10_000), st.booleans(), lanes, st.integers(0, 20_000_000_000_000))
def test_while_the_venue_said_stop_nothing_leaves_in_any_lane(retry, ban, lane, later):
    limiter, now = Limiter(RULES[Family.BYBIT]), Nanos(10**18)
    limiter.close(now, retry, ban=ban)
    moment = Nanos(now + later)
    wait = limiter.take(lane, Cost(1, 1), moment)
    assert (wait > 0) == (later < retry * 10**9)


@given(RULE_SETS, asks, st.integers(0, 10**14))
def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_a_span(rules, schedule, back):
    limiter, now = Limiter(rules), Nanos(10**18)
    for step, lane, cost in schedule:
        now = Nanos(now + step)
        limiter.take(lane, cost, now)
    used = [sum(amount for _, amount in spent) for spent in limiter._spent]
    wait = limiter.take(Lane.EXIT, Cost(1, 1), Nanos(now - back))
    assert wait <= max(rule.span for rule in rules)
    after = [sum(amount for _, amount in spent) for spent in limiter._spent]
    assert all(b >= a for a, b in zip(used, after, strict=True))  # and nothing is forgotten


def test_a_ban_without_an_end_is_waited_out():
    limiter = Limiter(RULES[Family.BYBIT])
    limiter.close(Nanos(0), None, ban=True)
    assert limiter.take(Lane.EXIT, Cost(), Nanos(BAN_NS - 1)) == 1
    assert limiter.take(Lane.EXIT, Cost(), Nanos(BAN_NS)) == 0


# --- clock ----------------------------------------------------------------------------------


@given(
    st.integers(-(10**13), 10**13),
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=8),
)
def test_the_offset_is_right_to_within_half_the_shortest_trip(offset, trips):
    clock = VenueClock(ManualClock(10**18))
    now = 10**18
    for there, back in trips:
        venue = Nanos(now + there + offset)
        clock.learn(sample(Nanos(now), Nanos(now + there + back), venue))
        now += there + back + 1
    best = min(there + back for there, back in trips)
    assert abs(clock.offset - offset) <= best / 2 + 1


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**18))
def test_a_list_never_begins_after_the_time_that_was_meant(offset, ours):
    clock = VenueClock(ManualClock(10**18))
    clock.learn(sample(Nanos(10**18), Nanos(10**18), Nanos(10**18 + offset)))
    begin = clock.at_least(Nanos(ours))
    assert begin <= ours  # more rows than asked for do no harm
    assert begin <= ours + offset  # and our moment, on the venue's clock, is inside


def test_a_clock_that_was_set_is_believed_at_once():
    clock = VenueClock(ManualClock(10**18))
    clock.learn(sample(Nanos(10**18), Nanos(10**18 + 10), Nanos(10**18 + 5)))
    jumped = 10**18 + 3_600 * 10**9
    clock.learn(sample(Nanos(10**18 + 20), Nanos(10**18 + 1_000), Nanos(jumped)))
    assert clock.offset > 3_599 * 10**9
    assert clock.drifted


# --- ids --------------------------------------------------------------------------------------

bots = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,10}", fullmatch=True)
roles = st.sampled_from(["entry", "exit", "rung 4", "stop", "rung 20"])


@pytest.mark.parametrize("profile", TABLE.values(), ids=lambda each: each.name)
@given(bots, roles, st.integers(0, 10**6))
def test_our_ids_fit_every_listed_venue_and_come_back_as_they_were(profile, bot, role, number):
    ours = client_order_id(BotId(bot), Role(role), number)
    ids = ClientIds(profile.ids)
    form = ids.out(ours)
    if form is None:
        assert profile.venue == "okx"  # the one place too short for some: refused, never cut
        return
    assert ids.back(form) == ours
    assert ClientIds(profile.ids).out(ours) == form
    if profile.ids.encoding != "uuid":
        assert ClientIds(profile.ids).back(form) == ours


@pytest.mark.parametrize("profile", TABLE.values(), ids=lambda each: each.name)
@given(st.text(max_size=50))
def test_no_text_is_ever_sent_in_a_form_the_venue_does_not_take(profile, text):
    form = ClientIds(profile.ids).out(ClientOrderId(text))
    assert form is None or profile.ids.allows(form)


# --- meaning of errors ----------------------------------------------------------------------------


@given(
    st.sampled_from(list(Family)),
    st.one_of(st.none(), st.integers(200, 599)),
    st.text(max_size=30),
    st.text(max_size=8),
)
def test_what_is_not_on_the_list_is_never_a_no(family, status, text, code):
    fault = VenueFault(text, left=True, status=status, code=f"?{code}")
    assert meaning_of(family, "bybit", fault) not in DEFINITIVE | {Meaning.DUPLICATE, Meaning.GONE}


@given(
    st.sampled_from(list(Family)),
    st.integers(500, 599),
    st.sampled_from(["170131", "-2010", "-2013", "110072", "10003", "51008"]),
)
def test_a_status_of_5xx_is_never_a_no_whatever_the_body_says(family, status, code):
    fault = VenueFault("Duplicate order sent.", left=True, status=status, code=code)
    meaning = meaning_of(family, "okx", fault)
    assert meaning not in DEFINITIVE | {Meaning.DUPLICATE, Meaning.GONE}


# --- numbers --------------------------------------------------------------------------------------


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, max_value=10**12))
def test_an_amount_goes_out_and_comes_back_to_the_digit(amount):
    text = exact(amount)
    assert "e" not in text.lower()
    assert decimal_of(json.loads(json.dumps(text))) == amount


@given(st.integers(10**18, 4 * 10**18))
def test_a_time_is_read_in_whatever_unit_the_venue_wrote_it(nanos):
    assert nanos_of(nanos) == nanos
    assert nanos_of(str(nanos // 1_000)) == nanos // 1_000 * 1_000
    assert nanos_of(nanos // 1_000_000) == nanos // 1_000_000 * 1_000_000


@pytest.mark.parametrize("text", ["0", "1700000000", "-5", "", "now", "1e18"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"time|invalid"):
        nanos_of(text)
