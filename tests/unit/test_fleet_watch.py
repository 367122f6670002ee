"""Whoever listens is told, side by side, and a listener that fails harms nobody."""

import asyncio
import logging

from absolute.domain.units import Nanos
from absolute.venues.fleet_health import Condition, Health, overall
from absolute.venues.fleet_watch import Listeners, Watch, every


def test_one_failing_listener_stops_no_other_and_is_logged(caplog):
    told: list[tuple[object, ...]] = []

    def broken(*facts):
        raise RuntimeError("mine")

    async def broken_too(*facts):
        raise KeyError("mine too")

    async def slow(*facts):
        await asyncio.sleep(0)
        told.append(("slow", *facts))

    listeners = Listeners("price")
    for each in (broken, broken_too, slow, lambda *facts: told.append(("quick", *facts))):
        listeners.add(each)

    async def story():
        await listeners.tell("kraken", 1)
        await listeners.tell("kraken", 2)

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert sorted(told) == [(name, "kraken", n) for name in ("quick", "slow") for n in (1, 2)]
    assert sum("A price listener failed" in each.message for each in caplog.records) == 4


def test_a_listener_that_left_hears_nothing_more():
    told: list[int] = []
    listeners = Listeners("price")
    leave = listeners.add(told.append)
    asyncio.run(listeners.tell(1))
    leave()
    leave()
    asyncio.run(listeners.tell(2))
    assert told == [1]
    assert len(listeners) == 0


def test_a_watch_ends_all_it_started():
    async def story():
        count, watch = [0], Watch()

        async def ask():
            count[0] += 1

        watch.start([every(0.001, ask)])
        await asyncio.sleep(0.02)
        runs = [watch.running]
        await watch.stop()
        seen = count[0]
        await asyncio.sleep(0.01)
        return seen, count[0], [*runs, watch.running]

    seen, later, runs = asyncio.run(story())
    assert seen == later > 1
    assert runs == [True, False]


def test_health_remembers_the_last_error_until_an_answer():
    health = Health().failed("no way there", Nanos(1))
    assert (health.condition, health.last_error) == (Condition.ERROR, "no way there")
    health = health.answered(12.345, Nanos(2))
    assert (health.condition, health.last_error, health.latency_ms) == (
        Condition.ONLINE,
        None,
        12.3,
    )


def test_one_word_for_all():
    online, error, unknown = Condition.ONLINE, Condition.ERROR, Condition.UNKNOWN
    assert overall([online, online]) == "healthy"
    assert overall([online, error]) == overall([online, unknown]) == "degraded"
    assert overall([error]) == "down"
    assert overall([unknown, unknown]) == overall([]) == "unknown"
